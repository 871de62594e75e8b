import { describe, expect, test } from 'vitest';
import { complete } from '../src/complete.js';
import { UNKNOWN, reduce } from '../src/state.js';

describe('a state', () => {
  const state = { value: [{ title: 'a' }], open: [0, 'title'], attempt: 1 };

  test('grows by patches', () => {
    const patch = [{ op: 'append', path: '/0/title', value: 'b' }];
    expect(reduce(state, 'patch', patch)).toEqual({ ...state, value: [{ title: 'ab' }] });
  });

  test('is each snapshot', () => {
    const next = reduce(state, 'message', [{ title: 'a' }, { title: null }]);
    expect(next).toEqual({ value: [{ title: 'a' }, { title: null }], open: [1], attempt: 1 });
    expect(next.value[0]).toBe(state.value[0]);
  });

  test('gathers items, each of which is complete', () => {
    const one = reduce(UNKNOWN, 'item', { title: 'a' });
    const two = reduce(one, 'item', { title: 'b' });
    expect(two).toEqual({ value: [{ title: 'a' }, { title: 'b' }], open: [], attempt: 1 });
    expect(two.value[0]).toBe(one.value[0]);
    expect([complete(two, [1, 'title']), complete(two, [1]), complete(two, [])]).toEqual([
      true,
      true,
      false,
    ]);
  });

  test('is forgotten when another attempt begins', () => {
    const restart = { attempt: 2, code: 'output_invalid', errors: [] };
    const next = reduce(state, 'restart', restart);
    expect(next).toEqual({ value: undefined, open: null, attempt: 2, restart });
    const again = reduce(next, 'patch', [{ op: 'replace', path: '', value: [] }]);
    expect(again).toEqual({ value: [], open: [], attempt: 2, restart });
  });

  test('has what the model reasons in an attempt', () => {
    const once = reduce(UNKNOWN, 'reasoning', { text: 'Let me' });
    const twice = reduce(once, 'reasoning', { text: ' see.' });
    expect(twice).toEqual({ ...UNKNOWN, reasoning: 'Let me see.' });
    expect(reduce(twice, 'message', []).reasoning).toBe('Let me see.');
    const restart = { attempt: 2, code: 'output_invalid', errors: [] };
    expect(reduce(twice, 'restart', restart).reasoning).toBeUndefined();
  });

  test('is complete at the end, and keeps what it had', () => {
    const next = reduce(state, 'done', [{ title: 'a' }]);
    expect(next).toEqual({ ...state, open: null });
    expect(next.value).toBe(state.value);
  });

  test('is not changed by what tells nothing of it', () => {
    for (const event of ['start', 'usage', 'one-that-is-to-come']) {
      expect(reduce(state, event, {})).toBe(state);
    }
  });
});

describe('complete', () => {
  const value = { title: 'a', owner: { name: 'b', role: null }, tags: ['x', 'y'], budget: 0 };

  test.each([
    ['what is written', ['owner', 'name'], false],
    ['what is around it', ['owner'], false],
    ['all of it', [], false],
    ['what is unknown', ['owner', 'role'], false],
    ['what is nowhere', ['owner', 'role', 'x', 'y'], false],
    ['what was written before', ['title'], true],
    ['a number', ['budget'], true],
    ['an element', ['tags', 1], true],
  ])('of %s', (_, path, expected) => {
    expect(complete({ value, open: ['owner', 'name'] }, path)).toBe(expected);
  });

  test('everything that is known, at the end', () => {
    for (const path of [[], ['owner'], ['owner', 'name'], ['tags', 0]]) {
      expect(complete({ value, open: null }, path)).toBe(true);
    }
    expect(complete({ value, open: null }, ['owner', 'role'])).toBe(false);
  });

  test('nothing, before the first state', () => {
    expect(complete(UNKNOWN, [])).toBe(false);
    expect(complete(UNKNOWN, ['title'])).toBe(false);
  });
});

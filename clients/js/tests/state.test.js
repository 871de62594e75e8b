import { describe, expect, test } from 'vitest';
import { isComplete, writing } from '../src/finished.js';
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
    const found = ['/1/title', '/1', ''].map(pointer => isComplete(two, pointer));
    expect(found).toEqual([true, true, false]);
    expect(writing(two)).toBe(null);
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

describe('what is written', () => {
  /** @type {[any, (string | number)[] | null, string | null][]} */
  const cases = [
    [[{ title: 'a' }], [0, 'title'], '/0/title'],
    [{ 'a/b': { 'c~d': 'e' } }, ['a/b', 'c~d'], '/a~1b/c~0d'],
    ['a', [], ''],
    [{ score: 1, title: null }, [], null],
    [[{ score: 1 }], [0], null],
    [[{ title: 'a' }], null, null],
    [undefined, null, null],
  ];

  test.each(cases)('of %j at %j is %j', (value, open, expected) => {
    expect(writing({ value, open })).toBe(expected);
  });
});

describe('finished', () => {
  const value = {
    title: 'a',
    notes: { by: null, text: 'n' },
    owner: { name: 'b', role: null },
    tags: ['x', null],
    links: [],
    seller: { name: null },
    budget: 0,
    due: null,
    'a/b': 1,
  };

  test.each([
    ['what is written', '/owner/name', false],
    ['what is around it', '/owner', false],
    ['all of it', '', false],
    ['what may still come', '/owner/role', false],
    ['what is nowhere', '/owner/role/x/y', false],
    ['what a list has of its own', '/tags/length', false],
    ['what was written before', '/title', true],
    ['a number', '/budget', true],
    ['an element', '/tags/0', true],
    ['an element that is null', '/tags/1', true],
    ['an element that has not come', '/tags/2', false],
    ['a list that has not begun', '/links', false],
    ['an object that has not begun', '/seller', false],
    ['what is in it', '/seller/name', false],
    ['a field that may come', '/due', false],
    ['an object that has ended', '/notes', true],
    ['a field that it left null', '/notes/by', true],
    ['a key with a slash', '/a~1b', true],
  ])('is %s at %j: %j', (_, pointer, expected) => {
    expect(isComplete({ value, open: ['owner', 'name'] }, pointer)).toBe(expected);
  });

  test('is all that is there, at the end', () => {
    for (const pointer of ['', '/owner', '/owner/role', '/tags/0', '/links', '/due']) {
      expect(isComplete({ value, open: null }, pointer)).toBe(true);
    }
    expect(isComplete({ value, open: null }, '/tags/2')).toBe(false);
  });

  test('is nothing before the first state', () => {
    expect(isComplete(UNKNOWN, '')).toBe(false);
    expect(isComplete(UNKNOWN, '/title')).toBe(false);
  });

  test('is a key that is an index nowhere but in a list', () => {
    const open = ['undefined'];
    expect(isComplete({ value: { undefined: 'a', 0: 'b' }, open }, '/undefined')).toBe(false);
    expect(isComplete({ value: { undefined: 'a', 0: 'b' }, open }, '/0')).toBe(true);
  });
});

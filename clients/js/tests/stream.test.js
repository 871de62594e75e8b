import { describe, expect, test } from 'vitest';
import { service } from '../../support/counts.js';
import { Scripted, event, start, streaming } from '../../support/scripted.js';
import { StreamError, stream } from '../src/index.js';

const ideas = `${service}/ideas`;
const TEA = { topic: 'tea', count: 3 };
const OFTEN = { intervalMs: 10 };

/**
 * @param {AsyncIterable<import('../src/state.js').State>} reading
 */
async function states(reading) {
  const found = [];
  for await (const state of reading) found.push(state);
  return found;
}

/** The value that the service gives without streaming. */
async function whole(url = ideas, params = TEA) {
  const body = JSON.stringify(params);
  const headers = { 'Content-Type': 'application/json', Accept: 'application/json' };
  return (await fetch(url, { method: 'POST', headers, body })).json();
}

const ENDED = { open: null, writing: null, attempt: 1, isComplete: expect.any(Function) };

describe('a stream', () => {
  test.each(/** @type {const} */ (['delta', 'snapshot', 'items']))(
    '%s: shows the value as it grows, and then whole',
    async view => {
      const reading = stream(ideas, TEA, { ...OFTEN, view });
      const found = await states(reading);
      const last = /** @type {import('../src/state.js').State} */ (found.at(-1));
      expect(await reading.final).toEqual(await whole());
      expect(last).toEqual({ value: await reading.final, ...ENDED });
      expect(last.value).toBe(await reading.final);
      if (view !== 'items') expect(found.length).toBeGreaterThan(1);
      const lengths = found.map(({ value }) => JSON.stringify(value).length);
      expect(lengths).toEqual(lengths.toSorted((a, b) => a - b));
    },
  );

  test.each(/** @type {const} */ (['delta', 'snapshot']))(
    '%s: elements that did not change stay the same',
    async view => {
      const found = await states(stream(ideas, TEA, { ...OFTEN, view }));
      let previous = found[0];
      for (const state of found.slice(1)) {
        state.value.forEach((/** @type {unknown} */ element, /** @type {number} */ at) => {
          const before = previous.value[at];
          if (JSON.stringify(element) === JSON.stringify(before)) expect(element).toBe(before);
        });
        previous = state;
      }
    },
  );

  test('tells what is finished, and what is being written', async () => {
    const reading = stream(ideas, TEA, OFTEN);
    const final = await reading.final;
    for await (const state of stream(ideas, TEA, OFTEN)) {
      for (const at of [0, 1, 2]) {
        for (const key of ['title', 'blurb']) {
          const pointer = `/${at}/${key}`;
          const isOpen = state.writing === pointer;
          expect(isOpen).toBe(state.open?.join() === `${at},${key}`);
          if (isOpen) expect(state.isComplete(pointer)).toBe(false);
          if (state.isComplete(pointer)) expect(state.value?.[at][key]).toBe(final[at][key]);
        }
      }
    }
  });

  test.each(/** @type {const} */ (['delta', 'snapshot', 'items']))(
    '%s: tells what the model reasons, if that is asked for',
    async view => {
      const model = 'demo-thinks';
      const reading = stream(ideas, TEA, { ...OFTEN, view, model, reasoning: true });
      const found = await states(reading);
      const last = found.at(-1);
      expect(last?.value).toEqual(await reading.final);
      expect(last?.reasoning).toMatch(/^The topic is “tea”[^]*Now I write it down\.$/);
      const before = found.filter(({ value }) => value === undefined);
      expect(before.length).toBeGreaterThan(1);
      for (const { reasoning } of before) expect(last?.reasoning).toContain(reasoning);
      for (const state of await states(stream(ideas, TEA, { ...OFTEN, view, model }))) {
        expect(state.reasoning).toBeUndefined();
      }
    },
  );

  test('of an object with fields of all kinds', async () => {
    const [url, params] = [`${service}/briefs`, { topic: 'tea' }];
    const found = await states(stream(url, params));
    expect(found.at(-1)?.value).toEqual(await whole(url, /** @type {any} */ (params)));
  });

  test('may begin again: what was there is forgotten', async () => {
    const found = await states(stream(ideas, TEA, { model: 'demo-invalid' }));
    const at = found.findIndex(({ attempt }) => attempt === 2);
    expect(at).not.toBe(-1);
    expect(found[at].restart).toMatchObject({ attempt: 2, code: 'output_invalid' });
    expect(found[at].restart?.errors[0].path).toMatch(/^\//);
    expect(found.at(-1)).toMatchObject({ open: null, attempt: 2 });
  });

  test('is never empty when it begins again with what was kept', async () => {
    /** @type {import('node:http').ServerResponse | undefined} */
    let response;
    const patch = (/** @type {unknown} */ value) =>
      event('patch', [{ op: 'replace', path: '', value }]);
    const server = await new Scripted((answer, asked) => {
      response = answer;
      streaming(start, patch([{ title: 'a' }, { title: 'b' }]))(answer, asked);
    }).open();
    try {
      const iterator = stream(`${server.url}/ideas`, TEA)[Symbol.asyncIterator]();
      expect((await iterator.next()).value.attempt).toBe(1);
      const restart = { attempt: 2, code: 'output_invalid', errors: [] };
      response?.write(event('restart', restart) + patch([{ title: 'a' }]));
      const { value, attempt } = (await iterator.next()).value;
      expect([value, attempt]).toEqual([[{ title: 'a' }], 2]);
      await iterator.return?.(undefined);
    } finally {
      server.close();
    }
  });

  test('can be read by others, and is read whole by a late one', async () => {
    const reading = stream(ideas, TEA, OFTEN);
    await reading.final;
    const url = /** @type {string} */ (reading.url);
    const other = stream(url);
    expect((await states(other)).at(-1)?.value).toEqual(await reading.final);
    expect(await other.final).toEqual(await reading.final);
    const late = await states(reading);
    expect(late).toEqual([{ value: await reading.final, ...ENDED }]);
  });

  test('may name its schema in the body', async () => {
    const reading = stream(`${service}/streams`, { schema: 'ideas', ...TEA });
    expect(await reading.final).toEqual(await whole());
    expect(reading.url).toMatch(/\/streams\/\w{22}\?/);
    expect(await stream(/** @type {string} */ (reading.url)).final).toEqual(await reading.final);
  });

  test('a slow reader gets the newest state, and never a queue', async () => {
    /** @type {import('node:http').ServerResponse | undefined} */
    let response;
    const patch = (/** @type {string} */ op, /** @type {unknown} */ value) =>
      event('patch', [{ op, path: '', value }]);
    const server = await new Scripted((answer, asked) => {
      response = answer;
      streaming(start, patch('replace', 'a'))(answer, asked);
    }).open();
    try {
      const reading = stream(`${server.url}/ideas`, TEA);
      const iterator = reading[Symbol.asyncIterator]();
      expect((await iterator.next()).value.value).toBe('a');
      response?.end(
        [...'bcdefgh'].map(text => patch('append', text)).join('') + event('done', 'abcdefgh'),
      );
      await reading.final;
      expect((await iterator.next()).value).toEqual({ value: 'abcdefgh', ...ENDED });
      expect((await iterator.next()).done).toBe(true);
    } finally {
      server.close();
    }
  });

  test('all events can be seen', async () => {
    /** @type {string[]} */
    const seen = [];
    const onEvent = (/** @type {{ event: string }} */ { event }) => void seen.push(event);
    await stream(ideas, TEA, { onEvent }).final;
    expect([seen[0], ...seen.slice(-2)]).toEqual(['start', 'usage', 'done']);
    expect(new Set(seen.slice(1, -2))).toEqual(new Set(['patch']));
  });
});

describe('an error', () => {
  test.each([
    ['demo-truncated', { code: 'output_truncated', retryable: false, status: undefined }],
    ['demo-always-invalid', { code: 'output_invalid', retryable: true }],
    ['demo-refusal', { code: 'output_refused', retryable: false }],
    ['demo-garbage', { code: 'provider_protocol', retryable: true }],
    ['demo-401', { code: 'provider_rejected', retryable: false, status: 502 }],
  ])('of %s has what the service said', async (model, expected) => {
    const reading = stream(ideas, { topic: 'tea' }, { model });
    const error = await states(reading).catch(error => error);
    expect(error).toBeInstanceOf(StreamError);
    expect(error).toMatchObject({ name: 'StreamError', ...expected });
    expect(error.requestId).toMatch(/\w/);
    expect(error.message).toMatch(/^The /);
    await expect(reading.final).rejects.toBe(error);
  });

  test('of wrong parameters says where', async () => {
    const error = await stream(ideas, { topic: '', count: 99 }).final.catch(error => error);
    expect(error).toMatchObject({ code: 'invalid_request', retryable: false, status: 422 });
    expect(error.errors.map((/** @type {{ path: string }} */ { path }) => path)).toEqual([
      '/topic',
      '/count',
    ]);
  });

  test('of a stream or a schema that is not there', async () => {
    const none = stream(`${service}/streams/nothing`);
    await expect(none.final).rejects.toMatchObject({ code: 'stream_not_found', status: 404 });
    const unknown = stream(`${service}/poems`, { topic: 'tea' });
    await expect(unknown.final).rejects.toMatchObject({ code: 'unknown_schema', status: 404 });
  });

  test('of a page that is no stream', async () => {
    const reading = stream(`${service}/healthz`);
    await expect(reading.final).rejects.toMatchObject({ code: 'unexpected_response' });
  });

  test('of a wrong call is thrown at once', () => {
    expect(() => stream('/ideas', { topic: 'tea' })).toThrow(TypeError);
    expect(() => stream(ideas, { topic: 1n })).toThrow(TypeError);
    expect(() => stream(ideas, TEA, { idempotencyKey: '€' })).toThrow(TypeError);
    expect(() => stream(ideas, TEA, { headers: { 'not a name': '1' } })).toThrow(TypeError);
  });
});

import { afterEach, describe, expect, test, vi } from 'vitest';
import { counts, service, since } from '../../support/counts.js';
import { Scripted, cutOff, event, start, streaming } from '../../support/scripted.js';
import { stream } from '../src/index.js';

const TEA = { topic: 'tea', count: 3 };
const ENDLESS = { model: 'demo-stall' }; // it falls silent, and would be paid for to its deadline
const patch = event('patch', [{ op: 'replace', path: '', value: [] }], 1);

/** @type {Scripted[]} */
const servers = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** @param {ConstructorParameters<typeof Scripted>} answers */
async function scripted(...answers) {
  const server = await new Scripted(...answers).open();
  servers.push(server);
  return server;
}

/** @param {{ started: number, cancelled: number, active: number }} since */
const isStopped = since => since.cancelled === 1 && since.active === 0;

describe('the service stops paying', () => {
  test('when the signal comes', async () => {
    const [before, controller] = [await counts(), new AbortController()];
    const reading = stream(`${service}/ideas`, TEA, { ...ENDLESS, signal: controller.signal });
    const loop = (async () => {
      for await (const _ of reading) controller.abort(new Error('Enough.'));
    })();
    await expect(loop).rejects.toThrow('Enough.');
    await expect(reading.final).rejects.toThrow('Enough.');
    expect(await since(before, isStopped)).toEqual({ started: 1, cancelled: 1, active: 0 });
    await expect(stream(/** @type {string} */ (reading.url)).final).rejects.toMatchObject({
      code: 'stream_not_found',
    });
  });

  test('when the loop is left', async () => {
    const before = await counts();
    const reading = stream(`${service}/ideas`, TEA, ENDLESS);
    for await (const { value } of reading) if (value) break;
    await expect(reading.final).rejects.toMatchObject({ name: 'AbortError' });
    expect(await since(before, isStopped)).toEqual({ started: 1, cancelled: 1, active: 0 });
  });

  test('when the loop throws', async () => {
    const before = await counts();
    const loop = async () => {
      for await (const _ of stream(`${service}/ideas`, TEA, ENDLESS)) throw new Error('Oops.');
    };
    await expect(loop()).rejects.toThrow('Oops.');
    expect(await since(before, isStopped)).toEqual({ started: 1, cancelled: 1, active: 0 });
  });

  test('even where it had not answered yet', async () => {
    /** @type {() => void} */
    let answer = () => {};
    const controller = new AbortController();
    const server = await scripted(
      (response, asked) => (answer = () => streaming(start)(response, asked)),
    );
    const reading = stream(`${server.url}/ideas`, TEA, { signal: controller.signal });
    await vi.waitFor(() => expect(server.asked).toHaveLength(1));
    controller.abort();
    await expect(reading.final).rejects.toMatchObject({ name: 'AbortError' });
    expect(server.methods).toEqual(['POST']);
    answer();
    await vi.waitFor(() => expect(server.methods).toEqual(['POST', 'cancel']));
    expect(server.asked[1].url).toMatch(/^\/streams\/s1\b/);
  });

  test('even where the connection was being waited for', async () => {
    const controller = new AbortController();
    const server = await scripted(cutOff(start, patch));
    const headers = { Authorization: 'Bearer key' };
    const options = { headers, retryMs: 20_000, signal: controller.signal };
    const reading = stream(`${server.url}/ideas`, TEA, options);
    const iterator = reading[Symbol.asyncIterator]();
    await iterator.next();
    controller.abort();
    await expect(iterator.next()).rejects.toMatchObject({ name: 'AbortError' });
    await vi.waitFor(() => expect(server.methods).toEqual(['POST', 'cancel']));
    expect(server.asked[1].headers.authorization).toBe('Bearer key');
  });
});

describe('nothing is cancelled', () => {
  test('that has not begun', async () => {
    const server = await scripted();
    const reading = stream(`${server.url}/ideas`, TEA, { signal: AbortSignal.abort('Never.') });
    await expect(reading.final).rejects.toBe('Never.');
    await expect(reading[Symbol.asyncIterator]().next()).rejects.toBe('Never.');
    expect(server.asked).toEqual([]);
  });

  test('that has ended', async () => {
    const controller = new AbortController();
    const done = event('done', [], 2);
    const server = await scripted(streaming(start, done), streaming(start, done));
    const reading = stream(`${server.url}/ideas`, TEA, { signal: controller.signal });
    for await (const _ of reading);
    controller.abort();
    expect(await reading.final).toEqual([]);
    for await (const { open } of stream(`${server.url}/ideas`, TEA)) if (!open) break;
    await stream(`${server.url}/ideas`, TEA).final.catch(() => {});
    expect(server.methods).toEqual(['POST', 'POST', 'POST']);
  });

  test('that may go on, or that another has begun', async () => {
    const before = await counts();
    const owner = stream(`${service}/ideas`, TEA, { ...ENDLESS, keep: true });
    for await (const { value } of owner) if (value) break;
    const url = /** @type {string} */ (owner.url);
    for await (const { value } of stream(url)) if (value) break;
    expect(await since(before, () => true)).toEqual({ started: 1, cancelled: 0, active: 1 });
    for await (const { value } of stream(url, null, { keep: false })) if (value) break;
    expect(await since(before, isStopped)).toEqual({ started: 1, cancelled: 1, active: 0 });
  });
});

test('a failure that nobody looks at is no unhandled rejection', async () => {
  /** @type {unknown[]} */
  const unhandled = [];
  const note = (/** @type {unknown} */ error) => void unhandled.push(error);
  process.on('unhandledRejection', note);
  try {
    await new Promise(resolve => {
      const onEvent = (/** @type {{ event: string }} */ { event }) => {
        if (event === 'error') resolve(undefined);
      };
      stream(`${service}/ideas`, TEA, { model: 'demo-refusal', onEvent });
    });
    stream(`${service}/ideas`, TEA, { signal: AbortSignal.abort() });
    for (let turns = 0; turns < 10; turns++) await new Promise(setImmediate);
  } finally {
    process.off('unhandledRejection', note);
  }
  expect(unhandled).toEqual([]);
});

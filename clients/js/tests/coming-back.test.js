import { afterEach, describe, expect, test, vi } from 'vitest';
import { counts, service, since } from '../../support/counts.js';
import { Proxy } from '../../support/proxy.js';
import {
  Scripted,
  cutOff,
  event,
  ping,
  problem,
  start,
  streaming,
} from '../../support/scripted.js';
import { stream } from '../src/index.js';

const TEA = { topic: 'tea', count: 3 };
const SOON = { retryMs: 1, intervalMs: 10 };
const VALUE = [{ title: 'Figs' }];

/** @param {import('node:http').ServerResponse} response */
const lost = response => void response.socket?.resetAndDestroy();

/** @type {{ close(): void }[]} */
const opened = [];
afterEach(() => {
  for (const one of opened.splice(0)) one.close();
  vi.restoreAllMocks();
});

/**
 * @template {Proxy | Scripted} T
 * @param {T} one
 */
async function open(one) {
  opened.push(await one.open());
  return one;
}

const patch = event('patch', [{ op: 'replace', path: '', value: [{ title: 'Fi' }] }], 3);
const more = event('patch', [{ op: 'append', path: '/0/title', value: 'gs' }], 5);
const done = event('done', VALUE, 6);

describe('a connection that is killed', () => {
  test('is come back to, and the stream is paid for once', async () => {
    const [before, between] = [await counts(), await open(new Proxy(service))];
    /** @type {string[]} */
    const ids = [];
    const onEvent = (/** @type {{ event: string, id: string }} */ { id }) => void ids.push(id);
    between.limits = [900, 900, 900];
    const reading = stream(`${between.url}/ideas`, { ...TEA, count: 10 }, { ...SOON, onEvent });
    for await (const { attempt } of reading) expect(attempt).toBe(1);
    expect(between.connections).toBe(4);
    expect(await reading.final).toHaveLength(10);
    expect((await since(before, () => true)).started).toBe(1);
    const positions = ids.map(id => Number(id.split('-')[1]));
    expect(positions).toEqual(positions.toSorted((a, b) => a - b)); // nothing came twice
    const whole = stream(/** @type {string} */ (reading.url));
    expect(await whole.final).toEqual(await reading.final);
  });

  test('before the answer has come: the same stream is asked for again', async () => {
    const before = await counts();
    let calls = 0;
    /** @type {typeof fetch} */
    const losing = async (...call) => {
      const response = await fetch(...call);
      if (++calls > 1) return response;
      await response.body?.cancel();
      throw new TypeError('The answer is lost.');
    };
    const reading = stream(`${service}/ideas`, TEA, { ...SOON, fetch: losing });
    expect(await reading.final).toHaveLength(3);
    expect(calls).toBe(2);
    expect((await since(before, () => true)).started).toBe(1);
  });

  test('again and again: a number of times, and it is an error', async () => {
    const between = await open(new Proxy(service));
    between.limits = [1, 1, 1];
    const error = await stream(`${between.url}/ideas`, TEA, { ...SOON, retries: 2 }).final.catch(
      error => error,
    );
    expect(error).toMatchObject({ code: 'connection_lost', retryable: true, status: undefined });
    expect(error.cause).toBeInstanceOf(TypeError);
    expect(between.connections).toBe(4); // the last asks whether anybody is there
  });
});

describe('a first call that nobody answers', () => {
  const port = async () => {
    const server = await new Scripted().open();
    server.close();
    return server.url;
  };

  test('is an error in words of its own, within two seconds', async () => {
    const [url, began] = [await port(), performance.now()];
    const { final } = stream(`${url}/ideas`, TEA);
    await expect(final).rejects.toMatchObject({
      message: `No service answers at ${url}.`,
      code: 'connection_lost',
      retryable: true,
      cause: { cause: expect.any(TypeError) },
    });
    expect(performance.now() - began).toBeLessThan(2000);
  });

  test.each([500, 502, 504])('so if a proxy says it, by %i', async status => {
    /** @type {import('../../support/scripted.js').Answer} */
    const bad = response => response.writeHead(status).end('Bad gateway');
    const server = await open(new Scripted(...Array(9).fill(bad)));
    const began = performance.now();
    const { final } = stream(`${server.url}/ideas`, TEA);
    await expect(final).rejects.toMatchObject({
      message: `No service answers at ${server.url}.`,
      code: 'connection_lost',
    });
    expect(performance.now() - began).toBeLessThan(2000);
  });

  test('is sent again as often as any, if the service does answer', async () => {
    const answered = (/** @type {import('node:http').ServerResponse} */ response) =>
      void response.writeHead(405).end();
    const server = await open(new Scripted(lost, answered, lost, lost, streaming(start, done)));
    const now = Date.now();
    const { final } = stream(`${server.url}/ideas`, TEA, SOON);
    vi.spyOn(Date, 'now').mockReturnValue(now + 10_000);
    expect(await final).toEqual(VALUE);
    expect(server.methods).toEqual(['POST', 'HEAD', 'POST', 'POST', 'POST']);
  });
});

describe('a heartbeat', () => {
  test('changes nothing', async () => {
    const server = await open(
      new Scripted(streaming(ping, start, ping, patch, ping, ping, more, ping, done)),
    );
    const reading = stream(`${server.url}/ideas`, TEA, SOON);
    const found = [];
    for await (const state of reading) found.push(state.value);
    expect(await reading.final).toEqual(VALUE);
    expect(found.at(-1)).toEqual(VALUE);
    expect(found).not.toContain(null);
  });

  test('is nothing new to one who comes back', async () => {
    const server = await open(new Scripted(cutOff(start, patch, ping), cutOff(ping), cutOff(ping)));
    const error = await stream(`${server.url}/ideas`, TEA, { ...SOON, retries: 2 }).final.catch(
      error => error,
    );
    expect(error).toMatchObject({ code: 'connection_lost' });
    expect(server.methods.slice(0, 3)).toEqual(['POST', 'GET', 'GET']); // then it is cancelled
    expect(server.asked[2].headers['last-event-id']).toBe('s1-3');
  });
});

test('a stream that has not answered is not begun again when its key may be forgotten', async () => {
  const server = await open(new Scripted(lost, streaming(start, patch, more, done)));
  const now = Date.now();
  const { final } = stream(`${server.url}/ideas`, TEA, SOON);
  vi.spyOn(Date, 'now').mockReturnValue(now + 61_000);
  await expect(final).rejects.toMatchObject({ code: 'connection_lost' });
  expect(server.methods).toEqual(['POST', 'HEAD']); // is anybody there?
});

describe('what is asked', () => {
  test('goes on after the last event, with the same headers and query', async () => {
    const server = await open(new Scripted(cutOff(start, patch), streaming(start, more, done)));
    const headers = { Authorization: 'Bearer key' };
    const reading = stream(`${server.url}/api/ideas`, TEA, { ...SOON, headers, model: 'm' });
    expect(await reading.final).toEqual(VALUE);
    const [post, get] = server.asked;
    expect(post).toMatchObject({
      method: 'POST',
      url: '/api/ideas?view=delta&interval_ms=10&model=m&resumable=true',
      body: JSON.stringify(TEA),
    });
    expect(post.headers).toMatchObject({
      authorization: 'Bearer key',
      accept: 'text/event-stream',
      'content-type': 'application/json',
      'idempotency-key': expect.stringMatching(/^\d+(-\d+){3}$/),
    });
    expect(get).toMatchObject({
      method: 'GET',
      url: '/api/streams/s1?view=delta&interval_ms=10&model=m&resumable=true',
    });
    expect(get.headers).toMatchObject({
      authorization: 'Bearer key',
      accept: 'text/event-stream',
      'last-event-id': 's1-3',
    });
  });

  test('is all that there is, where no event had come', async () => {
    const server = await open(
      new Scripted(cutOff(': nothing yet\n\n'), streaming(start, patch, more, done)),
    );
    expect(await stream(`${server.url}/ideas`, TEA, SOON).final).toEqual(VALUE);
    expect(server.methods).toEqual(['POST', 'GET']);
    expect(server.asked[1].headers).not.toHaveProperty('last-event-id');
  });

  test('is the stream that `start` names, where the header is hidden', async () => {
    const server = await open(
      new Scripted(
        response => {
          response.setHeader('Content-Type', 'text/event-stream');
          response.write(start + patch, () => response.socket?.resetAndDestroy());
        },
        streaming(start, more, done),
      ),
    );
    expect(await stream(`${server.url}/ideas`, TEA, SOON).final).toEqual(VALUE);
    expect(server.asked[1].url).toMatch(/^\/streams\/s1\?/);
  });

  test('has a key of the caller, if there is one, each time', async () => {
    const server = await open(new Scripted(lost, lost, streaming(start, patch, more, done)));
    const idempotencyKey = 'order 7';
    expect(await stream(`${server.url}/ideas`, TEA, { ...SOON, idempotencyKey }).final).toEqual(
      VALUE,
    );
    expect(server.asked.map(({ headers }) => headers['idempotency-key'])).toEqual(
      Array(3).fill('order 7'),
    );
  });
});

describe('an end', () => {
  test('without `done` is no end', async () => {
    const server = await open(
      new Scripted(
        (response, asked) => {
          streaming(start, patch)(response, asked);
          response.end();
        },
        streaming(start, more, done),
      ),
    );
    expect(await stream(`${server.url}/ideas`, TEA, SOON).final).toEqual(VALUE);
  });

  test('in the middle of an event is come back from, before that event', async () => {
    const server = await open(
      new Scripted(cutOff(start, patch, more.slice(0, -1)), streaming(start, more, done)),
    );
    expect(await stream(`${server.url}/ideas`, TEA, SOON).final).toEqual(VALUE);
    expect(server.asked[1].headers['last-event-id']).toBe('s1-3');
  });

  test.each([
    [404, 'stream_not_found'],
    [410, 'stream_expired'],
  ])('of a stream that is gone (%i) is an error', async (status, code) => {
    const server = await open(new Scripted(cutOff(start, patch), problem(status, code, false)));
    const error = await stream(`${server.url}/ideas`, TEA, SOON).final.catch(error => error);
    expect(error).toMatchObject({ code, status, retryable: false, requestId: 'r1' });
    expect(server.methods).toEqual(['POST', 'GET']);
  });

  test('of which there is nothing more (204) is an error', async () => {
    const nothing = (/** @type {import('node:http').ServerResponse} */ response) =>
      void response.writeHead(204).end();
    const server = await open(new Scripted(cutOff(start, patch), nothing));
    const { final } = stream(`${server.url}/ideas`, TEA, SOON);
    await expect(final).rejects.toMatchObject({ code: 'unexpected_response' });
  });

  test('by something unreadable is an error, and the stream is cancelled', async () => {
    for (const bad of [
      'event: patch\ndata: {\n\n',
      event('patch', [{ op: 'append', path: '/7/x' }]),
    ]) {
      const server = await open(new Scripted(streaming(start, patch, bad)));
      const { final } = stream(`${server.url}/ideas`, TEA, SOON);
      const error = await final.catch(error => error);
      expect(error).toMatchObject({ code: 'unexpected_response', retryable: false });
      expect(error.cause).toBeInstanceOf(Error);
      await vi.waitFor(() => expect(server.methods).toEqual(['POST', 'cancel']));
    }
  });

  test('by a refusal that does not end is a lost connection', async () => {
    const hanging = (/** @type {import('node:http').ServerResponse} */ response) =>
      void response.writeHead(503).write('{');
    const server = await open(new Scripted(hanging, streaming(start, patch, more, done)));
    const options = { ...SOON, silenceMs: 500 };
    expect(await stream(`${server.url}/ideas`, TEA, options).final).toEqual(VALUE);
  });

  test('by silence is a lost connection', async () => {
    const server = await open(new Scripted(streaming(start, patch), streaming(start, more, done)));
    const options = { ...SOON, silenceMs: 500 };
    expect(await stream(`${server.url}/ideas`, TEA, options).final).toEqual(VALUE);
    expect(server.methods).toEqual(['POST', 'GET']);
  });
});

describe('a refusal', () => {
  test('that says when to come is followed', async () => {
    const later = problem(503, 'overloaded', true, { 'Retry-After': '0.2' });
    const server = await open(new Scripted(later, streaming(start, patch, more, done)));
    const began = performance.now();
    expect(await stream(`${server.url}/ideas`, TEA, SOON).final).toEqual(VALUE);
    expect(performance.now() - began).toBeGreaterThan(190);
    expect(server.methods).toEqual(['POST', 'POST']);
  });

  test('that says so while coming back is followed, too', async () => {
    const later = problem(429, 'rate_limited', true, { 'Retry-After': new Date(0).toUTCString() });
    const server = await open(
      new Scripted(cutOff(start, patch), later, streaming(start, more, done)),
    );
    expect(await stream(`${server.url}/ideas`, TEA, SOON).final).toEqual(VALUE);
    expect(server.asked[2].headers['last-event-id']).toBe('s1-3');
  });

  test('for too long, or for good, is an error', async () => {
    for (const [refusal, retryAfter] of /** @type {const} */ ([
      [problem(429, 'rate_limited', true, { 'Retry-After': '3600' }), 3600],
      [problem(503, 'provider_rate_limited', true, { 'Retry-After': '1' }), 1],
      [problem(500, 'internal', true), undefined],
    ])) {
      const server = await open(new Scripted(refusal));
      const error = await stream(`${server.url}/ideas`, TEA, SOON).final.catch(error => error);
      expect(error).toMatchObject({ retryable: true, retryAfter });
      expect(server.methods).toEqual(['POST']);
    }
  });

  test('says itself whether another try may help, whatever its code and status', async () => {
    for (const [status, retryable] of /** @type {const} */ ([
      [502, false],
      [500, false],
      [409, true],
    ])) {
      const server = await open(new Scripted(problem(status, 'of_a_later_version', retryable)));
      const error = await stream(`${server.url}/ideas`, TEA, SOON).final.catch(error => error);
      const message = 'It is of_a_later_version.';
      expect(error).toMatchObject({ code: 'of_a_later_version', message, status, retryable });
    }
  });

  test('by what stands in front of the service, in JSON, is a lost connection', async () => {
    for (const body of ['{"code":"quota","message":"No."}', '{"retryable":false}', '[]', 'null']) {
      const gateway = (/** @type {import('node:http').ServerResponse} */ response) =>
        void response.writeHead(429, { 'Content-Type': 'application/json' }).end(body);
      const server = await open(new Scripted(gateway, streaming(start, patch, more, done)));
      expect(await stream(`${server.url}/ideas`, TEA, SOON).final).toEqual(VALUE);
    }
  });

  test('by what stands in front of the service is a lost connection', async () => {
    const gateway = (/** @type {import('node:http').ServerResponse} */ response) =>
      void response.writeHead(502, { 'Content-Type': 'text/html' }).end('<h1>Bad gateway</h1>');
    const server = await open(new Scripted(gateway, streaming(start, patch, more, done)));
    expect(await stream(`${server.url}/ideas`, TEA, SOON).final).toEqual(VALUE);
    const page = await open(
      new Scripted(response => void response.writeHead(404).end('<h1>No</h1>')),
    );
    const error = await stream(`${page.url}/ideas`, TEA, SOON).final.catch(error => error);
    expect(error).toMatchObject({ code: 'unexpected_response', status: 404, retryable: false });
  });
});

test('the pause is what the server says, and doubles as long as nothing comes', async () => {
  const server = await open(
    new Scripted(
      cutOff('retry: 16\n', start, patch),
      lost,
      lost,
      cutOff(start, more),
      streaming(start, done),
    ),
  );
  const timers = vi.spyOn(globalThis, 'setTimeout');
  const silenceMs = 12_345;
  expect(await stream(`${server.url}/ideas`, TEA, { silenceMs }).final).toEqual(VALUE);
  const pauses = timers.mock.calls.map(([, ms = 0]) => ms).filter(ms => ms > 1 && ms < 200);
  expect(pauses.map(ms => 2 ** Math.ceil(Math.log2(ms)))).toEqual([16, 32, 64, 16]);
});

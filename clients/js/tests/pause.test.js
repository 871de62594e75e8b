import { describe, expect, test } from 'vitest';
import { StreamError, lost } from '../src/error.js';
import { pause } from '../src/pause.js';

/**
 * The least and the most of many pauses.
 *
 * @param {unknown} error
 * @param {number} usual
 */
function bounds(error, usual) {
  const all = Array.from({ length: 200 }, () => /** @type {number} */ (pause(error, usual)));
  return [Math.min(...all), Math.max(...all)];
}

/** @param {Partial<StreamError>} about */
const refused = about => new StreamError('No.', { code: 'overloaded', status: 503, ...about });

describe('a pause', () => {
  test('is the usual one or up to half of it less, so that not all come back at once', () => {
    const [least, most] = bounds(lost(), 1000);
    expect(least).toBeGreaterThanOrEqual(500);
    expect(most).toBeLessThanOrEqual(1000);
    expect(most - least).toBeGreaterThan(250);
  });

  test('is never longer than half a minute', () => {
    expect(bounds(lost(), 1e9)[1]).toBeLessThanOrEqual(30_000);
    expect(pause(refused({ retryAfter: 31 }), 1)).toBeUndefined();
  });

  test('is what the service says, or a little more', () => {
    const [least, most] = bounds(refused({ retryAfter: 2 }), 1);
    expect(least).toBeGreaterThanOrEqual(2000);
    expect(most).toBeLessThanOrEqual(2250);
  });

  test.each([
    ['a refusal for good', refused({})],
    [
      'a provider that the service has tried again itself',
      refused({ code: 'provider_rate_limited', retryAfter: 1 }),
    ],
    [
      'a stream that has ended in an error',
      new StreamError('No.', { code: 'draining', retryAfter: 1 }),
    ],
    ['a fault of ours', new TypeError()],
  ])('is not made for %s', (_, error) => {
    expect(pause(error, 1)).toBeUndefined();
  });
});

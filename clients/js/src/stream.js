/**
 * A stream, read to its end over as many connections as that takes.
 *
 *     call.js ─ response ─▶ connection.js ─ events ─▶ reading.js ─ states ─▶ latest.js ─▶ readers
 *                           events.js                 state.js, patch.js
 */

import { Call } from './call.js';
import { Reading } from './reading.js';

/**
 * Each step of an iteration gives the newest state; leaving the loop cancels the stream. `final`
 * is a promise of the whole, validated value, which you may ignore. `url` is the stream's own URL,
 * once it is known; others can read the stream there.
 *
 * @template [Result=any]
 * @template [Value=Result]
 * @typedef {AsyncIterable<import('./state.js').State<Value>> & {
 *   readonly final: Promise<Result>,
 *   readonly url: string | undefined,
 * }} Stream
 */

/**
 * Begin a stream and read it, or read an existing one.
 *
 * Reading begins at once and goes on to the end, whether you iterate or not. After a lost
 * connection it continues by itself. If the reader stops (by its signal, or by leaving the loop or
 * the page), the stream is cancelled, and nothing more is paid for.
 *
 * @template [Result=any]
 * @template [Value=Result]
 * @template {object} [Params=object]
 * @param {string | URL} url the URL of the endpoint, `…/ideas`; without params, that of a stream
 * @param {Params | null} [params]
 * @param {import('./call.js').Options} [options]
 * @returns {Stream<Result, Value>} the loop and `final` fail with a `StreamError`, or with the
 *   reason of the signal
 * @throws {TypeError} if the URL or the JSON is invalid
 */
export function stream(url, params, options = {}) {
  return new Reading(new Call(url, params, options), options, !params);
}

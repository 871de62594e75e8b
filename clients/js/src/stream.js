/**
 * A stream, read to its end over as many connections as that takes.
 *
 *     call.js ─ response ─▶ connection.js ─ events ─▶ reading.js ─ states ─▶ latest.js ─▶ readers
 *                           events.js                 state.js, patch.js
 */

import { Call } from './call.js';
import { Reading } from './reading.js';

/**
 * Iterating gives each state that is the newest when it is asked for; leaving the loop stops
 * the stream. `final` is the whole, validated value (nobody has to look at it), `url` the
 * stream's own, once it is known: it can be read elsewhere, too.
 *
 * @template [Result=any]
 * @template [Value=Result]
 * @typedef {AsyncIterable<import('./state.js').State<Value>> & {
 *   readonly final: Promise<Result>,
 *   readonly url: string | undefined,
 * }} Stream
 */

/**
 * Begin a stream and read it, or read one that is there.
 *
 * Reading begins at once and goes on to the end, whether anybody iterates or not. A lost
 * connection is come back to. What stops the reader (its signal, leaving the loop or the page)
 * stops the stream, too, and so its cost.
 *
 * @template [Result=any]
 * @template [Value=Result]
 * @template {object} [Params=object]
 * @param {string | URL} url of the endpoint, `…/ideas`; without params, of a stream
 * @param {Params | null} [params]
 * @param {import('./call.js').Options} [options]
 * @returns {Stream<Result, Value>} the loop and `final` fail with a `StreamError`, or with the
 *   reason of the signal
 * @throws {TypeError} for what is no URL, or no JSON
 */
export function stream(url, params, options = {}) {
  return new Reading(new Call(url, params, options), options, !params);
}

/** Reads typed answers while they are being written. See README.md. */

export { StreamError } from './error.js';
export { stream } from './stream.js';

/** @typedef {import('./patch.js').Path} Path */
/** @typedef {import('./error.js').Flaw} Flaw */
/** @typedef {import('./events.js').ServerEvent} ServerEvent */
/** @typedef {import('./state.js').Restart} Restart */
/** @typedef {import('./call.js').Options} Options */
/**
 * @template [Value=any]
 * @typedef {import('./state.js').State<Value>} State
 */
/**
 * @template [Result=any]
 * @template [Value=Result]
 * @typedef {import('./stream.js').Stream<Result, Value>} Stream
 */

/** Reads typed answers while they are being written. See README.md. */
export { complete } from './complete.js';
export { StreamError } from './error.js';
export { stream } from './stream.js';
export type Path = import('./patch.js').Path;
export type Flaw = import('./error.js').Flaw;
export type ServerEvent = import('./events.js').ServerEvent;
export type Restart = import('./state.js').Restart;
export type Options = import('./call.js').Options;
export type State<Value = any> = import('./state.js').State<Value>;
export type Stream<Result = any, Value = Result> = import('./stream.js').Stream<Result, Value>;
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

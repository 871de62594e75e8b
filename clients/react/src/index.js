/** React hooks for typed answers that arrive while they are being written. See README.md. */

export { useStream } from './use-stream.js';
export { useStreamingIdeas } from './use-streaming-ideas.js';

/**
 * @template [Result=any]
 * @template [Value=Result]
 * @typedef {import('./use-stream.js').Shown<Result, Value>} Shown
 */

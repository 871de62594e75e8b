import { useCallback } from 'react';
import { useStream } from './use-stream.js';

/**
 * @typedef {object} IdeaSoFar
 * @property {string | null} title
 * @property {string | null} blurb
 */

/** @type {never[]} */
const NONE = [];

/**
 * `useStream` for the `ideas` schema.
 *
 * @param {string | URL} [url]
 * @param {Parameters<typeof useStream>[1]} [options]
 */
export function useStreamingIdeas(url = '/ideas', options) {
  const { value, isStreaming, error, start } = useStream(url, options);
  const startStream = useCallback(
    (/** @type {string} */ topic, /** @type {number} */ count = 5) => start({ topic, count }),
    [start],
  );
  /** @type {IdeaSoFar[]} */
  const ideas = value ?? NONE;
  return { ideas, isStreaming, error, startStream };
}

import { useCallback, useEffect, useRef, useState } from 'react';
import { stream } from 'structured-streams';

/** @typedef {import('structured-streams').Options} Options */

/**
 * @template [Result=any]
 * @template [Value=Result]
 * @typedef {object} Shown
 * @property {Value | undefined} value what is known so far
 * @property {Result | undefined} final the whole, validated value, once it is there
 * @property {import('structured-streams').StreamError | undefined} error
 * @property {boolean} isStreaming
 * @property {number} attempt
 * @property {import('structured-streams').Path | null} open the path that is being written
 */

/** @type {Shown} what is not named is undefined */
const IDLE = /** @type {any} */ ({ isStreaming: false, attempt: 1, open: null });

/** The next frame, however long it takes; soon, where none is drawn as the page is hidden. */
const frame = () =>
  new Promise(resolve => {
    requestAnimationFrame(resolve);
    setTimeout(() => document.hidden && resolve(0), 250);
  });

/**
 * Show a stream as it is read. Whatever comes during a frame, its reader finds the newest.
 *
 * Told only as a frame begins, React renders once in it, however late it gets to that.
 *
 * @param {import('structured-streams').Stream} reading
 * @param {(more: Partial<Shown>) => void} add
 */
async function follow(reading, add) {
  /** @param {Partial<Shown>} more */
  const next = async more => {
    await frame();
    add(more);
  };
  try {
    for await (const { value, open, attempt } of reading) await next({ value, open, attempt });
    await next({ final: await reading.final, isStreaming: false });
  } catch (error) {
    await next({ error: /** @type {any} */ (error), open: null, isStreaming: false });
  }
}

/**
 * A stream as state, rendered at most once a frame.
 *
 * `start(params)` begins one, in place of one that runs; `stop()` ends it, as does unmounting or
 * another URL, and the service stops paying. Neither changes from one render to the next.
 *
 * @template [Result=any]
 * @template [Value=Result]
 * @template {object} [Params=object]
 * @param {string | URL} url of the endpoint
 * @param {Omit<Options, 'signal'>} [options] of the streams that begin from now on
 * @returns {Shown<Result, Value> & { start: (params: Params) => void, stop: () => void }}
 */
export function useStream(url, options) {
  const [shown, show] = useState(IDLE);
  const running = useRef(/** @type {AbortController | undefined} */ (undefined));
  const latest = useRef(options);
  const endpoint = `${url}`;

  useEffect(() => {
    latest.current = options;
  });

  const stop = useCallback(() => {
    running.current?.abort();
    show(shown => (shown.isStreaming ? { ...shown, isStreaming: false, open: null } : shown));
  }, []);

  useEffect(() => stop, [stop, endpoint]);

  const start = useCallback(
    (/** @type {Params} */ params) => {
      running.current?.abort();
      const { signal } = (running.current = new AbortController());
      const reading = stream(endpoint, params, { ...latest.current, signal });
      show({ ...IDLE, isStreaming: true });
      follow(reading, more => signal.aborted || show(shown => ({ ...shown, ...more })));
    },
    [endpoint],
  );

  return { ...shown, start, stop };
}

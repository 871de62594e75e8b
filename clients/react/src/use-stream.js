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
 * @property {string | undefined} reasoning what the model has reasoned in this attempt
 * @property {import('structured-streams').Path | null} open the path that is being written
 * @property {string | null} writing the JSON Pointer of the string that is being written
 * @property {(pointer: string) => boolean} isComplete whether the value at a JSON Pointer is finished
 */

/** @type {Shown} all other properties are undefined */
const IDLE = /** @type {any} */ ({
  isStreaming: false,
  attempt: 1,
  open: null,
  writing: null,
  isComplete: () => false,
});

/** What is so when nothing is written any more. What was not finished then stays so. */
const OVER = { isStreaming: false, open: null, writing: null };

/** Wait for the next frame. A hidden page draws no frames, so there it is a short pause. */
const frame = () =>
  new Promise(resolve => {
    requestAnimationFrame(resolve);
    setTimeout(() => document.hidden && resolve(0), 250);
  });

/**
 * Show a stream while it is read. If several states come during a frame, only the newest is shown.
 *
 * React gets a new state only at the beginning of a frame, so it renders at most once in a frame.
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
    for await (const { value, open, writing, isComplete, attempt, reasoning } of reading) {
      await next({ value, open, writing, isComplete, attempt, reasoning });
    }
    await next({ final: await reading.final, ...OVER });
  } catch (error) {
    await next({ error: /** @type {any} */ (error), ...OVER });
  }
}

/**
 * A stream as state, rendered at most once a frame.
 *
 * `start(params)` begins a stream, and cancels one that runs. `stop()`, unmounting and another URL
 * cancel it, so that nothing more is paid for. `start` and `stop` are the same functions at each
 * render.
 *
 * @template [Result=any]
 * @template [Value=Result]
 * @template {object} [Params=object]
 * @param {string | URL} url the URL of the endpoint
 * @param {Omit<Options, 'signal'>} [options] the options of streams that begin from now on
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
    show(shown => (shown.isStreaming ? { ...shown, ...OVER } : shown));
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

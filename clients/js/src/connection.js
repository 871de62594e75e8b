/** One connection: the events of each read, until it ends, breaks, or is silent for too long. */

import { lost, refused, unexpected } from './error.js';
import { EventParser } from './events.js';

/**
 * @typedef {object} Handling
 * @property {number} silenceMs
 * @property {AbortController} line aborting it closes the connection
 * @property {() => void} onOpen
 * @property {(ms: number) => void} onRetry
 */

/**
 * @param {(signal: AbortSignal) => Promise<Response>} open
 * @param {Handling} handling
 * @returns {AsyncGenerator<import('./events.js').ServerEvent[], void>}
 * @throws {import('./error.js').StreamError} if it was refused, broke or can't be read
 */
export async function* connect(open, { silenceMs, line, onOpen, onRetry }) {
  const parser = new EventParser();
  /**
   * The result of a promise, unless the connection is silent or breaks.
   *
   * @template T
   * @param {Promise<T>} promise
   */
  const hear = async promise => {
    const timer = setTimeout(() => line.abort(), silenceMs);
    try {
      return await promise;
    } catch (error) {
      throw lost({ cause: error });
    } finally {
      clearTimeout(timer);
    }
  };
  try {
    const response = await hear(open(line.signal));
    onOpen();
    if (!response.ok) throw await hear(refused(response));
    if (!response.body || !/^text\/event-stream/.test(response.headers.get('Content-Type') ?? '')) {
      throw unexpected();
    }
    const reader = response.body.getReader();
    for (;;) {
      const { done, value } = await hear(reader.read());
      if (done) throw lost();
      yield parser.feed(value);
      if (parser.retry !== undefined) onRetry(parser.retry);
    }
  } finally {
    line.abort();
  }
}

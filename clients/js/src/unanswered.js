/** Why nothing has answered the first call of a stream. A browser does not tell a page that. */

import { StreamError, lost } from './error.js';

/** Milliseconds after which a first call that got no answer is not sent again. */
export const SOON = 1200;

/** Milliseconds in which an answer must come, whatever it is. */
const PROBE = 400;

/**
 * The error to end with; undefined if the service does answer, so that a later call may succeed.
 *
 * A status over 500 may be that of a proxy with nothing behind it: Vite's says 500, others 502.
 *
 * `HEAD` begins nothing. Without CORS a page may always send it: it learns that there is an
 * answer, but not which.
 *
 * @param {URL} url the endpoint
 * @param {typeof globalThis.fetch} send
 * @param {unknown} cause
 */
export async function unanswered(url, send, cause) {
  /** @param {RequestMode} mode */
  const answers = async mode => {
    const init = { method: 'HEAD', mode, signal: AbortSignal.timeout(PROBE) };
    const { type, status } = await send(url, init).catch(() => Response.error());
    return type === 'opaque' || (status > 0 && status < 500);
  };
  if (await answers('cors')) return undefined;
  const origin = globalThis.location?.origin;
  if (origin && origin !== url.origin && (await answers('no-cors'))) {
    const words = `This page's origin (${origin}) is not allowed at ${url.origin}.`;
    return new StreamError(words, { code: 'forbidden', cause });
  }
  return Object.assign(lost({ cause }), { message: `No service answers at ${url.origin}.` });
}

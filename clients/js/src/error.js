/**
 * @typedef {object} Flaw
 * @property {string} path a JSON Pointer
 * @property {string} message
 */

/** A stream that was refused, failed, or was lost. */
export class StreamError extends Error {
  /**
   * What went wrong: one of the service's codes, `connection_lost` (the service could not be
   * reached, at first or again) or `unexpected_response` (the response can't be read).
   */
  code = '';

  /** Whether the same request may succeed later. */
  retryable = false;

  /** The HTTP status, if the request was refused. */
  status = /** @type {number | undefined} */ (undefined);

  /** The service's id of the request, for questions to its operator. */
  requestId = /** @type {string | undefined} */ (undefined);

  /** Seconds after which to try again, if the service has sent them. */
  retryAfter = /** @type {number | undefined} */ (undefined);

  /** What is wrong with the request, or with the model's answer. */
  errors = /** @type {Flaw[]} */ ([]);

  /**
   * @param {string} message
   * @param {Partial<StreamError>} about
   */
  constructor(message, about) {
    super(message);
    Object.assign(this, { name: 'StreamError' }, about);
  }
}

/**
 * @param {Partial<StreamError>} [about]
 */
export const lost = about =>
  new StreamError('The connection was lost.', {
    code: 'connection_lost',
    retryable: true,
    ...about,
  });

/** @param {any} error */
export const isLost = error => error?.code === 'connection_lost';

/**
 * @param {Partial<StreamError>} [about]
 */
export const unexpected = about =>
  new StreamError('What the server sent is no stream.', { code: 'unexpected_response', ...about });

/**
 * The error of an `error` event, or of a problem, which has the same fields.
 *
 * @param {any} data
 */
export const failed = ({ error, code, retryable, request_id, retry_after, errors = [] }) =>
  new StreamError(error, {
    code,
    retryable,
    requestId: request_id,
    retryAfter: retry_after,
    errors,
  });

/**
 * The error of a response that is not a stream.
 *
 * The service's own errors say whether to try again. If something else answers, such as a proxy
 * with its own page, only the status tells: 429 and 5xx are treated like a lost connection.
 *
 * @param {Response} response
 */
export async function refused(response) {
  const { status, headers } = response;
  const problem = await response.json().catch(() => null);
  if (typeof problem?.code !== 'string' || typeof problem.retryable !== 'boolean') {
    return (status === 429 || status >= 500 ? lost : unexpected)({ status });
  }
  const retryAfter = seconds(headers.get('Retry-After'));
  return Object.assign(failed(problem), { status, retryAfter });
}

/**
 * A `Retry-After`: seconds, or a date.
 *
 * @param {string | null} given
 */
function seconds(given) {
  if (!given) return undefined;
  const found = Number(given);
  return found >= 0 ? found : Math.max(0, (Date.parse(given) - Date.now()) / 1000) || 0;
}

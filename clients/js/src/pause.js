/** When to call again. */

import { StreamError } from './error.js';

/** The longest pause, in milliseconds. */
const MOST = 30_000;

/**
 * Milliseconds after which to call again; undefined if that would be of no use.
 *
 * After an error `provider_…` the service has tried again itself, so the client does not.
 *
 * @param {unknown} error
 * @param {number} usual milliseconds to wait after a lost connection
 */
export function pause(error, usual) {
  if (!(error instanceof StreamError)) return undefined;
  const { code, status, retryAfter = Infinity } = error;
  if (code === 'connection_lost') return Math.min(usual, MOST) * (0.5 + Math.random() / 2);
  const ms = (retryAfter + Math.random() / 4) * 1000;
  return status && ms <= MOST && !code.startsWith('provider_') ? ms : undefined;
}

/**
 * @param {number} ms
 * @param {AbortSignal} signal ends it early
 * @returns {Promise<void>}
 */
export function wait(ms, signal) {
  return new Promise(resolve => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener('abort', () => resolve(clearTimeout(timer)));
  });
}

/** The calls of one stream: to begin it, to come back to it, to be rid of it. */

/**
 * @typedef {object} Options
 * @property {AbortSignal} [signal] stops reading, and the stream with it
 * @property {HeadersInit} [headers] such as `Authorization`
 * @property {RequestCredentials} [credentials]
 * @property {'delta' | 'snapshot' | 'items'} [view] `delta` by default
 * @property {number} [intervalMs] at least between two messages
 * @property {string} [model] one of those that the service offers
 * @property {string} [idempotencyKey] names the request, so that it is paid for once; default:
 *   a random one
 * @property {boolean} [keep] whether the stream may go on when its reader stops; default: only
 *   one that this reader has not begun
 * @property {number} [retries] times to come back in a row, with nothing new in between (5)
 * @property {number} [retryMs] before the first of them; default: what the server says
 * @property {number} [silenceMs] after which a connection counts as lost (45000); the server
 *   is never silent for more than 15 seconds
 * @property {(event: import('./events.js').ServerEvent) => void} [onEvent] sees all events, heartbeats (`ping`) too
 * @property {typeof fetch} [fetch]
 */

export class Call {
  /**
   * The stream's own URL, once it is known.
   *
   * @type {URL | undefined}
   */
  url;

  #endpoint;
  #options;
  /** @type {RequestInit | undefined} */
  #begin;

  /**
   * @param {string | URL} endpoint
   * @param {object | null} [params] nothing to attach to a stream, whose URL is the endpoint
   * @param {Options} [options]
   * @throws {TypeError} for what is no URL, no JSON, or no header
   */
  constructor(endpoint, params, options = {}) {
    this.#endpoint = new URL(endpoint, globalThis.document?.baseURI ?? globalThis.location?.href);
    this.#options = options;
    const { searchParams } = this.#endpoint;
    const { view = searchParams.get('view') ?? 'delta', intervalMs, model } = options;
    for (const [name, value] of Object.entries({ view, interval_ms: intervalMs, model })) {
      if (value !== undefined) searchParams.set(name, `${value}`);
    }
    const { idempotencyKey = crypto.getRandomValues(new Uint32Array(4)).join('-') } = options;
    const headers = this.#headers({
      'Content-Type': 'application/json',
      'Idempotency-Key': idempotencyKey,
    });
    if (params) {
      searchParams.set('resumable', 'true');
      this.#begin = { method: 'POST', headers, body: JSON.stringify(params) };
    } else {
      this.url = this.#endpoint;
    }
  }

  /**
   * Begin the stream, or, where it is known, read on. (Begun twice with the same key, it is
   * one stream, and is paid for once.)
   *
   * @param {string} after the id of the last event that was read
   * @param {AbortSignal} signal
   */
  async open(after, signal) {
    if (this.url) {
      const headers = this.#headers(after ? { 'Last-Event-ID': after } : {});
      return this.#fetch(this.url, { headers, signal });
    }
    const response = await this.#fetch(this.#endpoint, { ...this.#begin, signal });
    this.found(/\/streams\/([^/]+)$/.exec(response.headers.get('Location') ?? '')?.[1]);
    return response;
  }

  /**
   * Learn the stream's id. It is read on beside the endpoint, where a proxy that changes paths
   * leads to the same service, whatever path the service knows itself by.
   *
   * @param {string} [id]
   */
  found(id) {
    if (this.url || !id) return;
    this.url = new URL(`streams/${id}`, this.#endpoint);
    this.url.search = this.#endpoint.search;
  }

  /** Cancel the stream: the service stops paying for it. Goes out even if the page is left. */
  forget() {
    if (!this.url) return;
    const init = { method: 'DELETE', headers: this.#headers(), keepalive: true };
    this.#fetch(this.url, init).catch(() => {}); // the grace period will end it then
  }

  /** @param {Record<string, string>} [more] */
  #headers(more) {
    const headers = new Headers(this.#options.headers);
    const ours = { Accept: 'text/event-stream', ...more };
    for (const [name, value] of Object.entries(ours)) headers.set(name, value);
    return headers;
  }

  /**
   * @param {URL} url
   * @param {RequestInit} init
   */
  async #fetch(url, init) {
    const { fetch = globalThis.fetch, credentials } = this.#options;
    return fetch(url, { ...init, credentials });
  }
}

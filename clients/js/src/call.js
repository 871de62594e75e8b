/** The calls of one stream: begin it, reconnect to it, cancel it. */

import { unanswered } from './unanswered.js';

/**
 * @typedef {object} Options
 * @property {AbortSignal} [signal] stops reading, and cancels the stream
 * @property {HeadersInit} [headers] such as `Authorization`
 * @property {RequestCredentials} [credentials]
 * @property {'delta' | 'snapshot' | 'items'} [view] `delta` by default
 * @property {number} [intervalMs] the least time between two messages
 * @property {boolean} [reasoning] whether the state tells what the model reasons
 * @property {string} [model] one of the models that the service offers
 * @property {string} [idempotencyKey] identifies the request: two requests with the same key read
 *   one stream, which is paid for once; default: a random key
 * @property {boolean} [keep] whether the stream may go on when its reader stops; default: true if
 *   this reader has not begun it
 * @property {number} [retries] how often to reconnect in a row without receiving anything new (5)
 * @property {number} [retryMs] the pause before the first time; default: what the server says
 * @property {number} [silenceMs] a connection that is silent for this time counts as lost (45000);
 *   the server sends something at least every 15 seconds
 * @property {(event: import('./events.js').ServerEvent) => void} [onEvent] is called with each event, also with heartbeats (`ping`)
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
  #isForgotten = false;
  /** @type {RequestInit | undefined} */
  #begin;

  /**
   * @param {string | URL} endpoint
   * @param {object | null} [params] without params, the endpoint is the URL of an existing stream
   * @param {Options} [options]
   * @throws {TypeError} if the URL, the JSON or a header is invalid
   */
  constructor(endpoint, params, options = {}) {
    this.#endpoint = new URL(endpoint, globalThis.document?.baseURI ?? globalThis.location?.href);
    this.#options = options;
    const { searchParams } = this.#endpoint;
    const { view = searchParams.get('view') ?? 'delta', intervalMs, model, reasoning } = options;
    const query = { view, interval_ms: intervalMs, model, reasoning };
    for (const [name, value] of Object.entries(query)) {
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
   * Begin the stream or, if its URL is known, continue it. (Two beginnings with the same key are
   * one stream, which is paid for once.)
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
   * Learn the stream's id. The stream's URL is made relative to the endpoint, so it is right even
   * behind a proxy that changes paths.
   *
   * @param {string} [id]
   */
  found(id) {
    if (this.url || !id) return;
    this.url = new URL(`streams/${id}`, this.#endpoint);
    this.url.search = this.#endpoint.search;
  }

  /**
   * Cancel the stream, so that nothing more is paid for, even if the page is being left.
   *
   * A `POST` without headers of its own needs no preflight, for which a page that is left has no
   * time. It is surer than `sendBeacon`: pages with the referrer policy `no-referrer` have no
   * origin there, and would be refused.
   */
  forget() {
    if (!this.url || this.#isForgotten) return;
    this.#isForgotten = true;
    const { fetch = globalThis.fetch, headers, credentials } = this.#options;
    const url = new URL(this.url);
    url.pathname += '/cancel';
    const init = { method: 'POST', headers, credentials, keepalive: true };
    fetch(url, init).catch(() => {}); // then the grace period ends the stream
  }

  /**
   * The error of a first call that nothing has answered, or undefined if the service answers now.
   *
   * @param {unknown} cause
   */
  unanswered(cause) {
    return unanswered(this.#endpoint, (url, init) => this.#fetch(url, init), cause);
  }

  /** @param {Record<string, string>} [more] */
  #headers(more) {
    const headers = new Headers(this.#options.headers);
    const ours = { Accept: 'text/event-stream', ...more };
    for (const [name, value] of Object.entries(ours)) headers.set(name, value);
    return headers;
  }

  /**
   * @param {URL | RequestInfo} url
   * @param {RequestInit} [init]
   */
  async #fetch(url, init) {
    const { fetch = globalThis.fetch, credentials } = this.#options;
    return fetch(url, { ...init, credentials });
  }
}

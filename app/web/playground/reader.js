// One more reader of a stream, in another view. It costs bytes but no tokens: the model's answer is
// one log, which any number of readers can follow.

import { Messages, isPlain } from './messages.js';
import { address } from './service.js';

export class Reader {
  #abort = new AbortController();

  /**
   * @param {string} id the stream's id
   * @param {string} view
   * @param {{interval: string, reasoning: boolean, headers: Record<string, string>,
   *   opened(request: any, response: Response): void,
   *   received(bytes: number, messages: string[]): void}} options
   */
  constructor(id, view, options) {
    this.view = view;
    this.over = this.#read(id, options).catch(() => {}); // the bytes that were read still count
  }

  close() {
    this.#abort.abort();
  }

  async #read(id, { interval, reasoning, headers, opened, received }) {
    const query = new URLSearchParams({ view: this.view, interval_ms: interval });
    if (reasoning) query.set('reasoning', 'true');
    const url = address(`streams/${id}?${query}`);
    const response = await fetch(url, { headers, signal: this.#abort.signal });
    opened({ method: 'GET', url }, response);
    if (!response.ok) return;
    const messages = new Messages(isPlain(response));
    const reader = response.body.getReader();
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      received(next.value.byteLength, messages.feed(next.value));
    }
  }
}

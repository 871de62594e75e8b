// A `fetch` that passes what it receives to a listener, and whose connections can be cut.

export class Tap {
  #connections = new Set();
  #listener;

  /**
   * @param {{opened(request: {method: string, url: string, after?: string}, response: Response): void,
   *   refused(text: string): void, received(bytes: Uint8Array): void, lost(): void, cancelled(milliseconds: number): void}} listener
   */
  constructor(listener) {
    this.#listener = listener;
  }

  /** The `fetch` to give to a client. */
  fetch = async (url, init = {}) => {
    const method = init.method ?? 'GET';
    if (isCancel(method, String(url))) return this.#cancel(url, init);
    const cut = new AbortController();
    const signal = AbortSignal.any([cut.signal, ...(init.signal ? [init.signal] : [])]);
    const response = await fetch(url, { ...init, signal });
    const after = new Headers(init.headers).get('Last-Event-ID');
    this.#listener.opened({ method, url: String(url), after }, response);
    if (!response.ok) return this.#refused(response);
    return response.body === null ? response : this.#listened(response, cut, signal);
  };

  /** Break all open connections, as a network failure would. */
  cut() {
    for (const cut of this.#connections) cut.abort(new TypeError('The connection was cut.'));
  }

  async #refused(response) {
    const text = await response.text();
    this.#listener.refused(text);
    return new Response(text, { status: response.status, headers: response.headers });
  }

  async #cancel(url, init) {
    const began = performance.now();
    const response = await fetch(url, init);
    if (response.ok) this.#listener.cancelled(performance.now() - began);
    return response;
  }

  #listened(response, cut, signal) {
    const reader = response.body.getReader();
    this.#connections.add(cut);
    const body = new ReadableStream({
      pull: async controller => {
        try {
          const { done, value } = await reader.read();
          if (done) {
            this.#connections.delete(cut);
            controller.close();
            return;
          }
          this.#listener.received(value);
          controller.enqueue(value);
        } catch {
          this.#connections.delete(cut);
          if (cut.signal.aborted) this.#listener.lost();
          controller.error(signal.reason ?? new TypeError('network error'));
        }
      },
      cancel: reason => {
        this.#connections.delete(cut);
        return reader.cancel(reason);
      },
    });
    return new Response(body, { status: response.status, headers: response.headers });
  }
}

/** Whether a call stops a stream: there are two for it. Either may have a query. */
function isCancel(method, url) {
  return method === 'DELETE' || (method === 'POST' && /\/streams\/[^/]+\/cancel(\?|$)/.test(url));
}

// Runs one stream: begins it, reads it (also in other views), cuts its connection and stops it.

import { stream } from '../client/index.js';
import { Messages, isPlain } from './messages.js';
import { Reader } from './reader.js';
import { address } from './service.js';
import { Tap } from './tap.js';

/** The views that the client reads; the others are for other front ends. */
export const NATIVE = ['snapshot', 'delta', 'items'];

const LATE = 5000; // milliseconds

export class Run {
  #abort = new AbortController();
  #messages = new Messages();
  #readers = [];
  #request;
  #record;
  #changed;
  #tap;

  /**
   * @param {{schema: string, parameters: object, model: string, view: string, interval: string, reasoning: boolean,
   *   compared: string[], headers: Record<string, string>}} request
   * @param {import("./record.js").Record} record
   * @param {() => void} changed called whenever the record has changed
   */
  constructor(request, record, changed) {
    this.#request = request;
    this.#record = record;
    this.#changed = changed;
    this.#tap = new Tap({
      opened: (call, response) => this.#opened(call, response),
      received: bytes => this.#received(this.drawn, bytes.byteLength, this.#messages.feed(bytes)),
      refused: text => record.refused(text),
      lost: () => this.#lost(),
      cancelled: milliseconds => {
        record.stopped = milliseconds;
        changed();
      },
    });
  }

  /** The view that the page draws from. */
  get drawn() {
    return NATIVE.includes(this.#request.view) ? this.#request.view : 'delta';
  }

  /** Run until the stream ends. The record says how it ended. */
  async start() {
    const { schema, parameters, model, interval, reasoning, headers } = this.#request;
    const running = stream(address(schema), parameters, {
      model,
      headers,
      view: this.drawn,
      intervalMs: Number(interval),
      reasoning: reasoning || undefined,
      signal: this.#abort.signal,
      fetch: this.#tap.fetch,
      onEvent: ({ event, data }) => this.#record.heard(event, data),
    });
    let failure = null;
    try {
      for await (const state of running) this.#update(state);
      await running.final;
    } catch (error) {
      failure = error;
    }
    const isStopped = this.#abort.signal.aborted;
    this.#record.stopClock();
    if (!isStopped) await this.#readersAreOver();
    for (const reader of this.#readers) reader.close();
    this.#record.end(
      isStopped ? 'stopped' : failure ? 'failed' : 'done',
      isStopped ? null : failure,
    );
    this.#changed();
  }

  /** Cancel it: the service closes the model's connection. */
  stop() {
    this.#abort.abort();
  }

  /** Cut the connection that the page draws from. The client reconnects by itself. */
  cut() {
    this.#tap.cut();
  }

  /** Wait until the other readers have reached the end, but not for long. */
  #readersAreOver() {
    const late = new Promise(resolve => {
      setTimeout(resolve, LATE);
    });
    return Promise.race([Promise.all(this.#readers.map(reader => reader.over)), late]);
  }

  #update(state) {
    this.#record.update(state);
    this.#changed();
  }

  #opened(call, response) {
    this.#record.opened(call, response.status);
    this.#messages = new Messages();
    const id = /\/streams\/([^/]+)$/.exec(response.headers.get('Location') ?? '')?.[1];
    if (id && !this.#record.id) this.#begun(id);
    this.#record.servedBy = response.headers.get('X-Served-By') ?? this.#record.servedBy;
    this.#changed();
  }

  #lost() {
    this.#record.lost();
    this.#changed();
  }

  #begun(id) {
    this.#record.id = id;
    const { compared, view, interval, reasoning, headers } = this.#request;
    const views = new Set([view, ...compared]);
    views.delete(this.drawn);
    this.#readers = [...views].map(
      other =>
        new Reader(id, other, {
          interval,
          reasoning,
          headers,
          opened: (call, response) => {
            const seen = this.#record.seen(other);
            seen.status = response.status;
            seen.isPlain = isPlain(response);
            if (other === view) this.#record.called(call, response.status);
          },
          received: (bytes, messages) => this.#received(other, bytes, messages),
        }),
    );
  }

  #received(view, bytes, messages) {
    this.#record.received(view, bytes, messages);
    this.#changed();
  }
}

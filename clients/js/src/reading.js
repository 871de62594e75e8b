/** Reads one stream to its end, over one connection after the other. */

import { connect } from './connection.js';
import { StreamError, failed, isLost, lost, unexpected } from './error.js';
import { Latest } from './latest.js';
import { pause, wait } from './pause.js';
import { UNKNOWN, reduce, shown } from './state.js';
import { SOON } from './unanswered.js';

/**
 * Milliseconds in which the request that begins a stream may be sent again if it got no answer.
 * The service remembers its key for longer than that, so it does not begin a second stream.
 */
const BEGINNING = 60_000;

export class Reading {
  /** @type {Promise<any>} */
  final;

  #call;
  #options;
  #keep;
  #latest = new Latest(UNKNOWN);
  #over = new AbortController(); // aborted when nobody waits for this stream any more
  #line = new AbortController(); // of the current connection
  #isAnswered = false; // whether the service has answered at all
  #hasEnded = false; // whether `done` or `error` has come
  #lastId = '';
  #retryMs = 1000;
  /** @type {(reason: unknown) => void} */
  #reject = () => {};

  /**
   * @param {import('./call.js').Call} call
   * @param {import('./call.js').Options} options
   * @param {boolean} keep
   */
  constructor(call, options, keep) {
    this.#call = call;
    this.#options = options;
    this.#keep = options.keep ?? keep;
    this.final = new Promise((resolve, reject) => {
      this.#reject = reject;
      if (options.signal?.aborted) return;
      this.#run()
        .then(resolve, reject)
        .finally(() => this.#end());
    });
    this.final.catch(() => {}); // the user gets the error from `final` or from the loop
    this.#stopWith(options.signal);
  }

  get url() {
    return this.#call.url?.href;
  }

  async *[Symbol.asyncIterator]() {
    try {
      for await (const state of this.#latest.read()) {
        if (this.#isOver && !this.#hasEnded) break;
        yield shown(state);
      }
      await this.final;
    } finally {
      this.#stop();
    }
  }

  get #isOver() {
    return this.#over.signal.aborted;
  }

  /** @param {AbortSignal} [signal] */
  #stopWith(signal) {
    const stop = () => this.#stop(signal?.reason);
    const until = { signal: this.#over.signal };
    signal?.addEventListener('abort', stop, until);
    const hide = () => {
      if (!this.#keep) this.#call.forget(); // first: a tab that is closed may have no time for more
      stop();
    };
    globalThis.addEventListener?.('pagehide', hide, until);
    if (signal?.aborted) stop();
  }

  /** @param {unknown} [reason] */
  #stop(reason = new DOMException('The stream was stopped.', 'AbortError')) {
    if (this.#isOver) return;
    this.#reject(reason);
    this.#end();
    this.#leave();
  }

  #end() {
    this.#over.abort();
    this.#latest.end();
  }

  /** Cancel the stream and close the connection, as soon as the stream's URL is known. */
  #leave() {
    if (!this.#keep) {
      if (!this.#call.url) return;
      this.#call.forget();
    }
    this.#line.abort();
  }

  /** @returns {Promise<any>} the final value */
  async #run() {
    const began = Date.now();
    for (let failures = 0; ;) {
      const before = this.#latest.value;
      try {
        return await this.#read();
      } catch (error) {
        failures = this.#latest.value === before ? failures + 1 : 1;
        const ms = this.#pause(error, failures);
        await this.#requireAnswer(error, Date.now() - began + (ms ?? SOON));
        if (ms === undefined) throw this.#abandon(error);
        await wait(ms, this.#over.signal); // this may take hours if the machine sleeps
        const mayCall = this.#call.url || Date.now() - began < BEGINNING;
        if (this.#isOver || !mayCall) throw error;
      }
    }
  }

  /**
   * @param {unknown} error
   * @param {number} failures in a row
   */
  #pause(error, failures) {
    const { retries = 5, retryMs = this.#retryMs } = this.#options;
    if (this.#isOver || failures > retries) return undefined;
    return pause(error, retryMs * 2 ** (failures - 1));
  }

  /**
   * Throw if nobody has answered, and nobody will. The user has to know it soon.
   *
   * @param {unknown} cause of the last failure
   * @param {number} ms how long the next call would be after the first one
   */
  async #requireAnswer(cause, ms) {
    if (this.#isAnswered || this.#isOver || ms < SOON || !isLost(cause)) return;
    const error = await this.#call.unanswered(cause);
    if (error) throw error;
    this.#isAnswered = true;
  }

  /**
   * Stop reading, and cancel the stream if it may still run.
   *
   * @param {unknown} cause
   */
  #abandon(cause) {
    const error = cause instanceof StreamError ? cause : unexpected({ cause });
    const mayRun = !this.#isOver && !this.#hasEnded && !error.status;
    if (mayRun && !this.#keep) this.#call.forget();
    return error;
  }

  /** One connection. Returns the final value. */
  async #read() {
    this.#line = new AbortController();
    const reads = connect(signal => this.#call.open(this.#lastId, signal), {
      line: this.#line,
      silenceMs: this.#options.silenceMs ?? 45_000,
      onOpen: () => this.#isOver && this.#leave(),
      onRetry: ms => (this.#retryMs = ms),
    });
    for await (const events of reads) {
      // Nothing waits in between, so that a reader never sees the empty state of a restart if the
      // elements that were kept came with it.
      for (const event of events) {
        this.#options.onEvent?.(event);
        this.#take(event);
        if (this.#hasEnded) return this.#latest.value.value;
      }
    }
    throw lost();
  }

  /** @param {import('./events.js').ServerEvent} event */
  #take({ event, data, id }) {
    const found = JSON.parse(data);
    this.#isAnswered = true;
    this.#lastId = id || this.#lastId;
    if (event === 'start') {
      this.#call.found(found.stream);
      if (this.#isOver) this.#leave();
    }
    this.#hasEnded = event === 'done' || event === 'error';
    if (event === 'error') throw failed(found);
    const state = reduce(this.#latest.value, event, found);
    if (state !== this.#latest.value && !this.#isOver) this.#latest.set(state);
  }
}

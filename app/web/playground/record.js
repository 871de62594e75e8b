// What was received of one stream. The page draws only from this record.

import { eventOf } from './messages.js';
import { laneSizes, size } from './content.js';
import { History } from './history.js';
import { Moments } from './moments.js';
import { lanes, resolve } from './shape.js';

const HEARTBEATS = ['ping', 'comment']; // in the native views, and in those for other front ends
const KEPT = 200; // the number of raw messages that are kept
const SHOWN = 3000; // the number of characters that are kept of each

export class Record {
  state = { value: undefined, open: null, attempt: 1, isComplete: () => false };
  phase = 'waiting';
  error = null;
  id = null;
  firstContent = null;
  reasonedFrom = null; // when the first reasoning of the attempt has come
  isOver = false;
  usage = null;
  restart = null;
  wire = [];
  messages = 0;
  connections = 0; // how many connections the page has drawn from
  views = new Map();
  history = new History();
  moments = new Moments();
  attempts = []; // what was there of each attempt that has failed: `{attempt, code, state}`
  servedBy = null; // the process that has answered, if the service says so
  stopped = null; // milliseconds until the service had stopped the model, once it says so
  #drawn = 0; // the number of the last message that the state has
  #began = performance.now();
  #stopped = null;

  /** @param {{view: string, expected: number|null, lanes: string[]}} about view: that of the raw messages */
  constructor({ view, expected, lanes }) {
    this.view = view;
    this.expected = expected;
    this.lanes = lanes;
  }

  /** The record of a request that is about to be made. @param {any} schema @param {any} request */
  static of({ result }, { view, parameters }) {
    const isList = Boolean(resolve(result, result).items);
    const expected = isList ? (parameters.count ?? null) : null;
    return new Record({ view, lanes: lanes(result).names, expected });
  }

  /** The attempt that is under way. */
  get attempt() {
    return this.restart?.attempt ?? 1;
  }

  /** Seconds since it began. */
  get now() {
    return (performance.now() - this.#began) / 1000;
  }

  get elapsed() {
    return this.#stopped ?? this.now;
  }

  /** The client has a new state. */
  update(state) {
    const { now } = this;
    this.moments.add(now, state, this.state, this.#since());
    this.state = state;
    if (this.firstContent === null && size(state.value) > 0) this.firstContent = now;
    this.reasonedFrom = state.reasoning ? (this.reasonedFrom ?? now) : null;
    this.phase = this.#going;
    this.history.add(now, laneSizes(state.value, this.lanes));
  }

  /** What the model does, as far as is known. */
  get #going() {
    if (this.state.value !== undefined) return 'writing';
    return this.state.reasoning ? 'reasoning' : 'waiting';
  }

  /** Note an event that says more than the value: the usage, or a restart. */
  heard(event, data) {
    if (event === 'usage') this.usage = JSON.parse(data);
    if (event !== 'restart') return;
    const { attempt, state } = this;
    this.restart = JSON.parse(data);
    this.attempts.push({ attempt, code: this.restart.code, state });
    this.history.mark(this.now, 'restart', `attempt ${this.restart.attempt}`);
    this.history.add(
      this.now,
      this.lanes.map(() => 0),
    );
  }

  /** A connection that the page draws from has a response. */
  opened(call, status) {
    this.connections += 1;
    this.called(call, status);
    if (!call.after) return;
    this.history.mark(this.now, 'back', 'back');
    this.phase = this.#going;
  }

  /** A call has a response: add a line to the raw messages. */
  called({ method, url, after }, status) {
    const { pathname, search } = new URL(url, document.baseURI);
    const since = after ? `, after ${after}` : '';
    this.note(`${method} ${pathname}${search}${since}: ${status}`);
  }

  /** A call was refused with this body: a problem. */
  refused(text) {
    this.#keep({ at: this.now, event: 'problem', text: shortened(text) });
  }

  lost() {
    this.note('The connection is cut.');
    this.history.mark(this.now, 'cut', 'cut');
    this.phase = 'lost';
  }

  /** Bytes of a view have come, and have completed these messages. */
  received(view, bytes, messages) {
    const seen = this.seen(view);
    seen.bytes += bytes;
    for (const message of messages) this.#message(view, seen, message);
  }

  /** What has come of a view so far. */
  seen(view) {
    if (!this.views.has(view)) {
      this.views.set(view, { bytes: 0, messages: 0, status: 200, isPlain: false });
    }
    return this.views.get(view);
  }

  note(text) {
    this.#keep({ at: this.now, note: text });
  }

  /** The answer is complete. Bytes that other readers still get are not counted. */
  stopClock() {
    this.#stopped ??= this.now;
  }

  end(phase, error = null) {
    this.phase = phase;
    this.error = error;
    this.isOver = true;
    this.moments.end();
    this.stopClock();
  }

  /** The messages that have come since the last state. */
  #since() {
    const fresh = this.wire.filter(({ number, event }) => number > this.#drawn && event);
    this.#drawn = this.messages;
    return fresh;
  }

  #message(view, seen, message) {
    const event = seen.isPlain ? 'text' : eventOf(message);
    if (!HEARTBEATS.includes(event)) seen.messages += 1;
    if (view !== this.view) return;
    this.#keep({ at: this.now, event, text: shortened(message) });
  }

  #keep(entry) {
    this.messages += 1;
    this.wire.push({ ...entry, number: this.messages });
    if (this.wire.length > KEPT) this.wire.shift();
  }
}

function shortened(text) {
  const more = text.length - SHOWN;
  return more > 0 ? `${text.slice(0, SHOWN)}… and ${more} more characters` : text;
}

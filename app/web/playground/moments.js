// The moments of a stream: what was known when, and which messages have written which field.

import { changes } from './changes.js';

const MOST = 1200;
const OTHERS = ['start', 'reasoning', 'restart', 'usage', 'ping', 'comment']; // they write no value

export class Moments {
  /** @type {{at: number, number: number, state: any}[]} what can be played again */
  all = [];
  /** @type {Map<string, {path: (string|number)[], from: number, to: number, numbers: number[]}>} */
  writes = new Map();
  #waiting = []; // messages whose writing is not seen yet
  #last = null;
  #every = 1;
  #skipped = 0;

  /**
   * The state has changed.
   * @param {number} at seconds
   * @param {{number: number, event: string, text: string}[]} messages those since the last state
   */
  add(at, state, before, messages) {
    if (state.attempt !== before.attempt) this.writes.clear();
    this.#waiting.push(...messages.filter(({ event }) => !OTHERS.includes(event)));
    const paths = changes(before.value, state.value);
    const last = Math.max(0, ...paths.flatMap(path => this.#write(path, at)));
    // Bytes may have come that the state does not have yet: their messages wait for it.
    this.#waiting = this.#waiting.filter(({ number }) => number > last);
    this.#last = { at, number: last || (this.#last?.number ?? 0), state };
    if (++this.#skipped < this.#every) return;
    this.#skipped = 0;
    this.all.push(this.#last);
    if (this.all.length < MOST) return;
    this.all = this.all.filter((_, index) => index % 2 === 0);
    this.#every *= 2;
  }

  /** The stream is over: its last moment is one of them. */
  end() {
    if (this.#last && this.all.at(-1) !== this.#last) this.all.push(this.#last);
  }

  /** What has written the fields in which a message has a part. @param {number} number */
  by(number) {
    return [...this.writes.values()].filter(({ numbers }) => numbers.includes(number));
  }

  /** Note what has written at a path. @returns {number[]} the numbers of the messages */
  #write(path, at) {
    const numbers = this.#waiting
      .filter(message => mayWrite(message, path))
      .map(({ number }) => number);
    const key = JSON.stringify(path);
    const known = this.writes.get(key) ?? { path, from: at, to: at, numbers: [] };
    known.to = at;
    known.numbers.push(...numbers);
    this.writes.set(key, known);
    return numbers;
  }
}

/** Whether a message may have written at a path. Only patches say where they write. */
function mayWrite({ event, text }, path) {
  if (event !== 'patch') return true;
  const pointer = path.map(part => `/${String(part)}`).join('');
  const written = [...text.matchAll(/"path":"([^"]*)"/g)].map(([, found]) => found);
  return written.some(found => pointer === found || pointer.startsWith(`${found}/`));
}

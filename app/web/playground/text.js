// A place for text or any other scalar, and the grey lines that stand for what is not known yet.

import { element } from './element.js';
import { longest } from './shape.js';

/** How many lines to reserve for a text. */
export function linesOf(schema, { perLine, depth }) {
  const most = depth > 2 ? 2 : 5;
  return Math.max(1, Math.min(Math.ceil(longest(schema) / perLine), most));
}

/** A string as it grows, or any scalar. */
export class Text {
  #ink = document.createTextNode('');
  #bones;
  #value;
  #isFinal = false;
  #format;

  /**
   * @param {number} lines @param {string} tag @param {((value: any) => string|Node)|null} write
   * @param {string|null} kind what is held back until it is complete; null: it is shown while it grows
   */
  constructor(lines = 1, tag = 'p', write = null, kind = null) {
    this.#format = write;
    this.#bones = kind ? held(kind) : bones(lines);
    this.element = element(tag, { class: 'text' });
    this.#empty();
    this.element.style.setProperty('--lines', String(lines));
  }

  show(value) {
    const known = value ?? undefined;
    if (known === this.#value) return;
    const was = this.#value;
    this.#value = known;
    if (known === undefined) this.#empty();
    else if (this.#format) this.#swap(this.#format(known));
    else if (was === undefined) this.#swap(this.#ink);
    this.#write(words(known));
  }

  settle(isFinal) {
    if (isFinal === this.#isFinal) return;
    this.#isFinal = isFinal;
    if (this.#value === undefined) this.#empty();
  }

  at() {
    return this.element;
  }

  #empty() {
    this.#swap(this.#isFinal ? '–' : this.#bones);
  }

  #swap(content) {
    const isUnknown = content === this.#bones;
    this.element.classList.toggle('unknown', isUnknown);
    this.element.ariaHidden = isUnknown ? 'true' : null; // a screen reader skips an empty heading
    this.element.replaceChildren(content);
  }

  #write(text) {
    const old = this.#ink.data;
    if (text.startsWith(old)) this.#ink.appendData(text.slice(old.length));
    else this.#ink.data = text;
  }
}

function words(value) {
  if (value === undefined) return '';
  if (typeof value === 'boolean') return value ? 'Yes' : 'No';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** A word for what is held back until it is complete: "number". */
function held(kind) {
  const word = kind.replace(/^an? /, '');
  return element(
    'span',
    { class: 'bones', 'aria-hidden': 'true' },
    element('span', { class: 'held' }, word),
  );
}

/** Grey lines that stand for a text that is not known yet. */
export function bones(lines) {
  const made = Array.from({ length: lines }, () => element('span', { class: 'bone' }));
  return element('span', { class: 'bones', 'aria-hidden': 'true' }, ...made);
}

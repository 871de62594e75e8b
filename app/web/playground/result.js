// The answer: cards for a list, a document for an object, and a cursor at the place being written.

import { element } from './element.js';
import { List } from './list.js';
import { place } from './place.js';
import { resolve } from './shape.js';
import { Table } from './table.js';

export class Result {
  #holder;
  #place = null;
  #open = null;

  /** @param {HTMLElement} holder */
  constructor(holder) {
    this.#holder = holder;
  }

  /** Begin with an empty value. @param {number|null} expected the number of a list's elements */
  reset(schema, expected) {
    const { result } = schema;
    const { type } = resolve(result, result);
    this.#place = place(result, result, {
      depth: 0,
      level: 3,
      perLine: type === 'array' ? 34 : 66,
    });
    this.#open = null;
    this.expect(expected);
    const kind = this.isList ? 'of-cards' : 'of-fields';
    this.#holder.replaceChildren(element('div', { class: kind }, this.#place.element));
    this.#holder.style.removeProperty('min-height');
  }

  /** Whether the answer is a list: of cards, or of rows. */
  get isList() {
    return this.#place instanceof List || this.#place instanceof Table;
  }

  /** The element that is being written; null where none is. */
  get open() {
    return this.#open;
  }

  /** The element of the place at a path. @param {(string|number)[]} path */
  at(path) {
    return this.#place.at(path);
  }

  /** Reserve places for this many elements. */
  expect(count) {
    if (this.isList && count) this.#place.keep(count);
  }

  /** @param {{state: any, isOver: boolean, phase: string}} shown a record, or a moment of one */
  show({ state, isOver, phase }) {
    this.#holder.setAttribute('aria-busy', String(!isOver));
    this.#holder.dataset.phase = phase;
    // After a restart, the page must not collapse to the height of an empty answer.
    if (!isOver) this.#holder.style.minHeight = `${this.#holder.offsetHeight}px`;
    this.#place.show(state.value);
    if (this.isList) {
      if (phase === 'done') this.#place.keep(state.value.length);
      this.#place.mark(index => progress(state, index, isOver));
    } else {
      this.#place.settle(phase === 'done');
    }
    this.#point(isOver ? null : state.open);
    if (isOver) this.#holder.style.removeProperty('min-height');
  }

  /** Put the cursor at a path; null is nowhere. */
  #point(path) {
    const open = path && this.#place.at(path);
    if (open === this.#open) return;
    this.#open?.classList.remove('open');
    open?.classList.add('open');
    this.#open = open;
  }
}

function progress(state, index, isOver) {
  if (state.isComplete(`/${index}`)) return 'complete';
  if (isOver) return 'missing';
  return state.value?.[index] === undefined ? 'awaited' : 'open';
}

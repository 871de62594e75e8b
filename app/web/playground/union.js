// The place of a union.

import { element } from './element.js';
import { choose } from './shape.js';
import { bones } from './text.js';

/** One of several objects. Which one it is shows when the value comes. */
export class Union {
  #root;
  #choices;
  #context;
  #inner = null;
  #waiting = bones(2);

  constructor(root, { choices }, context) {
    this.#root = root;
    this.#choices = choices;
    this.#context = context;
    this.element = element('div', { class: 'union unknown' }, this.#waiting);
  }

  show(value) {
    const known = value !== null && typeof value === 'object';
    if (known && !this.#inner) {
      const schema = choose(this.#root, this.#choices, value);
      this.#inner = this.#context.place(this.#root, schema, this.#context);
      this.element.replaceChildren(this.#inner.element);
    } else if (!known && this.#inner) {
      this.#inner = null;
      this.element.replaceChildren(this.#waiting);
    }
    this.element.classList.toggle('unknown', !known);
    this.#inner?.show(value);
  }

  settle(isFinal) {
    this.#inner?.settle(isFinal);
    this.#waiting.hidden = isFinal;
  }

  at(path) {
    return this.#inner?.at(path) ?? this.element;
  }
}

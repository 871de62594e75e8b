// The places of a list.

import { element } from './element.js';
import { resolve } from './shape.js';

/** The elements of a list, by their index. Places may be reserved before the elements come. */
export class List {
  #make;
  #places = [];
  #kept;
  #value;

  constructor(root, schema, context) {
    const { depth } = context;
    const items = resolve(root, schema.items);
    this.isOfObjects = Boolean(items.properties || items.choices);
    this.element = element(this.isOfObjects ? 'ol' : 'ul', {
      class: this.isOfObjects ? (depth ? 'sections' : 'cards') : 'lines',
    });
    const perLine = this.isOfObjects ? context.perLine : Infinity;
    this.#make = () => context.place(root, items, { ...context, perLine, depth: depth + 1 });
    this.#kept = this.isOfObjects ? 1 : 3;
    this.keep(this.#kept);
  }

  /** Reserve at least this many places. */
  keep(count) {
    this.#kept = count;
    this.#resize(Math.max(count, this.#value?.length ?? 0));
  }

  show(value) {
    const known = Array.isArray(value) ? value : undefined;
    if (known === this.#value) return;
    this.#value = known;
    this.#resize(Math.max(this.#kept, known?.length ?? 0));
    this.#places.forEach((inner, index) => inner.show(known?.[index]));
  }

  /** Mark each element with its progress. @param {(index: number) => string} progress */
  mark(progress) {
    this.#places.forEach((inner, index) => {
      const state = progress(index);
      const holder = inner.element.parentElement;
      if (holder.dataset.progress === state) return;
      holder.dataset.progress = state;
      inner.settle(state === 'complete');
    });
  }

  settle(isFinal) {
    const length = this.#value?.length ?? 0;
    this.element.classList.toggle('none', isFinal && this.#value !== undefined && length === 0);
    this.#places.forEach((inner, index) => {
      inner.element.parentElement.classList.toggle('void', isFinal && index >= length);
      inner.settle(isFinal && index < length);
    });
  }

  at([index, ...rest]) {
    return this.#places[index]?.at(rest) ?? this.element;
  }

  #resize(count) {
    while (this.#places.length > count) {
      this.#places.pop();
      this.element.lastElementChild.remove();
    }
    while (this.#places.length < count) {
      const inner = this.#make();
      this.#places.push(inner);
      this.element.append(element('li', {}, inner.element));
    }
  }
}

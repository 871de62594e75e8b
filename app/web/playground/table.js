// A list of flat objects as a table: a row an object, a column a field.

import { element } from './element.js';
import { label, resolve } from './shape.js';
import { Text } from './text.js';
import { kind, written } from './written.js';

export class Table {
  #columns;
  #body = element('tbody');
  #rows = [];
  #kept = 2;
  #value;

  constructor(root, schema) {
    const { properties } = resolve(root, schema.items);
    this.#columns = Object.entries(properties).map(([name, inner]) => ({
      name,
      label: label(name, inner),
      schema: resolve(root, inner),
    }));
    const heads = this.#columns.map(column => element('th', { scope: 'col' }, column.label));
    this.element = element(
      'div',
      { class: 'rows' },
      element('table', {}, element('thead', {}, element('tr', {}, ...heads)), this.#body),
    );
    this.#resize(this.#kept);
  }

  /** Reserve at least this many rows. */
  keep(count) {
    this.#kept = count;
    this.#resize(Math.max(count, this.#value?.length ?? 0));
  }

  /** Mark each row with its progress. @param {(index: number) => string} progress */
  mark(progress) {
    this.#rows.forEach((row, index) => {
      const state = progress(index);
      row.element.dataset.progress = state;
      row.settle(state === 'complete');
    });
  }

  show(value) {
    const known = Array.isArray(value) ? value : undefined;
    if (known === this.#value) return;
    this.#value = known;
    this.#resize(Math.max(this.#kept, known?.length ?? 0));
    this.#rows.forEach((row, index) => row.show(known?.[index]));
  }

  settle(isFinal) {
    const length = this.#value?.length ?? 0;
    this.element.classList.toggle('none', isFinal && this.#value !== undefined && length === 0);
    this.#rows.forEach((row, index) => {
      row.element.classList.toggle('void', isFinal && index >= length);
      row.settle(isFinal && index < length);
    });
  }

  at([index, ...rest]) {
    return this.#rows[index]?.at(rest) ?? this.element;
  }

  #resize(count) {
    while (this.#rows.length > count) this.#rows.pop().element.remove();
    while (this.#rows.length < count) {
      const row = new Row(this.#columns);
      this.#rows.push(row);
      this.#body.append(row.element);
    }
  }
}

class Row {
  #places;
  #value;

  constructor(columns) {
    this.#places = new Map(
      columns.map(({ name, schema }) => [name, new Text(1, 'td', written(schema), kind(schema))]),
    );
    this.element = element('tr', {}, ...[...this.#places.values()].map(inner => inner.element));
  }

  show(value) {
    if (value === this.#value) return;
    this.#value = value;
    for (const [name, inner] of this.#places) inner.show(value?.[name]);
  }

  settle(isFinal) {
    for (const inner of this.#places.values()) inner.settle(isFinal);
  }

  at([name]) {
    return this.#places.get(name)?.at() ?? this.element;
  }
}

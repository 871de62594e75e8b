// A place shows one value of the answer on the page. Places are made from the JSON Schema before
// there are values, and are filled in without moving. Showing the same value again does nothing.
//
// Each place has an `element`; `show(value)`, in which undefined and null mean "not known";
// `settle(isFinal)`, which says whether unknown values stay unknown; and `at(path)`, which returns
// the element of the place at a path, or of the last place on the way to it.

import { Fields } from './fields.js';
import { List } from './list.js';
import { isFlat, isProse, resolve } from './shape.js';
import { Table } from './table.js';
import { linesOf, Text } from './text.js';
import { Union } from './union.js';
import { kind, written } from './written.js';

/**
 * The place for a value of a schema.
 * @param {any} root the whole schema, in which references are looked up
 * @param {any} schema
 * @param {{depth: number, level: number, perLine: number}} about level: the level of a heading;
 *   perLine: the number of characters in a line
 */
export function place(root, schema, about) {
  const context = { ...about, place }; // places make the places inside them
  const found = resolve(root, schema);
  if (found.choices?.some(choice => resolve(root, choice).properties)) {
    return new Union(root, found, context);
  }
  if (found.type === 'array' && found.items) {
    const isTable = isFlat(root, resolve(root, found.items));
    return isTable ? new Table(root, found) : new List(root, found, context);
  }
  if (found.properties) return new Fields(root, found, context);
  if (found.type === 'object' || found.type === undefined) return new Anything();
  if (isProse(found)) return new Text(linesOf(found, context));
  return new Text(1, 'span', written(found), kind(found));
}

/** A value of which the schema says nothing. It is shown as JSON. */
class Anything {
  #text = new Text(2, 'pre');
  #value;

  get element() {
    return this.#text.element;
  }

  show(value) {
    if (value === this.#value) return;
    this.#value = value;
    this.#text.show(value === undefined || value === null ? null : JSON.stringify(value, null, 2));
  }

  settle(isFinal) {
    this.#text.settle(isFinal);
  }

  at() {
    return this.element;
  }
}

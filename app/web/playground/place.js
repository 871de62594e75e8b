// The places of a value on the page: made from its JSON Schema before there is anything in them,
// and filled where they are. A place that is shown what it shows already does nothing.
//
// Each has an `element`; `show(value)`, where undefined and null are what is not known;
// `settle(isFinal)`: whether what is not known stays so; and `at(path)`: the element of the place
// at a path, or of the last one on the way.

import { Fields } from './fields.js';
import { List } from './list.js';
import { isProse, resolve } from './shape.js';
import { linesOf, Text } from './text.js';
import { Union } from './union.js';

/**
 * The place of what a schema describes.
 * @param {any} root the whole schema, in which references point
 * @param {any} schema
 * @param {{depth: number, level: number, perLine: number}} about level: of a heading in it;
 *   perLine: characters that a line has
 */
export function place(root, schema, about) {
  const context = { ...about, place }; // places hold places
  const found = resolve(root, schema);
  if (found.choices?.some(choice => resolve(root, choice).properties)) {
    return new Union(root, found, context);
  }
  if (found.type === 'array' && found.items) return new List(root, found, context);
  if (found.properties) return new Fields(root, found, context);
  if (found.type === 'object' || found.type === undefined) return new Anything();
  return isProse(found) ? new Text(linesOf(found, context)) : new Text(1, 'span');
}

/** What no schema tells more of: as JSON. */
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

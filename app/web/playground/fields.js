// The fields of an object, in the order of its schema: a heading (its name or title), facts (short
// values), and values that need their own line.

import { element } from './element.js';
import { isProse, isScalar, label, longest, resolve } from './shape.js';
import { linesOf, Text } from './text.js';
import { kind, written } from './written.js';

const HEADING = 60; // the most characters of a heading

export class Fields {
  #places = new Map();
  #value;
  #facts = null;

  constructor(root, schema, context) {
    const { depth } = context;
    this.element = element('div', { class: `fields depth-${Math.min(depth, 3)}` });
    const fields = Object.entries(schema.properties).map(([name, inner]) => ({
      name,
      label: label(name, inner),
      schema: resolve(root, inner),
    }));
    const heading = fields.find(({ schema: inner }) => inner.const === undefined);
    const blocks = fields.filter(field => field !== heading && !isFact(field.schema));
    const isNamed = blocks.length > 1 || depth === 0;
    const hasHeading = Boolean(heading) && isHeading(heading.schema);
    const within = { ...context, depth: depth + 1, level: context.level + (hasHeading ? 1 : 0) };
    for (const field of fields) {
      if (field === heading && hasHeading) this.#heading(field, context);
      else if (isFact(field.schema)) this.#fact(field);
      else this.#block(root, field, within, isNamed);
    }
  }

  show(value) {
    if (value === this.#value) return;
    this.#value = value;
    for (const [name, inner] of this.#places) inner.show(value?.[name]);
  }

  settle(isFinal) {
    for (const inner of this.#places.values()) inner.settle(isFinal);
  }

  at([name, ...rest]) {
    return this.#places.get(name)?.at(rest) ?? this.element;
  }

  #heading({ name, schema }, context) {
    const lines = Math.min(2, linesOf(schema, { ...context, perLine: context.perLine * 0.8 }));
    const inner = new Text(lines, `h${Math.min(context.level, 6)}`);
    this.#places.set(name, inner);
    this.element.append(inner.element);
  }

  #fact({ name, schema, label: title }) {
    const inner = new Text(1, 'dd', written(schema), kind(schema));
    inner.element.classList.toggle('choice', Boolean(schema.enum || schema.const !== undefined));
    inner.element.style.setProperty('--characters', String(widest(schema)));
    this.#places.set(name, inner);
    const row = element('div', { class: 'fact' }, element('dt', {}, title));
    row.append(inner.element);
    if (this.#facts !== this.element.lastElementChild || this.#facts === null) {
      this.#facts = element('dl', { class: 'facts' });
      this.element.append(this.#facts);
    }
    this.#facts.append(row);
  }

  #block(root, { name, schema, label: words }, context, isNamed) {
    const inner = context.place(root, schema, context);
    this.#places.set(name, inner);
    const title = isNamed ? element('p', { class: 'label' }, words) : null;
    this.element.append(element('div', { class: 'block' }, title, inner.element));
  }
}

function isHeading(schema) {
  return schema.type === 'string' && !schema.enum && !schema.format && longest(schema) <= HEADING;
}

function isFact(schema) {
  return isScalar(schema) && !isProse(schema);
}

/** The number of characters to reserve, so that the next fact does not move. */
function widest(schema) {
  if (schema.type !== 'string') return 0;
  return schema.format === 'uri' ? 30 : longest(schema);
}

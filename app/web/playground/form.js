// The form of a schema's parameters, made from their JSON Schema.

import { element } from './element.js';
import { Field } from './field.js';
import { parts } from './pointer.js';
import { label, resolve } from './shape.js';

export class Form {
  #holder;
  #changed;
  #fields = [];
  #isExample = false; // whether the fields hold an example
  #examples = element('div', { class: 'examples', role: 'group', 'aria-label': 'Examples' });

  /** @param {HTMLElement} holder @param {() => void} changed called when somebody has changed a value */
  constructor(holder, changed) {
    this.#holder = holder;
    this.#changed = changed;
    holder.addEventListener('input', event => this.#edited(event.target));
  }

  /** Make the fields of a schema. Fields of the same name keep what the user has written. */
  reset({ parameters }) {
    const old = this.#isExample ? [] : this.#fields;
    const kept = new Map(old.map(field => [field.name, field.input.value]));
    const required = parameters.required ?? [];
    this.#fields = Object.entries(parameters.properties ?? {}).map(
      ([name, schema]) =>
        new Field(name, resolve(parameters, schema), required.includes(name), label(name, schema)),
    );
    for (const field of this.#fields) {
      if (kept.has(field.name) && field.schema.type !== 'boolean')
        field.input.value = kept.get(field.name);
    }
    this.#holder.replaceChildren(...this.#fields.map(field => field.element));
    this.#fields[0]?.element.append(this.#examples);
  }

  /** Offer examples; the first one fills an empty form. @param {object[]} examples */
  offer(examples) {
    this.#examples.replaceChildren(
      ...examples
        .slice(0, 3)
        .map(example =>
          element('button', { type: 'button', onclick: () => this.#fill(example) }, example.topic),
        ),
    );
    const isEmpty = this.#fields[0]?.input.value === '';
    if (isEmpty && examples.length) this.#fill(examples[0]);
  }

  /** Fill in these values, and empty the other fields. @param {object} values */
  fill(values) {
    for (const field of this.#fields) field.write(typed(values[field.name], field));
    this.#isExample = false;
    this.#changed();
  }

  /** The parameters as they are, valid or not. */
  get values() {
    const values = {};
    for (const field of this.#fields) {
      try {
        const value = field.read();
        if (value !== undefined && !Number.isNaN(value)) values[field.name] = value;
      } catch {
        /* `check` marks it */
      }
    }
    return values;
  }

  /** Whether all values are valid. Marks the invalid ones, and focuses the first. */
  check() {
    const wrong = this.#fields.filter(field => {
      field.complain(field.check());
      return !field.flaw.hidden;
    });
    wrong[0]?.input.focus();
    return wrong.length === 0;
  }

  /** Mark the fields that the service has refused. @param {{path: string, message: string}[]} errors */
  complain(errors) {
    const found = errors.map(({ path, message }) => [this.#at(path), message]);
    for (const [field, message] of found) field?.complain(message);
    found.find(([field]) => field)?.[0].input.focus();
  }

  #at(path) {
    return this.#fields.find(field => field.name === parts(path)[0]);
  }

  #fill(example) {
    for (const field of this.#fields) {
      if (field.name in example) field.write(example[field.name]);
      field.complain(null);
    }
    this.#isExample = true;
    this.#changed();
  }

  #edited(input) {
    this.#isExample = false;
    const field = this.#fields.find(each => each.input === input);
    if (field && !field.flaw.hidden) field.complain(field.check());
    this.#changed();
  }
}

/** A value of a link, which is text, for a field. */
function typed(text, { schema }) {
  if (text === undefined) return schema.default;
  return schema.type === 'boolean' ? text === 'true' : text;
}

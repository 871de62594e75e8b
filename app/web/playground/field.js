// One parameter of a request: an input made from its JSON Schema, with its bounds and its error.

import { element } from './element.js';

const LONG = 120; // a text that may have more characters gets several lines
const LONGER = 2000; // and one that may have more than this gets many

export class Field {
  /** @param {string} name @param {any} schema resolved @param {boolean} isRequired @param {string} words */
  constructor(name, schema, isRequired, words) {
    this.name = name;
    this.schema = schema;
    this.isRequired = isRequired;
    const id = `field-${name}`;
    this.input = control(schema, id, isRequired);
    this.flaw = element('p', { class: 'flaw', id: `${id}-flaw`, hidden: true });
    const title = element(
      'label',
      { for: id },
      words,
      element('small', {}, ` ${bounds(schema, isRequired)}`),
    );
    const isCheck = schema.type === 'boolean';
    this.element = element(
      'div',
      { class: schema.maxLength > LONGER ? 'field is-long' : 'field' },
      isCheck ? element('div', { class: 'check' }, this.input, title) : title,
      isCheck ? null : this.input,
      schema.description
        ? element('p', { class: 'hint', id: `${id}-hint` }, schema.description)
        : null,
      this.flaw,
    );
    this.write(schema.default);
  }

  /** The value; undefined if it is empty. Throws a `TypeError` if it is not JSON. */
  read() {
    const { type } = this.schema;
    if (type === 'boolean') return this.input.checked;
    const text = this.input.value;
    if (text.trim() === '' && !this.isRequired) return text === '' ? undefined : text;
    if (type === 'integer' || type === 'number')
      return this.input.validity.badInput ? NaN : text === '' ? undefined : Number(text);
    if (type === 'string') return text;
    try {
      return JSON.parse(text);
    } catch {
      throw new TypeError('must be JSON');
    }
  }

  write(value) {
    if (this.schema.type === 'boolean') this.input.checked = Boolean(value);
    else if (value === undefined || value === null) this.input.value = '';
    else this.input.value = typeof value === 'object' ? JSON.stringify(value) : String(value);
  }

  /** What is wrong with the value by its schema; null if nothing is. */
  check() {
    try {
      return wrong(this.read(), this.schema, this.isRequired);
    } catch (error) {
      return error.message;
    }
  }

  /** @param {string|null} message null: nothing is wrong */
  complain(message) {
    this.flaw.hidden = message === null;
    this.flaw.textContent = message === null ? '' : sentence(message);
    if (message === null) this.input.removeAttribute('aria-invalid');
    else this.input.setAttribute('aria-invalid', 'true');
    const described = [
      message === null ? null : this.flaw.id,
      this.schema.description ? `field-${this.name}-hint` : null,
    ];
    this.input.setAttribute('aria-describedby', described.filter(Boolean).join(' '));
  }
}

function wrong(value, schema, isRequired) {
  if (value === undefined) return isRequired ? 'is needed' : null;
  if (Number.isNaN(value)) return 'must be a number';
  const { minimum = -Infinity, maximum = Infinity, maxLength = Infinity, minLength = 0 } = schema;
  if (typeof value === 'number') {
    if (schema.type === 'integer' && !Number.isInteger(value)) return 'must be a whole number';
    if (value < minimum) return `must be at least ${minimum}`;
    if (value > maximum) return `must be at most ${maximum}`;
  }
  if (typeof value === 'string') {
    const length = [...value.trim()].length; // code points, as the service counts
    if (length === 0 && isRequired && minLength > 0) return 'is needed';
    if (length > maxLength) return `must have at most ${maxLength} characters, and has ${length}`;
  }
  return null;
}

function control(schema, id, isRequired) {
  const about = { id, required: isRequired, autocomplete: 'off' };
  if (schema.enum) {
    const values = isRequired ? schema.enum : ['', ...schema.enum];
    return element(
      'select',
      about,
      ...values.map(value => element('option', { value }, value || '–')),
    );
  }
  if (schema.type === 'boolean') return element('input', { ...about, type: 'checkbox' });
  if (schema.type === 'integer' || schema.type === 'number') {
    const { minimum: min, maximum: max } = schema;
    return element('input', {
      ...about,
      type: 'number',
      inputmode: 'numeric',
      min,
      max,
      step: schema.type === 'integer' ? 1 : 'any',
    });
  }
  const placeholder = schema.examples?.[0];
  if (schema.type === 'string' && schema.format === 'date') {
    // WebKitGTK shows a plain text field, which needs to be told the form.
    return element('input', { ...about, type: 'date', placeholder: placeholder ?? 'YYYY-MM-DD' });
  }
  if (schema.type !== 'string' || (schema.maxLength ?? Infinity) > LONG) {
    return element('textarea', { ...about, rows: 2, placeholder });
  }
  return element('input', { ...about, type: 'text', placeholder });
}

function bounds({ type, minimum, maximum, maxLength }, isRequired) {
  const optional = isRequired ? [] : ['optional'];
  if (minimum !== undefined && maximum !== undefined)
    return [`${minimum} to ${maximum}`].join(', ');
  if (maxLength !== undefined) return [...optional, `up to ${maxLength} characters`].join(', ');
  return [
    ...optional,
    ...(['string', 'integer', 'number', 'boolean'].includes(type) ? [] : ['as JSON']),
  ].join(', ');
}

function sentence(message) {
  return `${message.charAt(0).toUpperCase()}${message.slice(1)}.`;
}

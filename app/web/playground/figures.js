// Shows the figures of a stream: times, bytes, tokens.

import { element } from './element.js';
import { bytes, seconds } from './units.js';

const UNKNOWN = ['–'];

const USUAL = ['Connections', 'Attempts']; // they are shown where they are more than one

const FIGURES = {
  'First content': record =>
    record?.firstContent != null ? seconds(record.firstContent) : UNKNOWN,
  Time: record => (record ? seconds(record.elapsed) : UNKNOWN),
  Messages: record => (record ? [record.seen(record.view).messages] : UNKNOWN),
  Bytes: record => (record ? bytes(record.seen(record.view).bytes) : UNKNOWN),
  'Tokens in': record => (record?.usage ? [record.usage.input_tokens] : UNKNOWN),
  'Tokens out': record => (record?.usage ? [record.usage.output_tokens] : UNKNOWN),
  Connections: record => (record ? [record.connections] : UNKNOWN),
  Attempts: record => (record ? [record.usage?.attempts ?? record.attempt] : UNKNOWN),
};

export class Figures {
  #values = new Map();

  /** @param {HTMLElement} list a `dl` */
  constructor(list) {
    for (const name of Object.keys(FIGURES)) {
      const value = element('dd');
      this.#values.set(name, value);
      list.append(element('div', { 'data-figure': name }, element('dt', {}, name), value));
    }
    this.show(null);
  }

  /** @param {import("./record.js").Record|null} record */
  show(record) {
    for (const [name, figure] of Object.entries(FIGURES)) {
      const [number, unit] = figure(record);
      const text = unit ? `${number} ${unit}` : String(number);
      const value = this.#values.get(name);
      if (value.textContent === text) continue;
      value.parentElement.classList.toggle('is-usual', USUAL.includes(name) && !(number > 1));
      value.replaceChildren(String(number), ...(unit ? [element('small', {}, ` ${unit}`)] : []));
    }
  }
}

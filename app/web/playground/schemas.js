// The schemas to choose from.

import { element } from './element.js';

export class Schemas {
  #fieldset;
  #legend;
  #hint = element('p', { class: 'hint' });
  #views = new Map();

  /** @param {HTMLElement} fieldset with its legend */
  constructor(fieldset) {
    this.#fieldset = fieldset;
    this.#legend = fieldset.firstElementChild;
  }

  /**
   * @param {{name: string, views: string[]}[]} summaries
   * @param {(name: string) => void} chosen
   * @param {string} [wanted] the one to choose at first, if there is one of that name
   * @returns {string} the name of the schema that is chosen at first
   */
  offer(summaries, chosen, wanted) {
    // Lists come first, because they show best how an answer grows.
    const sorted = summaries.toSorted((one, other) => rank(one) - rank(other));
    this.#views = new Map(sorted.map(({ name, views }) => [name, views]));
    const first = this.#views.has(wanted) ? wanted : sorted[0].name;
    const radios = sorted.map(({ name }) => radio(name, name === first, chosen));
    this.#fieldset.replaceChildren(this.#legend, ...radios, this.#hint);
    return first;
  }

  viewsOf(name) {
    return this.#views.get(name);
  }

  explain({ description }) {
    this.#hint.textContent = description;
  }
}

function rank({ views }) {
  return views.includes('items') ? 0 : 1;
}

function radio(name, checked, chosen) {
  const input = element('input', { type: 'radio', name: 'schema', value: name, checked });
  input.addEventListener('change', () => chosen(name));
  return element('label', {}, input, name);
}

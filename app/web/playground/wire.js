// The raw messages as they arrive: the last ones, each drawn once.

import { element } from './element.js';
import { counted } from './units.js';

export class Wire {
  #list = element('ol');
  #count = element('p', { class: 'hint' });
  #scroller;
  #last = 0;
  #view = '';

  constructor() {
    this.#scroller = element(
      'div',
      { class: 'scroller', tabindex: '0', role: 'region', 'aria-label': 'Raw messages' },
      this.#list,
    );
    this.element = element('div', { class: 'wire' }, this.#scroller, this.#count);
    this.reset('');
  }

  reset(view) {
    this.#view = view;
    this.#last = 0;
    this.#list.replaceChildren();
    this.element.classList.add('is-empty');
    this.#count.textContent = 'The messages appear here as they arrive, to the letter.';
  }

  /** @param {import("./record.js").Record} record */
  show(record) {
    const fresh = record.wire.filter(({ number }) => number > this.#last);
    if (!fresh.length) return;
    this.#last = record.messages;
    const scroller = this.#scroller;
    const isAtEnd = scroller.scrollTop > -40; // which is counted from the end
    const height = this.#list.offsetHeight;
    this.#list.append(...fresh.map(entry));
    if (!isAtEnd) scroller.scrollTop -= this.#list.offsetHeight - height; // what is read stays
    this.element.classList.remove('is-empty');
    while (this.#list.childElementCount > record.wire.length) this.#list.firstElementChild.remove();
    const shown =
      record.messages > record.wire.length ? `, the last ${record.wire.length} shown` : '';
    this.#count.textContent = `The ${this.#view} view: ${counted(record.seen(this.#view).messages, 'message')}${shown}`;
  }

  /** Mark these messages, and no others. @param {number[]} numbers @param {{isShown?: boolean}} how isShown: scroll to the first */
  mark(numbers, { isShown = false } = {}) {
    const wanted = new Set(numbers);
    let first = null;
    for (const line of this.#list.children) {
      const isWanted = wanted.has(Number(line.dataset.number));
      line.classList.toggle('lit', isWanted);
      if (isWanted) first ??= line;
    }
    if (isShown && first) this.#scroller.scrollTop += below(first, this.#scroller) - 40;
  }
}

/** How far an element's top is below another's. */
function below(one, other) {
  return one.getBoundingClientRect().top - other.getBoundingClientRect().top;
}

function entry({ at, event, text, note, number }) {
  const time = element('time', {}, `${at.toFixed(2)} s`);
  if (note) return element('li', { class: 'note' }, time, element('p', {}, note));
  return element(
    'li',
    { 'data-event': event, 'data-number': number },
    time,
    element('pre', {}, text),
  );
}

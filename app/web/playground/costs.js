// The bytes of each view that is read, as they come. The bytes of other views are not estimated.

import { element } from './element.js';
import { bytes } from './units.js';

const READ = ['snapshot', 'delta', 'items']; // ticked at first

export class Costs {
  #holder;
  #rows = new Map();
  #words = _view => '';

  /** @param {HTMLElement} holder */
  constructor(holder) {
    this.#holder = holder;
  }

  /** The views to read in addition to the one that is shown. */
  get chosen() {
    return [...this.#rows].filter(([, row]) => row.check.checked).map(([view]) => view);
  }

  /** @param {(view: string) => string} words what a view shows, in a few words */
  explain(words) {
    this.#words = words;
    for (const [view, row] of this.#rows) row.words.textContent = ` ${words(view)}`;
  }

  /** @param {string[]} views that a schema has */
  reset(views) {
    const checked = new Map([...this.#rows].map(([view, row]) => [view, row.check.checked]));
    this.#rows = new Map(
      views.map(view => [view, row(view, checked.get(view) ?? READ.includes(view))]),
    );
    this.explain(this.#words);
    const head = element(
      'tr',
      {},
      ...['View', 'Messages', 'Bytes'].map(name => element('th', { scope: 'col' }, name)),
    );
    const body = element('tbody', {}, ...[...this.#rows.values()].map(row => row.element));
    this.#holder.replaceChildren(
      element('table', { class: 'costs' }, element('thead', {}, head), body),
      element(
        'p',
        { class: 'hint' },
        'Each ticked view is read by a reader of its own, from the start. All follow the one log of ' +
          'the answer: further readers cost bytes, and no tokens. Ticks count from the next start.',
      ),
    );
  }

  /** @param {import("./record.js").Record|null} record */
  show(record) {
    const most = Math.max(1, ...[...(record?.views.values() ?? [])].map(seen => seen.bytes));
    for (const [view, row] of this.#rows) {
      const seen = record?.views.get(view);
      const size = seen?.bytes ?? 0;
      row.messages.textContent = seen ? (seen.isPlain ? '–' : String(seen.messages)) : '';
      row.bytes.textContent = seen ? told(seen) : '';
      row.bar.style.setProperty('--part', String(size / most));
      row.element.classList.toggle('is-shown', record?.view === view);
    }
  }
}

function told(seen) {
  return seen.status === 200 ? bytes(seen.bytes).join(' ') : `refused (${seen.status})`;
}

function row(view, isChecked) {
  const check = element('input', { type: 'checkbox', id: `read-${view}`, checked: isChecked });
  const words = element('small');
  const name = element('label', { for: `read-${view}` }, view, words);
  const bar = element('span', { class: 'part-bar' });
  const made = { check, words, bar, messages: element('td'), bytes: element('span') };
  made.element = element(
    'tr',
    {},
    element('th', { scope: 'row' }, element('span', { class: 'check' }, check, name)),
    made.messages,
    element('td', {}, made.bytes, bar),
  );
  return made;
}

// Which messages have written which field: shown where the pointer is on a field, or on a message.

import { byId } from './element.js';
import { label } from './shape.js';
import { counted } from './units.js';

const HINT =
  'Point at a field to see the messages that wrote it, or at a message to see its field.';
const LIVE = 'Texts grow. A number, a date or a choice is shown once it is complete and valid.';

export class Trace {
  #told = byId('trace');
  #result;
  #wire;
  #timeline;
  #record = null;
  #hint = '';
  #canPoint = matchMedia('(hover: hover)').matches;
  #lit = [];

  /** @param {import("./result.js").Result} result @param {import("./wire.js").Wire} wire @param {any} timeline */
  constructor(result, wire, timeline) {
    this.#result = result;
    this.#wire = wire;
    this.#timeline = timeline;
    const holder = byId('result');
    holder.addEventListener('pointerover', event => this.#field(event.target));
    holder.addEventListener('pointerleave', () => this.clear());
    wire.element.addEventListener('pointerover', event => this.#message(event.target));
    wire.element.addEventListener('pointerleave', () => this.clear());
    this.show(null);
  }

  /** @param {import("./record.js").Record|null} record */
  show(record) {
    const hint = (record && !record.isOver) || !this.#canPoint ? LIVE : HINT;
    if (record === this.#record && hint === this.#hint) return;
    this.#record = record;
    this.#hint = hint;
    this.clear();
  }

  clear() {
    for (const element of this.#lit) element.classList.remove('lit');
    this.#lit = [];
    this.#wire.mark([]);
    this.#timeline.band(null);
    this.#told.textContent = this.#hint;
  }

  #field(target) {
    const found = this.#writes.filter(({ path }) => this.#result.at(path).contains(target));
    if (!found.length) return this.clear();
    this.#light(found.slice(0, 1));
    this.#wire.mark(found[0].numbers, { isShown: true });
  }

  #message(target) {
    const number = Number(target.closest?.('li')?.dataset.number);
    const found = this.#record?.moments.by(number) ?? [];
    if (!found.length) return this.clear();
    this.#light(found);
    this.#wire.mark([number]);
  }

  get #writes() {
    return [...(this.#record?.moments.writes.values() ?? [])];
  }

  #light(found) {
    this.clear();
    this.#lit = found.map(({ path }) => this.#result.at(path));
    for (const element of this.#lit) element.classList.add('lit');
    const [{ path, from, to, numbers }] = found;
    this.#timeline.band({ from, to });
    const time =
      from === to ? `at ${from.toFixed(2)} s` : `${from.toFixed(2)} to ${to.toFixed(2)} s`;
    this.#told.textContent = `${named(path)}: ${time}, ${counted(numbers.length, 'message')}`;
  }
}

/** A path in words: `[1, "title"]` is "Title of 2". */
function named(path) {
  const name = path.findLast(part => typeof part === 'string');
  const index = path.findLast(part => typeof part === 'number');
  if (name === undefined) return `Element ${index + 1}`;
  return index === undefined ? label(name) : `${label(name)} of ${index + 1}`;
}

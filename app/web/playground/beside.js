// A second answer beside the first: another model's, or that of an attempt which has failed.

import { byId } from './element.js';
import { Result } from './result.js';
import { bytes, counted } from './units.js';

const PHASES = { waiting: 'waiting', done: 'done', failed: 'failed', stopped: 'stopped' };

export class Beside {
  #element = byId('beside');
  #title = byId('beside-title');
  #told = byId('beside-told');
  #result = new Result(byId('beside-result'));

  constructor() {
    byId('beside-close').addEventListener('click', () => this.close());
  }

  get isOpen() {
    return !this.#element.hidden;
  }

  /** Make room for an answer. @param {string} title @param {{schema: any, expected: number}} asked */
  open(title, { schema, expected }) {
    this.#element.hidden = false;
    this.#element.parentElement.classList.add('of-two');
    this.#title.textContent = title;
    this.#result.reset(schema, expected);
  }

  close() {
    this.#element.hidden = true;
    this.#element.parentElement.classList.remove('of-two');
  }

  /** @param {import("./record.js").Record} record of another run */
  show(record) {
    if (!this.isOpen) return;
    this.#result.show(record);
    const { phase, elapsed, usage, error } = record;
    const parts = [
      error?.code ?? PHASES[phase] ?? phase,
      `${elapsed.toFixed(1)} s`,
      usage
        ? counted(usage.output_tokens, 'token')
        : bytes(record.seen(record.view).bytes).join(' '),
    ];
    this.#told.textContent = parts.join(', ');
  }

  /** @param {{attempt: number, code: string, state: any}} failed */
  attempt({ attempt, code, state }, asked) {
    this.open(`Attempt ${attempt}`, asked);
    this.#told.textContent = code;
    this.#result.show({ state, isOver: true, phase: 'failed' });
  }
}

// What a screen reader says: milestones, and not every word.

import { words } from './error_words.js';
import { counted } from './units.js';

const PAUSE = 2500; // milliseconds between two counts

export class Announcer {
  #region;
  #told = '';
  #counted = 0;
  #attempt = 1;
  #at = 0;

  /** @param {HTMLElement} region an ARIA live region */
  constructor(region) {
    this.#region = region;
  }

  reset() {
    this.#counted = 0;
    this.#attempt = 1;
    this.#say('Started.');
  }

  /** @param {import("./record.js").Record} record */
  show(record) {
    if (record.isOver) this.#say(ending(record));
    else if (record.phase === 'lost') this.#say('The connection was cut. Coming back.');
    else if (record.attempt !== this.#attempt) this.#again(record.attempt);
    else this.#count(record);
  }

  #again(attempt) {
    this.#attempt = attempt;
    this.#counted = 0;
    this.#say(`Attempt ${attempt}: the answer begins again.`);
  }

  #count({ state, expected }) {
    if (!Array.isArray(state.value) || performance.now() - this.#at < PAUSE) return;
    const finished = state.value.filter((_, index) => state.isComplete(`/${index}`)).length;
    if (finished <= this.#counted) return;
    this.#counted = finished;
    this.#say(expected ? `${finished} of ${expected}.` : `${finished} so far.`);
  }

  #say(text) {
    if (text === this.#told) return;
    this.#told = text;
    this.#at = performance.now();
    this.#region.textContent = text;
  }
}

function ending({ phase, state, elapsed, error }) {
  if (phase === 'stopped') return 'Stopped.';
  if (phase === 'failed') return `Failed: ${words(error.code)[0]}.`;
  const elements = Array.isArray(state.value) ? `${counted(state.value.length, 'element')} ` : '';
  return `Done: ${elements}in ${elapsed.toFixed(1)} seconds.`;
}

// Plays a finished stream again: a slider over its moments, and a button that moves it at the pace
// at which they came.

import { byId } from './element.js';

export class Player {
  #element = byId('player');
  #play = byId('play');
  #slider = byId('moment');
  #told = byId('moment-told');
  #moments = [];
  #record = null;
  #shown;
  #timer = 0;

  /** @param {(moment: {at: number, number: number, state: any}|null, next: any) => void} shown null: the end */
  constructor(shown) {
    this.#shown = shown;
    this.#slider.addEventListener('input', () => {
      this.#pause();
      this.#go(Number(this.#slider.value));
    });
    this.#play.addEventListener('click', () => (this.#timer ? this.#pause() : this.#begin()));
  }

  /** @param {import("./record.js").Record|null} record */
  show(record) {
    const moments = record?.isOver ? record.moments.all : [];
    this.#element.classList.toggle('is-idle', moments.length < 2); // its space stays reserved
    if (record === this.#record && moments === this.#moments) return;
    this.#pause();
    this.#record = record;
    this.#moments = moments;
    this.#slider.max = String(moments.length - 1);
    this.#slider.value = this.#slider.max;
    this.#tell(moments.length - 1);
  }

  #begin() {
    const last = this.#moments.length - 1;
    const from = Number(this.#slider.value);
    this.#play.textContent = 'Pause';
    this.#step(from >= last ? 0 : from);
  }

  #step(index) {
    this.#go(index);
    const next = this.#moments[index + 1];
    if (!next) return this.#pause();
    const wait = Math.min((next.at - this.#moments[index].at) * 1000, 1000);
    this.#timer = setTimeout(() => this.#step(index + 1), wait);
  }

  #pause() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#play.textContent = 'Play again';
  }

  #go(index) {
    this.#slider.value = String(index);
    this.#tell(index);
    const isLast = index >= this.#moments.length - 1;
    this.#shown(isLast ? null : this.#moments[index], this.#moments[index + 1]);
  }

  #tell(index) {
    const moment = this.#moments[index];
    if (!moment) return;
    this.#told.textContent = `${moment.at.toFixed(2)} s, message ${moment.number}`;
    this.#slider.setAttribute('aria-valuetext', this.#told.textContent);
  }
}

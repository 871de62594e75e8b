// What the stream is doing, in a word, and the buttons that suit it.

import { byId } from './element.js';

const PHASES = {
  ready: 'Ready',
  waiting: 'Waiting',
  reasoning: 'Reasoning',
  writing: 'Writing',
  lost: 'Coming back',
  done: 'Done',
  stopped: 'Stopped',
  failed: 'Failed',
};

export class State {
  #word = byId('state');
  #start = byId('start');
  #stop = byId('stop');
  #cut = byId('cut');

  /** @param {import("./record.js").Record|null} record @param {{isReady: boolean, isRunning: boolean}} how */
  show(record, { isReady, isRunning }) {
    const focused = document.activeElement;
    const phase = record?.phase ?? 'ready';
    this.#word.dataset.state = phase;
    this.#word.textContent = PHASES[phase];
    this.#start.setAttribute('aria-disabled', String(isRunning));
    this.#start.textContent = isRunning
      ? 'Streaming…'
      : !isReady
        ? 'Loading the schema…'
        : record
          ? 'Start again'
          : 'Start';
    this.#stop.disabled = !isRunning;
    this.#cut.disabled = !isRunning || record.id === null;
    // The focus must not be lost with the button that had it.
    if (focused?.disabled) byId('answer-title').focus({ preventScroll: true });
  }
}

// Shows a moment of a stream that is over: the value that was known, the message that told it, and the
// model's text of that time.

import { Manuscript } from './manuscript.js';

export class Replay {
  #manuscript = new Manuscript();
  #result;
  #timeline;
  #wire;
  isShown = false; // whether a moment is shown that is not the end

  /** @param {{result: any, timeline: any, wire: any}} shown */
  constructor({ result, timeline, wire }) {
    this.#result = result;
    this.#timeline = timeline;
    this.#wire = wire;
  }

  /** @param {any} schema of the result @param {any} record @param {any} moment @param {any} next moment */
  show(schema, record, moment, next) {
    this.isShown = true;
    this.#result.show({ state: moment.state, isOver: false, phase: 'replayed' });
    this.#timeline.band({ from: moment.at, to: moment.at });
    this.#wire.mark([moment.number], { isShown: true });
    const isLast = moment.state.attempt === record.state.attempt;
    if (record.phase === 'done' && isLast)
      this.#manuscript.show(schema, record.state.value, moment.state.value, next.state.value);
    else this.#manuscript.hide();
  }

  /** The end is shown again. */
  end() {
    if (!this.isShown) return;
    this.isShown = false;
    this.#manuscript.hide();
    this.#timeline.band(null);
    this.#wire.mark([]);
  }
}

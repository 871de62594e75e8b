// A picture of a stream: content over time, with one lane for each field. The caption says it in
// words.

import { drawn, element } from './element.js';
import { label } from './shape.js';
import { counted } from './units.js';

const WIDTH = 1000; // of the picture, in its own units
const HEIGHT = 26; // of a lane
const MANY = 5; // more lanes are drawn lower
const STEP = 0.3; // seconds; what comes after a longer pause is drawn at the end of the pause

export class Timeline {
  #figure;
  #lanes = [];
  #axes = [0, 1].map(() => element('div', { class: 'axis', 'aria-hidden': 'true' }));
  #words = element('figcaption');
  #span = 1;
  #isTold = false;

  /** @param {HTMLElement} figure */
  constructor(figure) {
    this.#figure = figure;
  }

  /** Begin with empty lanes. @param {string[]} names of the fields @param {any} fields */
  reset(names, fields) {
    this.#lanes = names.map(name => new Lane(label(name || 'content', fields[name])));
    const lanes = element('div', { class: 'lanes', 'aria-hidden': 'true' });
    const isHigh = names.length > MANY;
    lanes.classList.toggle('are-many', isHigh);
    lanes.append(...this.#lanes.map(lane => lane.element), ...this.#axes);
    if (isHigh && names.length % 2) this.#lanes.at(-1).element.after(element('span'));
    for (const axis of this.#axes) axis.replaceChildren();
    this.#isTold = false;
    this.#words.replaceChildren();
    this.#figure.replaceChildren(lanes, this.#words);
  }

  /** Mark a span of time. @param {{from: number, to: number}|null} times */
  band(times) {
    const { from, to } = times ?? { from: 0, to: 0 };
    for (const lane of this.#lanes) lane.band(from / this.#span, to / this.#span, times !== null);
  }

  /** @param {import("./record.js").Record} record */
  show(record) {
    const { history, elapsed, isOver } = record;
    const span = Math.max(elapsed, 0.5);
    this.#span = span;
    const samples = history.all;
    this.#lanes.forEach((lane, index) => {
      lane.show(
        samples.map(({ at, sizes }) => [at / span, sizes[index]]),
        elapsed / span,
        STEP / span,
      );
      lane.mark(history.marks, span);
    });
    this.#label(history.marks, span);
    if (isOver && !this.#isTold) this.#tell(this.#summary(record, samples));
  }

  #tell(words) {
    this.#isTold = true;
    const summary = element('summary', {}, 'In words');
    this.#words.replaceChildren(element('details', {}, summary, words));
  }

  #label(marks, span) {
    const labels = [
      { at: 0, words: '0 s' },
      ...marks.filter(mark => mark.kind !== 'back'),
      { at: span, words: `${span.toFixed(1)} s` },
    ];
    for (const axis of this.#axes) axis.replaceChildren(...labelled(labels, span));
  }

  #summary(record, samples) {
    const begun = this.#lanes.map((lane, index) => {
      const known = samples.filter(({ sizes }) => sizes[index] > 0);
      if (!known.length) return null;
      const total = known.at(-1).sizes[index];
      const last = known.find(({ sizes }) => sizes[index] === total);
      return `${lane.name}: ${counted(total, 'character')} from ${known[0].at.toFixed(1)} to ${last.at.toFixed(1)} s`;
    });
    const marks = record.history.marks.map(({ at, words }) => `${words} at ${at.toFixed(1)} s`);
    return `${[...begun.filter(Boolean), ...marks].join('; ') || 'Nothing came'}.`;
  }
}

function labelled(labels, span) {
  return labels.map(({ at, kind, words }) => {
    const made = element('span', { class: kind ?? null }, words);
    made.style.setProperty('--at', String(at / span));
    return made;
  });
}

/** One field's lane: a hill that rises as the field fills in, strong where it does. */
class Lane {
  #there = drawn('path', { class: 'there' });
  #growing = drawn('path', { class: 'growing' });
  #marks = drawn('g', {});
  #band = drawn('rect', { class: 'band', y: 0, height: HEIGHT, visibility: 'hidden' });
  #total = element('span', { class: 'total' });

  constructor(name) {
    this.name = name;
    const picture = drawn(
      'svg',
      {
        viewBox: `0 0 ${WIDTH} ${HEIGHT}`,
        preserveAspectRatio: 'none',
        focusable: 'false',
      },
      this.#there,
      this.#growing,
      this.#marks,
      this.#band,
    );
    this.element = element(
      'div',
      { class: 'lane' },
      element('span', { class: 'name' }, name),
      picture,
      this.#total,
    );
  }

  /**
   * @param {[number, number][]} points pairs of a time, from 0 to 1, and a number of characters
   * @param {number} end @param {number} step the longest time in which the lane is drawn rising
   */
  show(points, end, step) {
    const most = Math.max(1, ...points.map(([, size]) => size));
    const y = size => (HEIGHT - (size / most) * (HEIGHT - 3)).toFixed(1);
    let there = `M0 ${HEIGHT}`;
    let growing = '';
    let [x, before] = [0, 0];
    for (const [at, size] of points) {
      const from = Math.max(x, Math.round((at - step) * WIDTH));
      x = Math.round(at * WIDTH);
      there += `H${x}V${y(size)}`;
      if (size > before)
        growing += `M${from} ${HEIGHT}V${y(size)}H${Math.max(x, from + 2)}V${HEIGHT}Z`;
      before = size;
    }
    this.#there.setAttribute('d', `${there}H${Math.round(end * WIDTH)}V${HEIGHT}Z`);
    this.#growing.setAttribute('d', growing);
    this.#total.textContent = String(points.at(-1)?.[1] ?? 0);
  }

  /** Mark a part of the time. @param {number} from @param {number} to both from 0 to 1 */
  band(from, to, isShown) {
    this.#band.setAttribute('visibility', isShown ? 'visible' : 'hidden');
    this.#band.setAttribute('x', String(from * WIDTH));
    this.#band.setAttribute('width', String(Math.max(4, (to - from) * WIDTH)));
  }

  mark(marks, span) {
    this.#marks.replaceChildren(
      ...marks.map(({ at, kind }) => {
        const x = Math.round((at / span) * WIDTH);
        return drawn('line', { class: kind, x1: x, x2: x, y1: 0, y2: HEIGHT });
      }),
    );
  }
}

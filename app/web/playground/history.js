// How a value has grown: samples over time. If there are too many, they are thinned out.

const MOST = 600;

export class History {
  samples = [];
  marks = [];
  #every = 1;
  #skipped = 0;

  /** @param {number} at seconds @param {number[]} sizes of each lane */
  add(at, sizes) {
    this.last = { at, sizes };
    if (++this.#skipped < this.#every) return;
    this.#skipped = 0;
    this.samples.push(this.last);
    if (this.samples.length < MOST) return;
    this.samples = this.samples.filter((_, index) => index % 2 === 0);
    this.#every *= 2;
  }

  /** Something that happened: `restart`, `cut` or `back`. */
  mark(at, kind, words) {
    if (this.marks.length < 50) this.marks.push({ at, kind, words });
  }

  /** The samples, the newest one included. */
  get all() {
    const { samples, last } = this;
    return last && samples.at(-1) !== last ? [...samples, last] : samples;
  }
}

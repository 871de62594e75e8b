/** The newest state, for any number of readers: one that is slow finds what is newest then. */

/** @template T */
export class Latest {
  /** @type {T} */
  value;

  #first;
  #wake = () => {};
  #changed = /** @type {Promise<void> | undefined} */ (undefined);
  #hasEnded = false;

  /** @param {T} value what is there to begin with, and is not told */
  constructor(value) {
    this.value = this.#first = value;
    this.#tell();
  }

  /** @param {T} value */
  set(value) {
    this.value = value;
    this.#tell();
  }

  end() {
    this.#hasEnded = true;
    this.#tell();
  }

  /** Each value that is the newest when the reader is ready for it. */
  async *read() {
    for (let seen = this.#first; ;) {
      if (seen !== this.value) yield (seen = this.value);
      else if (this.#hasEnded) return;
      else await this.#changed;
    }
  }

  /** Wake who waits; who waits from now on waits for the next time. */
  #tell() {
    this.#wake();
    this.#changed = new Promise(resolve => (this.#wake = resolve));
  }
}

/** The newest state, for any number of readers. A slow reader skips states. */

/** @template T */
export class Latest {
  /** @type {T} */
  value;

  #first;
  #wake = () => {};
  #changed = /** @type {Promise<void> | undefined} */ (undefined);
  #hasEnded = false;

  /** @param {T} value the initial value, which readers don't get */
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

  /** The newest value, each time the reader asks for one. */
  async *read() {
    for (let seen = this.#first; ;) {
      if (seen !== this.value) yield (seen = this.value);
      else if (this.#hasEnded) return;
      else await this.#changed;
    }
  }

  /** Wake all who wait, and make a new promise for those who wait from now on. */
  #tell() {
    this.#wake();
    this.#changed = new Promise(resolve => (this.#wake = resolve));
  }
}

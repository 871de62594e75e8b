// A snippet that can be copied.

import { element } from './element.js';

export class Code {
  #write;
  #text = element('code');

  /** @param {string} name @param {(asked: import("./snippets.js").Asked) => string} write */
  constructor(name, write) {
    this.#write = write;
    const copy = element(
      'button',
      { type: 'button', class: 'copy', 'aria-label': `Copy the ${name} lines` },
      'Copy',
    );
    copy.addEventListener('click', () => this.#copy(copy));
    const text = element(
      'pre',
      { tabindex: '0', role: 'region', 'aria-label': `${name} lines` },
      this.#text,
    );
    this.element = element('div', { class: 'code' }, copy, text);
  }

  /** @param {import("./snippets.js").Asked} asked */
  show(asked) {
    const text = this.#write(asked);
    if (this.#text.textContent !== text) this.#text.textContent = text;
  }

  async #copy(button) {
    try {
      await navigator.clipboard.writeText(this.#text.textContent);
      button.textContent = 'Copied';
    } catch {
      // Only pages of a secure origin may write to the clipboard. The user can still copy.
      getSelection().selectAllChildren(this.#text);
      button.textContent = 'Selected';
    }
    setTimeout(() => {
      button.textContent = 'Copy';
    }, 2000);
  }
}

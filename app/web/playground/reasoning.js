// What the model reasons: a block above the answer, open while the model reasons. A click keeps it
// open, or closed.

import { byId } from './element.js';

export class Reasoning {
  #block = byId('reasoning');
  #title = byId('reasoning-title');
  #text = byId('reasoning-text');
  #chosen = null; // whether the user has it open; null: the user has not chosen
  #from = null; // seconds into the stream, as far as the model has reasoned
  #to = null;

  constructor() {
    this.#title.addEventListener('click', () => {
      this.#chosen = !this.#block.open; // it opens and closes after this
    });
  }

  /** Another stream begins. */
  reset() {
    this.#chosen = this.#from = this.#to = null;
    this.#block.hidden = true;
    this.#write('');
  }

  /** @param {import("./record.js").Record} record */
  show(record) {
    const text = record.state.reasoning ?? '';
    this.#block.hidden = text === '';
    if (text === '') {
      this.#from = this.#to = null;
      return;
    }
    const isReasoning = !record.isOver && record.state.value === undefined;
    this.#from ??= record.reasonedFrom;
    if (isReasoning || this.#to === null) this.#to = record.elapsed;
    this.#block.open = this.#chosen ?? isReasoning;
    this.#block.dataset.phase = isReasoning ? 'reasoning' : 'over';
    const seconds = (this.#to - this.#from).toFixed(1);
    this.#title.textContent = isReasoning ? `Reasoning, ${seconds} s` : `Reasoned for ${seconds} s`;
    this.#write(text);
  }

  /** Show this text. Who has scrolled up in it stays where they are. */
  #write(text) {
    const old = this.#text.textContent;
    if (text === old) return;
    const holder = this.#text;
    const isAtEnd = holder.scrollTop + holder.clientHeight >= holder.scrollHeight - 8;
    if (text.startsWith(old) && old) holder.append(text.slice(old.length));
    else holder.textContent = text;
    if (isAtEnd) holder.scrollTop = holder.scrollHeight;
  }
}

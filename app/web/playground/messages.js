// A response's text as the messages that it is made of, as they stand on the wire.

/** Splits text into messages, whatever pieces it comes in. The `text` view has none: its pieces. */
export class Messages {
  #decoder = new TextDecoder();
  #rest = '';
  #plain;

  /** @param {boolean} plain whether the text is no event stream */
  constructor(plain = false) {
    this.#plain = plain;
  }

  /** @returns {string[]} the messages that these bytes complete */
  feed(bytes) {
    const text = this.#decoder.decode(bytes, { stream: true });
    if (this.#plain) return text ? [text] : [];
    const found = (this.#rest + text).split('\n\n'); // ours end so, and hold no empty line
    this.#rest = found.pop();
    return found;
  }
}

/** A message's event: `message` where it names none, `comment` where it is one. */
export function eventOf(message) {
  if (message.startsWith(':')) return 'comment';
  return /^event: (.*)$/m.exec(message)?.[1] ?? 'message';
}

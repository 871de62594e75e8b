// A response's text as the messages that it is made of, as they stand on the wire.

/** Whether a response is a text without messages, as that of the `text` view is. */
export function isPlain(response) {
  return !response.headers.get('Content-Type')?.startsWith('text/event-stream');
}

/** Splits text into messages, whatever pieces it comes in. Of a plain text, each piece is one. */
export class Messages {
  #decoder = new TextDecoder();
  #rest = '';
  #plain;

  /** @param {boolean} plain whether the text has no messages */
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

// Splits a response's text into messages, exactly as they were sent.

/** Whether a response is plain text without messages, like that of the `text` view. */
export function isPlain(response) {
  return !response.headers.get('Content-Type')?.startsWith('text/event-stream');
}

/** Splits text that comes in any pieces into messages. Each piece of a plain text is a message. */
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
    const found = (this.#rest + text).split('\n\n'); // a message of ours has no empty line inside
    this.#rest = found.pop();
    return found;
  }
}

/** A message's event: `message` if it has no name, `comment` if it is a comment. */
export function eventOf(message) {
  if (message.startsWith(':')) return 'comment';
  return /^event: (.*)$/m.exec(message)?.[1] ?? 'message';
}

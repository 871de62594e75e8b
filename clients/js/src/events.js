/**
 * Parses server-sent events as the HTML standard says.
 * https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
 */

/**
 * @typedef {object} ServerEvent
 * @property {string} event its type; `message` if the server gave none
 * @property {string} data
 * @property {string} id the last event id: of this event, or of an earlier one
 */

/** The most characters of an event. The service's own bound for an answer is far lower. */
const MOST = 1 << 24;

/** `feed` takes bytes of one response, cut anywhere, and returns the events that they complete. */
export class EventParser {
  /** Milliseconds to wait before reconnecting, if the server has sent them. */
  retry = /** @type {number | undefined} */ (undefined);

  #decoder = new TextDecoder(); // drops the byte order mark
  #rest = ''; // the line that has not ended yet
  #isAfterReturn = false; // whether a line feed that comes now ends the previous line
  #type = '';
  /** @type {string[]} */
  #data = [];
  #id = '';
  #held = 0;

  /**
   * @param {Uint8Array} bytes
   * @returns {ServerEvent[]}
   * @throws {RangeError} for an event that is too long
   */
  feed(bytes) {
    const text = this.#decoder.decode(bytes, { stream: true });
    if (!text) return [];
    const lines = text.slice(this.#isAfterReturn && text[0] === '\n' ? 1 : 0).split(/\r\n?|\n/);
    this.#isAfterReturn = text.endsWith('\r');
    lines[0] = this.#rest + lines[0];
    this.#rest = lines.pop() ?? '';
    const events = lines.flatMap(line => this.#line(line));
    if (this.#held + this.#rest.length > MOST) throw new RangeError('An event is too long.');
    return events;
  }

  /** @param {string} line */
  #line(line) {
    if (!line) return this.#dispatch();
    this.#held += line.length;
    const [, field, value] = /** @type {string[]} */ (/^([^:]*):? ?(.*)$/s.exec(line));
    if (field === 'data') this.#data.push(value);
    else if (field === 'event') this.#type = value;
    else if (field === 'id' && !value.includes('\0')) this.#id = value;
    else if (field === 'retry' && /^\d+$/.test(value)) this.retry = Number(value);
    return [];
  }

  #dispatch() {
    const event = { event: this.#type || 'message', data: this.#data.join('\n'), id: this.#id };
    const isOne = this.#data.length > 0;
    this.#type = '';
    this.#data = [];
    this.#held = 0;
    return isOne ? [event] : [];
  }
}

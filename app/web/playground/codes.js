// The code for a request, in each language and with each client.

import { Code } from './code.js';
import * as snippets from './snippets.js';

const WRITERS = {
  curl: snippets.curl,
  fetch: snippets.fetched,
  EventSource: snippets.eventSource,
  React: snippets.react,
  useObject: snippets.useObject,
  useChat: snippets.useChat,
  Python: snippets.python,
  httpx: snippets.httpx,
};

export class Codes {
  #all = Object.entries(WRITERS).map(([name, write]) => [name, new Code(name, write)]);

  /** The element of each, by its name. @returns {Record<string, HTMLElement>} */
  get elements() {
    return Object.fromEntries(this.#all.map(([name, code]) => [name, code.element]));
  }

  /** @param {import("./snippets.js").Asked} asked */
  show(asked) {
    for (const [, code] of this.#all) code.show(asked);
  }
}

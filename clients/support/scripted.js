/** A server whose answers a test has written down. */
import { once } from 'node:events';
import { createServer } from 'node:http';

/**
 * @typedef {object} Asked
 * @property {string} method
 * @property {string} url
 * @property {import('node:http').IncomingHttpHeaders} headers
 * @property {string} body
 */

/** @typedef {(response: import('node:http').ServerResponse, asked: Asked) => void} Answer */

export class Scripted {
  /** @type {Asked[]} */
  asked = [];
  url = '';

  #answers;
  #server = createServer((request, response) => this.#serve(request, response));

  /** @param {Answer[]} answers one a request, in order; cancelling has one of its own: 204 */
  constructor(...answers) {
    this.#answers = answers;
  }

  async open() {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
    const { port } = /** @type {import('node:net').AddressInfo} */ (this.#server.address());
    this.url = `http://127.0.0.1:${port}`;
    return this;
  }

  close() {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** `cancel` for a call that cancels a stream. */
  get methods() {
    return this.asked.map(({ method, url }) => (isCancel(url) ? 'cancel' : method));
  }

  /**
   * @param {import('node:http').IncomingMessage} request
   * @param {import('node:http').ServerResponse} response
   */
  async #serve(request, response) {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { method = '', url = '', headers } = request;
    const asked = { method, url, headers, body };
    this.asked.push(asked);
    if (isCancel(url)) response.writeHead(204).end();
    else (this.#answers.shift() ?? unasked)(response, asked);
  }
}

/** @param {string} url */
const isCancel = url => /\/cancel(\?|$)/.test(url);

/** @type {Answer} */
const unasked = response => response.writeHead(418).end('{"code": "unasked"}');

/**
 * The head of a stream, and events.
 *
 * @param {...string} events
 * @returns {Answer} which leaves the stream open
 */
export const streaming =
  (...events) =>
  response => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream', Location: '/streams/s1' });
    response.write(events.join(''));
  };

/**
 * The same, and then the connection breaks.
 *
 * @param {...string} events
 * @returns {Answer}
 */
export const cutOff =
  (...events) =>
  (response, asked) => {
    streaming(...events)(response, asked);
    response.write('', () => response.socket?.resetAndDestroy());
  };

/**
 * @param {number} status
 * @param {string} code
 * @param {boolean} retryable
 * @param {Record<string, string>} [headers]
 * @returns {Answer}
 */
export const problem = (status, code, retryable, headers) => response => {
  response.writeHead(status, { 'Content-Type': 'application/problem+json', ...headers });
  const error = `It is ${code}.`;
  response.end(JSON.stringify({ error, status, code, retryable, request_id: 'r1' }));
};

/**
 * @param {string} type
 * @param {unknown} data
 * @param {number} [position]
 */
export const event = (type, data, position) =>
  `event: ${type}\ndata: ${JSON.stringify(data)}\n${position === undefined ? '' : `id: s1-${position}\n`}\n`;

export const start = event(
  'start',
  { stream: 's1', schema: 'ideas', schema_version: '0123456789ab', model: 'm', view: 'delta' },
  0,
);

/** What the service sends in a silence. */
export const ping = event('ping', null);

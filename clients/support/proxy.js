/** A TCP proxy that cuts connections. */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

export class Proxy {
  /** How many there have been. */
  connections = 0;
  /** After how many bytes of the target's the next connections are cut, one after the other. */
  limits = /** @type {number[]} */ ([]);
  url = '';

  /** @type {Set<import('node:net').Socket>} */
  #sockets = new Set();
  #server = createServer(socket => this.#serve(socket));
  #target;

  /** @param {string} target a URL */
  constructor(target) {
    this.#target = new URL(target);
  }

  async open() {
    await once(this.#server.listen(0, '127.0.0.1'), 'listening');
    const { port } = /** @type {import('node:net').AddressInfo} */ (this.#server.address());
    this.url = `http://127.0.0.1:${port}`;
    return this;
  }

  close() {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
  }

  /** @param {import('node:net').Socket} socket */
  #serve(socket) {
    this.connections++;
    const other = connect(Number(this.#target.port), this.#target.hostname);
    for (const end of [socket, other]) {
      this.#sockets.add(end);
      end.on('error', () => {});
      end.on('close', () => {
        this.#sockets.delete(end);
        socket.destroy();
        other.destroy();
      });
    }
    let left = this.limits.shift() ?? Infinity;
    socket.pipe(other);
    other.on('data', data => {
      socket.write(data.subarray(0, left));
      left -= data.length;
      if (left <= 0) socket.destroy();
    });
  }
}

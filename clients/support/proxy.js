/** A TCP proxy whose connections a test can cut. */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

export class Proxy {
  /** How many there have been. */
  connections = 0;
  /** Whether new ones are cut at once. */
  isDown = false;
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

  /** Break all connections, on both sides. */
  cut() {
    for (const socket of this.#sockets) socket.resetAndDestroy();
  }

  close() {
    this.cut();
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
    if (this.isDown) socket.resetAndDestroy();
    else socket.pipe(other).pipe(socket);
  }
}

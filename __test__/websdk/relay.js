'use strict';

/** A relay before the sockets of a platform, which cuts them when a test wants it to. */

const { once } = require('node:events');
const net = require('node:net');

class Relay {
  #server;
  #pairs = new Set();
  /** Whether new connections are closed at once. */
  isDown = false;

  static async open(platform) {
    const relay = new Relay();
    const { protocol, hostname, port } = new URL(platform.websocketUrl);
    relay.#server = net.createServer((near) => {
      if (relay.isDown) return near.destroy();
      const far = net.connect(Number(port), hostname);
      const pair = { near, far };
      relay.#pairs.add(pair);
      for (const [from, to] of [
        [near, far],
        [far, near],
      ]) {
        from.on('error', () => {});
        from.on('close', () => {
          to.destroy();
          relay.#pairs.delete(pair);
        });
        from.pipe(to);
      }
      return undefined;
    });
    relay.#server.listen(0, '127.0.0.1');
    await once(relay.#server, 'listening');
    relay.websocketUrl = `${protocol}//127.0.0.1:${relay.#server.address().port}`;
    return relay;
  }

  /** How many connections there are. */
  get count() {
    return this.#pairs.size;
  }

  /** Cuts all connections, and lets none in until `mend`. */
  cut() {
    this.isDown = true;
    for (const { near, far } of this.#pairs) {
      near.destroy();
      far.destroy();
    }
  }

  mend() {
    this.isDown = false;
  }

  /** Takes nothing of what the platform sends any more, until `flow`. */
  stall() {
    for (const { near, far } of this.#pairs) {
      far.unpipe(near);
      far.pause();
    }
  }

  flow() {
    for (const { near, far } of this.#pairs) far.pipe(near);
  }

  close() {
    this.cut();
    this.#server.close();
  }
}

module.exports = { Relay };

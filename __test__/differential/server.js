const { once } = require('node:events');
const { setTimeout: sleep } = require('node:timers/promises');
const tls = require('node:tls');

/**
 * A scripted HTTPS server on a loopback socket. It reads TLS bytes itself, so that nothing about a request is
 * normalised before it is recorded, and it writes its replies as raw bytes.
 *
 * A reply is `{parts, gap, ending}`: byte blocks written one by one, the pause between them in milliseconds, and what
 * happens to the connection afterwards (`keep`, `end` or `destroy`). `null` means that the request is never answered.
 */
class RecordingServer {
  #server;
  #connections = [];
  #replies = [];
  #answered = 0;

  /** What has been received since `script`, in order: `{connection, head, framing, body, isComplete}`. */
  requests = [];

  /** Called after each reply has been written completely. */
  onReplied = () => {};

  constructor({ cert, key }) {
    this.#server = tls.createServer({ cert, key });
    this.#server.on('connection', (socket) => {
      socket.on('error', () => {});
      this.#connections.push(socket);
    });
    this.#server.on('tlsClientError', () => {});
    this.#server.on('secureConnection', (socket) => {
      socket.on('error', () => {});
      socket.setNoDelay(true);
      this.#read(socket, this.#connectionsUsed++);
    });
  }

  #connectionsUsed = 0;

  async listen() {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.port = this.#server.address().port;
  }

  async close() {
    await this.drop();
    this.#server.close();
  }

  /**
   * Forgets everything recorded and sets the replies of the requests to come; the last one serves all further requests.
   */
  script(replies) {
    this.requests = [];
    this.#replies = replies;
    this.#answered = 0;
    this.#connectionsUsed = 0;
  }

  /** Cuts all connections and waits until they are gone. */
  async drop() {
    const open = this.#connections.filter((socket) => !socket.closed);
    this.#connections = [];
    this.onReplied = () => {};
    await Promise.all(open.map((socket) => once(socket.destroy(), 'close')));
  }

  #read(socket, connection) {
    let pending = Buffer.alloc(0);
    let request = null;
    socket.on('data', (data) => {
      pending = Buffer.concat([pending, data]);
      for (;;) {
        if (!request) {
          const end = pending.indexOf('\r\n\r\n');
          if (end < 0) return;
          const head = pending.toString('latin1', 0, end + 4);
          request = { connection, head, framing: framingOf(head), body: Buffer.alloc(0), isComplete: false };
          this.requests.push(request);
          pending = pending.subarray(end + 4);
        }
        const read = readBody(request.framing, pending);
        if (!read) return;
        pending = pending.subarray(read.length);
        request.body = read.body;
        request.isComplete = true;
        request = null;
        this.#reply(socket);
      }
    });
  }

  async #reply(socket) {
    const replied = this.onReplied;
    const reply = this.#replies[Math.min(this.#answered++, this.#replies.length - 1)];
    if (!reply) return;
    for (const [index, part] of reply.parts.entries()) {
      if (index > 0) await sleep(reply.gap);
      if (socket.destroyed) return;
      socket.write(part);
    }
    if (reply.ending === 'end') socket.end();
    if (reply.ending === 'destroy') socket.destroy();
    replied();
  }
}

/** How the body of a request is delimited: `chunked`, `length N` or `none`. */
function framingOf(head) {
  if (/^transfer-encoding: *chunked *$/im.test(head)) return 'chunked';
  const length = /^content-length: *(\d+) *$/im.exec(head);
  return length ? `length ${length[1]}` : 'none';
}

/** The body at the beginning of `bytes` and the number of bytes it takes there, or null if it is not complete. */
function readBody(framing, bytes) {
  if (framing === 'none') return { body: Buffer.alloc(0), length: 0 };
  if (framing !== 'chunked') {
    const length = Number(framing.slice('length '.length));
    return bytes.length < length ? null : { body: bytes.subarray(0, length), length };
  }
  const chunks = [];
  for (let at = 0; ; ) {
    const end = bytes.indexOf('\r\n', at);
    if (end < 0) return null;
    const size = Number.parseInt(bytes.toString('latin1', at, end), 16);
    const next = end + 2 + size + 2;
    if (bytes.length < next) return null;
    if (size === 0) return { body: Buffer.concat(chunks), length: next };
    chunks.push(bytes.subarray(end + 2, end + 2 + size));
    at = next;
  }
}

module.exports = { RecordingServer };

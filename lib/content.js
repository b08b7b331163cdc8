'use strict';

/**
 * Rich content up and down, in constant memory. A transfer that breaks goes on where it was: an upload from what the
 * service says that it has, a download from the byte after the last.
 */

const { Readable } = require('stream');
const { APIError } = require('./errors.js');
const { connector, refusal } = require('./links.js');
const { asPromisified } = require('./methods.js');
const promises = require('./promises.js');
const { setImmediate } = require('./timers.js');
const { Transfer } = require('./transfer.js');

/** Bytes that are sent at once, and kept until the service has them; a multiple of 256 KiB, as the uploads ask for. */
const CHUNK = 1 << 20;
const BROKEN = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EAI_AGAIN', 'ERR_STREAM_PREMATURE_CLOSE'];
const BUSY = [408, 409, 429, 500, 502, 503, 504];

/** Whether what went wrong may go right another time. */
const isPassing = (error) =>
  error instanceof APIError || BROKEN.includes(error.code) || BUSY.includes(error.status) || isHangUp(error);

/** What Node says of a connection that ends, without a code or with one of its own versions. */
const isHangUp = ({ message }) => message === 'socket hang up' || message === 'aborted';

/** Adds both forms of `upload` and `download` to the methods of `layer.content` of the client with this `context`. */
exports.extend = (methods, context) => {
  const { family } = context;
  const chosen = () => family.OwnPromise || promises.ofProcess();
  const request = (...args) => {
    if (!family.links) family.links = connector(family.ways);
    return family.links.request(...args);
  };

  methods.upload = (conversationId, source, options, callback) => {
    checkCallback('upload', callback);
    let transfer;
    let isOver = false;
    const settle = (...outcome) => {
      if (isOver) return;
      isOver = true;
      setImmediate(() => {
        try {
          if (callback) callback(...outcome);
        } finally {
          if (transfer) transfer.over();
        }
      });
    };
    try {
      transfer = new Transfer(context, (error) => {
        if (source && typeof source.destroy === 'function') source.destroy();
        settle(error);
      });
    } catch (error) {
      settle(error);
      return;
    }
    upload(methods, request, transfer, conversationId, source, options).then((reply) => settle(null, reply), settle);
  };

  methods.uploadAsync = asPromisified((conversationId, source, options) =>
    promises.promiseOf(chosen(), methods, 'upload', [conversationId, source, options]),
  );

  methods.download = (conversationId, contentId, options, callback) => {
    if (typeof options === 'function' && callback === undefined) [options, callback] = [undefined, options];
    checkCallback('download', callback);
    const stream = download(methods, request, context, conversationId, contentId, options, callback);
    return callback ? undefined : stream;
  };

  methods.downloadAsync = asPromisified((conversationId, contentId, options) =>
    promises.promiseOf(chosen(), methods, 'download', [conversationId, contentId, options]),
  );

  return methods;
};

function checkCallback(name, callback) {
  if (callback === undefined || typeof callback === 'function') return;
  throw new TypeError(`layer.content.${name} needs a function as its callback`);
}

/** The options of a transfer, of which `names` are allowed. */
function optionsOf(what, options, names) {
  const given = options === undefined || options === null ? {} : options;
  if (typeof given !== 'object') throw new TypeError(`The options of ${what} need to be an object`);
  for (const name of Object.keys(given)) {
    if (!names.includes(name)) throw new TypeError(`${what} has no option \`${name}\``);
  }
  const { onProgress } = given;
  if (onProgress !== undefined && typeof onProgress !== 'function') {
    throw new TypeError(`Option \`onProgress\` of ${what} needs to be a function`);
  }
  return given;
}

async function upload(methods, request, transfer, conversationId, source, options) {
  const what = 'layer.content.upload';
  const {
    type,
    size: announced,
    origin,
    onProgress,
  } = optionsOf(what, options, ['type', 'size', 'origin', 'onProgress']);
  const isBytes = source instanceof Uint8Array;
  if (!isBytes && !(source && typeof source[Symbol.asyncIterator] === 'function')) {
    throw new TypeError(`The source of ${what} needs to be a Buffer, a Readable or an AsyncIterable`);
  }
  const size = isBytes && announced === undefined ? source.length : announced;
  if (isBytes && size !== source.length) {
    throw new TypeError(`Option \`size\` of ${what} is ${size}, and the source has ${source.length} bytes`);
  }
  const reply = await transfer.ask(() => methods.createAsync(conversationId, { type, size, origin }));
  const { id, upload_url: link } = reply.body;
  const put = (body, range) => putTo(link, body, range, size, request, transfer);
  await send(put, transfer, source, size, onProgress);
  return { status: reply.status, body: { id, size } };
}

/** Sends the bytes of a source, chunk by chunk, by `put`. */
async function send(put, transfer, source, size, onProgress) {
  let sent = 0;
  for await (const chunk of chunksOf(source)) {
    const start = sent;
    const end = start + chunk.length;
    if (end > size) throw new RangeError(`The source has more than the ${size} bytes that were announced`);
    for (let attempt = 0; sent < end; ) {
      try {
        // After a break the service says how much of it has come.
        if (attempt > 0) {
          await transfer.wait(attempt);
          if (transfer.error) throw transfer.error;
          const arrived = await put(undefined, `bytes */${size}`);
          if (arrived < start) throw new Error('The service has lost bytes that it had received');
          if (arrived > sent) attempt = 1;
          sent = Math.min(arrived, end);
          if (sent === end) break;
        }
        const range = `bytes ${sent}-${end - 1}/${size}`;
        sent = await put(chunk.subarray(sent - start), range);
        attempt = 0;
      } catch (error) {
        if (!isPassing(error) || !transfer.goesOnAfter(attempt)) throw error;
        attempt += 1;
      }
    }
    if (transfer.error) throw transfer.error;
    if (onProgress) onProgress({ transferred: sent, size });
  }
  if (sent < size) throw new RangeError(`The source has ${sent} of the ${size} bytes that were announced`);
  if (size === 0) {
    await put(undefined, undefined);
    if (onProgress) onProgress({ transferred: 0, size });
  }
}

/** Puts bytes, or asks how many have come; answers how many bytes the service has. */
async function putTo(link, body, range, size, request, transfer) {
  const headers = { 'Content-Length': body ? body.length : 0 };
  if (range) headers['Content-Range'] = range;
  const response = await request(link, { method: 'PUT', headers, body }, transfer);
  const { statusCode } = response;
  if (statusCode !== 308 && statusCode >= 300) throw await refusal(response);
  response.resume();
  if (statusCode !== 308) return size;
  const [, last] = /^bytes=0-(\d+)$/.exec(response.headers.range) || [];
  return last === undefined ? 0 : Number(last) + 1;
}

/** The bytes of a source in chunks of one size, the last one excepted. */
async function* chunksOf(source) {
  if (source instanceof Uint8Array) {
    const bytes = bytesOf(source);
    for (let start = 0; start < bytes.length; start += CHUNK) yield bytes.subarray(start, start + CHUNK);
    return;
  }
  let pieces = [];
  let length = 0;
  for await (const piece of source) {
    pieces.push(bytesOf(piece));
    length += piece.length;
    if (length < CHUNK) continue;
    let all = Buffer.concat(pieces);
    for (; all.length >= CHUNK; all = all.subarray(CHUNK)) yield all.subarray(0, CHUNK);
    pieces = [all];
    length = all.length;
  }
  if (length > 0) yield Buffer.concat(pieces);
}

function bytesOf(piece) {
  if (typeof piece === 'string') return Buffer.from(piece);
  if (piece instanceof Uint8Array) return Buffer.from(piece.buffer, piece.byteOffset, piece.length);
  throw new TypeError('The source of layer.content.upload needs to give bytes or text');
}

/**
 * A stream of the bytes of rich content. Where there is a callback, it begins at once, and the callback gets the stream
 * when there is something to read, or the error.
 */
function download(methods, request, context, conversationId, contentId, options, callback) {
  const { onProgress } = optionsOf('layer.content.download', options, ['onProgress']);
  /** From the first request until all has come. */
  let transfer;
  let size;
  let transferred = 0;
  let attempt = 0;
  /** The reply that bytes come from, if there is one, and whether one is asked for. */
  let source;
  let isOpening = false;
  /** Whether the reader waits for more. One who takes long may find the connection closed: it is opened when needed. */
  let isWanted = false;

  const stream = new Readable({
    autoDestroy: true,
    read() {
      isWanted = true;
      if (source) source.resume();
      else if (!isOpening) open();
    },
    destroy(error, done) {
      if (source) source.destroy();
      if (transfer) transfer.over();
      done(error);
    },
  });
  if (callback) {
    stream.on('error', begun);
    isWanted = true;
    open();
  }
  return stream;

  /** The first reply is there, or what became of it. */
  function begun(error) {
    if (!callback) return;
    setImmediate(callback, ...(error ? [error] : [null, stream]));
    callback = undefined;
    if (!error) stream.removeListener('error', begun);
  }

  async function open() {
    isOpening = true;
    let isAsking = true;
    try {
      if (!transfer) transfer = new Transfer(context, (error) => stream.destroy(error));
      if (attempt > 0) await transfer.wait(attempt);
      if (stream.destroyed) return;
      // A link expires after an hour, so a resumed transfer asks for a fresh one.
      const { body } = await transfer.ask(() => methods.getAsync(conversationId, contentId));
      isAsking = false;
      size = body.size;
      const headers = transferred > 0 ? { Range: `bytes=${transferred}-` } : {};
      const response = await request(body.download_url, { method: 'GET', headers }, transfer);
      const { statusCode } = response;
      if (statusCode >= 300) throw await refusal(response);
      if (stream.destroyed) {
        response.destroy();
        return;
      }
      follow(response, statusCode === 206 ? 0 : transferred);
      begun();
    } catch (error) {
      // Where an option says how often, it was tried again so often.
      if (isAsking && (!transfer || transfer.isGiven)) stream.destroy(error);
      else again(error);
    } finally {
      isOpening = false;
    }
  }

  /** Hands on what comes of a reply after its first `known` bytes, which have come before. */
  function follow(response, known) {
    let skip = known;
    let isOver = false;
    source = response;
    response.on('data', (bytes) => {
      const fresh = bytes.subarray(Math.min(skip, bytes.length));
      skip -= bytes.length - fresh.length;
      if (fresh.length === 0) return;
      transferred += fresh.length;
      attempt = 0;
      try {
        if (onProgress) onProgress({ transferred, size });
      } catch (error) {
        stream.destroy(error);
        return;
      }
      if (stream.push(fresh)) return;
      isWanted = false;
      response.pause();
    });
    const over = (error) => {
      if (isOver) return;
      isOver = true;
      source = undefined;
      if (transferred === size) {
        transfer.over();
        stream.push(null);
      } else again(error || Object.assign(new Error('aborted'), { code: 'ECONNRESET' }));
    };
    response.on('error', over);
    response.on('aborted', () => over());
    response.on('end', () => over());
    response.on('close', () => over());
  }

  function again(error) {
    if (stream.destroyed) return;
    if (!isPassing(error) || !transfer.goesOnAfter(attempt)) stream.destroy(error);
    else if (isWanted) {
      attempt += 1;
      // Not from within the reply, or the request, that has broken.
      setImmediate(() => stream.destroyed || isOpening || source || open());
    }
  }
}

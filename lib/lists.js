'use strict';

/**
 * Lists that come page by page, each page when it is needed.
 *
 * A page begins after the last item that has come. Where that one is gone, or has moved to the front, it begins after
 * an earlier one, and what has come before is left out: nothing comes twice, and nothing that keeps its place is
 * missed.
 */

const { setImmediate } = require('./timers.js');

/** Versions that answer 206 as long as more follow. */
const WITH_206 = ['2.0', '3.0'];

const isWhole = (value, least) => Number.isSafeInteger(value) && value >= least;

/** Options of a list: what they may be, and the query parameter that they become. */
const OPTIONS = {
  pageSize: ['page_size', (value) => isWhole(value, 1) && value <= 100, 'a whole number from 1 to 100'],
  from: ['from_id', (value) => typeof value === 'string' && value !== '', 'the id of an item'],
  sortBy: ['sort_by', (value) => value === 'created_at' || value === 'last_message', '"created_at" or "last_message"'],
};

/** The query parameters of `options`, of which `names` are allowed. What is undefined is not given. */
function query(what, options, names) {
  if (options === undefined || options === null) return {};
  if (typeof options !== 'object') throw new TypeError(`The options of ${what} need to be an object`);
  const params = {};
  for (const name of Object.keys(options)) {
    const value = options[name];
    if (!names.includes(name)) throw new TypeError(`${what} has no option \`${name}\``);
    if (value === undefined) continue;
    const [param, isRight, needed] = OPTIONS[name];
    if (!isRight(value)) throw new TypeError(`Option \`${name}\` of ${what} needs to be ${needed}`);
    params[param] = value;
  }
  return params;
}

/**
 * The list that `methods[name]` reads page by page. `what` is how errors call it, `args` are the arguments before the
 * query, `names` the options that it has; `choose` answers the constructor of promises. Documented in index.d.ts.
 */
exports.list = (what, methods, name, args, options, names, version, choose) => {
  const params = query(what, options, names);
  const read = (more) => methods[`${name}Async`](...args, { ...params, ...more });

  async function* pages() {
    /** Ids of the items that have come, in their order. */
    const seen = [];
    const known = new Set();
    for (let isFirst = true; ; isFirst = false) {
      const { items, reply } = await next(read, seen, known, version);
      for (const { id } of items) {
        known.add(id);
        seen.push(id);
      }
      if (isFirst || items.length > 0) yield { items, total: totalOf(reply) };
      if (isLast(reply, version)) return;
    }
  }

  async function* all() {
    for await (const { items } of pages()) yield* items;
  }

  async function collect(limit) {
    const items = [];
    if (limit === 0) return items;
    for await (const item of all()) {
      items.push(item);
      if (items.length >= limit) break;
    }
    return items;
  }

  return {
    [Symbol.asyncIterator]: all,
    pages,
    toArray(given, callback) {
      if (typeof given === 'function' && callback === undefined) [given, callback] = [undefined, given];
      if (callback !== undefined && typeof callback !== 'function') {
        throw new TypeError('toArray needs a function as its callback');
      }
      const { limit = Infinity, ...others } = given || {};
      for (const other of Object.keys(others)) throw new TypeError(`toArray has no option \`${other}\``);
      if (limit !== Infinity && !isWhole(limit, 0)) {
        throw new TypeError('Option `limit` of toArray needs to be a whole number');
      }
      if (callback) {
        const later = (...outcome) => setImmediate(callback, ...outcome);
        collect(limit).then((items) => later(null, items), later);
        return undefined;
      }
      const Chosen = choose();
      return new Chosen((resolve, reject) => {
        collect(limit).then(resolve, reject);
      });
    },
  };
};

/**
 * The reply with the next items that have not come before, and these. A page that has none of them, and is not the last
 * one, is not what was asked for: it leads on.
 */
async function next(read, seen, known, version) {
  /** How many items before the last one the page begins; 1 and its doubles where the last one is of no use. */
  let back = 0;
  /** The last item of a page of known items, after which it goes on. */
  let after;
  for (;;) {
    const anchor = after || seen[seen.length - 1 - back];
    let reply;
    try {
      reply = await read(anchor === undefined ? {} : { from_id: anchor });
    } catch (error) {
      // Without an item to begin after, it is the list that is not there.
      if ((error.status !== 404 && error.status !== 410) || anchor === undefined) throw error;
      if (after === undefined) back = back === 0 ? 1 : 2 * back;
      after = undefined;
      continue;
    }
    const items = reply.body.filter(({ id }) => !known.has(id));
    if (items.length > 0 || isLast(reply, version)) return { items, reply };
    if (back === 0 && after === undefined) back = 1;
    else after = reply.body[reply.body.length - 1].id;
  }
}

/**
 * Whether nothing follows. From 2.0 on the status tells; before, only an empty page does, because a page may have fewer
 * items than were asked for.
 */
const isLast = ({ status, body }, version) => body.length === 0 || (WITH_206.includes(version) && status !== 206);

/** How many items the service counts, on all pages; undefined where it does not say. */
function totalOf({ headers }) {
  const count = headers && headers['layer-count'];
  return count === undefined ? undefined : Number(count);
}

'use strict';

/**
 * A call as a record: what a method was given, read once. Nothing else knows at which position an argument stands.
 *
 * Coercing the caller's values as 2.x did, and making text of their objects, is what only JavaScript can do.
 */

const querystring = require('querystring');
const { isProperties, isUserId, recipes } = require('./payloads.js');

/** Text of an argument that goes into path or headers, by kind; undefined where it is refused. */
const texts = {
  tag: (value) => {
    if (value === null) return undefined;
    return typeof value === 'string' ? value : '';
  },
  id: (value) => (typeof value === 'string' ? value : undefined),
  user: (value) => (isUserId(value) ? querystring.escape(value) : undefined),
};

/** Whether an argument that makes up body or query is what it should be, by kind. */
const checks = {
  sender: isUserId,
  name: (value) => typeof value === 'string' && value !== '',
  text: (value) => typeof value === 'string',
  properties: isProperties,
  query: (value) => value === undefined || value === null || isProperties(value),
  parameters: isProperties,
};

/** Passes every check in place of an argument that could not be looked at, that of an upload's properties as well. */
const STAND_IN = '{"type":"-","size":0}';

const isFunction = (value) => typeof value === 'function';

const kindOfLast = ({ params }) => (params.length > 0 ? params[params.length - 1].kind : undefined);

/** Whether the last argument is a query that can be left out. */
const takesQuery = (row) => kindOfLast(row) === 'query';

/** How many arguments a method cannot do without: all but the query. */
exports.needed = (row) => row.params.length - (takesQuery(row) ? 1 : 0);

/**
 * What reads the arguments of a method, by its row of the table: `(seat, a, b, c, callback, d)` to a call `{first,
 * second, text, third, callback, isRefused, isLater, error}`. Few methods have a fourth argument before the callback.
 *
 * A refused call has an `error` for its callback, at once or `isLater`. `check` runs the checks of the engine alone,
 * for `seat`, `first`, `second`, `text` and `third`, and answers the error of the first that fails. What the caller's
 * own objects throw is thrown, and so is a TypeError where there is no callback.
 */
exports.reader = (row, check) => {
  const { params, callbackOptional } = row;
  // Arguments of the path come first in every method; what remains makes up the body or the query.
  const [toFirst, toSecond, toThird] = params.map((param) => texts[param.kind]);
  const [, checkB, checkC] = params.map((param) => checks[param.kind]);
  const toPayload = recipes[row.payload];
  const hasQuery = takesQuery(row);
  const hasParameters = kindOfLast(row) === 'parameters';

  return (seat, a, b, c, callback, d) => {
    let isQueryGiven = hasQuery || hasParameters;
    if (hasQuery && isFunction(toSecond ? c : b)) {
      isQueryGiven = false;
      if (toSecond) [c, callback] = [undefined, c];
      else [b, callback] = [undefined, b];
    }
    if (!isFunction(callback)) {
      // A function among the arguments is the callback of a call with too few of them.
      const args = [a, b, c, d];
      const index = args.findIndex(isFunction);
      if (index !== -1) {
        callback = args[index];
        [a, b, c, d] = args.map((value, position) => (position < index ? value : undefined));
        isQueryGiven = hasParameters;
      } else if (callback || !callbackOptional) {
        throw new TypeError(`layer.${row.resource}.${row.name} needs a function as its callback`);
      }
    }
    if ((checkB && !checkB(b)) || (checkC && !checkC(c))) {
      return refused(callback, checkPath(seat, [a, b, c]) || wrong([a, b, c]));
    }

    let first;
    let second;
    let third;
    let text;
    let payload;
    try {
      if (toFirst) first = toFirst(a);
      if (toSecond) second = toSecond(b);
      if (toThird) third = toThird(c);
      if (toPayload) {
        if (toThird) payload = toPayload(d);
        else payload = toSecond ? toPayload(c) : toFirst ? toPayload(b, c) : toPayload(a);
      }
      if (isQueryGiven) text = `?${querystring.stringify(toSecond ? c : b)}`;
    } catch (fault) {
      const error = checkPath(seat, [a, b, c]);
      if (error) return refused(callback, error);
      throw fault;
    }

    if (payload !== undefined) {
      try {
        text = JSON.stringify(payload);
      } catch (error) {
        return unsendable(error, seat, [a, b, c], callback);
      }
      if (text === undefined) {
        return unsendable(new TypeError('The body has no JSON form'), seat, [a, b, c], callback);
      }
    }
    return { first, second, text, third, callback, isRefused: false, isLater: false, error: undefined };
  };

  /**
   * Runs the checks of path and headers, with a stand-in for arguments that throw: they surface only once all checks
   * have passed.
   */
  function checkPath(seat, args) {
    const [first, second, third] = [toFirst, toSecond, toThird].map((toText, index) => {
      try {
        return toText && toText(args[index]);
      } catch {
        return STAND_IN;
      }
    });
    return check(seat, first, second, toPayload && STAND_IN, third);
  }

  /** The error of the first argument that its check refuses. */
  function wrong(args) {
    const { error } = params.find(({ kind }, index) => checks[kind] && !checks[kind](args[index]));
    return new Error(error);
  }

  /** A body that cannot be written is an error of the request, so it comes later. */
  function unsendable(error, seat, args, callback) {
    const earlier = checkPath(seat, args);
    return earlier ? refused(callback, earlier) : { ...refused(callback, error), isLater: true };
  }
};

function refused(callback, error) {
  const nothing = undefined;
  return {
    first: nothing,
    second: nothing,
    text: nothing,
    third: nothing,
    callback,
    isRefused: true,
    isLater: false,
    error,
  };
}

/**
 * The mistake in the arguments of a promise form, if there is one: the callback form would take an argument too many
 * for its callback.
 */
exports.misuse = (row, args) => {
  const { resource, name, params } = row;
  const most = params.length;
  if (args.length <= most && !(takesQuery(row) && isFunction(args[most - 1]))) return undefined;
  const what = `layer.${resource}.${name}Async`;
  if (isFunction(args[args.length - 1])) return new TypeError(`${what} takes no function: it returns a promise`);
  if (most === 0) return new TypeError(`${what} takes no argument, and was called with ${args.length}`);
  const count = most === 1 ? '1 argument' : `${most} arguments`;
  return new TypeError(`${what} takes ${count} at the most, and was called with ${args.length}`);
};

/** The line that `debug` prints for a call with these arguments. */
exports.traceOf = (row, args, uuidOf) => {
  const values = [];
  row.params.forEach(({ kind }, index) => {
    if (kind !== 'tag') values.push(kind === 'id' ? uuidOf(args[index]) : args[index]);
  });
  return row.trace.replace(/\{(\d)\}/g, (_, index) => values[index]);
};

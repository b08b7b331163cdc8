'use strict';

/** Which promises the `*Async` methods return: native ones, unless a service asks for others. */

/** Not taken from the global of that name when it is needed: services used to put Bluebird there. */
const Native = Promise;

let ofProcess = Native;

/** The constructor of the promises of all clients that have none of their own. */
exports.ofProcess = () => ofProcess;

exports.setOfProcess = (value) => {
  ofProcess = check(value, '`LayerAPI.Promise`') || Native;
};

/** The constructor that a client's configuration asks for; undefined where it leaves that to the process. */
exports.ofConfig = ({ Promise: value }) => check(value, 'Constructor option `Promise`');

function check(value, name) {
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'function') throw new TypeError(`${name} needs to be a constructor of promises`);
  return value;
}

/** A promise made by `Chosen` that is rejected with `error`. */
exports.rejected = (Chosen, error) => new Chosen((_, reject) => reject(error));

/** A promise made by `Chosen` of what `call` hands to its callback. */
exports.promiseOfCall = (Chosen, call) => exports.promiseOf(Chosen, { call }, 'call', []);

/** Calls `methods[key]` with one more argument, and returns a promise made by `Chosen` of its outcome. */
exports.promiseOf = (Chosen, methods, key, args) => {
  if (Chosen === Native) return native(methods, key, args);
  const call = (callback) => methods[key](...args, callback);
  // Bluebird's own way: errors come out of it as they did out of the promises of 2.x, so `.error(handler)` gets them.
  if (typeof Chosen.fromCallback === 'function') return Chosen.fromCallback(call);
  return new Chosen((resolve, reject) => {
    call((error, result) => {
      if (error) reject(error);
      else resolve(result);
    });
  });
};

async function native(methods, key, args) {
  const [error, result] = await new Native((resolve) => {
    methods[key](...args, (...outcome) => resolve(outcome));
  });
  if (!error) return result;
  // From here V8 can see who awaits, so the stack leads to the caller's line.
  if (error instanceof Error) Error.captureStackTrace(error);
  throw error;
}

'use strict';

/** What arguments are taken for. An accident (a function, a promise, an array in place of an id) must not become a request. */

/**
 * Whether a value is a user id: text, a number but 0, as in 2.x, or an object with text of its own, such as an ObjectId of
 * MongoDB. Throws what the object throws.
 */
exports.isUserId = (value) => {
  switch (typeof value) {
    case 'string':
      return value !== '';
    case 'number':
      return Number.isFinite(value) && value !== 0;
    case 'bigint':
      return Boolean(value);
    case 'object':
      return hasText(value);
    default:
      return false;
  }
};

/** Arrays, dates, errors and others have text, too, but nobody is called that; promises and plain objects have none. */
function hasText(object) {
  if (object === null || typeof object.toString !== 'function') return false;
  if (!['[object Object]', '[object String]', '[object Number]'].includes(kindOf(object))) return false;
  const text = String(object);
  return text !== '' && !text.startsWith('[object ');
}

/** Whether a value is an object with properties that somebody named: no array, map or date, and no promise of one. */
exports.isProperties = (value) => typeof value === 'object' && kindOf(value) === '[object Object]' && !isPromise(value);

/** Whether a value is an object that can be a body. */
exports.isBody = (value) => typeof value === 'object' && value !== null && !isPromise(value);

const isPromise = (object) => typeof object.then === 'function';

const kindOf = (value) => Object.prototype.toString.call(value);

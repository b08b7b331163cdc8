'use strict';

// Where our Layer Patch differs from the vendor's reference parser (npm `layer-patch`), and why. A difference that none
// of these explains fails the test, and so does one that never comes up.

const isMissing = (operation, key) => operation[key] === undefined || operation[key] === null;

/** The segments of a property, as the parser sees them. */
function segments({ property }) {
  const pieces = property.replace(/\\\./g, '\0').split('.');
  return pieces.map((piece) => piece.replace(/\\(.)/g, '$1').replace(/\0/g, '.'));
}

const isProperty = (operation) => typeof operation.property === 'string';

/** Whether a name is found on every object, or on every function and so on, without being there. */
const isInherited = (name) => name in {} || name in [];

/** Whether a path leads through an array of the document. */
function leadsThroughArray(document, operation) {
  let at = document;
  for (const name of segments(operation).slice(0, -1)) {
    if (at === null || typeof at !== 'object') return false;
    at = Object.hasOwn(at, name) ? at[name] : undefined;
    if (Array.isArray(at)) return true;
  }
  return false;
}

module.exports = [
  {
    name: 'a top-level property is not deleted',
    reason:
      'Contract 4: a property of a resource can be emptied, but not taken away. The parser leaves that to its user.',
    explains: ({ operation, ours }) =>
      operation.operation === 'delete' && /cannot be deleted as a whole/.test(ours.error?.message),
  },
  {
    name: 'an operation needs its value',
    reason: 'Contract 4: `add`, `remove` and `set` have a value. The parser goes on with JavaScript’s undefined.',
    explains: ({ operation, ours }) =>
      ours.error?.id === 'missing_property' && ours.error.data.property === 'value' && operation.value === undefined,
  },
  {
    name: 'set takes its value from `value` only',
    reason: 'Contract 4: an `id` stands in place of a value for sets of objects, with `add` and `remove`.',
    explains: ({ operation }) => operation.operation === 'set' && !isMissing(operation, 'id'),
  },
  {
    name: 'before 2.0 there is no `id`',
    reason: 'Contract 4 and 5: elements are named by `value` in 1.x. The parser knows no versions.',
    explains: ({ operation, version }) => version === '1.0' && !isMissing(operation, 'id'),
  },
  {
    name: 'an empty `id` is an id',
    reason: 'The parser takes it for none, as JavaScript does; whether an id may be empty is for the resource to say.',
    explains: ({ operation }) => operation.id === '',
  },
  {
    name: 'an element named by `id` is compared with its value alone',
    reason: 'With an `id` the parser does not look at the value, so that an array beside it is not refused.',
    explains: ({ operation }) => !isMissing(operation, 'id') && typeof operation.value === 'object',
  },
  {
    name: 'a path does not lead through an array',
    reason:
      'Sets have no keys. JavaScript finds `0` and `length` in an array, and puts other keys on it, which JSON cannot hold.',
    explains: ({ document, operation, ours }) =>
      /leads through something that is no object/.test(ours.error?.message) && leadsThroughArray(document, operation),
  },
  {
    name: 'names like `constructor` and `__proto__` are names like any other',
    reason: 'JavaScript finds them on every object. A document that came as JSON does not have them.',
    explains: ({ operation }) => isProperty(operation) && segments(operation).some(isInherited),
  },
  {
    name: 'an unknown operation is refused, whatever its name',
    reason: 'The parser looks its name up in an object, where JavaScript finds `toString`.',
    explains: ({ operation }) => operation.operation === 'toString',
  },
  {
    name: 'a backslash escapes a backslash before a dot, too',
    reason:
      'Written `\\\\.`, it ends a key with a backslash, which could not be named otherwise. The parser looks for `\\.` first.',
    explains: ({ operation }) => isProperty(operation) && operation.property.includes('\\\\.'),
  },
  {
    name: 'a backslash before a line break is dropped like any other',
    reason: 'In the parser’s regular expression `.` stands for any character but a line break.',
    explains: ({ operation }) => isProperty(operation) && operation.property.includes('\\\n'),
  },
  {
    name: 'the character U+0091 is a character like any other',
    reason: 'The parser uses it as a mark of its own and turns it into a dot.',
    explains: ({ operation }) => isProperty(operation) && operation.property.includes('\u0091'),
  },
  {
    name: 'a path has at most 64 segments',
    reason: 'Documents stay shallow enough to be parsed again (assumed).',
    explains: ({ operation }) => isProperty(operation) && segments(operation).length > 64,
  },
];

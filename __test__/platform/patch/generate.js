'use strict';

// Makes documents and operations out of a seed: the same seed, the same cases.

/** Names of keys, the odd ones too. */
const KEYS = ['a', 'b', 'c', 'a.b', '', 'é', '🐙', 'a\\b', 'constructor', '__proto__', '0', 'length', 'b\\', ' '];

/** Pieces of properties as they are written. */
const PIECES = [
  'a',
  'b',
  'c',
  'a',
  'b',
  'c',
  'a\\.b',
  '',
  'é',
  '🐙',
  '\\a',
  'a\\\\',
  'a\\\\b',
  'b\\',
  '\\🐙',
  ' ',
].concat(['constructor', '__proto__', '0', 'length', '\\\n', '\u0091']);

/** Numbers of a seed, 0 to 1 (mulberry32). */
function numbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Makes a generator of cases. */
function generator(seed) {
  const number = numbers(seed);
  const below = (limit) => Math.floor(number() * limit);
  const pick = (list) => list[below(list.length)];
  const often = (share) => number() < share;

  const scalar = () => pick(['x', 'y', '', 'é', '🐙', 0, 1, -1, 1.5, true, false, null, 'x', 'y']);

  /** An own key by any name: `__proto__` in a literal would be something else. */
  const put = (object, key, value) =>
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });

  function value(depth) {
    const kind = number();
    if (depth === 0 || kind < 0.35) return scalar();
    if (kind < 0.6) return Array.from({ length: below(4) }, () => (often(0.9) ? scalar() : value(depth - 1)));
    return document(depth - 1);
  }

  function document(depth) {
    const object = {};
    for (let count = below(4); count > 0; count--)
      put(object, often(0.7) ? pick(['a', 'b', 'c']) : pick(KEYS), value(depth));
    return object;
  }

  function property() {
    if (often(0.005)) return Array(66).fill('a').join('.');
    const pieces = Array.from({ length: 1 + below(4) }, () => (often(0.75) ? pick(['a', 'b', 'c']) : pick(PIECES)));
    return pieces.join('.');
  }

  function operation() {
    const name = often(0.98) ? pick(['add', 'remove', 'set', 'delete']) : pick(['move', '', 'Set', 'toString', null]);
    const made = { operation: name, property: often(0.99) ? property() : pick([null, 7, []]) };
    if (often(name === 'delete' ? 0.1 : 0.97))
      made.value = name === 'set' ? value(2) : often(0.9) ? scalar() : value(1);
    if (often(0.1)) made.id = pick(['x', 'y', 'layer:///identities/é', '', null]);
    if (often(0.01)) delete made[pick(['operation', 'property'])];
    if (often(0.02)) made.index = below(3);
    return made;
  }

  return {
    document: () => document(3),
    operation,
    operations: () => 1 + below(5),
    version: () => pick(['1.0', '3.0']),
  };
}

module.exports = { generator, numbers };

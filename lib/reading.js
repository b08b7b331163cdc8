'use strict';

/** Reading options of agents: what they have in common. */

/** The error for an option that cannot be honoured. */
function refused(name, why) {
  return new Error(`Agent option \`${name}\` ${why}`);
}

/** Numbers may come as text: settings often come from the environment. */
function number(value, name) {
  const read = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof read !== 'number' || Number.isNaN(read)) throw refused(name, 'needs to be a number');
  return read;
}

function text(value, name) {
  if (typeof value !== 'string') throw refused(name, 'needs to be text');
  return value;
}

module.exports = { number, refused, text };

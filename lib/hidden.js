'use strict';

/**
 * What belongs to an object and nobody sees: neither a key nor in `util.inspect`, and cheaper than a WeakMap. An object
 * has one at the most.
 */

class Given {
  constructor(object) {
    // biome-ignore lint/correctness/noConstructorReturn: so the field becomes one of the object that is given
    return object;
  }
}

class Hidden extends Given {
  #value;

  constructor(object, value) {
    super(object);
    this.#value = value;
  }

  static get(object) {
    return object.#value;
  }

  static set(object, value) {
    object.#value = value;
  }
}

/** Gives `object` what it is to hide; once. */
exports.hide = (object, value) => {
  new Hidden(object, value);
};

/** Gives `object` what it is to hide, in place of what it hides. */
exports.hideAnew = (object, value) => {
  try {
    Hidden.set(object, value);
  } catch (_) {
    new Hidden(object, value);
  }
};

/** What `object` hides. Throws a TypeError where it hides nothing. */
exports.hidden = Hidden.get;

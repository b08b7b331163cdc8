'use strict';

/** Making what serves all callers, so that it belongs to none of them. */

const { AsyncResource } = require('async_hooks');

/** Made when the module is loaded, which is rarely inside a request: an AsyncLocalStorage holds nothing there. */
const beginning = new AsyncResource('LAYERCLIENT');

/**
 * Returns what `make` makes. It would keep the content of every AsyncLocalStorage that there is for as long as it
 * lives, and up to Node 18 an exception in a callback would abort the process: Node leaves the domain of what calls it
 * twice.
 */
exports.outside = (make) => {
  const { domain } = process;
  if (domain) process.domain = null;
  try {
    return beginning.runInAsyncScope(make);
  } finally {
    if (domain) process.domain = domain;
  }
};

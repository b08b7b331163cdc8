'use strict';

/**
 * What others may see of requests: messages on channels of `diagnostics_channel`, named and shaped after undici's. It
 * costs nothing while nobody subscribes.
 */

const NAMES = ['create', 'headers', 'retry', 'error'];

/** By name; undefined until somebody can have subscribed. */
let channels;
/** How many modules were loaded when we looked last. */
let seen = -1;

/**
 * Whether anybody listens. Node's module is loaded when somebody else has: it would take a hundredth of the time to the
 * first reply of all services.
 */
exports.isOn = () => {
  if (channels === undefined) {
    const loaded = process.moduleLoadList;
    if (loaded) {
      if (loaded.length === seen) return false;
      seen = loaded.length;
      if (!loaded.includes('NativeModule diagnostics_channel')) return false;
    }
    channels = open();
  }
  const { create, headers, retry, error } = channels;
  return create.hasSubscribers || headers.hasSubscribers || retry.hasSubscribers || error.hasSubscribers;
};

function open() {
  try {
    const diagnostics = require('diagnostics_channel');
    return Object.fromEntries(NAMES.map((name) => [name, diagnostics.channel(`layer-api:request:${name}`)]));
  } catch (_) {
    // Node before 14.17 has none.
    const nobody = { hasSubscribers: false, publish: () => {} };
    return Object.fromEntries(NAMES.map((name) => [name, nobody]));
  }
}

/** A request and its attempts, as subscribers see them. */
class Insight {
  constructor(row) {
    this.row = row;
    this.begin(1);
  }

  /** An attempt begins: one object stands for it in all its messages. */
  begin(attempt) {
    const { resource, name, verb, path } = this.row;
    this.request = { name: `${resource}.${name}`, method: verb, path: `/apps/{app}${path}`, attempt };
    channels.create.publish({ request: this.request });
  }

  /** An attempt has ended with a reply. */
  reply(landing, timings) {
    const { status, requestId } = landing;
    channels.headers.publish({ request: this.request, response: { status, requestId }, timings });
  }

  /** An attempt has ended without one. */
  fail(error, timings) {
    channels.error.publish({ request: this.request, error, timings });
  }

  /** There will be another attempt. */
  retry(delay) {
    channels.retry.publish({ request: this.request, delay });
  }
}

exports.Insight = Insight;

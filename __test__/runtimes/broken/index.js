'use strict';

/**
 * A client that does everything wrong, against which the suite is checked: it sends nothing, answers each call twice
 * with a result of no meaning and in a foreign context, swallows what callbacks throw, keeps no process alive, and
 * crashes the one that ends.
 */

const { isMainThread } = require('worker_threads');

const queue = [];
setInterval(() => {
  for (const callback of queue.splice(0)) {
    try {
      callback(null, { status: 0, body: null });
    } catch (_error) {
      // Lost.
    }
  }
}, 5).unref();

const isChild = process.argv.length > 2;
if (isChild && isMainThread) process.on('exit', () => process.kill(process.pid, 'SIGKILL'));

const methods = new Proxy(
  {},
  {
    get: (_target, name) => {
      if (String(name).endsWith('Async'))
        return () => new Promise((resolve) => queue.push((_error, reply) => resolve(reply)));
      return (...args) => queue.push(args[args.length - 1], args[args.length - 1]);
    },
  },
);

function LayerAPI() {
  for (const name of ['conversations', 'messages', 'announcements', 'blocklist', 'identities']) this[name] = methods;
}

module.exports = LayerAPI;
module.exports.ResponseError = class ResponseError extends Error {};
module.exports.APIError = class APIError extends Error {};
module.exports.Platform = {
  start: async () => ({
    url: 'http://127.0.0.1:9',
    createApp: async () => ({ appId: '', token: '' }),
    close: async () => {},
  }),
};

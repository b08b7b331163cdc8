'use strict';

/** Calls `operation` of `client` once, with a callback if the client takes one; else it returns a promise. */
exports.callerOf = (client, { resource, method, args, status }, form) => {
  const target = client[resource];
  const check = (reply) => {
    if (reply.status !== status) throw new Error(`Status ${reply.status}`);
  };
  if (form === 'promise') {
    return () => target[`${method}Async`](...args).then(check);
  }
  return (done) =>
    target[method](...args, (error, reply) => {
      if (error) throw error;
      check(reply);
      done();
    });
};

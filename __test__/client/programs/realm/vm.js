'use strict';

/** What code of a vm context gets of a client. */

const { layer } = require('../start.js');

const vm = require('vm');
const context = vm.createContext({ layer, console });
const uses = async () => {
  const found = [];
  const callback = (method, ...args) =>
    new Promise((resolve) => layer.blocklist[method](...args, (error, result) => resolve(error || result)));
  const refused = await callback('get', '');
  found.push(refused instanceof Error, refused.message);
  const answer = await callback('get', 'maria');
  found.push(answer instanceof Object, answer.body instanceof Object, answer.status);
  const failed = await layer.blocklist.getAsync('').catch((error) => error);
  found.push(failed instanceof Error, layer.blocklist.getAsync('maria') instanceof Promise);
  return found.join();
};
vm.runInContext('(' + uses + ')().then(console.log)', context);

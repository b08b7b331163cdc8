'use strict';

/** Whether the triggers of each callback lead to its call. */

const { layer, print } = require('../start.js');

const { AsyncResource, createHook, executionAsyncId } = require('async_hooks');
const triggers = new Map();
createHook({ init: (id, _type, trigger) => triggers.set(id, trigger) }).enable();
const caller = new AsyncResource('CALLER');
const leadsToCaller = () => {
  let id = executionAsyncId();
  while (id && id !== caller.asyncId()) id = triggers.get(id);
  return id === caller.asyncId();
};
const call = (user) => layer.blocklist.get(user, () => print(leadsToCaller()));
caller.runInAsyncScope(() => call('alone'));
caller.runInAsyncScope(() => {
  for (const user of ['maria', 'jon']) call(user);
});

'use strict';

/** The life of the resource of each request. */

const { LayerAPI, config, layer, print } = require('../start.js');

const { createHook, executionAsyncId } = require('async_hooks');
const events = new Map();
const push = (id, event) => {
  if (events.has(id)) events.get(id).push(event);
};
const hook = createHook({
  init(id, type, trigger) {
    if (type === 'LAYERREQUEST') events.set(id, ['init', trigger === executionAsyncId()]);
  },
  before(id) {
    push(id, 'before');
  },
  after(id) {
    push(id, 'after');
  },
  destroy(id) {
    push(id, 'destroy');
  },
}).enable();
const done = () => push(executionAsyncId(), 'callback');
layer.blocklist.get('alone', () => {
  done();
  for (let i = 0; i < 3; i++) layer.blocklist.get('maria', done);
  layer.blocklist.get('', () => {});
  try {
    new LayerAPI({ ...config, token: 'a\nb' }).blocklist.get('jon', done);
  } catch (error) {
    print(error.code);
  }
});
process.on('exit', () => {
  hook.disable();
  for (const list of events.values()) print(...list);
});

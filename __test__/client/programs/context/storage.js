'use strict';

/**
 * Whether what an AsyncLocalStorage held when the first client was made can be collected. Argument: the port of a
 * server.
 */

const print = (...values) => console.log(JSON.stringify(values));

const LayerAPI = require('../../../..');
require('v8').setFlagsFromString('--expose-gc');
const gc = require('vm').runInNewContext('gc');
const { AsyncLocalStorage } = require('async_hooks');
const storage = new AsyncLocalStorage();
// A function of the caller opens its own channel, through which it is asked.
const agentOptions = { lookup: (host, options, done) => require('dns').lookup(host, options, done) };
const config = { token: 't', appId: process.env.APP_ID, baseUrl: `http://localhost:${process.argv[2]}`, agentOptions };
let held;
let layer;
new Promise((resolve) => {
  const store = {};
  held = new WeakRef(store);
  storage.run(store, () => {
    layer = new LayerAPI(config);
    layer.blocklist.get('maria', resolve);
  });
}).then(async (error) => {
  for (const deadline = Date.now() + 60_000; held.deref() && Date.now() < deadline; ) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    gc();
  }
  layer.blocklist.get('jon', (other) => print(error, other, held.deref() === undefined));
});

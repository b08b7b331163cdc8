'use strict';

/** A copy of the module that nobody but its request uses. */

const loadFor = require('./load.js');
const { config } = require('../start.js');

const load = () => loadFor(module);

let copy = load();
let calls = 0;
new copy(config).blocklist.get('slow', () => calls++);
copy = new WeakRef(copy);
load();
const deadline = Date.now() + 60_000;
const timer = setInterval(() => {
  gc();
  const isGone = copy.deref() === undefined;
  if (calls === 0 && isGone) console.log('gone too soon');
  if ((calls === 0 || !isGone) && Date.now() < deadline) return;
  clearInterval(timer);
  console.log(calls, isGone);
}, 10);

'use strict';

/** Clients that are collected while their requests are in flight. */

const LayerAPI = require('../../../..');
const config = () => ({ token: process.env.TOKEN, appId: process.env.APP_ID, agentOptions: { keepAlive: true } });
let calls = 0;
const timer = setInterval(gc, 10);
const called = () => {
  if (++calls === 200) clearInterval(timer);
};
for (let i = 0; i < 200; i++) new LayerAPI(config()).blocklist.get(i % 2 ? 'slow' : 'maria', called);
process.on('exit', () => console.log(calls));

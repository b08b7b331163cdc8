'use strict';

/** What each scenario begins with: a client with fifty requests in flight, every other one without a reply. */

const DELAY = Number(process.env.DELAY);
const LayerAPI = require('../../..');
const config = (more) => ({
  token: process.env.TOKEN,
  appId: process.env.APP_ID,
  agentOptions: { rejectUnauthorized: false },
  ...more,
});
const start = (callback = () => {}, more) => {
  const layer = new LayerAPI(config(more));
  for (let i = 0; i < 50; i++) layer.blocklist.get(i % 2 ? 'maria' : 'never', callback);
  return layer;
};
const busy = (milliseconds) => {
  for (const end = Date.now() + milliseconds; Date.now() < end; );
};

module.exports = { DELAY, LayerAPI, busy, config, start };

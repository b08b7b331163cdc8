'use strict';

/** Prints what a first request has loaded of the other transport and of Node's clients. */

const LayerAPI = require('../../../..');

const layer = new LayerAPI({ token: process.env.TOKEN, appId: process.env.APP_ID });
layer.blocklist.get('maria', (error) => {
  if (error) throw error;
  const loaded = Object.keys(require.cache).filter((file) => file.includes('carrier'));
  console.log(loaded.concat(process.moduleLoadList.filter((name) => /^NativeModule https?$/.test(name))).join());
});

'use strict';

/** Prints whether diagnostics_channel is loaded before and after a request, and what a subscriber then hears. */

const LayerAPI = require('../../../..');

const layer = new LayerAPI({ token: process.env.TOKEN, appId: process.env.APP_ID });
const isLoaded = () => process.moduleLoadList.includes('NativeModule diagnostics_channel');
const before = isLoaded();
layer.blocklist.get('maria', () => {
  const after = isLoaded();
  let count = 0;
  require('diagnostics_channel').subscribe('layer-api:request:create', () => {
    count += 1;
  });
  layer.blocklist.get('maria', () => console.log(before, after, count));
});

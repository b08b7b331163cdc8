'use strict';

/** Prints the warnings of options of the constructor that have no effect. */

const LayerAPI = require('../../../..');

const given = { token: 't', appId: process.env.APP_ID };
process.on('warning', ({ name, code, message }) => console.log(JSON.stringify([name, code, message])));
for (let count = 0; count < 3; count++) new LayerAPI({ ...given, timeOut: 3, retries: 2 });
new LayerAPI({
  ...given,
  ...{ version: '1.0', timeout: 3, maxResponseBytes: 9, agentOptions: {}, baseUrl: 'http://layer.test', debug: false },
  ...{ Promise, proxy: undefined, agent: undefined },
});

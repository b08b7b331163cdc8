'use strict';

/** Throws in the callback of an upload that is refused, and prints what comes of it. */

const LayerAPI = require('../../../..');

const layer = new LayerAPI({ token: 't', appId: process.env.APP_ID });
process.on('uncaughtException', (error) => console.log(error.message));
layer.content.upload('wrong', Buffer.from('a'), { type: 'a/b' }, (error) => {
  throw new Error(`thrown: ${error.message}`);
});

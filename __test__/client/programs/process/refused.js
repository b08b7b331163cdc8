'use strict';

/** Calls that are refused before anything is sent. */

const { LayerAPI, config, layer } = require('../start.js');

layer.blocklist.get('', (error) => console.log(error.message));
layer.messages.send(null, {}, (error) => console.log(error.message));
try {
  new LayerAPI({ ...config, token: 'a\nb' }).blocklist.get('maria', () => {});
} catch (error) {
  console.log(error.code);
}

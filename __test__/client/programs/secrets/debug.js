'use strict';

/** Calls before and after the variable is set. */

const { LayerAPI, config, layer } = require('../start.js');

layer.blocklist.get('maria', () => {
  process.env.LAYER_API_DEBUG = 'true';
  layer.blocklist.get('jon', () => {
    new LayerAPI(config);
    console.log(process.env.LAYER_API_DEBUG);
    layer.blocklist.get('ana', () => {});
  });
});

'use strict';

module.exports = {
  port: process.env.PORT || 3000,
  layer: {
    token: process.env.LAYER_TOKEN || 'token-of-the-tests',
    appId: process.env.LAYER_APP_ID || 'layer:///apps/staging/e4fd3974-20fe-11e5-89c5-080725007e28',
    version: '1.1',
    timeout: 5000,
  },
  maxSockets: 8,
  guide: 'guide',
};

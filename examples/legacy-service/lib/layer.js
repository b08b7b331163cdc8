'use strict';

var https = require('https');
var LayerAPI = require('layer-api');
var Promise = require('bluebird');
var config = require('../config');

// 3.x has promises of Node unless it is told; 2.x knows only those of Bluebird, and does not look at this.
LayerAPI.Promise = Promise;

var agent = new https.Agent({ keepAlive: true, maxSockets: config.maxSockets });

module.exports = new LayerAPI({
  token: config.layer.token,
  appId: config.layer.appId,
  version: config.layer.version,
  timeout: config.layer.timeout,
  agent: agent,
});

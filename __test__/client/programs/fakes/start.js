'use strict';

/**
 * What a program about a fake begins with: the fake, and after it a client of ours for the live service, whose tests
 * have only the environment to change it.
 */

const assert = require('assert');

/** What the package at `FAKE` exports; one that is in place of Node's `http` once it is loaded is so from here on. */
const fake = require(process.env.FAKE);
const LayerAPI = require('../../../..');

const token = process.env.TOKEN;
const appId = process.env.APP_ID;
const layer = new LayerAPI({ token, appId, timeout: 2000 });
/** Begins the paths of requests. */
const root = `/apps/${appId}`;
/** A client for the server of the test. */
const ownClient = (options) => {
  const agentOptions = { ca: process.env.CA };
  return new LayerAPI({ token, appId, agentOptions, baseUrl: process.env.LAYER_API_URL, ...options });
};

/** Runs a program, which prints `done` at its end. */
const run = (program) => program().then(() => console.log('done'));

module.exports = { LayerAPI, appId, assert, fake, layer, ownClient, root, run, token };

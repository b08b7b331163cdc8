'use strict';

/** What a program of `runWith` begins with: the client that its test chose, what it is made of, and a way to tell. */

const LayerAPI = require(process.env.SUBJECT);

const config = JSON.parse(process.env.CONFIG);
const layer = new LayerAPI(config);

/** Prints values as one line of JSON. */
const print = (...values) => console.log(JSON.stringify(values));

module.exports = { LayerAPI, config, layer, print };

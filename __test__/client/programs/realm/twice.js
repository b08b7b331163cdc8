'use strict';

/** Two copies of the module, both at work. */

const loadFor = require('./load.js');
const { config } = require('../start.js');

const load = () => loadFor(module);

const [One, Two] = [load(), load()];
const clients = [new One(config), new Two(config), new One(config)];
Promise.all(clients.map((one) => Promise.all([one.blocklist.getAsync('jon'), one.blocklist.getAsync('maria')]))).then(
  (all) => console.log(One !== Two, all.length),
);

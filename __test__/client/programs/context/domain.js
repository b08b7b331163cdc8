'use strict';

/** Exceptions of callbacks, inside and outside of a domain. */

const { layer, print } = require('../start.js');

const domain = require('domain').create();
const isInside = () => process.domain === domain;
domain.on('error', (error) => print('domain', error.message, error.domain === domain, error.domainThrown));
process.on('uncaughtException', (error) => print('uncaught', error.message));
const callAll = (where) =>
  new Promise((resolve) => {
    layer.blocklist.get('alone', () => {
      setImmediate(() => {
        let left = 3;
        for (let i = 0; i < 3; i++) {
          layer.blocklist.get('maria', () => {
            setImmediate(() => {
              if (--left === 0) resolve();
            });
            throw new Error(where + ' ' + isInside());
          });
        }
      });
      throw new Error(where + ' alone ' + isInside());
    });
  });
domain.run(() => callAll('inside')).then(() => callAll('outside'));

'use strict';

/**
 * Prints what a library's local storage holds in the callbacks of calls: of several at once, of a refused one, of one
 * that follows another. Arguments: the library, when it is loaded (`first` or `last`), the path of the client.
 */

/** Zones as if they were local storage. */
function zones() {
  require('zone.js/dist/zone-node.js');
  return {
    createNamespace: () => ({
      run: (work) => Zone.current.fork({ name: 'test', properties: {} }).run(work),
      set: (key, value) => {
        Zone.current._properties[key] = value;
      },
      get: (key) => Zone.current.get(key),
    }),
  };
}

const [library, when, subject] = process.argv.slice(2);
const config = JSON.parse(process.env.CONFIG);

let storage;
let LayerAPI;
const load = {
  first: () => {
    storage = library === 'zone.js' ? zones() : require(library);
    LayerAPI = require(subject);
  },
  last: () => {
    LayerAPI = require(subject);
    storage = library === 'zone.js' ? zones() : require(library);
  },
};
load[when]();

const space = storage.createNamespace('test');
const layer = new LayerAPI(config);
const seen = [];

function call(value) {
  return new Promise((resolve) => {
    space.run(() => {
      space.set('value', value);
      layer.blocklist.get(value, () => {
        seen.push([value, space.get('value')]);
        layer.blocklist.get('', () => seen.push([`refused in ${value}`, space.get('value')]));
        layer.blocklist.get('maria', () => {
          seen.push([`after ${value}`, space.get('value')]);
          resolve();
        });
      });
    });
  });
}

Promise.all(['one', 'two', 'three'].map(call)).then(() => {
  console.log(JSON.stringify(seen.sort()));
  process.exit(0);
});

/** What tests of services put in place of Node's `http`: packages, each version in its folder. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, installInto, stop } from './prepare.mjs';

/** Packages and their versions, by the name of their folder. */
const FAKES = {
  // Those that the original's own tests were written with.
  original: { nock: '7.7.3', mocha: '2.5.3' },
  'nock-11': { nock: '11.9.1' },
  'nock-13': { nock: '13.5.6' },
  'nock-14': { nock: '14.0.9' },
  'msw-2': { msw: '2.9.0' },
  polly: { '@pollyjs/core': '6.0.6', '@pollyjs/adapter-node-http': '6.0.6', '@pollyjs/persister-fs': '6.0.6' },
  replay: { replay: '2.4.0' },
  yakbak: { yakbak: '5.0.1' },
  sinon: { sinon: '19.0.5' },
};

const homeOf = (id) => cacheFolder(join('fakes', id));

/** Path of a package that is installed: `fakeOf('nock-13', 'nock')`. */
export const fakeOf = (id, name) => join(homeOf(id), 'node_modules', name);

/** Those that are not installed, such as `nock@13.5.6`. */
export const missingFakes = () => Object.keys(FAKES).flatMap(missingOf);

function missingOf(id) {
  const missing = Object.entries(FAKES[id]).filter(([name, version]) => {
    const manifest = join(fakeOf(id, name), 'package.json');
    return !existsSync(manifest) || JSON.parse(readFileSync(manifest, 'utf8')).version !== version;
  });
  return missing.map((spec) => spec.join('@'));
}

/** Installs those that are missing. */
export function installFakes() {
  for (const id of Object.keys(FAKES)) {
    const specs = missingOf(id);
    if (specs.length > 0 && !installInto(homeOf(id), specs)) {
      stop(`${specs.join(', ')} could not be installed; npm says why above.`);
    }
  }
}

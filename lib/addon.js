'use strict';

/**
 * The addon of this system: in a release, the package that npm installed beside this one; among its sources, the file
 * that `npm run build` left in this folder's parent, else that package. Where there is none, the error says how to mend
 * that.
 */

const fs = require('fs');
const path = require('path');
const { version } = require('../package.json');
const { libcVersion, targetOf } = require('./target.js');

const target = targetOf();
const packageName = `layer-api-${target}`;

/**
 * Bundlers and tracers of files find the packages because their names are written out, and pardon missing ones in a
 * `try`.
 */
function requirePackage() {
  try {
    switch (target) {
      case 'darwin-arm64':
        return require('layer-api-darwin-arm64');
      case 'darwin-x64':
        return require('layer-api-darwin-x64');
      case 'linux-arm64-gnu':
        return require('layer-api-linux-arm64-gnu');
      case 'linux-arm64-musl':
        return require('layer-api-linux-arm64-musl');
      case 'linux-x64-gnu':
        return require('layer-api-linux-x64-gnu');
      case 'linux-x64-musl':
        return require('layer-api-linux-x64-musl');
      case 'win32-arm64-msvc':
        return require('layer-api-win32-arm64-msvc');
      case 'win32-x64-msvc':
        return require('layer-api-win32-x64-msvc');
    }
  } catch (cause) {
    if (cause.code === 'MODULE_NOT_FOUND') throw failure(`Package ${packageName} is not installed.`, INSTALL, cause);
    throw unloadable(`Package ${packageName}`, cause);
  }
  throw failure(`There is no package for ${target}.`, 'Build one from source; docs/packaging.md says how.');
}

const INSTALL = `Run: npm install --save-optional ${packageName}@${version}
Packages are missing where they were installed without optional ones (--omit=optional), or for another system than they
run on: a copied node_modules folder, a lock file from elsewhere, a stage of a Docker build. See docs/packaging.md.`;

const SEE_DOCS = 'What each package needs is in docs/packaging.md.';

/** Why an addon that is there cannot be loaded, or may not be. */
function unloadable(name, cause) {
  if (cause.code !== 'ERR_DLOPEN_DISABLED')
    return failure(`${name} cannot be loaded: ${cause.message}`, SEE_DOCS, cause);
  // Node has this where the permission model is on.
  const { permission } = /** @type {any} */ (process);
  const [why, remedy] = permission
    ? ['its permission model without --allow-addons', 'Start it with --allow-addons.']
    : ['--no-addons', 'Start it without that flag, which may also stand in NODE_OPTIONS.'];
  return failure(`${name} may not be loaded: Node.js was started with ${why}.`, remedy, cause, 'cannot use its addon');
}

function failure(what, remedy, cause, lead = 'has no addon for this system') {
  const libc = process.platform === 'linux' && libcVersion();
  const parts = [`${process.platform} ${process.arch}`, libc, `Node.js ${process.versions.node}`];
  const system = parts.filter(Boolean).join(', ');
  const error = new Error(`layer-api ${version} ${lead} (${system}).\n${what}\n${remedy}`);
  return Object.assign(error, { code: 'ERR_LAYER_API_ADDON' }, cause && { cause });
}

function requireBuilt(file) {
  try {
    return require(file);
  } catch (cause) {
    throw unloadable(path.basename(file), cause);
  }
}

/** What `npm run build` left; undefined in a release, where scripts/bundle.mjs has made one file of all this. */
function builtFile() {
  if (typeof LAYER_API_IS_PACKAGED !== 'undefined') return undefined;
  const file = path.join(__dirname, '..', `layer-api.${target}.node`);
  return fs.existsSync(file) ? file : undefined;
}

/** @returns {typeof import('../src/addon')} what src/ exports; `npm run declaration` writes its types */
function load() {
  const built = builtFile();
  const addon = built ? requireBuilt(built) : requirePackage();
  if (addon.VERSION === version) return addon;
  throw failure(`The addon that is there is of version ${addon.VERSION}.`, built ? 'Run: npm run build' : INSTALL);
}

module.exports = load();

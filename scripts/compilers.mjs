/** The compilers of TypeScript, and the types of Node.js, that index.d.ts has to compile with; a test installs them. */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, installInto, stop } from './prepare.mjs';

const COMPILERS = cacheFolder('typescript');

/** Versions of TypeScript, each with versions of @types/node that compile with it. */
export const PAIRS = {
  '3.9.10': ['12.20.55', '12.0.0', '14.0.0'],
  '4.1.6': ['14.14.20'],
  '4.7.4': ['16.18.126'],
  '5.0.4': ['20.19.43'],
  '5.9.3': ['24.19.4', '12.20.55'],
  '7.0.2': ['26.6.7'],
};

/** The program of a compiler that is installed, to be run by Node.js. */
export const compilerOf = (version) => join(COMPILERS, 'node_modules', alias(version), 'bin', 'tsc');

/** The folder of a version of @types/node that is installed. */
export const nodeTypesOf = (version) => join(nodeTypesCache(version), 'node_modules', '@types', 'node');

const alias = (version) => `typescript-${version.replaceAll('.', '-')}`;

/** A folder for each version: newer ones bring packages with them. */
const nodeTypesCache = (version) => cacheFolder(join('types-of-node', version));

/** What is not installed, such as `TypeScript 3.9.10` and `@types/node 12.20.55`. */
export const missingCompilers = () => [
  ...missingVersions().map((version) => `TypeScript ${version}`),
  ...missingNodeTypes().map((version) => `@types/node ${version}`),
];

const missingVersions = () =>
  Object.keys(PAIRS).filter((version) => !isInstalled(join(compilerOf(version), '..', '..'), version));

const missingNodeTypes = () =>
  [...new Set(Object.values(PAIRS).flat())].filter((version) => !isInstalled(nodeTypesOf(version), version));

/** Installs the compilers and types that are missing. */
export function installCompilers() {
  const specs = missingVersions().map((version) => `${alias(version)}@npm:typescript@${version}`);
  if (specs.length > 0 && !installInto(COMPILERS, specs)) fail('TypeScript');
  for (const version of missingNodeTypes()) {
    if (!installInto(nodeTypesCache(version), [`@types/node@${version}`])) fail(`@types/node@${version}`);
  }
}

function isInstalled(folder, version) {
  const manifest = join(folder, 'package.json');
  return existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).version === version;
}

function fail(what) {
  stop(`${what} could not be installed; npm says why above.`);
}

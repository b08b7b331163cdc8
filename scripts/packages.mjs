/**
 * `npm run packages`: lays out in npm/ what a release publishes, one folder for each package: `layer-api`, and one for
 * each target of package.json with the addon in it. docs/packaging.md says how a release is made.
 *
 *   npm run packages -- [--addons DIR]   DIR holds the built addons, by default this folder
 */

import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { NapiCli, parseTriple } from '@napi-rs/cli';
import { ROOT, stop } from './prepare.mjs';

/** Newest version of glibc that the addons may need; docs/packaging.md promises it. */
export const GLIBC = '2.34';

const manifest = () => JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

/** Targets that packages are made for, as they are in names: `linux-x64-gnu`. */
export const targets = () => manifest().napi.targets.map((triple) => parseTriple(triple).platformArchABI);

/** File of the addon for a target. */
export const addonFile = (target) => `layer-api.${target}.node`;

/**
 * Lays the packages out in `folder`, which is below this project's, with the addons that are in `addons`.
 *
 * @returns {Promise<string[]>} targets of which there is no addon: their packages cannot be published
 */
export async function createPackages(folder, addons = ROOT) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await new NapiCli().createNpmDirs({ cwd: ROOT, npmDir: relative(ROOT, folder) });
  const missing = [];
  for (const target of targets()) {
    const home = join(folder, target);
    cpSync(join(ROOT, 'LICENSE'), join(home, 'LICENSE'));
    const built = join(addons, addonFile(target));
    if (existsSync(built)) cpSync(built, join(home, addonFile(target)));
    else missing.push(target);
  }
  createMain(join(folder, 'layer-api'));
  return missing;
}

/** The package that users ask for: what of package.json is about its use, and one optional package for each target. */
function createMain(home) {
  const { private: _, devDependencies, scripts, napi, ...rest } = manifest();
  const optionalDependencies = Object.fromEntries(targets().map((target) => [`layer-api-${target}`, rest.version]));
  mkdirSync(home);
  writeFileSync(join(home, 'package.json'), `${JSON.stringify({ ...rest, optionalDependencies }, null, 2)}\n`);
  for (const name of [...rest.files, 'README.md', 'CHANGELOG.md', 'LICENSE']) {
    const copy = join(home, name);
    mkdirSync(dirname(copy), { recursive: true });
    cpSync(join(ROOT, name), copy, { recursive: true });
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [flag, addons = ROOT] = process.argv.slice(2);
  if (flag && flag !== '--addons') stop('Usage: npm run packages -- [--addons DIR]');
  const folder = join(ROOT, 'npm');
  const missing = await createPackages(folder, resolve(addons));
  console.log(`npm/ has ${readdirSync(folder).length} packages`);
  for (const target of missing) console.log(`npm/${target} cannot be published: ${addonFile(target)} is missing`);
}

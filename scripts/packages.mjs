/**
 * `npm run packages`: lays out in npm/ what a release publishes, one folder for each package: `layer-api`, and one for
 * each target of package.json with the addon in it. docs/releasing.md says how a release is made.
 *
 *   npm run packages -- [--addons DIR]   DIR holds the built addons, all of them; by default this folder, with some
 */

import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, posix, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { NapiCli, parseTriple } from '@napi-rs/cli';
import { BUNDLED, bundle } from './bundle.mjs';
import { ROOT, stop } from './prepare.mjs';

/** Newest glibc that a published addon may need, by the minor number of its version; docs/packaging.md promises it. */
const GLIBC = 17;

/** The most that a published addon may have. Unit: bytes. */
const SIZE = 10_000_000;

const manifest = () => JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

/** Targets that packages are made for, as they are in names: `linux-x64-gnu`. */
export const targets = () => manifest().napi.targets.map((triple) => parseTriple(triple).platformArchABI);

/** File of the addon for a target. */
export const addonFile = (target) => `layer-api.${target}.node`;

/** The glibc that an addon needs, by the minor number of its version: the highest among those of its symbols. */
export function glibcOf(file) {
  const versions = [...readFileSync(file, 'latin1').matchAll(/GLIBC_2\.(\d+)/g)];
  return Math.max(...versions.map(([, minor]) => Number(minor)));
}

/** What is wrong with the size of an addon, and how to mend it; undefined where it is fine. */
export function sizeFault(file) {
  const { size } = statSync(file);
  if (size <= SIZE) return undefined;
  return `has ${size} bytes, more than ${SIZE}: docs/releasing.md says what keeps it small`;
}

/**
 * Lays the packages out in `folder`, which is below this project's, with the addons that are in `addons`.
 *
 * @returns {Promise<Record<string, string>>} by target, why its package cannot be published
 */
export async function createPackages(folder, addons = ROOT) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await new NapiCli().createNpmDirs({ cwd: ROOT, npmDir: relative(ROOT, folder) });
  const faults = {};
  for (const target of targets()) {
    const home = join(folder, target);
    cpSync(join(ROOT, 'LICENSE'), join(home, 'LICENSE'));
    const built = join(addons, addonFile(target));
    if (existsSync(built)) cpSync(built, join(home, addonFile(target)));
    const fault = faultOf(target, built);
    if (fault) faults[target] = fault;
  }
  await createMain(join(folder, 'layer-api'));
  return faults;
}

function faultOf(target, built) {
  if (!existsSync(built)) return `${addonFile(target)} is missing`;
  const tooLarge = sizeFault(built);
  if (tooLarge) return `${addonFile(target)} ${tooLarge}`;
  if (!target.endsWith('-gnu') || glibcOf(built) <= GLIBC) return undefined;
  return `${addonFile(target)} needs glibc 2.${glibcOf(built)}, more than 2.${GLIBC}: npm run build:portable`;
}

/** The package that users ask for: what of package.json is about its use, and one optional package for each target. */
async function createMain(home) {
  const { private: _, devDependencies, scripts, napi, ...rest } = manifest();
  const optionalDependencies = Object.fromEntries(targets().map((target) => [`layer-api-${target}`, rest.version]));
  mkdirSync(home);
  writeFileSync(join(home, 'package.json'), `${JSON.stringify({ ...rest, optionalDependencies }, null, 2)}\n`);
  await bundle(home);
  for (const name of [...rest.files, 'README.md', 'LICENSE']) {
    // What is there is made of the sources, which stay here.
    if (BUNDLED.includes(name)) continue;
    const copy = join(home, name);
    mkdirSync(dirname(copy), { recursive: true });
    cpSync(join(ROOT, name), copy, { recursive: true });
  }
  const pages = readdirSync(home, { recursive: true }).filter((name) => name.endsWith('.md'));
  for (const page of pages) {
    const text = publishedPage(readFileSync(join(home, page), 'utf8'), page, home, repositoryOf(rest));
    writeFileSync(join(home, page), text);
  }
}

/**
 * A page as it is published: a link to a file that is not published leads to the repository, and is plain text as long
 * as package.json names none. A picture is gone then.
 */
export function publishedPage(text, page, home, repository) {
  return text.replace(/(!?)\[([^\]]+)\]\((?![a-z]+:)([^)#]+)(#[^)]*)?\)/g, (link, mark, label, target, anchor = '') => {
    const file = posix.join(posix.dirname(page.replaceAll('\\', '/')), target);
    if (existsSync(join(home, file))) return link;
    if (!repository) return mark ? '' : label;
    return `${mark}[${label}](${repository}/${file}${anchor})`;
  });
}

/** Where the files of this version are read, by `repository` of package.json; undefined where it has none. */
function repositoryOf({ repository, version }) {
  const url = (repository?.url ?? repository)?.replace(/^git\+/, '').replace(/\.git$/, '');
  return url && `${url}/blob/v${version}`;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [flag, addons = ROOT] = process.argv.slice(2);
  if (flag && flag !== '--addons') stop('Usage: npm run packages -- [--addons DIR]');
  const folder = join(ROOT, 'npm');
  const faults = await createPackages(folder, resolve(addons));
  console.log(`npm/ has ${readdirSync(folder).length} packages`);
  for (const [target, fault] of Object.entries(faults)) console.log(`npm/${target} cannot be published: ${fault}`);
  // A release names the folder of its addons; without it the packages are for this machine.
  if (flag && Object.keys(faults).length > 0) process.exitCode = 1;
}

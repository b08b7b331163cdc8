/**
 * `npm run build:portable`: the addon of a release for Linux with glibc. It is linked against a glibc of 2012, which an
 * npm package of napi-rs brings with a compiler, so that it runs on old systems: the addon of `npm run build` asks for
 * about the glibc of the machine that it was built on.
 */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { targetOf } from '../lib/target.js';
import { cacheFolder, installInto, ROOT, run, say, stop } from './prepare.mjs';

/** What Rust calls our targets, and the package of the toolchain: programs for Linux on x64. */
const TARGETS = {
  'linux-x64-gnu': ['x86_64-unknown-linux-gnu', '@napi-rs/cross-toolchain-x64-target-x86_64', '1.0.0'],
  'linux-arm64-gnu': ['aarch64-unknown-linux-gnu', '@napi-rs/cross-toolchain-x64-target-aarch64', '1.0.3'],
};

const [target = 'linux-x64-gnu', ...args] = process.argv.slice(2);
if (!TARGETS[target])
  stop(`Usage: npm run build:portable -- [${Object.keys(TARGETS).join(' | ')}] [options of napi build]`);
if (targetOf() !== 'linux-x64-gnu') stop('This build needs Linux on x64, with glibc.');
const [triple, toolchain, version] = TARGETS[target];
const cache = cacheFolder(toolchain);
const home = join(cache, 'node_modules', toolchain);
const tool = (name) => join(home, 'bin', `${triple}-${name}`);

if (!existsSync(tool('gcc'))) {
  say(`Installing ${toolchain}`);
  if (!installInto(cache, [`${toolchain}@${version}`])) stop('It could not be installed; npm says why above.');
  if (!run('tar', ['-xJf', `${triple}.tar.xz`], { cwd: home }))
    stop('It could not be unpacked: that needs tar and xz.');
}

const underscored = triple.replaceAll('-', '_');
const env = {
  ...process.env,
  [`CC_${underscored}`]: tool('gcc'),
  [`AR_${underscored}`]: tool('ar'),
  [`CARGO_TARGET_${underscored.toUpperCase()}_LINKER`]: tool('gcc'),
};
say('Building the addon');
const { status } = spawnSync('npm', ['run', '--silent', 'build', '--', '--target', triple, ...args], {
  cwd: ROOT,
  stdio: 'inherit',
  env,
});
process.exitCode = status ?? 1;

/** The programs that the benchmark needs beside Node.js and the addon of `npm run build`. */

import { existsSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { addonFile } from '../../scripts/packages.mjs';
import { ROOT, stop } from '../../scripts/prepare.mjs';
import { cargoBuild } from '../../scripts/programs.mjs';
import { chooseRuntimes, installRuntimes, programOf, RUNTIMES } from '../../scripts/runtimes.mjs';

const { targetOf } = createRequire(import.meta.url)('../../lib/target.js');

/** The built addon: `{mb, isStripped}`. With symbols it is one of a debug build, which is no use here. */
export function builtAddon() {
  const file = join(ROOT, addonFile(targetOf()));
  if (!existsSync(file)) return stop('The addon is not built: run `npm run build` first.');
  return { mb: statSync(file).size / 1e6, isStripped: !readFileSync(file).includes('.symtab') };
}

/** Builds what `tables` need; paths of `server`, `floor`, and `addon`, ours without a network. */
export async function buildPrograms(tables, profile) {
  const needs = (...names) => tables.some(({ variants }) => variants.some((name) => names.includes(name)));
  const packages = ['layer-bench-server', ...(needs('floor', 'http1', 'http2') ? ['layer-bench-floor'] : [])];
  const features = needs('http2') ? packages.map((name) => `${name}/http2`) : [];
  const { 'layer-bench-server': server, 'layer-bench-floor': floor } = await cargo(packages, features, profile);
  const { addon } = needs('ours-null') ? await cargo(['layer-api'], ['null-network'], addonProfile(profile)) : {};
  return { server, floor, addon };
}

/** The profile that the addon has where programs have `profile`. */
function addonProfile(profile) {
  return profile === 'release' ? 'addon' : profile;
}

/** Builds packages; paths by name. */
function cargo(packages, features, profile) {
  const args = ['build', '--profile', profile, ...packages.flatMap((name) => ['-p', name])];
  if (features.length > 0) args.push('--features', features.join());
  console.error(`cargo ${args.join(' ')}`);
  return cargoBuild(args).catch(({ message }) => stop(message));
}

/** Path of a Node.js program: `name` is a path, the id of a runtime, or nothing for this one. */
export function nodeProgram(name) {
  if (!name) return process.execPath;
  if (name.includes('/')) return name;
  const [runtime] = chooseRuntimes(name);
  installRuntimes([runtime]);
  return programOf(runtime);
}

/** Id of the newest Node.js that we support. */
export const NEWEST_NODE = RUNTIMES.filter(({ title }) => title.startsWith('Node.js')).at(-1).id;

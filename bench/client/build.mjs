/** The programs that the benchmark needs beside Node.js and the addon of `npm run build`. */

import { spawn } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { addonFile } from '../../scripts/packages.mjs';
import { ROOT, stop } from '../../scripts/prepare.mjs';
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
  const programs = await cargo(packages, features, profile);
  const [addon] = needs('ours-null') ? await cargo(['layer-api'], ['null-network'], profile) : [];
  const named = (name) => programs.find((path) => path.endsWith(name));
  return { server: named('layer-bench-server'), floor: named('layer-bench-floor'), addon };
}

/** Builds packages; paths of the programs and dynamic libraries that result. */
async function cargo(packages, features, profile) {
  const args = ['build', '--profile', profile, ...packages.flatMap((name) => ['-p', name])];
  if (features.length > 0) args.push('--features', features.join());
  console.error(`cargo ${args.join(' ')}`);
  const child = spawn('cargo', [...args, '--message-format=json-render-diagnostics'], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.once('error', (error) => stop(`cargo cannot be run: ${error.message}`));
  const exited = new Promise((resolve) => child.once('close', resolve));
  const built = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const { executable, target, filenames } = JSON.parse(line);
    if (executable) built.push(executable);
    else if (target?.kind.includes('cdylib')) built.push(filenames[0]);
  }
  return (await exited) === 0 ? built : stop('The programs could not be built; cargo says why above.');
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

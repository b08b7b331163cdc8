/**
 * `node scripts/chromium.mjs`: sees to it that there is a Chromium for the tests of the vendor's SDKs, and prints
 * where.
 *
 * A variable `CHROMIUM` names one. Else it is that of the system; on Debian and its relatives it is installed where it
 * is missing. Needs no packages.
 */

import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];

/** The path of a Chromium, installed if need be. Error: what to do, when there is none. */
export function chromium() {
  return find() ?? installed() ?? missing();
}

/** The path of a Chromium that is there, or nothing. */
export function find() {
  if (process.env.CHROMIUM) return process.env.CHROMIUM;
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.flatMap((folder) => NAMES.map((name) => join(folder, name))).find(isExecutable);
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function installed() {
  const apt = (...args) => spawnSync('apt-get', [...args], { stdio: ['ignore', 'inherit', 'inherit'] }).status === 0;
  console.error('Installing Chromium, in which the SDKs of the vendor run');
  return apt('update', '-qq') && apt('install', '-y', '-qq', '--no-install-recommends', 'chromium')
    ? find()
    : undefined;
}

function missing() {
  throw new Error(
    'Chromium is missing and could not be installed: install it (Debian: apt-get install chromium), or name one in CHROMIUM.',
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(chromium());

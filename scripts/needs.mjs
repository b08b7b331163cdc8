/**
 * What `npm test` needs beside Node.js, npm, cargo and a C compiler: said at its start, so that nobody learns it at its
 * end.
 */

import { spawnSync } from 'node:child_process';
import { pathToFileURL } from 'node:url';
import { natsProgram, nginxProgram } from '../__test__/support/servers.js';
import { find as findChromium } from './chromium.mjs';
import { missingCompilers } from './compilers.mjs';
import { missingFakes } from './fakes.mjs';
import { findPostgres } from './postgres.mjs';
import { say } from './prepare.mjs';
import { chooseRuntimes, missingRuntimes } from './runtimes.mjs';

const succeeds = (command, ...args) => spawnSync(command, args, { stdio: 'ignore' }).status === 0;

/** Programs that tests run: name, what for, whether it is there, how it is installed. */
const PROGRAMS = [
  ['valgrind', 'counts instructions for __test__/cost', () => succeeds('valgrind', '--version'), 'valgrind'],
  [
    'python3 (3.10 or newer) with venv',
    'runs schemathesis and a server of buckets',
    () => succeeds('python3', '-c', 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 10))'),
    'python3 python3-venv',
  ],
  ['PostgreSQL (13 or newer)', 'holds the data of several platforms', () => findPostgres() !== undefined, 'postgresql'],
  ['openssl', 'opens exports, and makes certificates', () => succeeds('openssl', 'version'), 'openssl'],
];

/** Whether dependencies can be checked here; it takes minutes to install, so nobody needs to have it. */
export const hasCargoDeny = () => succeeds('cargo', 'deny', '--version');

/** Prints what the tests need, and what of it is missing. */
export function showNeeds(runtimes) {
  say('What the tests need');
  for (const [name, purpose, isThere, debian] of PROGRAMS) {
    const state = isThere() ? 'found' : `MISSING: its tests will fail (Debian: apt-get install ${debian})`;
    console.log(`${name}, which ${purpose}: ${state}`);
  }
  const deny = hasCargoDeny() ? 'found' : 'not there, left to CI (cargo install --locked cargo-deny)';
  console.log(`cargo-deny, which checks licences and sources of dependencies: ${deny}`);
  const nginx = nginxProgram ? 'found' : 'not there, its tests are left out (Debian: apt-get install nginx-light)';
  console.log(`nginx, behind which a platform is tested as deploy/ has it: ${nginx}`);
  const nats = natsProgram ? 'found' : 'not there, its tests are left out (Debian: apt-get install nats-server)';
  console.log(`NATS, which carries hints between platforms: ${nats}`);
  const chromium = findChromium() ? 'found' : 'to be installed by the tests (Debian: apt-get install chromium)';
  console.log(`Chromium, in which the SDKs of the vendor run: ${chromium}`);
  const packages = [...missingRuntimes(runtimes).map(({ title }) => title), ...missingCompilers(), ...missingFakes()];
  const state =
    packages.length === 0 ? 'found' : `to be installed from npm, into node_modules/.cache: ${packages.join(', ')}`;
  console.log(`Runtimes, compilers of TypeScript and fakes of HTTP: ${state}`);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) showNeeds(chooseRuntimes());

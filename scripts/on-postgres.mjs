/**
 * `node scripts/on-postgres.mjs node --test FILE...`: runs a command whose platforms in memory have a database of
 * PostgreSQL instead, each its own, on the server of `scripts/postgres.mjs`. The addon that is published has no
 * PostgreSQL, for its size; that of `scripts/programs.mjs` has.
 */

import { spawnSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { findPostgres } from './postgres.mjs';
import { ROOT, stop } from './prepare.mjs';
import { buildForTests } from './programs.mjs';

const PRELOAD = join(ROOT, '__test__', 'support', 'on-postgres.js');

const [command, ...args] = process.argv.slice(2);
if (findPostgres() === undefined) stop('PostgreSQL is not installed (Debian: apt-get install postgresql)');
// Node.js takes it by its ending.
const addon = join(ROOT, 'target', 'debug', 'layer-api.postgres.node');
copyFileSync((await buildForTests()).addon, addon);
const env = {
  ...process.env,
  LAYER_TEST_ADDON: addon,
  LAYER_TEST_PSQL: join(findPostgres(), 'psql'),
  NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --require=${JSON.stringify(PRELOAD)}`.trim(),
};
const server = join(ROOT, 'scripts', 'postgres.mjs');
// The server needs no addon, but what it runs does.
process.exitCode = spawnSync(process.execPath, [server, command, ...args], { stdio: 'inherit', env }).status ?? 1;

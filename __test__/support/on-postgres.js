'use strict';

/**
 * Before a program of `scripts/on-postgres.mjs`: its platforms in memory have a database of PostgreSQL, each its own.
 * Runs on Node 12, as some of those programs do.
 */

const { spawnSync } = require('child_process');
const { mkdtempSync, rmSync } = require('fs');
const Module = require('module');
const { tmpdir } = require('os');
const path = require('path');

const { LAYER_TEST_ADDON: addon, LAYER_TEST_POSTGRES: server, LAYER_TEST_PSQL: psql } = process.env;
const ADDONS = path.join(__dirname, '..', '..');
/** What one in memory keeps of requests when nothing is said. */
const recordedRequests = 1000;
const made = [];

// What starts the server has none.
if (server) {
  const load = Module._extensions['.node'];
  Module._extensions['.node'] = (module, file) => {
    if (path.dirname(file) !== ADDONS) return load(module, file);
    load(module, addon);
    const { start } = module.exports.Platform;
    const onPostgres = { start: (options) => start(JSON.stringify(moved(JSON.parse(options)))) };
    module.exports = { ...module.exports, Platform: onPostgres };
  };
  process.once('exit', () => {
    if (made.length > 0) run(...made.map(({ name }) => `DROP DATABASE ${name} WITH (FORCE)`));
    for (const { files } of made) rmSync(files, { recursive: true, force: true });
  });
}

/** Options with a database of PostgreSQL in place of one in memory. */
function moved(options) {
  if (options === null || typeof options !== 'object') return options;
  if (options.data !== undefined && options.data !== ':memory:') return options;
  const name = `js_${process.pid}_${made.length}`;
  run(`CREATE DATABASE ${name}`);
  const files = mkdtempSync(path.join(tmpdir(), 'layer-api-on-postgres-'));
  made.push({ name, files });
  return { recordedRequests, files, ...options, data: `${server}/${name}` };
}

function run(...statements) {
  const commands = statements.flatMap((sql) => ['-c', sql]);
  const { status, stderr, error } = spawnSync(psql, ['-qX', `${server}/postgres`, ...commands], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`psql: ${error ? error.message : stderr}`);
}

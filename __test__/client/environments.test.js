'use strict';

/**
 * The client in the environments in which services are tested: Jest and Vitest run their spec files on both clients.
 */

const assert = require('node:assert');
const { execFile } = require('node:child_process');
const { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } = require('node:fs');
const { tmpdir } = require('node:os');
const path = require('node:path');
const { after, afterEach, before, test } = require('node:test');
const { APP_ID, ROOT, TOKEN, closeAll, secureServer, subjects } = require('./support.js');

/** Milliseconds for a tool. Only one that hangs takes so long. */
const PATIENCE = 900_000;

let folder;

before(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'layer-api-environments-'));
  cpSync(path.join(__dirname, 'environments'), folder, { recursive: true });
  const modules = path.join(folder, 'node_modules');
  const installed = path.join(modules, 'layer-api');
  mkdirSync(installed, { recursive: true });
  // As npm installs it, but for the addon, which is large.
  for (const name of ['index.js', 'index.mjs', 'lib', 'package.json']) {
    cpSync(path.join(ROOT, name), path.join(installed, name), { recursive: true });
  }
  const addon = readdirSync(ROOT).find((name) => name.endsWith('.node'));
  symlinkSync(path.join(ROOT, addon), path.join(installed, addon));
  for (const name of ['layer-api-original', 'bluebird']) {
    cpSync(path.join(ROOT, 'node_modules', name), path.join(modules, name), { recursive: true });
  }
  symlinkSync(path.join(ROOT, 'node_modules', 'vitest'), path.join(modules, 'vitest'), 'dir');
});

after(() => rmSync(folder, { recursive: true, force: true }));
afterEach(closeAll);

const answer = (request, response) => {
  const [, path] = /^\/apps\/[^/]+(.*)$/.exec(request.url);
  if (path.includes('/never/')) return;
  if (path.includes('/cut/')) request.socket.destroy();
  response.statusCode = path.includes('/missing/') ? 404 : 200;
  setTimeout(() => response.end(JSON.stringify({ path })), path.includes('/slow/') ? 100 : 0);
};

/** Runs a tool of node_modules on a project of `environments` until it ends by itself. */
async function runTool(tool, args, subject) {
  const server = await secureServer(answer);
  const agentOptions = subject.agentOptions(server);
  const config = { token: TOKEN, appId: APP_ID, timeout: 600_000, ...subject.config(server), agentOptions };
  const env = { ...process.env, CONFIG: JSON.stringify(config), NO_COLOR: '1', CI: 'true' };
  env.SUBJECT = subject.name === 'ours' ? 'layer-api' : subject.path;
  // The runner of this test tells its children to report in its own way.
  for (const name of ['NODE_TEST_CONTEXT', 'NODE_OPTIONS', 'FORCE_COLOR']) delete env[name];
  const { bin } = require(`${tool}/package.json`);
  const script = path.join(ROOT, 'node_modules', tool, typeof bin === 'string' ? bin : bin[tool]);
  const options = { cwd: path.join(folder, tool), env, timeout: PATIENCE, maxBuffer: 1e8 };
  return new Promise((resolve) => {
    execFile(process.execPath, [script, ...args], options, (error, stdout, stderr) => {
      resolve({ code: error ? (error.code ?? error.signal) : 0, output: stdout + stderr });
    });
  });
}

for (const subject of Object.values(subjects)) {
  test(`Jest: realms, fake timers and registries (${subject.name})`, async () => {
    const { code, output } = await runTool('jest', [], subject);
    assert.strictEqual(code, 0, output);
    assert.match(output, /Test Suites: 3 passed, 3 total/);
    assert.doesNotMatch(output, /did not exit|open handle|failed to exit/, output);
  });

  for (const pool of ['forks', 'threads', 'vmThreads']) {
    test(`Vitest, pool ${pool}: realms, fake timers and registries (${subject.name})`, async () => {
      const { code, output } = await runTool('vitest', ['run', '--pool', pool], subject);
      assert.strictEqual(code, 0, output);
      assert.match(output, /Test Files {2}2 passed \(2\)/);
      assert.doesNotMatch(output, /Unhandled|hanging/, output);
    });
  }
}

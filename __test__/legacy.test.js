/**
 * examples/legacy-service, a service of 2016, passes its tests unchanged on the original and on ours, and after each
 * step of docs/migration.md.
 */

const assert = require('node:assert');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } = require('node:fs');
const { tmpdir } = require('node:os');
const path = require('node:path');
const { after, before, test } = require('node:test');

const ROOT = path.join(__dirname, '..');
const SERVICE = path.join(ROOT, 'examples', 'legacy-service');
/** Tests of the service. */
const TESTS = 10;

const folder = mkdtempSync(path.join(tmpdir(), 'layer-api-legacy-'));
let nock;

before(async () => {
  const { fakeOf, installFakes } = await import('../scripts/fakes.mjs');
  installFakes();
  nock = fakeOf('nock-13', 'nock');
});

after(() => rmSync(folder, { recursive: true, force: true }));

/** A copy of the service with its packages, of which `layer` is layer-api. */
function install(name, layer) {
  const home = path.join(folder, name);
  cpSync(SERVICE, home, { recursive: true });
  mkdirSync(path.join(home, 'node_modules'));
  const packages = { 'layer-api': layer, bluebird: path.dirname(require.resolve('bluebird/package.json')), nock };
  for (const [id, target] of Object.entries(packages)) symlinkSync(target, path.join(home, 'node_modules', id), 'dir');
  return home;
}

async function run(home, script, args, env) {
  const child = spawn(process.execPath, [require.resolve(script), ...args], {
    cwd: home,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  const [code] = await once(child, 'close');
  assert.strictEqual(code, 0, output);
  return output;
}

async function passes(home, env, count = TESTS, files = ['test/service.spec.js']) {
  const report = await run(home, 'mocha/bin/mocha.js', ['--reporter', 'json', ...files], env);
  assert.strictEqual(JSON.parse(report).stats.passes, count, report);
}

/** The files of a step, as docs/migration.md has them. */
function write(home, step) {
  const page = readFileSync(path.join(ROOT, 'docs', 'migration.md'), 'utf8');
  const blocks = [...page.matchAll(/<!-- step: (\d) (.+?) -->\s*```\w+\n([\s\S]*?)```/g)];
  const files = blocks.filter(([, number]) => Number(number) === step);
  assert.ok(files.length > 0);
  for (const [, , file, code] of files) writeFileSync(path.join(home, file), code);
}

test('a service of 2016 passes its tests on the original', () =>
  passes(install('original', path.dirname(require.resolve('layer-api-original/package.json'))), {}));

test('a service of 2016 passes its tests on this client, unchanged', () =>
  passes(install('ours', ROOT), { LAYER_API_TRANSPORT: 'node' }));

test('the service passes its tests after each step of docs/migration.md', async () => {
  const home = install('migrated', ROOT);
  const carried = { LAYER_API_TRANSPORT: 'node' };
  write(home, 2);
  await passes(home, carried);
  write(home, 3);
  rmSync(path.join(home, 'lib', 'chat.js'));
  const types = path.join(ROOT, 'node_modules', '@types');
  const flags = ['--strict', '--target', 'es2020', '--module', 'commonjs', '--types', 'node', '--typeRoots', types];
  await run(home, 'typescript/bin/tsc', [...flags, 'lib/chat.ts'], {});
  await passes(home, carried);
  write(home, 4);
  await passes(home, {}, 1, ['test/platform.spec.js']);
});

/**
 * `npm run demo`: starts a platform and runs the README's first example against it, as a service of 2016 would.
 *
 * With `-- --console` it leaves the platform running, with its console and something to see in it.
 */

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { examplesIn, runExample } from './examples.mjs';
import { prepare, ROOT, say, stop } from './prepare.mjs';
import { fill } from './scenery.mjs';

const isWithConsole = process.argv.includes('--console');
const unknown = process.argv.slice(2).find((word) => word !== '--console');
if (unknown) stop(`There is no option ${unknown}. Usage: npm run demo [-- --console]`);

prepare();

const folder = mkdtempSync(join(tmpdir(), 'layer-api-demo-'));
const options = ['--port', '0', '--data', join(folder, 'chat.db'), '--create-app'];
const arguments_ = ['platform', ...options, ...(isWithConsole ? ['--console'] : [])];
say(`Starting the platform: npx layer-api ${arguments_.join(' ')}`);
const platform = spawn(process.execPath, [join(ROOT, 'bin', 'layer-api.js'), ...arguments_], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
const { appId, token, url } = await credentials(platform);
const hasStopped = new Promise((resolve) => platform.once('exit', resolve));

const [example] = examplesIn('README.md');
say(`Running the example "${example.name}" of the README against ${url}`);
const { exitCode, output } = await runExample(example, {
  LAYER_API_URL: url,
  LAYER_APP_ID: appId,
  LAYER_TOKEN: token,
});
process.stdout.write(output);

if (isWithConsole && exitCode === 0) {
  const LayerAPI = createRequire(import.meta.url)(ROOT);
  await fill(new LayerAPI({ appId, token, baseUrl: url }));
  say('The console is at the address above; its token is beside it. Stop with Ctrl-C.');
  process.once('SIGINT', () => platform.kill('SIGTERM'));
  await hasStopped;
} else {
  platform.kill('SIGTERM');
  await hasStopped;
}
rmSync(folder, { recursive: true, force: true });
if (exitCode !== 0) stop(`The example failed with exit code ${exitCode}.`);
if (!isWithConsole) say('Done: what you see above was written to the platform and read back.');

/** Reads what the platform prints until it listens. The token of the app is not printed again. */
async function credentials(child) {
  const found = {};
  for await (const line of createInterface({ input: child.stdout })) {
    const [, name, value] = /^\s+(appId|token): (\S+)$/.exec(line) ?? [];
    if (name) found[name] = value;
    found.url ??= /listening on (\S+)/.exec(line)?.[1];
    if (name !== 'token') console.log(line);
    if (found.url) return found;
  }
  return stop('The platform did not start; it says why above.');
}

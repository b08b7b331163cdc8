/** `npm run demo`: starts a platform and runs the README's first example against it, as a service of 2016 would. */

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { examplesIn, runExample } from './examples.mjs';
import { prepare, ROOT, say, stop } from './prepare.mjs';

prepare();

const folder = mkdtempSync(join(tmpdir(), 'layer-api-demo-'));
const arguments_ = ['platform', '--port', '0', '--data', join(folder, 'chat.db'), '--create-app'];
say(`Starting the platform: npx layer-api ${arguments_.join(' ')}`);
const platform = spawn(process.execPath, [join(ROOT, 'bin', 'layer-api.js'), ...arguments_], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
const { appId, token, url } = await credentials(platform);

const [example] = examplesIn('README.md');
say(`Running the example "${example.name}" of the README against ${url}`);
const { exitCode, output } = await runExample(example, {
  LAYER_API_URL: url,
  LAYER_APP_ID: appId,
  LAYER_TOKEN: token,
});
process.stdout.write(output);

platform.kill('SIGTERM');
await new Promise((resolve) => platform.once('exit', resolve));
rmSync(folder, { recursive: true, force: true });
if (exitCode !== 0) stop(`The example failed with exit code ${exitCode}.`);
say('Done: what you see above was written to the platform and read back.');

/** Reads what the platform prints until it listens. The token is not printed again. */
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

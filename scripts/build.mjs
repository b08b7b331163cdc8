/**
 * `npm run build`: builds the console, and the addon of a release with it; options go to `napi build`. It fails where
 * the addon has grown beyond what it may have, so that nobody notices only when it is published.
 */

import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { buildConsole } from './console.mjs';
import { sizeFault } from './packages.mjs';
import { ROOT, run, say, stop } from './prepare.mjs';

const OPTIONS = ['--platform', '--profile', 'addon', '--no-js', '--dts', 'target/addon.d.ts'];

say('1 of 2: the console');
console.log(`${((await buildConsole()) / 1024).toFixed(1)} KiB, compressed`);
say('2 of 2: the addon');
// The script and not the program in .bin, which has another name on Windows.
const napi = join(ROOT, 'node_modules', '@napi-rs', 'cli', 'dist', 'cli.js');
if (!run(process.execPath, [napi, 'build', ...OPTIONS, ...process.argv.slice(2)])) process.exit(1);
const addons = readdirSync(ROOT).filter((name) => name.endsWith('.node'));
const [built] = addons.sort((one, other) => modified(other) - modified(one));
const fault = built && sizeFault(join(ROOT, built));
if (fault) stop(`${built} works, but ${fault}`);

function modified(name) {
  return statSync(join(ROOT, name)).mtimeMs;
}

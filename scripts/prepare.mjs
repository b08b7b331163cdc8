/** Brings a fresh clone to where it can run: checks the tools, installs the packages, builds the addon. */

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's folder. */
export const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Says what happens next. */
export function say(text) {
  console.log(`\n== ${text}`);
}

/** Ends the process with one sentence. */
export function stop(sentence) {
  console.error(`\n${sentence}`);
  process.exit(1);
}

/** Runs a command in the project's folder with its output on ours; answers whether it went well. */
export function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: ROOT, stdio: 'inherit', ...options });
  if (error) stop(`${command} cannot be started: ${error.message}`);
  return status === 0;
}

/** Where tests keep their own programs: not in version control, and left alone by `npm install`. */
export const cacheFolder = (name) => join(ROOT, 'node_modules', '.cache', name);

/**
 * Installs npm packages in exactly these versions into a folder of the cache, such as `a@1.0.0`, without their scripts.
 */
export function installInto(folder, specs) {
  mkdirSync(folder, { recursive: true });
  const manifest = join(folder, 'package.json');
  if (!existsSync(manifest)) writeFileSync(manifest, '{ "private": true }\n');
  const flags = ['--prefix', folder, '--save-exact', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  return run('npm', ['install', ...flags, ...specs]);
}

/** Installs and builds what is missing or older than its sources. */
export function prepare() {
  checkTools();
  install();
  build();
}

/** Ends the process where a tool is missing that nothing can do without. */
export function checkTools() {
  const [major] = process.versions.node.split('.');
  if (Number(major) < 20) stop(`Node.js 20 or newer is needed to build; this is ${process.version}.`);
  const tools = {
    npm: 'npm is missing: it comes with Node.js.',
    cargo: 'cargo is missing: install Rust 1.89 or newer from https://rustup.rs.',
    cc: 'A C compiler is missing: install gcc or clang (Debian: apt-get install gcc libc6-dev).',
  };
  for (const [tool, sentence] of Object.entries(tools)) {
    if (spawnSync(tool, ['--version'], { stdio: 'ignore' }).status !== 0) stop(sentence);
  }
}

/** Installs the npm packages of the lock file, unless they are there. */
export function install() {
  const installed = join(ROOT, 'node_modules', '.package-lock.json');
  if (existsSync(installed) && newest(installed) >= newest(join(ROOT, 'package-lock.json'))) return;
  say('Installing npm packages');
  // Not `npm ci`: that fails where the lock file does not name the binaries of every other platform.
  if (!run('npm', ['install', '--no-audit', '--no-fund', '--no-save']))
    stop('The npm packages could not be installed; npm says why above.');
}

/** What the page of the console is made of, which the addon has in it. */
const CONSOLE = ['console/src', 'console/index.html', 'console/style.css', 'scripts/console.mjs'];

function build() {
  const addon = readdirSync(ROOT).find((name) => name.endsWith('.node'));
  const sources = ['.cargo', 'Cargo.toml', 'Cargo.lock', 'build.rs', 'src', 'crates', ...CONSOLE].map((name) =>
    newest(join(ROOT, name)),
  );
  if (addon && newest(join(ROOT, addon)) >= Math.max(...sources)) return;
  say('Building the addon (release; a few minutes the first time)');
  if (!run('npm', ['run', '--silent', 'build']))
    stop('The addon could not be built, or has grown too large; why is said above.');
}

/** Time of the newest file at or below `path`, in milliseconds. */
function newest(path) {
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newest(join(path, name))));
}

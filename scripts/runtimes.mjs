/**
 * The runtimes that we support, each from an npm package that ships its program, and `npm run test:runtimes`, which
 * runs the suite of __test__/runtimes on them: `-- --only 12,26,bun`.
 */

import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { cacheFolder, installInto, ROOT, stop } from './prepare.mjs';

const CACHE = cacheFolder('runtimes');

const { platform, arch } = process;
const node = (id, version, isInCi = false) => ({
  id,
  title: `Node.js ${version}`,
  package: `node-${platform === 'win32' ? 'win' : platform}-${arch}`,
  version,
  program: join('bin', 'node'),
  flags: [],
  isInCi,
});

/** By `id`; `isInCi` marks those that `npm test` runs: the oldest, the current, the newest, and the other makes. */
export const RUNTIMES = [
  node('12.17', '12.17.0', true),
  node('12', '12.22.12'),
  node('14', '14.21.3'),
  node('16', '16.20.2'),
  node('18', '18.20.8'),
  node('20', '20.20.2', true),
  node('22', '22.23.3'),
  node('24', '24.21.0'),
  node('26', '26.10.0', true),
  {
    id: 'bun',
    title: 'Bun 1.4.5',
    package: `@oven/bun-${platform}-${arch === 'arm64' ? 'aarch64' : arch}`,
    version: '1.4.5',
    program: join('bin', 'bun'),
    flags: [],
    isInCi: true,
  },
  {
    id: 'deno',
    title: 'Deno 2.9.6',
    package: `@deno/${platform}-${arch}${platform === 'linux' ? '-glibc' : ''}`,
    version: '2.9.6',
    program: 'deno',
    flags: ['run', '--allow-all'],
    isInCi: true,
  },
];

/** The runtimes named in `only`, as in `12,26,bun`; by default those of CI. */
export function chooseRuntimes(only) {
  if (!only) return RUNTIMES.filter(({ isInCi }) => isInCi);
  if (only === 'all') return RUNTIMES;
  return only.split(',').map((id) => {
    const found = RUNTIMES.find((runtime) => runtime.id === id.trim());
    if (!found) throw new Error(`There is no runtime \`${id}\`; there are ${RUNTIMES.map(({ id }) => id).join(', ')}`);
    return found;
  });
}

/** Path of the program of a runtime that is installed. */
export const programOf = (runtime) => join(CACHE, 'node_modules', alias(runtime), runtime.program);

/** Names of packages side by side: npm takes one version of a name only. */
const alias = ({ id }) => `runtime-${id.replace('.', '-')}`;

/** Those that are not installed. */
export const missingRuntimes = (runtimes) =>
  runtimes.filter((runtime) => installedVersion(runtime) !== runtime.version);

/** Installs the runtimes that are missing. */
export function installRuntimes(runtimes) {
  const missing = missingRuntimes(runtimes);
  if (missing.length === 0) return;
  const specs = missing.map((runtime) => `${alias(runtime)}@npm:${runtime.package}@${runtime.version}`);
  if (!installInto(CACHE, specs)) stop('The runtimes could not be installed; npm says why above.');
}

function installedVersion(runtime) {
  const file = join(CACHE, 'node_modules', alias(runtime), 'package.json');
  if (!existsSync(file) || !existsSync(programOf(runtime))) return undefined;
  // Older packages have `v12.22.12`.
  return JSON.parse(readFileSync(file, 'utf8')).version.replace(/^v/, '');
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [flag, only = 'all'] = process.argv.slice(2);
  if (flag && flag !== '--only') stop('Usage: npm run test:runtimes -- [--only 12,26,bun]');
  const { status } = spawnSync(
    process.execPath,
    ['--test', '--test-reporter=spec', '__test__/runtimes/runtimes.test.js'],
    { cwd: ROOT, stdio: 'inherit', env: { ...process.env, LAYER_TEST_RUNTIMES: only } },
  );
  process.exitCode = status;
}

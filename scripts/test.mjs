/** `npm test`: everything that has to hold, in one run. The last line is `N passed, M failed`. */

import { readdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { installCompilers } from './compilers.mjs';
import { installFakes } from './fakes.mjs';
import { hasCargoDeny, showNeeds } from './needs.mjs';
import { prepare, ROOT } from './prepare.mjs';
import { BUILD } from './programs.mjs';
import { chooseRuntimes, installRuntimes } from './runtimes.mjs';
import { installS3 } from './s3.mjs';
import { FORMATS_AND_LINTS, runSteps, TYPES } from './steps.mjs';

/** Files of JavaScript tests at a time: many wait for a clock or for another process, so that a core carries two. */
const concurrency = 2 * availableParallelism();
/** Rust tests at a time: nearly all of them wait, for a clock, a disk or another process. */
const RUST_TESTS = 3 * availableParallelism();
const runtimes = chooseRuntimes(process.env.LAYER_TEST_RUNTIMES);
/** Milliseconds for a file of JavaScript tests. Only one that hangs takes so long. */
const PATIENCE = 2400000;
const testFiles = (await find('__test__')).sort();
/** Those of the platform whose data may be anywhere: not about commands, terminals or files of a database. */
const platformFiles = testFiles.filter(
  (file) =>
    ['original', 'platform'].includes(basename(dirname(file))) && !/(cli|deploy|onlooker|upkeep)\.test/.test(file),
);
const javaScript = [
  '--test',
  '--test-reporter=spec',
  `--test-concurrency=${concurrency}`,
  `--test-timeout=${PATIENCE}`,
];

showNeeds(runtimes);
prepare();
// Before the tests, which run side by side: npm works in a folder alone.
installRuntimes(runtimes);
installCompilers();
installFakes();
const forRust = { LAYER_TEST_S3: installS3(), RUST_TEST_THREADS: String(RUST_TESTS) };
await runSteps([
  ...FORMATS_AND_LINTS,
  // Without advisories, which are fetched from the network: CI asks for them.
  ...(hasCargoDeny()
    ? [['Dependencies', 'cargo', ['deny', '--workspace', 'check', 'bans', 'licenses', 'sources']]]
    : []),
  ['Rust documentation', 'cargo', ['doc', '--workspace', '--no-deps', '--quiet'], { RUSTDOCFLAGS: '--deny warnings' }],
  [
    'Rust tests',
    process.execPath,
    ['scripts/postgres.mjs', ...'cargo test --workspace --quiet --no-fail-fast'.split(' ')],
    forRust,
  ],
  [
    'Platform tests on PostgreSQL',
    process.execPath,
    // Those of several platforms ran there before.
    ['scripts/postgres.mjs', ...'cargo test --workspace --quiet --test it -- --skip several::'.split(' ')],
    { ...forRust, LAYER_TEST_STORE: 'postgres' },
  ],
  ...TYPES,
  // Before the tests, which would all wait for it.
  ['Programs of the JavaScript tests', 'cargo', BUILD],
  ['JavaScript tests', process.execPath, [...javaScript, ...testFiles]],
  [
    'JavaScript tests of the platform on PostgreSQL',
    process.execPath,
    ['scripts/on-postgres.mjs', process.execPath, ...javaScript, ...platformFiles],
  ],
  ['OpenAPI: schemathesis', process.execPath, ['scripts/schemathesis.mjs']],
  [
    'OpenAPI: schemathesis on PostgreSQL',
    process.execPath,
    ['scripts/on-postgres.mjs', process.execPath, 'scripts/schemathesis.mjs'],
  ],
]);

/** Test files at or below a folder. */
async function find(folder) {
  const names = await readdir(join(ROOT, folder), { recursive: true });
  return names.filter((name) => /\.test\.m?js$/.test(name)).map((name) => join(folder, name));
}

/**
 * `npm run check`: formats, lints, types and unit tests, in less than two minutes once all is built. It needs neither
 * the addon nor the network, so it does not build the addon: `npm test` does, and runs everything.
 */

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { checkTools, install, ROOT } from './prepare.mjs';
import { FORMATS_AND_LINTS, runSteps, TYPES } from './steps.mjs';

/** Tests beside the folders are of the repository itself; those of examples start a platform. */
const unitTests = readdirSync(join(ROOT, '__test__'))
  .filter((name) => name.endsWith('.test.js') && name !== 'examples.test.js')
  .map((name) => join('__test__', name));

checkTools();
install();
await runSteps([
  ...FORMATS_AND_LINTS,
  ...TYPES,
  ['Rust unit tests', 'cargo', ['test', '--workspace', '--lib', '--quiet']],
  ['JavaScript unit tests', process.execPath, ['--test', '--test-reporter=spec', ...unitTests]],
]);

/**
 * The JavaScript of a release: `index.js` with all of `lib/` in it, and the program in `bin/`. Node takes time to find,
 * read and wrap a file, and a client needs a dozen of them before its first request.
 */

import { mkdirSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { ROOT } from './prepare.mjs';

/** Files that have to be paths of their own; what is in them is in the bundle. */
const PATHS = {
  'lib/errors.js': `'use strict';

const { APIError, ResponseError } = require('../index.js');

module.exports = { APIError, ResponseError };
`,
};

/** Programs and modules, each in one file with what it needs of `lib/`. */
const ENTRIES = ['index.js', 'bin/layer-api.js'];

/** Files of a release that `bundle` writes. */
export const BUNDLED = [...ENTRIES, ...Object.keys(PATHS)];

/** Of package.json only the version is needed. */
const VERSION_ONLY = {
  name: 'version-only',
  setup({ onLoad }) {
    onLoad({ filter: /package\.json$/ }, async ({ path }) => {
      const { version } = JSON.parse(await readFile(path, 'utf8'));
      return { contents: JSON.stringify({ version }), loader: 'json' };
    });
  },
};

/** Writes the JavaScript of a release below `home`: one file for `require`, one for the shell. */
export async function bundle(home) {
  await build({
    absWorkingDir: ROOT,
    entryPoints: ENTRIES,
    outdir: home,
    outbase: ROOT,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node12.17',
    // Line by line as in the sources: people read stacks.
    minify: false,
    charset: 'utf8',
    // The addon is a package of its own.
    external: ['layer-api-*'],
    define: { LAYER_API_IS_PACKAGED: 'true' },
    plugins: [VERSION_ONLY],
    logLevel: 'warning',
  });
  for (const [name, text] of Object.entries(PATHS)) {
    mkdirSync(dirname(join(home, name)), { recursive: true });
    writeFileSync(join(home, name), text);
  }
}

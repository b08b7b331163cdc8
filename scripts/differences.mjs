/** Writes docs/differences.md from the list that the differential test uses: `npm run docs`. */

import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from './prepare.mjs';

const FILE = join(ROOT, 'docs', 'differences.md');

/** The page: every accepted difference by its name, with its reason. */
export function differencesPage() {
  const differences = createRequire(import.meta.url)('../__test__/differential/differences.js');
  const sections = differences.map(({ name, reason, transport }) => {
    const text = transport ? `${reason} With \`transport: 'node'\` it is as in the original.` : reason;
    return `## ${name[0].toUpperCase()}${name.slice(1)}\n\n${text}\n`;
  });
  return `# What differs from layer-api 2.3.3

The differential test runs both clients through the same calls and replies, some 2,500 rows, and compares what goes over
the wire, what comes back, and how. These are all the differences that it accepts; for each it checks what this client
does instead. The page is made from \`__test__/differential/differences.js\` by \`npm run docs\`.

${sections.join('\n')}`;
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) writeFileSync(FILE, differencesPage());

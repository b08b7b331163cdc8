/** Writes docs/features.md from the table in __test__/compatibility: part of `npm run docs`. */

import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from './prepare.mjs';

const FILE = join(ROOT, 'docs', 'features.md');
const require = createRequire(import.meta.url);

/** The page: every feature, with the verdicts on all clients, and the tests that show ours. */
export function featuresPage() {
  const { PEERS, ROWS } = require('../__test__/compatibility/features.js');
  const names = require('../__test__/compatibility/names.js').testNames();
  const link = (name) => {
    const found = names.get(name);
    if (!found) throw new Error(`There is no test "${name}"`);
    return `[${cell(name)}](../__test__/${found.file.split(/[\\/]/).join('/')})`;
  };
  const lines = ROWS.map(({ feature, ours: [verdict, remark, tests], others }) => {
    const own = [`**${verdict}**: ${remark}`, ...tests.map(link)].join('<br>');
    return `| ${[feature, own, ...others.map(([other, evidence]) => `${other}: ${cell(evidence)}`)].join(' | ')} |`;
  });
  return `# Features

What clients of such services have: this one beside those of Stripe, Stream, GitHub and Slack, in the versions that the
table names. Each verdict on another says which file of its package, or which page of it, was looked at. Each yes of
this one is shown by a test. The page is made from \`__test__/compatibility/features.js\` by \`npm run docs\`.

| feature | layer-api | ${PEERS.join(' | ')} |
| --- | --- | ${PEERS.map(() => '---').join(' | ')} |
${lines.join('\n')}
`;
}

const cell = (text) => text.replace(/[|<*]/g, '\\$&');

if (import.meta.url === pathToFileURL(process.argv[1]).href) writeFileSync(FILE, featuresPage());

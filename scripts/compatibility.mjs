/** Writes docs/compatibility.md from the table in __test__/compatibility: part of `npm run docs`. */

import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from './prepare.mjs';

const FILE = join(ROOT, 'docs', 'compatibility.md');
const require = createRequire(import.meta.url);
const { isOfNative } = require('../__test__/client/carried.js');

/** The page: every behaviour, whether it is the same, and the tests that show it. */
export function compatibilityPage() {
  const sections = require('../__test__/compatibility/index.js');
  const names = require('../__test__/compatibility/names.js').testNames();
  const rows = Object.values(sections).flat();
  const same = rows.filter(({ verdict }) => verdict === 'same').length;
  const tables = Object.entries(sections).map(([title, section]) => {
    const lines = section.map((row) => `| ${cell(row.behaviour)} | ${verdict(row)} | ${tests(row, names)} |`);
    return `## ${title}\n\n| behaviour | with this client | shown by |\n| --- | --- | --- |\n${lines.join('\n')}\n`;
  });
  return `# Compatibility with layer-api 2.3.3

What a service could notice around the bytes: ${same} behaviours that are the same, ${rows.length - same} that are not. Each is shown by tests; *both* marks
those that run with the original client as well. The tests of the client run with \`transport: 'node'\`, too, but for those of
the *own transport*: there it is as in Node. [differences.md](differences.md) lists what differs in arguments,
requests and replies. The page is made from \`__test__/compatibility/\` by \`npm run docs\`.

${tables.join('\n')}`;
}

function verdict({ verdict, how, difference }) {
  if (verdict === 'same') return 'same';
  const link = difference ? ` ([more](differences.md#${anchor(difference)}))` : '';
  return `**different**: ${cell(how)}${link}`;
}

function tests(row, names) {
  return row.tests
    .map((name) => {
      const found = names.get(name);
      if (!found) throw new Error(`There is no test "${name}"; the row "${row.behaviour}" names it`);
      const file = found.file.split(/[\\/]/).join('/');
      const marks = [found.isOnBoth && '*both*', isOfNative(name) && '*own transport*'].filter(Boolean);
      return [`[${cell(name)}](../__test__/${file})`, ...marks].join(' ');
    })
    .join('<br>');
}

const cell = (text) => text.replace(/[|<*]/g, '\\$&');

/** The anchor that a heading of differences.md gets. */
const anchor = (heading) =>
  heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\- _]/gu, '')
    .replaceAll(' ', '-');

if (import.meta.url === pathToFileURL(process.argv[1]).href) writeFileSync(FILE, compatibilityPage());

/** The results in docs/benchmark-results.md, and pictures of them in docs/benchmarks. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, stop } from '../../scripts/prepare.mjs';
import { pictures } from './charts.mjs';
import { checkGoals } from './goals.mjs';
import { goalsTable, tablesOf } from './report.mjs';

const PAGE = join(ROOT, 'docs', 'benchmark-results.md');
const PICTURES = join(ROOT, 'docs', 'benchmarks');
const BEGIN = '<!-- Made by `npm run bench -- --render`. -->';
const END = '<!-- End of what is made. -->';

/** Writes saved tables into the page, and draws them. */
export function render(results) {
  if (results.length === 0) stop('Nothing is saved yet: run `npm run bench` first.');
  writeFileSync(PAGE, pageWith(readFileSync(PAGE, 'utf8'), results));
  mkdirSync(PICTURES, { recursive: true });
  for (const [name, picture] of Object.entries(pictures(results))) writeFileSync(join(PICTURES, name), picture);
}

/** The page with these tables between its marks. */
export function pageWith(page, results) {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin === -1 || end < begin) throw new Error(`docs/benchmark-results.md has lost its marks: ${BEGIN} and ${END}`);
  return `${page.slice(0, begin)}${BEGIN}\n\n${written(results)}\n\n${page.slice(end)}`;
}

function written(results) {
  const goals = [false, true].flatMap((isNewest) => {
    const rows = checkGoals(results, isNewest);
    return rows.length > 0 ? [`### Goals${isNewest ? ', newest Node.js' : ''}`, goalsTable(rows)] : [];
  });
  return [circumstances(results), ...goals, ...results.map(tablesOf)].join('\n\n');
}

/** Where and when the tables were measured; they differ in Node.js and in the time. */
function circumstances(results) {
  const lines = results.map(({ name, machine, node, at, load, addon }) => {
    const build = addon.isStripped ? '' : ' **A debug build: these figures mean nothing.**';
    return `- ${name}: ${at}, load average before ${load.toFixed(2)}, ${machine}, Node.js ${node}.${build}`;
  });
  return lines.join('\n');
}

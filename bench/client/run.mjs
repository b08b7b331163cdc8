/** `npm run bench`: compares clients of the Layer API on loopback, side by side. See docs/benchmarks.md. */

import { execFileSync } from 'node:child_process';
import { resolve } from 'node:path';
import { ROOT, stop } from '../../scripts/prepare.mjs';
import { buildPrograms, builtAddon, NEWEST_NODE, nodeProgram } from './build.mjs';
import { checkGoals } from './goals.mjs';
import { measureTable } from './measure.mjs';
import { optionsFrom, tablesFrom, USAGE } from './options.mjs';
import { render } from './page.mjs';
import { goalsTable, tablesOf } from './report.mjs';
import { circumstances, save, saved } from './results.mjs';

async function main() {
  const options = readOptions();
  const folder = resolve(ROOT, options.out);
  if (options.render) return render(saved(folder));
  if (!options.goals) await measure(options, folder);
  for (const isNewest of [false, true]) {
    const rows = checkGoals(saved(folder), isNewest);
    if (rows.length > 0) console.log(`\n## Goals${isNewest ? ', newest Node.js' : ''}\n\n${goalsTable(rows)}`);
  }
}

async function measure(options, folder) {
  if (process.platform !== 'linux') stop('CPU time per thread is read from /proc: the benchmark needs Linux.');
  const addon = builtAddon();
  if (!addon.isStripped) console.error('The addon is a debug build, so figures mean nothing: run `npm run build`.');
  const { tables, profile } = options;
  const programs = await buildPrograms(tables, profile);
  const command = ['npm run bench --', ...process.argv.slice(2)].join(' ');
  for (const table of tables) {
    const node = nodeProgram(options.node ?? (table.isNewest ? NEWEST_NODE : undefined));
    const version = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
    const around = { ...circumstances(addon, version), command };
    const result = save(folder, table, around, await measureTable(table, programs, node));
    console.log(
      `\n${tablesOf(result)}\n\n${around.at}, ${around.machine}, Node ${version}, load average before ${around.load.toFixed(2)}`,
    );
  }
}

function readOptions() {
  let options;
  try {
    options = optionsFrom(process.argv.slice(2));
    options.tables = tablesFrom(options);
  } catch (error) {
    stop(`${error.message}\n\n${USAGE}`);
  }
  if (options.help) {
    console.log(USAGE);
    process.exit();
  }
  return options;
}

try {
  await main();
} catch (error) {
  stop(error.message);
}

/** What was measured, as JSON: one file for each table. */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { PLAN } from './plan.mjs';

const ISO_MINUTE = 16;

/** Where and when, without which figures are worth nothing. */
export function circumstances(addon, nodeVersion) {
  return {
    at: `${new Date().toISOString().slice(0, ISO_MINUTE).replace('T', ' ')} UTC`,
    load: loadavg()[0],
    machine: `${availableParallelism()} × ${cpus()[0].model}`,
    node: nodeVersion,
    addon,
  };
}

/** Saves a table with its measurements. */
export function save(folder, { name, title, worker, growth, unit, variants }, around, cases) {
  const result = { name, title, worker, growth, unit, variants, ...around, cases };
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(result, undefined, 1)}\n`);
  return result;
}

/** The saved tables of the plan, in its order. */
export function saved(folder) {
  return [...PLAN.keys()].flatMap((name) => {
    try {
      return [JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8'))];
    } catch (error) {
      if (error.code === 'ENOENT') return [];
      throw error;
    }
  });
}

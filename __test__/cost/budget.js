'use strict';

/** Holds figures to the budget of budget.json. */

const { readFileSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');

const FILE = join(__dirname, 'budget.json');
const NODE = Number(process.versions.node.split('.')[0]);
/** How far below its budget a figure makes it useless. */
const WELL_BELOW = 0.1;

/** Next to nothing per request, for figures that are close to it: a ring in thousands of requests. */
const SLACK = 0.002;

exports.read = () => JSON.parse(readFileSync(FILE, 'utf8'));

/**
 * What is wrong with the figures of a scenario, as sentences. Above the budget a request has become dearer; well below
 * it the budget has become useless.
 *
 * What V8 takes depends on its version: versions other than that of `node` may take less. Instructions are compared on
 * the architecture `arch` only.
 */
exports.check = ({ node, arch, figures, budget }, scenario, measured) => {
  const planned = budget[scenario];
  return Object.keys(planned).flatMap((name) => {
    if (name === 'instructions' && process.arch !== arch) return [];
    const { is, tolerance } = figures[name];
    const [found, limit] = [measured[name], planned[name]];
    const says = `${scenario}: ${name} is ${found}, the budget is ${limit} (${is})`;
    if (!(found <= limit * (1 + tolerance) + SLACK)) return [says];
    const mayBeLower = name === 'heapBytes' && NODE !== node;
    if (found < limit * (1 - WELL_BELOW) - SLACK && !mayBeLower) return [`${says}: tighten it with \`npm run budget\``];
    return [];
  });
};

/** Makes what was measured the budget. */
exports.write = (budget) => {
  const rounded = (figures) => Object.entries(figures).map(([name, value]) => [name, Number(value.toPrecision(4))]);
  const entries = Object.entries(budget).map(([scenario, figures]) => [scenario, Object.fromEntries(rounded(figures))]);
  const content = { ...exports.read(), node: NODE, arch: process.arch, budget: Object.fromEntries(entries) };
  writeFileSync(FILE, `${JSON.stringify(content, undefined, 2)}\n`);
};

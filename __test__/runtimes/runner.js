'use strict';

/**
 * Runs the suite on the runtime that runs this file. Prints one line of JSON for each check, `{name, error, took}`, and
 * ends with code 1 if any failed. `runner.js NAME…` runs those alone.
 */

/** Milliseconds for one check. */
const LIMIT = 120000;

const chosen = process.argv.slice(2);

async function main() {
  const suite = require('./suite.js').filter(({ name }) => chosen.length === 0 || chosen.includes(name));
  for (const { name, run } of suite) {
    const started = Date.now();
    const error = await attempt(run);
    console.log(JSON.stringify({ name, error, took: Date.now() - started }));
    if (error) process.exitCode = 1;
  }
  console.log(JSON.stringify({ checks: suite.length }));
}

async function attempt(run) {
  let timer;
  const limit = new Promise((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`took more than ${LIMIT} ms`)), LIMIT);
  });
  try {
    await Promise.race([run(), limit]);
    return undefined;
  } catch (error) {
    return String((error && error.stack) || error);
  } finally {
    clearTimeout(timer);
  }
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});

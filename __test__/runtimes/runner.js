'use strict';

const { inspect } = require('util');

/**
 * Runs the suite on the runtime that runs this file. Prints one line of JSON for each check, `{name, error, took}`, and
 * ends with code 1 if any failed. `runner.js NAME…` runs those alone.
 */

/** Milliseconds for one check. Only one that hangs takes so long. */
const LIMIT = 900000;

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
    return explained(error);
  } finally {
    clearTimeout(timer);
  }
}

/** What went wrong, with what was seen: an assertion that has words of its own leaves that out of them. */
function explained(error) {
  const text = String((error && error.stack) || error);
  if (!error || error.generatedMessage !== false) return text;
  const { actual, expected } = error;
  return `${text}\n${inspect({ actual, expected }, { depth: 9 })}`;
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});

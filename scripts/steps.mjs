/** Steps of `npm test` and `npm run check`: commands one after the other, and the sum of what they tested. */

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ROOT, say } from './prepare.mjs';

/** The program of an npm package. */
const bin = (name) => join(ROOT, 'node_modules', '.bin', name);
/** What only the benchmark's comparison of protocols and `__test__/cost` turn on has to compile as well. */
const features = ['--features', 'layer-bench-floor/http2,layer-bench-server/http2,layer-api/counting'];
const cargoLints = ['clippy', '--workspace', '--all-targets', ...features, '--quiet', '--', '--deny', 'warnings'];

/** Steps that both have: `[name, command, arguments, environment]`. */
export const FORMATS_AND_LINTS = [
  ['Rust formatting', 'cargo', ['fmt', '--all', '--check']],
  ['JavaScript formatting and lints', bin('biome'), ['check', '--error-on-warnings', '.']],
  ['Rust lints', 'cargo', cargoLints],
];
export const TYPES = [
  ['Type tests', bin('tsc'), ['--project', '__test__/types']],
  ['Types of lib, index.js and bin', bin('tsc'), ['--project', '__test__/types/internal']],
  ['Types of the console', bin('tsc'), ['--project', 'console']],
];

/** How runners tell the number of tests they ran, and which failed; any other step counts as one. */
const RUNNERS = [
  {
    passed: /^test result: \w+\. (\d+) passed; (?:\d+) failed/gm,
    failed: /^test result: \w+\. (?:\d+) passed; (\d+) failed/gm,
    failure: /^---- (.+) stdout ----$/gm,
  },
  { passed: /^ℹ pass (\d+)$/gm, failed: /^ℹ fail (\d+)$/gm, failure: /^test at (.+\n✖ .+)$/gm },
];

/** Runs the steps, all of them, and sets the exit code. The last lines name what failed; `N passed, M failed`. */
export async function runSteps(steps) {
  let passed = 0;
  let failed = 0;
  const failures = [];
  for (const [index, [name, command, args, env]] of steps.entries()) {
    say(`${index + 1} of ${steps.length}: ${name}`);
    const began = Date.now();
    const { isFine, output } = await step(command, args, env);
    const counts = { passed: count(output, 'passed'), failed: count(output, 'failed') };
    if (counts.passed + counts.failed === 0) counts[isFine ? 'passed' : 'failed'] = 1;
    // A runner that dies says nothing of the test it died in.
    if (!isFine && counts.failed === 0) counts.failed = 1;
    passed += counts.passed;
    failed += counts.failed;
    if (!isFine) failures.push([name, ...found(output, 'failure').map((test) => test.replace('\n✖', ':'))]);
    console.log(`${isFine ? 'Fine' : 'Failed'} after ${lasted(Date.now() - began)}`);
  }
  for (const [name, ...tests] of failures) console.log([`\nFailed: ${name}`, ...tests].join('\n  '));
  console.log(`\n${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}

/** Milliseconds as people say them. */
function lasted(ms) {
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** Runs a command with its output on ours, and keeps it. */
async function step(command, args, env) {
  const child = spawn(command, args, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  for await (const chunk of child.stdout) {
    output += chunk;
    process.stdout.write(chunk);
  }
  const exitCode = child.exitCode ?? (await new Promise((resolve) => child.once('exit', resolve)));
  return { isFine: exitCode === 0, output };
}

const count = (output, outcome) => found(output, outcome).reduce((sum, number) => sum + Number(number), 0);

const found = (output, what) =>
  RUNNERS.flatMap((patterns) => [...output.matchAll(patterns[what])].map(([, text]) => text));

/** Runs the examples of README and docs as a user would: in a separate folder that has layer-api installed. */

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './prepare.mjs';

/** Endings of the files that code blocks become, by the language behind their fence. */
const ENDINGS = { js: 'js', mjs: 'mjs' };

/** The runnable code blocks of a Markdown text: `{name, code, ending}`. The name is in a comment before the block. */
export function examplesOf(markdown) {
  const block = /<!-- example: (.+?) -->\s*```(\w+)\n([\s\S]*?)```/g;
  return [...markdown.matchAll(block)].map(([, name, language, code]) => ({ name, code, ending: ENDINGS[language] }));
}

/** The examples of a page, whose name is from the project's folder. */
export function examplesIn(page) {
  return examplesOf(readFileSync(join(ROOT, page), 'utf8'));
}

/**
 * Starts an example with more variables in its environment, beside the packages that tests install: `{child, remove}`.
 */
export function startExample({ name, code, ending }, env) {
  const folder = mkdtempSync(join(tmpdir(), 'layer-api-example-'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(ROOT, join(folder, 'node_modules', 'layer-api'), 'dir');
  const file = join(folder, `${name}.${ending}`);
  writeFileSync(file, code);
  const child = spawn(process.execPath, ['--preserve-symlinks', file], {
    cwd: folder,
    env: { ...process.env, NODE_PATH: join(ROOT, 'node_modules'), ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return { child, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Runs an example with more variables in its environment; answers its exit code and what it printed. */
export async function runExample(example, env) {
  const { child, remove } = startExample(example, env);
  try {
    let output = '';
    for await (const chunk of child.stdout) output += chunk;
    const exitCode = child.exitCode ?? (await new Promise((resolve) => child.once('exit', resolve)));
    return { exitCode, output };
  } finally {
    remove();
  }
}

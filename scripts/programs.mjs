/**
 * What tests in JavaScript need of cargo, debug builds: the programs and examples of the workspace, and an addon that
 * counts what it does and has PostgreSQL.
 *
 * All at once, and always by this one command: another choice of packages or features has cargo build other variants in
 * their place, while tests run them. Dependencies are those of `cargo test --workspace`.
 */

import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { ROOT } from './prepare.mjs';

/** Arguments of cargo. */
export const BUILD = ['build', '--workspace', '--all-targets', '--features', 'layer-api/counting', '--quiet'];

/**
 * Builds what is older than its sources.
 *
 * @returns {Promise<Record<string, string>>} paths by name, such as `layer-platform`; the addon is `addon`
 */
export const buildForTests = () => cargoBuild(BUILD);

/** The same for a `cargo build` of other arguments. Error: a sentence. */
export async function cargoBuild(args) {
  const cargo = spawn('cargo', [...args, '--message-format=json-render-diagnostics'], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise((resolve, reject) => {
    cargo.once('error', ({ message }) => reject(new Error(`cargo cannot be run: ${message}`)));
    cargo.once('close', resolve);
  });
  const paths = {};
  const read = async () => {
    for await (const line of createInterface({ input: cargo.stdout })) {
      const { target, profile, filenames = [], executable } = JSON.parse(line);
      if (!target || profile.test) continue;
      if (target.kind.includes('cdylib')) [paths.addon] = filenames;
      else if (executable) paths[target.name] = executable;
    }
  };
  const [code] = await Promise.all([exited, read()]);
  if (code !== 0) throw new Error('The programs could not be built; cargo says why above.');
  return paths;
}

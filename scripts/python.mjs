/** Programs in Python that tests run, each in an environment of its own. */

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, run, say, stop } from './prepare.mjs';

/** Makes an environment of this name, unless it has these packages; answers with the folder of its programs. */
export function installPython(name, packages) {
  const folder = cacheFolder(name);
  const programs = join(folder, 'bin');
  const list = join(folder, 'packages.txt');
  const wanted = packages.join('\n');
  if (existsSync(list) && readFileSync(list, 'utf8') === wanted) return programs;
  say(`Installing ${name}`);
  if (!run('python3', ['--version'], { stdio: 'ignore' }))
    stop(`python3 is missing: ${name} needs Python 3.10 or newer (Debian: apt-get install python3 python3-venv).`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  if (!run('python3', ['-m', 'venv', folder]))
    stop('Python could not make a virtual environment; it says why above (Debian: apt-get install python3-venv).');
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', ...packages];
  if (!run(join(programs, 'python'), pip)) stop(`pip could not install ${name}; it says why above.`);
  writeFileSync(list, wanted);
  return programs;
}

/**
 * Runs a command that finds servers of messages that others wrote, to be measured beside the platform:
 * `node scripts/postgres.mjs --durable node scripts/peers.mjs npm run bench:platform -- --target platform=.
 * --target synapse=synapse --target ejabberd=ejabberd`. Synapse comes from PyPI into a folder for itself,
 * `LAYER_BENCH_SYNAPSE` is its Python; ejabberd is Debian's, `LAYER_BENCH_EJABBERD` the folder of its code. Only the
 * command starts them.
 */

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { run, say, stop } from './prepare.mjs';
import { installPython } from './python.mjs';

const PACKAGES = ['matrix-synapse==1.163.2'];
const DEBIAN = ['ejabberd', 'erlang-p1-pgsql'];

/** Where Debian puts the code of ejabberd, in a folder named by the kind of the machine, and of its driver. */
const LIBRARIES = '/usr/lib';
const DRIVERS = join(LIBRARIES, 'erlang', 'lib');

const named = (folder, prefix) =>
  existsSync(folder) ? readdirSync(folder).filter((name) => name.startsWith(prefix)) : [];

const findEjabberd = () => {
  if (named(DRIVERS, 'p1_pgsql').length === 0) return undefined;
  const machines = readdirSync(LIBRARIES).map((name) => join(LIBRARIES, name));
  const [code] = machines
    .filter((folder) => folder.endsWith('-linux-gnu'))
    .flatMap((folder) => named(folder, 'ejabberd-').map((name) => join(folder, name, 'ebin')));
  return code;
};

const installEjabberd = () => {
  if (!findEjabberd()) {
    say(`Installing ${DEBIAN.join(' and ')}`);
    run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...DEBIAN], {
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
  }
  return findEjabberd() ?? stop(`ejabberd is missing (Debian: apt-get install ${DEBIAN.join(' ')}).`);
};

const [command, ...args] = process.argv.slice(2);
if (!command) stop('node scripts/peers.mjs COMMAND: the command is missing.');
const env = {
  ...process.env,
  LAYER_BENCH_SYNAPSE: join(installPython('synapse', PACKAGES), 'python'),
  LAYER_BENCH_EJABBERD: installEjabberd(),
};
process.exitCode = run(command, args, { env }) ? 0 : 1;

/**
 * Runs a command with a PostgreSQL server of its own: `node scripts/postgres.mjs cargo test -p layer-store-postgres`.
 * The command finds the server by the variable `LAYER_TEST_POSTGRES`, a URL that names no database. The server has a
 * folder of its own, listens on the loopback interface alone, and ends with the command. Where the variable is set
 * already, that server is used.
 *
 * What is written does not survive a crash of the machine (`fsync=off`): that is for tests of rules, and never for
 * numbers. With `--durable` before the command it does.
 */

import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { freePorts } from './ports.mjs';

/** Where Debian and others put the programs of the server, which are not in the path. */
const FOLDERS = ['/usr/lib/postgresql', '/usr/local/pgsql', '/opt/homebrew/opt/postgresql'];

/** What rules are tested with: nothing needs to outlive the server, and nothing is replicated. */
const FOR_RULES = [
  'fsync=off',
  'full_page_writes=off',
  'synchronous_commit=off',
  'wal_level=minimal',
  'max_wal_senders=0',
  'autovacuum=off',
  'checkpoint_timeout=1h',
];

/** The folder of the programs of the newest server that is installed, if one is. */
export const findPostgres = () => {
  const inPath = spawnSync('initdb', ['--version'], { stdio: 'ignore' }).status === 0;
  if (inPath) return '';
  for (const folder of FOLDERS) {
    const versions = existsSync(folder) ? readdirSync(folder).sort((one, other) => Number(other) - Number(one)) : [];
    const found = [...versions.map((version) => join(folder, version, 'bin')), join(folder, 'bin')];
    const bin = found.find((path) => existsSync(join(path, 'initdb')));
    if (bin) return bin;
  }
  return undefined;
};

/** The user that the server runs as: it refuses root. */
const serverUser = () => {
  if (process.getuid?.() !== 0) return {};
  const id = (flag) => Number(spawnSync('id', [flag, 'postgres'], { encoding: 'utf8' }).stdout);
  return { uid: id('-u'), gid: id('-g') };
};

/** Runs a program of the server as its user, in a folder. */
const runIn = (folder, program, ...args) => {
  const { status, error } = spawnSync(join(findPostgres(), program), args, {
    ...serverUser(),
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (error || status !== 0) throw new Error(`${program} failed: ${error?.message ?? `exit code ${status}`}`);
};

/** Makes a folder of its own for a server, has `fill` make its data there, and starts it. */
const start = async (settings, fill) => {
  if (findPostgres() === undefined) throw new Error('PostgreSQL is not installed (Debian: apt-get install postgresql)');
  const { uid, gid } = serverUser();
  const folder = mkdtempSync(join(tmpdir(), 'layer-postgres-'));
  if (uid) chownSync(folder, uid, gid);
  chmodSync(folder, 0o700);
  const data = join(folder, 'data');
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    fill(folder, data);
    const [port] = await freePorts(1);
    const all = ['listen_addresses=127.0.0.1', `unix_socket_directories=${folder}`, 'max_connections=300', ...settings];
    const options = [`-p ${port}`, ...all.map((setting) => `-c ${setting}`)].join(' ');
    runIn(folder, 'pg_ctl', '-D', data, '-w', '-t', '300', '-l', join(folder, 'log'), '-o', options, 'start');
    const pid = Number(readFileSync(join(data, 'postmaster.pid'), 'utf8').split('\n')[0]);
    return {
      port,
      url: `postgres://postgres@127.0.0.1:${port}`,
      /** Ends it and removes its folder. */
      stop: () => {
        runIn(folder, 'pg_ctl', '-D', data, '-w', '-m', 'immediate', 'stop');
        remove();
      },
      /** Kills it as a loss of the machine would, and removes its folder. */
      kill: () => {
        process.kill(pid, 'SIGKILL');
        // Its other processes notice by themselves, and end.
        remove();
      },
      /** Makes a standby the primary. */
      promote: () => runIn(folder, 'pg_ctl', '-D', data, '-w', '-t', '300', 'promote'),
      /** Runs statements. */
      run: (...statements) =>
        runIn(
          folder,
          'psql',
          '-q',
          '-h',
          '127.0.0.1',
          '-p',
          `${port}`,
          '-U',
          'postgres',
          ...statements.flatMap((sql) => ['-c', sql]),
        ),
    };
  } catch (error) {
    remove();
    throw error;
  }
};

/** Starts a server. */
export const startPostgres = (settings = FOR_RULES) =>
  start(settings, (folder, data) =>
    runIn(folder, 'initdb', '-D', data, '-E', 'UTF8', '--locale=C', '-A', 'trust', '-U', 'postgres', '--no-sync'),
  );

/** Starts a synchronous standby of a server: from then on, what is answered there is on both. */
export const startStandby = async (primary) => {
  const standby = await start([], (folder, data) => {
    const from = `host=127.0.0.1 port=${primary.port} user=postgres application_name=standby`;
    runIn(folder, 'pg_basebackup', '-D', data, '-d', from, '-R', '-X', 'stream', '-c', 'fast', '--no-sync');
  });
  primary.run("ALTER SYSTEM SET synchronous_standby_names = 'standby'", 'SELECT pg_reload_conf()');
  return standby;
};

/** What numbers are measured with: as it comes, with memory for what is measured. */
const FOR_NUMBERS = ['shared_buffers=256MB', 'max_wal_size=4GB'];

const main = async (...words) => {
  const isDurable = words[0] === '--durable';
  const [command, ...args] = isDurable ? words.slice(1) : words;
  const given = process.env.LAYER_TEST_POSTGRES;
  const server = given ? { url: given, stop: () => {} } : await startPostgres(isDurable ? FOR_NUMBERS : FOR_RULES);
  const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, LAYER_TEST_POSTGRES: server.url } });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  const status = await new Promise((resolve) => {
    child.once('error', (error) => resolve(console.error(`${command}: ${error.message}`) ?? 1));
    child.once('exit', (code) => resolve(code ?? 1));
  });
  server.stop();
  process.exitCode = status;
};

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await main(...process.argv.slice(2)).catch(({ message }) => {
    console.error(message);
    process.exitCode = 1;
  });
}

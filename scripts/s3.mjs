/**
 * Runs a command that finds a server of buckets by the variable `LAYER_TEST_S3`, which names its program:
 * `node scripts/s3.mjs node scripts/postgres.mjs cargo test -p layer-platform --test it bucket`. It is moto, which
 * speaks like S3, checks signatures and rights, and keeps all in memory. Tests start it themselves, since they kill it.
 */

import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { run } from './prepare.mjs';
import { installPython } from './python.mjs';

const PACKAGES = ['moto[s3]==5.2.5', 'flask==3.1.3', 'flask-cors==6.0.5'];

/** Installs the server, unless it is there, and answers with its program. */
export const installS3 = () => join(installPython('moto', PACKAGES), 'moto_server');

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [command, ...args] = process.argv.slice(2);
  process.exitCode = run(command, args, { env: { ...process.env, LAYER_TEST_S3: installS3() } }) ? 0 : 1;
}

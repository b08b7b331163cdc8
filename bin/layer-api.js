#!/usr/bin/env node
'use strict';

/**
 * `npx layer-api platform`: runs a platform until SIGINT or SIGTERM. The arguments are understood in Rust. Other
 * commands ask a platform that runs.
 */

const { spawn } = require('child_process');
const addon = require('../lib/addon.js');
const { Misuse } = require('../lib/admin.js');
const onlooker = require('../lib/onlooker.js');
const operator = require('../lib/operator.js');
const { Platform } = require('../lib/platform.js');

const USAGE = `Usage: layer-api platform [options]
       layer-api apps create|list|delete [options]
       layer-api tokens create|list|revoke|rotate [options]
       layer-api identity-provider create|list|remove|add-key|remove-key [options]
       layer-api tail [options]
       layer-api inspect ID [options]
       layer-api check|backup|restore|export|import [options]
       layer-api help [COMMAND]
       layer-api --version

\`platform\` runs a server that speaks Layer's Server API and Client API; \`layer-api platform --help\` lists its options.
\`apps\` and \`tokens\` create, list and remove the apps of a running platform and the tokens that services use.
\`identity-provider\` says who may sign users of an app in; \`layer-api identity-provider --help\` lists its options.
\`tail\` shows the requests of a running platform as they come, \`inspect\` a conversation.
\`check\` says whether the data of a platform is whole, \`backup\` copies it, while the platform runs as well, and
\`restore\` puts a backup in its place. \`export\` and \`import\` move one app as JSON lines.`;

/** Exit code for a command line that makes no sense, as shells have it. */
const MISUSE = 2;

function fail(message, code) {
  console.error(`layer-api: ${message}`);
  process.exitCode = code;
}

/** @param {string[]} words those of the command line */
async function main([name, ...args]) {
  if (name === 'help' && args.length > 0) return main([args[0], '--help']);
  if ([undefined, 'help', '--help', '-h'].includes(name)) return console.log(USAGE);
  if (['--version', '-v', '-V'].includes(name)) return console.log(addon.PlatformCommand.parse(['--version']).text);
  if (operator.names.includes(name)) return ask(name, async () => console.log(await operator.run(name, args)));
  if (onlooker.verbs.includes(name)) return ask(name, () => onlooker.run(name, args, console.log));
  if (addon.UpkeepCommand.verbs().includes(name)) return lookAfter(name, args);
  if (name !== 'platform') return fail(`there is no command \`${name}\`\n\n${USAGE}`, MISUSE);

  let command;
  try {
    command = addon.PlatformCommand.parse(args);
  } catch (error) {
    // Who has the settings checked asks whether they are right, and the answer is no.
    if (args.includes('--check-config')) return fail(error.message, 1);
    return fail(`${error.message}\nlayer-api platform --help lists the options.`, MISUSE);
  }
  if (command.text) return console.log(command.text);

  let platform;
  const stop = async () => {
    try {
      await platform.close();
      console.log('Stopped.');
    } catch (error) {
      fail(error.message, 1);
    }
  };
  try {
    platform = await Platform.fromCommand(command);
    if (command.createApp) {
      const { appId, token } = await platform.createApp();
      console.log(`App created. The token is shown only now.\n  appId: ${appId}\n  token: ${token}`);
    }
  } catch (error) {
    if (platform) await platform.close();
    return fail(error.message, 1);
  }
  showConsole(platform, command);
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
  return console.log(`Layer platform is listening on ${platform.url} - stop it with Ctrl-C`);
}

/**
 * Does the upkeep that was asked for; the arguments are understood in Rust.
 *
 * @param {string} name
 * @param {string[]} args
 */
async function lookAfter(name, args) {
  return ask(name, async () => {
    let command;
    try {
      command = addon.UpkeepCommand.parse(name, args);
    } catch (error) {
      throw new Misuse(error.message);
    }
    const { text, isWell } = /** @type {import('../src/addon').UpkeepDone} */ (await command.run());
    console.log(text);
    if (!isWell) process.exitCode = 1;
  });
}

/** Says where the console is, and opens it in the browser of the user, which BROWSER may name. */
function showConsole({ console: found }, { open }) {
  if (!found) return;
  const token = found.isTokenNew
    ? `, the admin token of this run is ${found.token}`
    : ', which asks for the admin token';
  console.log(`Console: ${found.url}${token}`);
  if (!open) return;
  const usual = { darwin: 'open', win32: 'explorer' }[process.platform] || 'xdg-open';
  const program = process.env.BROWSER || usual;
  const child = spawn(program, [found.url], { stdio: 'ignore', detached: true });
  child.on('error', (error) => console.error(`layer-api: ${program} cannot be started: ${error.message}`));
  child.unref();
}

/**
 * Does what asks a platform, and says what went wrong.
 *
 * @param {string} name
 * @param {() => Promise<void>} work
 */
async function ask(name, work) {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof Misuse)) return fail(error.message, 1);
    fail(`${error.message}\nlayer-api ${name} --help lists the options.`, MISUSE);
  }
}

main(process.argv.slice(2));

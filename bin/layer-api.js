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

/** The commands beside `platform`, from their tables: each with what it does in a line, and what does it. */
const COMMANDS = new Map();
for (const [name, { summary }] of Object.entries(operator.commands)) {
  COMMANDS.set(name, { summary, run: async (args) => console.log(await operator.run(name, args)) });
}
for (const [name, { summary }] of Object.entries(onlooker.commands)) {
  COMMANDS.set(name, { summary, run: (args) => onlooker.run(name, args, console.log) });
}
for (const { name, summary } of addon.UpkeepCommand.verbs()) {
  COMMANDS.set(name, { summary, run: (args) => lookAfter(name, args) });
}

const USAGE = `Usage: layer-api platform [options]
       layer-api COMMAND [options]
       layer-api help [COMMAND]
       layer-api --version

  ${'platform'.padEnd(18)}Runs a server that speaks Layer's Server API and Client API
${[...COMMANDS].map(([name, { summary }]) => `  ${name.padEnd(18)}${summary}`).join('\n')}

\`layer-api help COMMAND\` lists the options of a command.`;

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
  const known = COMMANDS.get(name);
  if (known) return ask(name, () => known.run(args));
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
      // A platform that is started again goes on with the apps that it has.
      const app = (await platform.apps()).length === 0 && (await platform.createApp());
      if (app) console.log(`App created. The token is shown only now.\n  appId: ${app.appId}\n  token: ${app.token}`);
      else console.log('There is an app already, and none is created; `layer-api apps create` creates more.');
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
  let command;
  try {
    command = addon.UpkeepCommand.parse(name, args);
  } catch (error) {
    throw new Misuse(error.message);
  }
  const { text, isWell } = /** @type {import('../src/addon').UpkeepDone} */ (await command.run());
  console.log(text);
  if (!isWell) process.exitCode = 1;
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

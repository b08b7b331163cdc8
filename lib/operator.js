'use strict';

/** `npx layer-api apps`, `tokens` and `identity-provider`: ask a running platform over its admin API. */

const { readFileSync } = require('fs');
const { DEFAULT_URL, Misuse, open, textOf } = require('./admin.js');

const URL_OPTION = `--url URL            address of the platform  [default: ${DEFAULT_URL}]`;

const WHOSE_TOKEN =
  'The admin token is taken from LAYER_ADMIN_TOKEN, because everyone sees the command line of a process.';

/**
 * The commands, with what they do in a line. A verb says what it asks for: the method, the path, and the options that
 * it needs or takes; `body` makes what is sent of the options that were given.
 */
const COMMANDS = {
  apps: {
    summary: 'Creates, lists and deletes the apps of a running platform',
    usage: `Usage: layer-api apps create [--name NAME]
       layer-api apps list
       layer-api apps delete --app ID

Apps have their own conversations and users each. Asks a platform that runs with an admin token; prints what it answers
as JSON. The token of a new app is shown only then. What a deleted app has is removed: conversations, messages, users,
webhooks, content.

  ${URL_OPTION}
  --app ID             the app
  --name NAME          what you call it

${WHOSE_TOKEN}`,
    verbs: {
      create: { method: 'POST', path: () => '/apps', takes: ['name'], body: nameIn },
      list: { method: 'GET', path: () => '/apps' },
      delete: { method: 'DELETE', path: ({ app }) => `/apps/${app}`, needs: ['app'] },
    },
  },
  tokens: {
    summary: 'Creates, lists, revokes and rotates the tokens by which services work with an app',
    usage: `Usage: layer-api tokens create --app ID [--name NAME]
       layer-api tokens list --app ID
       layer-api tokens revoke --app ID --token ID
       layer-api tokens rotate --app ID --token ID [--grace SECONDS]

Services work with an app by one of its tokens. Asks a platform that runs with an admin token; prints what it answers as
JSON. A new token is shown only then; later it is named by its id. One that is revoked is refused at once. To rotate one
is to get another one in its place: the new one works at once.

  ${URL_OPTION}
  --app ID             the app
  --token ID           the id of the token, from \`tokens list\`
  --name NAME          what you call it
  --grace SECONDS      how long the old token works yet  [default: until it is revoked]

${WHOSE_TOKEN}`,
    verbs: {
      create: {
        method: 'POST',
        path: ({ app }) => `/apps/${app}/tokens`,
        needs: ['app'],
        takes: ['name'],
        body: nameIn,
      },
      list: { method: 'GET', path: ({ app }) => `/apps/${app}/tokens`, needs: ['app'] },
      revoke: {
        method: 'DELETE',
        path: ({ app, token }) => `/apps/${app}/tokens/${token}`,
        needs: ['app', 'token'],
      },
      rotate: {
        method: 'POST',
        path: ({ app, token }) => `/apps/${app}/tokens/${token}/rotate`,
        needs: ['app', 'token'],
        takes: ['grace'],
        body: ({ grace }) => (grace === undefined ? {} : { grace_in_seconds: seconds(grace) }),
      },
    },
  },
  'identity-provider': {
    summary: 'Says who may sign users of an app in',
    usage: `Usage: layer-api identity-provider create --app ID [--public-key FILE]
       layer-api identity-provider list --app ID
       layer-api identity-provider remove --app ID --provider ID
       layer-api identity-provider add-key --app ID --provider ID [--public-key FILE]
       layer-api identity-provider remove-key --app ID --provider ID --key ID

Identity providers say who the users of an app are, by identity tokens that are signed with one of their keys. Asks a
platform that runs with an admin token; prints what it answers as JSON. Without a public key the platform makes a pair
and answers with the private key, which is shown only then.

  ${URL_OPTION}
  --app ID             the app
  --provider ID        the identity provider
  --key ID             the key
  --public-key FILE    RSA public key or certificate in PEM form, of 2048 bits or more

${WHOSE_TOKEN}`,
    verbs: {
      create: { method: 'POST', path: providers, needs: ['app'], takes: ['public-key'], body: publicKeyIn },
      list: { method: 'GET', path: providers, needs: ['app'] },
      remove: { method: 'DELETE', path: provider, needs: ['app', 'provider'] },
      'add-key': {
        method: 'POST',
        path: (ids) => `${provider(ids)}/keys`,
        needs: ['app', 'provider'],
        takes: ['public-key'],
        body: publicKeyIn,
      },
      'remove-key': {
        method: 'DELETE',
        path: (ids) => `${provider(ids)}/keys/${ids.key}`,
        needs: ['app', 'provider', 'key'],
      },
    },
  },
};

function nameIn({ name }) {
  return name === undefined ? {} : { name };
}

function publicKeyIn({ 'public-key': file }) {
  return file === undefined ? {} : { public_key: readFileSync(file, 'utf8') };
}

function seconds(text) {
  if (!/^\d{1,9}$/.test(text)) throw new Misuse('`--grace` needs to be a whole number of seconds');
  return Number(text);
}

function providers({ app }) {
  return `/apps/${app}/identity_providers`;
}

function provider(ids) {
  return `${providers(ids)}/${ids.provider}`;
}

/**
 * Does what the arguments after the name of a command say; resolves to what is to be printed.
 *
 * @param {string} name
 * @param {string[]} args
 */
async function run(name, args) {
  const { usage, verbs } = COMMANDS[name];
  if (args.length === 0 || args.some((arg) => arg === '--help' || arg === '-h')) return usage;
  const { verb, options } = parse(name, verbs, args);
  const encoded = {};
  for (const id of ['app', 'token', 'provider', 'key']) encoded[id] = encodeURIComponent(options[id] || '');
  const body = verb.body && JSON.stringify(verb.body(options));
  const answer = await textOf(await open(verb.method, options.url || DEFAULT_URL, verb.path(encoded), body));
  return answer === '' ? 'Done.' : JSON.stringify(JSON.parse(answer), null, 2);
}

function parse(name, verbs, args) {
  const [word, ...rest] = args;
  if (!Object.prototype.hasOwnProperty.call(verbs, word)) throw new Misuse(`there is no \`${name} ${word}\``);
  const { needs = [], takes = [] } = verbs[word];
  const options = {};
  for (let at = 0; at < rest.length; at += 2) {
    const option = rest[at].replace(/^--/, '');
    if (!rest[at].startsWith('--') || !['url', ...needs, ...takes].includes(option)) {
      throw new Misuse(`\`${name} ${word}\` takes no \`${rest[at]}\``);
    }
    if (rest[at + 1] === undefined) throw new Misuse(`\`${rest[at]}\` needs a value`);
    options[option] = rest[at + 1];
  }
  for (const option of needs) {
    if (!options[option]) throw new Misuse(`\`${name} ${word}\` needs \`--${option}\``);
  }
  return { verb: verbs[word], options };
}

module.exports = { commands: COMMANDS, run };

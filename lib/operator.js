'use strict';

/** `npx layer-api identity-provider`: asks a running platform over its admin API. */

const { readFileSync } = require('fs');
const { DEFAULT_URL, Misuse, open, textOf } = require('./admin.js');

const USAGE = `Usage: layer-api identity-provider create --app ID [--public-key FILE]
       layer-api identity-provider list --app ID
       layer-api identity-provider remove --app ID --provider ID
       layer-api identity-provider add-key --app ID --provider ID [--public-key FILE]
       layer-api identity-provider remove-key --app ID --provider ID --key ID

Identity providers say who the users of an app are, by identity tokens that are signed with one of their keys. Asks a
platform that runs with an admin token; prints what it answers as JSON. Without a public key the platform makes a pair
and answers with the private key, which is shown only then.

  --url URL            address of the platform  [default: ${DEFAULT_URL}]
  --app ID             the app
  --provider ID        the identity provider
  --key ID             the key
  --public-key FILE    RSA public key or certificate in PEM form, of 2048 bits or more

The admin token is taken from LAYER_ADMIN_TOKEN, because everyone sees the command line of a process.`;

const OPTIONS = ['url', 'app', 'provider', 'key', 'public-key'];

/** What each verb asks for: the method, the path below an app, and the options that it needs or takes. */
const VERBS = {
  create: { method: 'POST', path: () => '', takes: ['public-key'] },
  list: { method: 'GET', path: () => '' },
  remove: { method: 'DELETE', path: ({ provider }) => `/${provider}`, needs: ['provider'] },
  'add-key': {
    method: 'POST',
    path: ({ provider }) => `/${provider}/keys`,
    needs: ['provider'],
    takes: ['public-key'],
  },
  'remove-key': {
    method: 'DELETE',
    path: ({ provider, key }) => `/${provider}/keys/${key}`,
    needs: ['provider', 'key'],
  },
};

/** Does what the arguments say; resolves to what is to be printed. */
async function run(args) {
  if (args.length === 0 || args.some((arg) => arg === '--help' || arg === '-h')) return USAGE;
  const { verb, options } = parse(args);
  const { method, path } = VERBS[verb];
  const encoded = {};
  for (const name of ['app', 'provider', 'key']) encoded[name] = encodeURIComponent(options[name] || '');
  const given = options['public-key'];
  const body = given === undefined ? undefined : JSON.stringify({ public_key: readFileSync(given, 'utf8') });
  const asked = `/apps/${encoded.app}/identity_providers${path(encoded)}`;
  const answer = await textOf(await open(method, options.url || DEFAULT_URL, asked, body));
  return answer === '' ? 'Done.' : JSON.stringify(JSON.parse(answer), null, 2);
}

function parse([verb, ...rest]) {
  if (!Object.prototype.hasOwnProperty.call(VERBS, verb)) throw new Misuse(`there is no \`identity-provider ${verb}\``);
  const { needs = [], takes = [] } = VERBS[verb];
  const options = {};
  for (let at = 0; at < rest.length; at += 2) {
    const name = rest[at].replace(/^--/, '');
    const isKnown = rest[at].startsWith('--') && OPTIONS.includes(name);
    if (!isKnown || !['url', 'app', ...needs, ...takes].includes(name)) {
      throw new Misuse(`\`identity-provider ${verb}\` takes no \`${rest[at]}\``);
    }
    if (rest[at + 1] === undefined) throw new Misuse(`\`${rest[at]}\` needs a value`);
    options[name] = rest[at + 1];
  }
  for (const name of ['app', ...needs]) {
    if (!options[name]) throw new Misuse(`\`identity-provider ${verb}\` needs \`--${name}\``);
  }
  return { verb, options };
}

module.exports = { run };

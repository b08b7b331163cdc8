/**
 * `npm run schemathesis`: holds the running platform to its own description.
 *
 * openapi-spec-validator reads the description, then schemathesis sends made-up requests in every version of the Server
 * API and of the Client API, valid and not, to a platform that holds a little of everything. The same requests every
 * time. The last line is `N passed, M failed`.
 */

import { spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prepare, say } from './prepare.mjs';
import { installPython } from './python.mjs';

const PACKAGES = ['openapi-spec-validator==0.9.0', 'schemathesis==4.32.5'];
const CHECKS = [
  'not_a_server_error',
  'response_schema_conformance',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
];
/** Made-up requests for each operation, beside those at the limits of its schema. */
const EXAMPLES = 8;
const SEED = 1;
/** Milliseconds for one version, on a busy machine: it takes a small part of that. */
const DEADLINE = 300_000;
/** Where webhooks lead: a name that never resolves, so that no request leaves the machine. */
const TARGET = 'https://layer-api.invalid';
/** The least share of requests that must succeed: fewer would mean that they do not reach what they are to test. */
const LEAST_SUCCESS = 0.1;

/** The folder of what is installed. */
let programs;

if (process.argv[1] === fileURLToPath(import.meta.url)) await main();

async function main() {
  prepare();
  programs = installPython('schemathesis', PACKAGES);
  const folder = mkdtempSync(join(tmpdir(), 'layer-api-schemathesis-'));
  let passed = 0;
  let failed = 0;
  try {
    const { LayerAPI } = createRequire(import.meta.url)('..');
    for (const version of ['1.0', '1.1', '2.0', '3.0']) {
      // In memory, the same ids every time.
      const platform = await LayerAPI.Platform.start({
        seed: SEED,
        exports: { unlimited: true },
        recordedRequests: 100_000,
      });
      try {
        const description = await (await fetch(`${platform.url}/openapi.json`)).json();
        if (passed + failed === 0) count(await validate(folder, description));
        for (const api of ['Server API', 'Client API']) {
          count(await check(folder, { LayerAPI, platform, description, version, api }));
        }
      } finally {
        await platform.close();
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(`\n${passed} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;

  function count(isFine) {
    if (isFine) passed += 1;
    else failed += 1;
  }
}

/** Whether the description is OpenAPI 3.1. */
async function validate(folder, description) {
  say('Description: openapi-spec-validator');
  const file = join(folder, 'openapi.json');
  writeFileSync(file, JSON.stringify(description));
  return await runInVenv('openapi-spec-validator', [file], {});
}

/** Whether the platform answers as described, in one version of one API. */
async function check(folder, { LayerAPI, platform, description, version, api }) {
  say(`Version ${version}, ${api}: schemathesis`);
  const app = await platform.createApp();
  const files = { description: join(folder, `${version}.json`), settings: join(folder, `${version}.toml`) };
  const filled = await fill(platform, app, version);
  writeFileSync(files.description, JSON.stringify(aimed(description, api, app.appId, filled)));
  writeFileSync(files.settings, settings(version));
  const authorization =
    api === 'Server API' ? `Bearer ${app.token}` : await signIn(LayerAPI, platform, app.appId, filled.kept.user[0]);
  const before = (await platform.requests()).length;
  const args = [
    '--config-file',
    files.settings,
    '--no-color',
    'run',
    files.description,
    '--url',
    platform.url,
    '--checks',
    CHECKS.join(','),
  ];
  const isFine = await runInVenv('schemathesis', args, { LAYER_AUTHORIZATION: authorization });
  return authorised((await platform.requests()).slice(before)) && isFine;
}

/** Opens a session for a user; answers what its requests have in `Authorization`. */
async function signIn(LayerAPI, platform, appId, userId) {
  const provider = await platform.createIdentityProvider(appId);
  const post = async (path, body) => {
    const response = await fetch(`${platform.url}${path}`, {
      method: 'POST',
      headers: { accept: 'application/vnd.layer+json; version=3.0', 'content-type': 'application/json' },
      body: body && JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`POST ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  };
  const { nonce } = await post('/nonces');
  const token = LayerAPI.identityToken({ ...provider, userId, nonce });
  const { session_token: session } = await post('/sessions', { identity_token: token, app_id: appId });
  // Quotes would have to be escaped in the settings; without them it is taken, too.
  return `Layer session-token=${session}`;
}

/** Settings of schemathesis, which takes what authorises its requests from its environment. */
function settings(version) {
  const accept = (family) => `application/vnd.${family}+json; version=${version}`;
  // Webhooks have no version 1.1.
  const webhooks = accept('layer.webhooks').replace('1.1', '1.0');
  return `
seed = ${SEED}
color = false
warnings = false
request-timeout = 30
headers = { Authorization = "\${LAYER_AUTHORIZATION}", Accept = "${accept('layer')}" }

[generation]
deterministic = true
database = "none"
max-examples = ${EXAMPLES}
with-security-parameters = false

[phases.coverage]
unexpected-methods = []

[phases.stateful]
enabled = false

[[operations]]
include-tag = "webhooks"
headers = { Authorization = "\${LAYER_AUTHORIZATION}", Accept = "${webhooks}" }
`;
}

/** Whether the requests were let in: none was turned away for its token, and enough of them did what they asked for. */
function authorised(requests) {
  const statuses = requests.map(({ response }) => response?.status);
  const succeeded = statuses.filter((status) => status >= 200 && status < 300).length;
  const refused = statuses.filter((status) => status === 401).length;
  console.log(`${statuses.length} requests: ${succeeded} succeeded, ${refused} were not authorised`);
  if (refused === 0 && succeeded > statuses.length * LEAST_SUCCESS) return true;
  console.error('The requests of schemathesis do not reach what they are to test.');
  return false;
}

/**
 * The description for one API and one app, whose path parameters name what there is, and something that there is not.
 * What is deleted is not what the other operations work with.
 */
function aimed(description, api, appId, { kept, doomed, bodies }) {
  const aimedAt = structuredClone(description);
  // The Client API is spoken with sessions, not with the token of the app.
  const isOfApi = ([path]) => path.startsWith('/apps/') === (api === 'Server API');
  aimedAt.paths = Object.fromEntries(
    Object.entries(aimedAt.paths)
      .filter(isOfApi)
      .map(([path, methods]) => {
        for (const [method, operation] of Object.entries(methods)) {
          const isOfApp = ({ $ref }) => $ref === '#/components/parameters/app';
          const others = operation.parameters.filter((parameter) => !isOfApp(parameter));
          const last = path.match(/\{(\w+)\}$/)?.[1];
          operation.parameters = others.map((reference) => {
            const name = reference.$ref.split('/').at(-1);
            const ids = method === 'delete' && name === last ? (doomed[name] ?? kept[name]) : kept[name];
            if (!ids) return reference;
            return { ...description.components.parameters[name], schema: { type: 'string', enum: ids } };
          });
        }
        return [path.replace('{app}', appId), methods];
      }),
  );
  delete aimedAt.components.parameters.app;
  Object.assign(aimedAt.components.schemas, bodies(aimedAt.components.schemas));
  return aimedAt;
}

/** Puts a little of everything into the app; answers the ids of it. */
async function fill(platform, { appId, token }, version) {
  const NOBODY = '00000000-0000-4000-8000-00000000dead';
  const send = async (method, path, body, type = 'application/json', family = 'layer', of = version) => {
    const response = await fetch(`${platform.url}/apps/${appId}${path}`, {
      method,
      headers: {
        accept: `application/vnd.${family}+json; version=${of}`,
        authorization: `Bearer ${token}`,
        'content-type': type,
        ...(path.endsWith('/content') && { 'upload-content-type': 'text/plain', 'upload-content-length': '5' }),
      },
      body: body && JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text && JSON.parse(text);
  };
  const create = async (path, body, family, of) => idOf(await send('POST', path, body, undefined, family, of));
  const parts = [
    { body: 'Hello', mime_type: 'text/plain' },
    { body: 'AAEC', mime_type: 'image/png', encoding: 'base64' },
  ];
  const users = ['a', 'b', 'c/d e'];
  for (const user of users) await send('PUT', `/users/${encodeURIComponent(user)}/identity`, { display_name: user });
  const later = version >= '2.0';
  const sender = later ? { sender_id: 'layer:///identities/a' } : { sender: { user_id: 'a' } };
  const conversations = [];
  const messages = [];
  const contents = [];
  for (const topic of ['kept', 'doomed', 'gone']) {
    const id = await create('/conversations', { participants: users, distinct: false, metadata: { topic } });
    conversations.push(id);
    for (let i = 0; i < 2; i += 1) {
      messages.push(await create(`/conversations/${id}/messages`, { ...sender, parts }));
    }
    contents.push(await create(`/conversations/${id}/content`));
  }
  const announcements = [];
  for (let i = 0; i < 2; i += 1) {
    announcements.push(
      await create('/announcements', { recipients: users, ...(later ? sender : { sender: { name: 'N' } }), parts }),
    );
  }
  const webhooks = [];
  for (let i = 0; i < 2; i += 1) {
    const target = { version: '1.0', target_url: `${TARGET}/${i}`, events: ['message.sent'], secret: 'secret' };
    webhooks.push(await create('/webhooks', target, 'layer.webhooks', version === '1.1' ? '1.0' : version));
  }
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = publicKey.export({ type: 'spki', format: 'pem' });
  await send('PUT', '/export_security', { public_key: pem });
  const exports = [];
  for (let i = 0; i < 2; i += 1) exports.push(await create('/exports'));
  const inKept = await send('GET', `/conversations/${conversations[0]}/messages`, undefined, undefined, 'layer', '3.0');
  const partIds = inKept.flatMap((message) => message.parts).map(idOf);
  await send('DELETE', `/conversations/${conversations[2]}`);

  return {
    kept: {
      conversation: [conversations[0], conversations[0].toUpperCase(), conversations[2], NOBODY],
      message: [messages[0], messages[2], NOBODY],
      content: [contents[0], NOBODY],
      announcement: [announcements[0], NOBODY],
      webhook: [webhooks[0], NOBODY],
      export: [exports[0], NOBODY],
      part: [...partIds, NOBODY],
      user: [...users, 'nobody'],
      blocked: users,
      followed: users,
      identity: [...users, 'nobody'],
      device: ['phone', 'a/b c'],
      // Not that which the requests come with: it is needed to the end.
      session: ['nobody'],
    },
    doomed: {
      conversation: [conversations[1], NOBODY],
      message: [messages[1], NOBODY],
      announcement: [announcements[1], NOBODY],
      webhook: [webhooks[1], NOBODY],
      export: [exports[1], NOBODY],
    },
    // Bodies that name who and what there is, in place of any text.
    bodies: (schemas) => {
      const user = { type: 'string', enum: later ? users.map(identity) : users };
      const senders = later
        ? { sender_id: user }
        : {
            sender: {
              type: 'object',
              required: ['user_id'],
              properties: { user_id: user },
              additionalProperties: false,
            },
          };
      const sent = (name) => {
        const { sender: _, sender_id: __, ...others } = schemas[name].properties;
        const required = [...schemas[name].required, ...Object.keys(senders)];
        return { ...schemas[name], required, properties: { ...others, ...senders } };
      };
      const { body: _, encoding: __, content: ___, ...ofPart } = schemas.NewPart.properties;
      const part = (body, encoding) => ({
        type: 'object',
        required: ['mime_type', 'body', ...(encoding ? ['encoding'] : [])],
        properties: {
          ...ofPart,
          mime_type: { enum: ['text/plain', 'image/png'] },
          body,
          ...(encoding && { encoding }),
        },
        additionalProperties: false,
      });
      return {
        UserReference: user,
        NewMessage: sent('NewMessage'),
        NewAnnouncement: sent('NewAnnouncement'),
        NewPart: { oneOf: [part({ type: 'string' }), part({ enum: ['AAEC', ''] }, { const: 'base64' })] },
        NewWebhook: {
          ...schemas.NewWebhook,
          properties: {
            ...schemas.NewWebhook.properties,
            target_url: { enum: [`${TARGET}/made-up`] },
            events: { type: 'array', minItems: 1, items: { enum: ['message.sent', 'conversation.created'] } },
          },
        },
      };
    },
  };

  function identity(user) {
    return `layer:///identities/${encodeURIComponent(user)}`;
  }
}

/** The UUID at the end of the id of something. */
function idOf({ id }) {
  return id.split('/').at(-1);
}

/** Runs a program of the Python environment with its output on ours; answers whether it went well. */
async function runInVenv(program, args, env) {
  const child = spawn(join(programs, program), args, {
    cwd: programs,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
    timeout: DEADLINE,
  });
  const [exitCode, signal] = await new Promise((resolve) => {
    child.once('exit', (...end) => resolve(end));
    child.once('error', (error) => {
      console.error(`${program} cannot be started: ${error.message}`);
      resolve([1, null]);
    });
  });
  if (signal) console.error(`${program} took longer than ${DEADLINE / 1000} seconds.`);
  return exitCode === 0;
}

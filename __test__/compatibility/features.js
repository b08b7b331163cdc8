/**
 * What clients of such services have today, ours and four others: docs/features.md, which `npm run docs` writes. A row:
 *
 *   feature  in one line
 *   ours     [verdict, remark, names of tests as in ./index.js]; tests where the verdict is not 'no'
 *   others   for each of PEERS [verdict, file of its package or page that says so]; 'no' says where one has looked
 *
 * A verdict is 'yes', 'no' or 'differs'.
 */

/** Packages and the versions that were read. */
const PEERS = ['stripe 23.1.0', 'stream-chat 9.53.0', '@octokit/core 7.0.8', '@slack/web-api 8.2.0'];

/** Verdict and evidence of each peer, in the order of PEERS. */
const peers = (...verdicts) => verdicts.map((verdict) => verdict.split(': '));

const ROWS = [
  {
    feature: 'Callbacks beside promises, for services that have them',
    ours: ['yes', '`send`, `sendAsync`', ['callbacks are never called before the method has returned']],
    others: peers(
      'no: esm/StripeResource.js',
      'no: dist/types/client.d.ts',
      'no: dist-src/index.js',
      'no: dist/methods.d.ts',
    ),
  },
  {
    feature: 'Promises of the kind that the service chooses',
    ours: ['yes', 'Bluebird and any other', ['any constructor of promises will do']],
    others: peers(
      'no: esm/StripeResource.js',
      'no: dist/types/client.d.ts',
      'no: dist-src/index.js',
      'no: dist/methods.d.ts',
    ),
  },
  {
    feature: 'Lists that come page by page, as AsyncIterable',
    ours: [
      'yes',
      '[docs/api.md](api.md#lists)',
      ['nothing comes twice, and nothing that stays is missed, whatever changes in between'],
    ],
    others: peers(
      'yes: esm/autoPagination.js',
      'no: dist/types/client.d.ts',
      'differs: README.md, by @octokit/plugin-paginate-rest',
      'yes: dist/WebClient.d.ts, `paginate`',
    ),
  },
  {
    feature: 'Types in the package',
    ours: [
      'yes',
      'TypeScript 3.9 and newer',
      ['its types are right for every way of resolving them, by Are The Types Wrong'],
    ],
    others: peers(
      'yes: esm/lib.d.ts',
      'yes: dist/types/index.d.ts',
      'yes: dist-types/index.d.ts',
      'yes: dist/index.d.ts',
    ),
  },
  {
    feature: '`require` and `import`',
    ours: ['yes', 'by default and by name', ['an ES module imports the constructor by default and by name']],
    others: peers(
      'yes: package.json',
      'yes: package.json',
      'differs: package.json, ES modules only',
      'differs: package.json, CommonJS only',
    ),
  },
  {
    feature: 'Node.js before 18',
    ours: ['yes', '12.17 and newer', ['the suite passes on …']],
    others: peers('no: package.json', 'no: package.json', 'no: package.json', 'no: package.json'),
  },
  {
    feature: 'Packages that come along',
    ours: ['differs', 'none of JavaScript, one addon', ['npm chose the package of this system, and fetched no other']],
    others: peers(
      'differs: package.json, none',
      'differs: package.json, 9 and theirs',
      'differs: package.json, 7 and theirs',
      'differs: package.json, 8 and theirs',
    ),
  },
  {
    feature: 'Retries with growing, random waits',
    ours: [
      'yes',
      '`maxRetries`, off unless it is given',
      ['the constructor and withOptions say how often; the reply says how often it was'],
    ],
    others: peers(
      'yes: README.md, 1 by default',
      'no: src/client.ts',
      'differs: README.md, by @octokit/plugin-retry',
      'yes: README.md, `retryConfig`',
    ),
  },
  {
    feature: 'Nothing is done twice by a retry',
    ours: ['yes', 'tags of creates', ['10,000 sends through a faulty link leave exactly 10,000 messages']],
    others: peers(
      'yes: esm/RequestSender.js, idempotency keys',
      'no: src/client.ts',
      'no: dist-src/index.js',
      'no: dist/WebClient.js',
    ),
  },
  {
    feature: '`Retry-After` is waited for',
    ours: [
      'yes',
      'up to a minute',
      ['Retry-After is waited for, in seconds and as a date; what asks for more than a minute ends at once'],
    ],
    others: peers(
      'no: esm/RequestSender.js',
      'no: src/client.ts',
      'differs: README.md, told to a plugin',
      'yes: dist/WebClient.js',
    ),
  },
  {
    feature: 'An AbortSignal ends a request',
    ours: [
      'yes',
      '`withOptions({ signal })`',
      ['a signal that is aborted ends the request on the wire: its socket closes and its turn is free'],
    ],
    others: peers(
      'no: esm/lib.d.ts',
      'differs: dist/types/client.d.ts, some methods',
      'differs: README.md, not named; by @octokit/request',
      'no: dist/WebClient.d.ts',
    ),
  },
  {
    feature: 'Options for some requests only',
    ours: [
      'yes',
      '`withOptions`',
      ['clients nest: the inner option wins, headers come together by name, and undefined is not given'],
    ],
    others: peers(
      'yes: esm/lib.d.ts, `RequestOptions`',
      'differs: dist/types/client.d.ts, by method',
      'yes: README.md, by request',
      'no: dist/WebClient.d.ts',
    ),
  },
  {
    feature: 'Headers and request id of a reply',
    ours: ['yes', '`response.headers`', ['a reply has headers, request id and attempts beside its keys']],
    others: peers(
      'yes: esm/RequestSender.js, `lastResponse`',
      'no: src/client.ts',
      'yes: README.md, `response.headers`',
      'differs: dist/WebClient.js, some in `response_metadata`',
    ),
  },
  {
    feature: 'Word of each attempt, for tracing',
    ours: [
      'yes',
      '`diagnostics_channel`',
      ['each attempt begins, and ends with a reply or an error; one object stands for it in all its messages'],
    ],
    others: peers(
      'differs: README.md, events of requests',
      'differs: src/client.ts, a logger',
      'yes: README.md, hooks',
      'differs: dist/WebClient.js, a logger',
    ),
  },
  {
    feature: 'An end: what is under way is waited for, connections are closed',
    ours: ['yes', '`layer.close()`', ['close waits for what is under way, and closes the connections']],
    others: peers(
      'no: esm/stripe.core.js',
      'differs: dist/types/client.d.ts, of its WebSocket',
      'no: dist-src/index.js',
      'no: dist/WebClient.d.ts',
    ),
  },
  {
    feature: 'Files go up and down as streams, and go on where they broke',
    ours: [
      'yes',
      '`content.upload`, `content.download`',
      ['an upload that breaks goes on where it was', 'a download that breaks goes on where it was'],
    ],
    others: peers(
      'differs: esm/lib.d.ts, streams without resuming',
      'differs: src/client.ts, uploads without resuming',
      'no: dist-src/index.js',
      'differs: dist/WebClient.d.ts, uploads without resuming',
    ),
  },
  {
    feature: 'A timeout that is set',
    ours: ['yes', 'of silence, not of the whole', ['a body that drips for longer than the timeout is read to its end']],
    others: peers(
      'yes: README.md, also per request',
      'yes: dist/types/client.d.ts',
      'yes: README.md, `request.timeout`',
      'yes: dist/WebClient.d.ts',
    ),
  },
  {
    feature: 'Agents: connections, limits and certificates of the service',
    ours: [
      'yes',
      '[README](../README.md#agents)',
      ['clients with the same agent share its limit and its idle connections'],
    ],
    others: peers(
      'yes: esm/net/NodeHttpClient.js',
      'yes: src/client.ts',
      'yes: README.md, `request.agent`',
      'differs: dist/WebClient.d.ts, by a `fetch` of the caller',
    ),
  },
  {
    feature: 'A proxy between the service and the API',
    ours: ['yes', '`proxy`', ['https goes through a tunnel', 'rich content goes through it as well, up and down']],
    others: peers(
      'differs: README.md, by an agent of https-proxy-agent',
      'yes: dist/types/types.d.ts, by options of axios',
      'differs: README.md, by an agent or a `fetch` of the caller',
      'differs: dist/WebClient.d.ts, by a `fetch` of the caller',
    ),
  },
  {
    feature: 'Tokens that sign the users of a service in',
    ours: ['yes', '`LayerAPI.identityToken`, [docs/web.md](web.md)', ['a token is a JWT that others can check']],
    others: peers(
      'differs: esm/resources/EphemeralKeys.d.ts, made by the API',
      'yes: dist/types/signing.d.ts, `JWTUserToken`',
      'no: dist-src/index.js',
      'no: dist/WebClient.d.ts',
    ),
  },
  {
    feature: 'A limit for the size of replies',
    ours: [
      'yes',
      '`maxResponseBytes`',
      ['the connection of a reply that is too large is closed, and the rest of it is not read'],
    ],
    others: peers(
      'no: esm/net/NodeHttpClient.js',
      'differs: dist/types/types.d.ts, by options of axios',
      'no: dist-src/index.js',
      'no: dist/WebClient.d.ts',
    ),
  },
  {
    feature: 'An idempotency key of the caller for creates',
    ours: [
      'yes',
      '`withOptions({ idempotencyKey })`, `*Dedupe`',
      [
        'idempotencyKey is the tag of what is created, and refused by what creates nothing',
        '… in a de-duplicating UUID is refused before anything is sent, as by the original',
      ],
    ],
    others: peers(
      'yes: esm/lib.d.ts, `idempotencyKey`',
      'no: dist/types/client.d.ts',
      'no: dist-src/index.js',
      'no: dist/WebClient.d.ts',
    ),
  },
  {
    feature: 'Errors as classes, with status and body',
    ours: ['yes', '`ResponseError`, `APIError`', ['errors have the fields of the original in its order']],
    others: peers(
      'yes: esm/Error.js',
      'differs: dist/types/errors.d.ts, errors with a code and a status',
      'yes: package.json, of @octokit/request-error',
      'yes: dist/errors.d.ts',
    ),
  },
  {
    feature: 'Signatures of webhooks are verified',
    ours: [
      'yes',
      '[docs/webhooks.md](webhooks.md)',
      ['…: … takes the challenge and an event, and refuses a forged one'],
    ],
    others: peers(
      'yes: esm/Webhooks.js',
      'yes: dist/types/signing.d.ts',
      'no: dist-src/index.js (@octokit/webhooks)',
      'no: dist/WebClient.d.ts',
    ),
  },
  {
    feature: 'Fakes of HTTP in tests: nock, msw, stubs of sinon; cassettes of nock, Polly, yakbak',
    ours: [
      'yes',
      "`transport: 'node'`, [docs/testing.md](testing.md#with-nock-or-msw)",
      [
        '… answers, fails, delays and refuses what it does not expect',
        'msw answers, fails and lets pass',
        'sinon stubs https.request and methods, and its fake server and its clock stop no request',
        '… records a cassette and plays it again',
        '… records two replies in files, and plays them without the service',
      ],
    ],
    others: peers(
      'yes: esm/net/NodeHttpClient.js, by https',
      'yes: src/client.ts, by axios',
      'yes: dist-src/index.js, by fetch',
      'yes: dist/WebClient.d.ts, by fetch',
    ),
  },
  {
    feature: 'A service to test against, without an account, in the process of the test',
    ours: ['yes', '`LayerAPI.Platform`', ['…: …']],
    others: peers('no: README.md', 'no: README.md', 'no: README.md', 'no: README.md'),
  },
  {
    feature: 'Loads in Bun and Deno',
    ours: ['yes', 'by Node-API', ['… finds it by its name, with the permissions that the documentation names']],
    others: peers(
      'yes: package.json',
      'differs: package.json, not named',
      'differs: README.md, not named',
      'differs: package.json, not named',
    ),
  },
  {
    feature: 'Loads in browsers and at the edge',
    ours: ['no', 'an addon needs Node-API', []],
    others: peers('yes: package.json', 'yes: dist/cjs/index.browser.js', 'yes: README.md', 'no: package.json'),
  },
];

module.exports = { PEERS, ROWS };

/**
 * Where the original does something that a new client may not want to do, and nobody has decided yet. The rows still
 * compare with the original; where they fail, the names of these entries stand in front of the failure. To decide,
 * move an entry to differences.js with what the new client does, or make the new client do what the original does.
 *
 * @type {{name: string, reason: string, applies: (row: object, observation: object) => boolean}[]}
 */

const named = (pattern) => (row) => pattern.test(row.name);

const isOwnError = (value) => Boolean(value?.isResponseError || value?.isAPIError);

module.exports = [
  {
    name: 'error classes without a name',
    reason:
      'ResponseError and APIError of the original are anonymous functions: constructor.name and the own, enumerable ' +
      "property `name` are '', so String(error) is '' for a ResponseError and the bare message for an APIError.",
    applies: (_, { calls, settled }) =>
      calls.some(({ args }) => args.some(isOwnError)) || Boolean(settled?.some(isOwnError)),
  },
  {
    name: 'refused argument with the callback in place of the params',
    reason:
      'getAll*(refused, callback): the original looks at the params only after the checks, so it has no callback yet ' +
      "and throws TypeError 'callback is not a function' instead of calling back.",
    applies: (row, { thrown }) => /getAll/.test(row.method) && thrown?.message === 'callback is not a function',
  },
  {
    name: 'reply cut off within its body',
    reason: 'The original never calls back, not even when the time is up: it listens for `end` of the response only.',
    applies: (row) => row.tag === 'cut off',
  },
  {
    name: 'bytes after the end of a reply',
    reason:
      'The original calls back twice in one go: first with a parse error (HPE_INVALID_CONSTANT), then with the reply. ' +
      'The promise form rejects.',
    applies: named(/status 204 with a body|fewer bytes than it goes on/),
  },
  {
    name: 'status 101 with an upgrade',
    reason: 'The original never calls back.',
    applies: named(/status 101$/),
  },
  {
    name: 'second call on a connection that was not verified',
    reason:
      'With rejectUnauthorized false and keepAlive, the original waits for a TLS handshake on a connection that has had ' +
      'one: the second request is never written and ends as a timeout.',
    applies: (row) => row.tag === 'unverified connection reused',
  },
  {
    name: 'what a reply may look like, and the words for one that may not',
    reason: "Code, message and verdict are llhttp's, and change with the version of Node.",
    applies: named(/ (status line|headers|content length|chunked): ?|no HTTP at all|a request instead of a reply/),
  },
  {
    name: 'words for a certificate of another name',
    reason: "The message is Node's.",
    applies: named(/certificate of another name/),
  },
  {
    name: 'time limit that is no limit',
    reason:
      "The original takes any truthy value, and the method throws Node's ERR_INVALID_ARG_TYPE or ERR_OUT_OF_RANGE for " +
      '"msecs" after the checks of the arguments.',
    applies: named(/timeout: /),
  },
  {
    name: 'Symbol as token or version',
    reason: 'The original throws when a method is called; its constructor takes it.',
    applies: named(/(token|version): Symbol/),
  },
  {
    name: 'config or `this` that cannot be written to',
    reason: 'The original throws the TypeError of the assignment (`appId` of config, `conversations` of `this`).',
    applies: named(/frozen config|app id without a setter|new omitted|called on/),
  },
  {
    name: 'promise form of a method that was replaced',
    reason: "The original's promise form calls what is the method of the resource now, so stubs of tests work in both.",
    applies: named(/callback form replaced/),
  },
  {
    name: 'unknown option of an agent',
    reason: 'The original hands all agentOptions to https.Agent, which ignores those it does not know.',
    applies: named(/agentOptions: unknown option/),
  },
];

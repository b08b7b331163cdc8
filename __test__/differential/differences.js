/**
 * Where the client under test is meant to differ from the original. Nothing is ignored: `expect` turns what the
 * original did into what the client under test must do instead, and the test compares with that. Entries are applied in
 * this order; each gets what the one before left.
 *
 *   applies(observation, context)  whether the entry is about this observation of the original
 *   expect(observation, context)   the observation to expect; `observation` is a copy and may be changed
 *   transport                      'native' for an entry that is about the engine's own connections: requests that
 *                                  Node carries do as the original's
 *
 * The context is `{row, form, args, versions, classes, rerun}`: `args` are fresh arguments of the row and
 * `rerun(change)` observes the original again with changed arguments. A regular expression stands for any text that
 * matches it.
 */

const querystring = require('node:querystring');
const { isDeepStrictEqual } = require('node:util');
const { portrayError } = require('./portray.js');
const { CALLBACK } = require('./rows/values.js');

/** Positions of the user ids that become part of the path. */
const USER_IDS_IN_PATH = {
  'conversations.getFromUser': [0],
  'conversations.getAllFromUser': [0],
  'messages.getAllFromUser': [0],
  'messages.getFromUser': [0],
  'blocklist.get': [0],
  'blocklist.block': [0],
  'blocklist.unblock': [0, 1],
  'identities.create': [0],
  'identities.get': [0],
  'identities.edit': [0],
  'identities.replace': [0],
  'identities.delete': [0],
};

const isDots = (value) => value === '.' || value === '..';

const hasDotsInPath = ({ row, args }) => (USER_IDS_IN_PATH[row.method] ?? []).some((index) => isDots(args[index]));

/** The observation with nothing sent and `error` thrown by the method; the promise form rejects with it. */
function throwing(observation, form, error) {
  const silent = { ...observation, thrown: null, returned: [], calls: [], settled: null, uncaught: [], requests: [] };
  if (form === 'callback') return { ...silent, thrown: error };
  return { ...silent, returned: ['promise'], settled: [{ how: 'rejected', ...error }] };
}

/** The observation with nothing sent and `error` handed to the callback, `sync` or `later`. */
function failing(observation, { form, row }, error, when) {
  const silent = throwing(observation, form, error);
  if (form === 'promise') return silent;
  const returned = [when === 'sync' ? "callback's value" : 'undefined'];
  const calls = row.callback === 'none' ? [] : [{ when, receiver: 'undefined', args: [error] }];
  return { ...silent, thrown: null, returned, calls };
}

/** The observation with the call ended by `outcome` once: an error record, or a response as `portray` writes it. */
function ending(observation, { form, row }, outcome) {
  const response = typeof outcome === 'string' ? outcome : undefined;
  const ended = { ...observation, thrown: null, uncaught: [], calls: [], settled: null };
  if (form === 'promise') {
    ended.settled = [response ? { how: 'resolved', value: response } : { how: 'rejected', ...outcome }];
  } else if (row.callback !== 'none') {
    const args = response ? [{ value: 'null' }, { value: response }] : [outcome];
    ended.calls = [{ when: 'later', receiver: 'undefined', args }];
  }
  return ended;
}

/** The observation of a constructor that throws `error`: nothing came of the call. */
function refusing(observation, error) {
  const silent = { ...observation, returned: [], calls: [], settled: null, uncaught: [], requests: [] };
  const refused = { ...silent, thrown: error, debugFlag: 'undefined' };
  return 'instance' in observation ? { ...refused, instance: undefined } : refused;
}

const OK = '{"status": 200, "body": true, }';

/** The error for a reply that is not HTTP. */
const PARSE_ERROR = Object.assign(new Error('Parse Error'), { code: 'HPE_INVALID_CONSTANT' });
/** The error for a reply with too large a head. */
const OVERFLOW = Object.assign(new Error('Parse Error: Header overflow'), { code: 'HPE_HEADER_OVERFLOW' });
/** The error for a reply that breaks off. */
const ABORTED = Object.assign(new Error('aborted'), { code: 'ECONNRESET' });

/** What becomes of replies on which llhttp and hyper do not agree, by the end of the row's name. */
const VERDICTS = [
  [/headers: headers of 20 kB$|headers: line feeds only$|content length: the same twice( in one line)?$/, OK],
  [/chunked: space after the size$/, OK],
  [/content length: (together with|after) chunked$|chunked: (size|space before|line feeds)/, ABORTED],
  [/no HTTP at all$|a request instead of a reply$/, PARSE_ERROR],
  [/status line: (HTTP\/(1\.2|2\.0|0\.9)|lower case|another protocol|status |negative status|two spaces)/, PARSE_ERROR],
  [/headers: (many Set-Cookie|1000 |2500 )/, OVERFLOW],
  [/headers: (folded|space before|no colon|empty name|NUL|control|bare CR)/, PARSE_ERROR],
  [/content length: (two of them|with a plus|negative|hexadecimal|not a number|empty|huge)/, PARSE_ERROR],
];

const verdictOf = (name) => VERDICTS.find(([pattern]) => pattern.test(name))?.[1];

/**
 * Rows of the client's table, by name. Read at the first use: docs/differences.md is made where the addon is not built,
 * too.
 */
let table;
function rowOf(method) {
  if (!table) {
    const rows = JSON.parse(require('../../lib/addon.js').methods());
    table = new Map(rows.map(({ resource, name, ...row }) => [`${resource}.${name}`, row]));
  }
  return table.get(method);
}

const isFunction = (value) => typeof value === 'function' || value === CALLBACK;
const isObject = (value) => typeof value === 'object' && value !== null;
const isProperties = (value) => Object.prototype.toString.call(value) === '[object Object]';
const isId = (value) =>
  typeof value === 'string' && /(^|\/)[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$(?!\n)/i.test(value);

function isUserId(value) {
  if (typeof value === 'string') return value !== '';
  if (typeof value === 'bigint' || typeof value === 'number') return Boolean(value) && value !== Infinity;
  if (!isProperties(value) && !(value instanceof String)) return false;
  if (!('toString' in value)) return false;
  return !/^(\[object .*|)$/.test(String(value));
}

/** Whether an argument is what it should be, by its kind and the recipe of the body. */
const isRight = {
  tag: (value) => value === null || isId(value),
  id: isId,
  user: (value) => isUserId(value) && !isDots(value),
  sender: isUserId,
  name: (value) => typeof value === 'string' && value !== '',
  text: (value) => typeof value === 'string',
  properties: isProperties,
  query: (value) => value === undefined || value === null || isProperties(value),
  payload(value, recipe) {
    if (recipe === 'body') return isObject(value);
    if (recipe === 'blockedUser') return isUserId(value);
    if (recipe !== 'identity') return Array.isArray(value);
    try {
      return isObject(value) && Boolean(value.display_name);
    } catch {
      return true;
    }
  },
};

/** What the client must say to the arguments of a call that it has to refuse: the rule, and what comes of it. */
function verdictOnArguments(context) {
  const { row, form, args } = context;
  // What a callback throws that is called at once comes out of the method, as ever.
  if (!row.method || row.callbackThrows) return undefined;
  const { params, payload, callbackOptional } = rowOf(row.method);
  const most = params.length;
  const last = params[most - 1].kind === 'query' ? most - 1 : most;
  const says = (error) => portrayError(error, context.classes);
  let given = args;
  if (form === 'promise' || row.callback === 'none') given = args.filter((value) => value !== CALLBACK);
  else if (!row.callback) given = [...args, CALLBACK];
  let values = given.slice(0, most);
  let callback = form === 'promise' ? CALLBACK : given[most];
  let isMoved = form === 'promise' && given.length < last;
  if (form === 'promise') {
    if (given.length > most || isFunction(given[last])) {
      const what = `layer.${row.method}Async takes `;
      const count = most === 1 ? '1 argument' : `${most} arguments`;
      const text = isFunction(given[given.length - 1])
        ? `${what}no function: it returns a promise`
        : `${what}${count} at the most, and was called with ${given.length}`;
      return { rule: 'too many', expect: (seen) => throwing(seen, form, says(new TypeError(text))) };
    }
  } else if (last < most && isFunction(values[last])) {
    callback = values[last];
    values[last] = undefined;
  }
  if (!isFunction(callback)) {
    const index = values.findIndex(isFunction);
    isMoved = index !== -1;
    if (isMoved) {
      callback = values[index];
      values = values.slice(0, index);
    } else if (callback || !callbackOptional) {
      const error = new TypeError(`layer.${row.method} needs a function as its callback`);
      return { rule: 'no callback', expect: (seen) => throwing(seen, form, says(error)) };
    }
  }
  const wrong = params.find(({ kind }, index) => !isRight[kind](values[index], payload));
  if (!wrong) return undefined;
  const isDotted = wrong.kind === 'user' && isDots(values[params.indexOf(wrong)]);
  if (isDotted) return undefined;
  const rule = isMoved ? 'moved' : wrong.kind === 'payload' ? payload : wrong.kind;
  const error = says(new Error(wrong.error));
  if (!isFunction(callback)) {
    const missing = says(new TypeError('callback is not a function'));
    return { rule, expect: (seen) => throwing(seen, form, missing) };
  }
  const isSeen = callback === CALLBACK;
  return {
    rule,
    expect(seen) {
      const failed = failing(seen, context, error, 'sync');
      // Functions that stand for something else among the arguments record nothing.
      return form === 'callback' && !isSeen ? { ...failed, returned: ['undefined'], calls: [] } : failed;
    },
  };
}

/** An entry about arguments that are refused by one of `rules`. */
const refusal = (rules, name, reason) => ({
  name,
  reason,
  applies(observation, context) {
    const verdict = verdictOnArguments(context);
    return (
      Boolean(verdict) && rules.includes(verdict.rule) && !isDeepStrictEqual(verdict.expect(observation), observation)
    );
  },
  expect: (observation, context) => verdictOnArguments(context).expect(observation),
});

const isOwnError = (value) => Boolean(value?.isResponseError || value?.isAPIError);

const errorsIn = ({ calls, settled }) => [...calls.flatMap(({ args }) => args), ...(settled ?? [])];

module.exports = [
  {
    name: 'identities encode the user id',
    reason:
      'The original put the user id of identities.* into the path as it was, so that a slash, a question mark or a ' +
      'percent sign changed the path, and Node refused other characters. The other resources encode it.',
    applies(_, { row, args }) {
      if (!row.method?.startsWith('identities.') || !args[0] || hasDotsInPath({ row, args })) return false;
      try {
        // The original put it behind other text, and so asked an object for its value rather than for its text.
        // biome-ignore lint/style/useTemplate: a template asks for the text
        return querystring.escape(args[0]) !== '' + args[0];
      } catch {
        return true;
      }
    },
    expect(observation, { form, args, classes, rerun }) {
      try {
        querystring.escape(args[0]);
      } catch (error) {
        return throwing(observation, form, portrayError(error, classes));
      }
      return rerun(([userId, ...rest]) => [querystring.escape(userId), ...rest]);
    },
  },
  {
    name: 'user ids . and .. are refused',
    reason:
      'A proxy or server that resolves the path of the request would take them as steps of the path, not as a user id.',
    applies: (_, context) => hasDotsInPath(context),
    expect(observation, context) {
      const error = new Error('User ID must not be "." or "..", it would change the path of the request');
      return failing(observation, context, portrayError(error, context.classes), 'sync');
    },
  },
  {
    name: 'a body that JSON cannot write is an error of the call',
    reason:
      'The original wrote the body in an event handler of the socket: what JSON.stringify threw ended the process, and ' +
      'the callback was not called.',
    applies: (observation, { row }) => row.tag === 'unwritable body' && observation.uncaught.length === 1,
    expect: (observation, context) => failing(observation, context, observation.uncaught[0], 'later'),
  },
  {
    name: 'a body without JSON is an error of the call',
    reason:
      'As above, where JSON.stringify gives undefined: the original handed that to the socket, which threw. The error ' +
      'says what is wrong with the body instead of what is wrong with a chunk.',
    applies: (observation, { row }) => row.tag === 'empty body' && observation.uncaught.length === 1,
    expect(observation, context) {
      const error = portrayError(new TypeError('JSON'), context.classes);
      return failing(observation, context, { ...error, message: /JSON/ }, 'later');
    },
  },
  {
    name: 'the body is read when the method is called',
    reason: 'The original read it when the connection was ready, so that a change made in between went out.',
    applies: (_, { row }) => row.tag === 'body changed later',
    expect(observation, { row }) {
      observation.requests[0].body = row.bodyAtCall;
      return observation;
    },
  },
  {
    name: 'a refused argument of getAll* is reported to the callback in place of the params',
    reason:
      'The original looked for the callback only after its checks, and so threw `callback is not a function` at a ' +
      'caller who had passed one.',
    applies: (observation, { row, args }) =>
      /getAll/.test(row.method) &&
      [observation.thrown, ...errorsIn(observation)].some((error) => error?.message === 'callback is not a function') &&
      args.length === (row.method === 'messages.getAllFromUser' ? 2 : 1),
    expect: (_, { rerun }) => rerun((args) => [...args, {}]),
  },
  {
    name: 'sendText* return what the callback returns for a refused argument',
    reason: 'All other methods always did.',
    applies: ({ calls, thrown }, { row, form }) =>
      form === 'callback' &&
      /sendText/.test(row.method) &&
      thrown === null &&
      calls.some(({ when }) => when === 'sync'),
    expect: (observation) => ({ ...observation, returned: ["callback's value"] }),
  },
  refusal(
    ['too many'],
    'promise forms take no more arguments than they have, and no callback',
    'The original took what was too much for its callback: the request went out, the promise stayed pending, and ' +
      '`callback is not a function` ended the process.',
  ),
  refusal(
    ['no callback'],
    'a callback that is not a function is refused at once',
    'The original sent the request and then threw `callback is not a function` where nobody could catch it.',
  ),
  refusal(
    ['moved'],
    'a function among too few arguments is the callback',
    'The original took it for an argument: it sent the source of the function as a user id, or threw `callback is not ' +
      'a function` in place of calling it with what is wrong.',
  ),
  refusal(
    ['user', 'blockedUser', 'sender'],
    'user ids are text, numbers, or objects with text of their own',
    'The original made text of anything: of `true`, a symbol, an array, a date, a function, and sent it. An ObjectId of ' +
      'MongoDB and what else knows its own text is taken as before.',
  ),
  refusal(
    ['id'],
    'messages.get refuses ids without a UUID',
    'The original asked the service for the message or the conversation `null`.',
  ),
  refusal(
    ['name', 'text'],
    'names and texts of sendText* are text',
    'The original left them out of the message, or sent what the service does not take.',
  ),
  refusal(
    ['properties', 'identity'],
    'properties are an object',
    'The original threw for null and undefined, took a string or an array apart into characters and elements, and sent an ' +
      'empty edit for all else.',
  ),
  refusal(
    ['query'],
    'query parameters are an object',
    'The original asked for the whole list where they were none, and for elements of an array.',
  ),
  {
    name: 'with 2.0 and 3.0 the client speaks that version',
    reason:
      'The original sent the requests of 1.x in every version, which 2.0 and 3.0 refuse. What they have no request for is ' +
      'an error of the call that names the versions that have it.',
    applies: (_, { row }) => row.tag === 'later version',
    expect(observation, context) {
      const [request] = observation.requests;
      const blocks = '/users/abcd/blocks';
      if (context.row.method === 'messages.sendTextFromName') {
        const versions = 'needs version 1.0 or 1.1 of the Server API, and the client has 2.0';
        const error = new Error(`layer.messages.sendTextFromName ${versions}`);
        return failing(observation, context, portrayError(error, context.classes), 'sync');
      }
      if (context.row.method === 'blocklist.block') {
        request.head = request.head.map((line) =>
          line
            .replace(/^POST (.*) HTTP/, (_, path) => `PATCH ${path.replace(blocks, '/users/abcd')} HTTP`)
            .replace(/application\/json$/, 'application/vnd.layer-patch+json'),
        );
        request.body = '[{"operation":"add","property":"blocks","id":"layer:///identities/efgh"}]';
      } else {
        const parts = '"parts":[{"body":"Hello","mime_type":"text/plain"}]';
        request.body = `{"sender_id":"layer:///identities/abcd",${parts}}`;
      }
      return observation;
    },
  },
  {
    name: 'error classes have their names',
    reason:
      'The original meant to set `name` to that of the class, but its classes are anonymous functions: `name` was ' +
      "empty, and so was what logs show of a ResponseError. `instanceof`, fields and their order are the original's.",
    applies: (observation) => errorsIn(observation).some(isOwnError),
    expect(observation) {
      for (const error of errorsIn(observation).filter(isOwnError)) {
        const name = error.isAPIError ? 'APIError' : 'ResponseError';
        Object.assign(error, { class: name, name, text: error.message ? `${name}: ${error.message}` : name });
        error.fields.name = JSON.stringify(name);
      }
      return observation;
    },
  },
  {
    name: 'a ResponseError says what happened',
    reason:
      'Its message was empty; it is now the status, and name and message of the error as far as the body has them: ' +
      '`404 not_found: The conversation does not exist`.',
    applies: (observation) => errorsIn(observation).some((error) => error.isResponseError),
    expect(observation) {
      for (const error of errorsIn(observation).filter(({ isResponseError }) => isResponseError)) {
        const { status } = error.fields;
        error.message = new RegExp(`^${status}($| |:)`);
        error.text = new RegExp(`^ResponseError: ${status}($| |:)`);
      }
      return observation;
    },
  },
  {
    name: 'a reply that breaks off is an error',
    reason: 'The original listened for the end of the reply only, and never called back.',
    applies: (_, { row }) => row.tag === 'cut off',
    expect: (observation, context) => ending(observation, context, portrayError(ABORTED, context.classes)),
  },
  {
    name: 'bytes after the end of a reply are not its business',
    reason: 'The original called back twice: with a parse error for those bytes, and then with the reply.',
    applies: (_, { row }) => /status 204 with a body$|fewer bytes than it goes on$/.test(row.name),
    expect: (observation, context) =>
      ending(observation, context, context.row.name.includes('204') ? '{"status": 204, "body": "", }' : OK),
  },
  {
    name: 'a status of 101 is a result',
    reason: 'The original never called back where the server changed the protocol unasked.',
    applies: (observation, { row }) => /status 101$/.test(row.name) && observation.calls.length === 0,
    expect: (observation, context) => ending(observation, context, '{"status": 101, "body": "", }'),
  },
  {
    name: 'connections without verification are used again',
    reason:
      'With `rejectUnauthorized: false` and `keepAlive`, the original waited for a handshake on a connection that had ' +
      'had one, until its time was up.',
    applies: (_, { row }) => row.tag === 'unverified connection reused',
    expect(observation) {
      const twice = (list) => list && [list[0], list[0]];
      const { calls, settled, requests } = observation;
      return {
        ...observation,
        calls: calls.length > 0 ? twice(calls) : [],
        settled: twice(settled),
        requests: twice(requests),
      };
    },
  },
  {
    name: 'a status of 000 is a parse error',
    reason: 'The original took it for a success.',
    applies: (_, { row }) => /status 000$/.test(row.name),
    expect(observation, context) {
      const error = { ...portrayError(PARSE_ERROR, context.classes), message: /^Parse Error: / };
      return ending(observation, context, error);
    },
  },
  {
    name: 'verdicts on malformed replies',
    transport: 'native',
    reason:
      "Node's parser and hyper disagree on a few replies that break the rules, and on the words for those that both " +
      "refuse; Node's change with its version. More than 100 header lines are too many.",
    applies: (_, { row }) => verdictOf(row.name) !== undefined,
    expect(observation, context) {
      const verdict = verdictOf(context.row.name);
      if (typeof verdict === 'string') return ending(observation, context, verdict);
      const error = portrayError(verdict, context.classes);
      if (verdict === PARSE_ERROR) error.message = /^Parse Error: /;
      return ending(observation, context, error);
    },
  },
  {
    name: 'resources are made when they are read',
    reason:
      'The original made all five in its constructor, which takes most of its time. Until one is read it is an accessor of ' +
      'the client: enumerable, in the same place, and it can be assigned to. `Object.getOwnPropertyDescriptor`, `sinon.replace` ' +
      'and `jest.replaceProperty` of the resource as a whole (`layer.messages`, not `layer.messages.send`) tell the ' +
      'difference: for these, read it first, or assign.',
    applies: ({ instance }) => Boolean(instance?.keys.includes('messages')),
    expect: (observation) => ({ ...observation, instance: { ...observation.instance, isMade: false } }),
  },
  {
    name: 'an invalid timeout is refused by the constructor',
    reason: 'The original took it, and then every call threw.',
    applies: (observation, { row }) =>
      /timeout: /.test(row.name) &&
      (row.name.includes('numeric string') ||
        [observation.thrown, ...errorsIn(observation)].some((error) => error && /ERR_/.test(error.fields?.code))),
    expect: (observation, { classes }) =>
      refusing(
        observation,
        portrayError(
          new TypeError('Constructor option `timeout` needs to be a positive number of milliseconds'),
          classes,
        ),
      ),
  },
  {
    name: 'a token or version without text is refused by the constructor',
    reason: 'As above, for symbols.',
    applies: (_, { row }) => /(token|version): Symbol$/.test(row.name),
    expect: (observation, { classes }) =>
      refusing(observation, portrayError(new TypeError('Cannot convert a Symbol value to a string'), classes)),
  },
  {
    name: 'unknown options of an agent are refused',
    transport: 'native',
    reason: 'Node ignores them. One that cannot be honoured must not pass in silence.',
    applies: (_, { row }) => /agentOptions: unknown option$/.test(row.name),
    expect: (observation, { classes }) =>
      refusing(observation, portrayError(new Error('Agent option `unknown` is not supported: remove it'), classes)),
  },
  {
    name: 'promises reject with the error itself',
    reason:
      "The original's promises were Bluebird's, which wraps plain errors in an OperationalError with the same name, " +
      'message and fields, and adds isOperational and cause.',
    applies: (observation) => Boolean(observation.settled?.some((end) => end.class === 'OperationalError')),
    expect(observation) {
      for (const end of observation.settled) if (end.class === 'OperationalError') end.class = 'Error';
      return observation;
    },
  },
  {
    name: 'version in the debug line',
    reason: 'It is the version of the package.',
    applies: (observation) => observation.logs.some((line) => line.includes('Initialized v')),
    expect(observation, { versions }) {
      const [before, after] = [versions.original, versions.tested].map((version) => `Initialized v${version} with`);
      observation.logs = observation.logs.map((line) => line.replace(before, after));
      return observation;
    },
  },
  {
    name: 'Host header',
    reason:
      'The original always names api.layer.com, wherever its agent connects to. The client under test is led to the ' +
      'test server by its baseUrl, and names that.',
    applies: (observation) => observation.requests.length > 0,
    expect(observation) {
      for (const request of observation.requests) {
        request.head = request.head.map((line) => (line === 'Host: api.layer.com' ? 'Host: 127.0.0.1:PORT' : line));
      }
      return observation;
    },
  },
  {
    name: 'a reply has headers, request id and attempts',
    reason:
      'They are beside its keys: neither enumerable nor in its JSON, and `assert.deepStrictEqual(response, { status, ' +
      'body })` holds.',
    applies: (observation) => responsesIn(observation).length > 0,
    expect(observation) {
      for (const response of responsesIn(observation))
        response.value = response.value.replace(/(?<!undefined, )\}$/, BESIDE);
      return observation;
    },
  },
];

/** What `portray` writes of accessors. */
const BESIDE = '"headers"!: undefined, "requestId"!: undefined, "attempts"!: undefined, }';

const isResponse = (outcome) =>
  typeof outcome?.value === 'string' && /^\{"status": \d+, "body": .*, \}$/s.test(outcome.value);

const responsesIn = (observation) => errorsIn(observation).filter(isResponse);

/**
 * Where the client under test is meant to differ from the original. Nothing is ignored: `expect` turns what the
 * original did into what the client under test must do instead, and the test compares with that. Entries are applied
 * in this order; each gets what the one before left.
 *
 *   applies(observation, context)  whether the entry is about this observation of the original
 *   expect(observation, context)   the observation to expect; `observation` is a copy and may be changed
 *
 * The context is `{row, form, args, versions, classes, rerun}`: `args` are fresh arguments of the row and `rerun(change)`
 * observes the original again with changed arguments. A regular expression stands for any text that matches it.
 */

const querystring = require('node:querystring');
const { portrayError } = require('./portray.js');

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
    reason: 'Whoever resolves the path of the request would take them as steps of the path, not as a user id.',
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
];

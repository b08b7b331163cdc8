/** Rows of docs/compatibility.md; ./index.js says what their fields mean. */

module.exports = [
  {
    behaviour: 'ECONNREFUSED, with `errno`, `syscall`, `address` and `port`',
    verdict: 'same',
    tests: [
      'nobody listens: ECONNREFUSED with all fields of Node',
      'nobody listens at an IPv6 address: ECONNREFUSED as Node words it',
      'errors carry the keys of Node in no other form',
    ],
  },
  {
    behaviour: 'ENOTFOUND and EAI_AGAIN, with `hostname`',
    verdict: 'same',
    tests: ['a name that does not exist: the error of dns.lookup'],
  },
  {
    behaviour: "ECONNRESET: 'socket hang up' before a reply, 'read ECONNRESET' where the connection is reset",
    verdict: 'same',
    tests: [
      'the connection is closed before the reply, …: socket hang up',
      'the connection is reset in place of a reply: ECONNRESET with all fields of Node',
      'the connection is closed before the TLS handshake: ECONNRESET with the message of Node',
      'the connection is reset before the TLS handshake: ECONNRESET with all fields of Node',
    ],
  },
  {
    behaviour: 'A reply that breaks off in its body',
    verdict: 'different',
    how: "one callback with Node's error 'aborted', ECONNRESET; the original never called back",
    difference: 'a reply that breaks off is an error',
    tests: ['the connection is closed (…) in the middle of a body with …: aborted'],
  },
  {
    behaviour: 'Codes of refused certificates: expired, self-signed, unknown authority, another name',
    verdict: 'same',
    tests: ['a certificate …: the code of Node'],
  },
  {
    behaviour: "The words of ERR_TLS_CERT_ALTNAME_INVALID after 'Hostname/IP does not match certificate's altnames:'",
    verdict: 'different',
    how: 'the names are listed in the words of rustls',
    difference: 'words for a certificate of another name',
    tests: ['a certificate for another name: the message says what Node says'],
  },
  {
    behaviour: 'EPROTO from a server that speaks no TLS',
    verdict: 'same',
    tests: ['a server that speaks no TLS: EPROTO'],
  },
  {
    behaviour: 'HPE_* from a server that speaks no HTTP',
    verdict: 'same',
    tests: ["a garbage reply, …: a parse error with a code of Node's parser"],
  },
  {
    behaviour: 'The timeout is silence of the socket, at TLS, in head and body; a reply that drips lives',
    verdict: 'same',
    tests: [
      'a server that falls silent … is given up',
      'a server that accepts and never answers the TLS handshake is given up',
      'a body that drips for longer than the timeout is read to its end',
      'a head that drips for longer than the timeout is read to its end',
      'a server that stops reading is given up',
      'a server that reads slowly is not given up',
    ],
  },
  {
    behaviour: 'Waiting for a connection of the agent does not count towards the timeout',
    verdict: 'same',
    tests: ['waiting for a turn does not count', 'a request that is given up gives its turn to the next one'],
  },
  {
    behaviour: 'A reply after the timeout calls nobody back',
    verdict: 'same',
    tests: [
      'a reply after the timeout changes nothing',
      'a kept connection on which a reply stays away is given up and not used again',
    ],
  },
  {
    behaviour: '`agentOptions.keepAlive`, and the Connection header that goes with it',
    verdict: 'same',
    tests: [
      'keepAlive carries all requests over one connection and says so',
      'without keepAlive each request has a connection of its own and says so',
      'without keepAlive a connection is closed even if the server would keep it',
    ],
  },
  {
    behaviour: '`agentOptions.maxSockets`: requests wait their turn, in order',
    verdict: 'same',
    tests: [
      'maxSockets: 2, keepAlive: …: six requests share two connections in their order',
      'maxSockets: 1: requests are sent and answered in the order of the calls',
      'a failed request gives its turn to the next one',
    ],
  },
  {
    behaviour: '`agentOptions.maxFreeSockets`, `timeout` and `scheduling`',
    verdict: 'same',
    tests: [
      'maxFreeSockets: 1 keeps one connection of those that have come to rest',
      'timeout of an agent closes connections that rest for so long, and not before',
      'scheduling: … chooses among idle connections',
    ],
  },
  {
    behaviour: 'Clients with one `agent` share its connections and limits; equal `agentOptions` share nothing',
    verdict: 'same',
    tests: [
      'clients with the same agent share its limit and its idle connections',
      'clients with equal agentOptions share nothing',
      'an agent comes before agentOptions',
    ],
  },
  {
    behaviour: "Without an agent: the settings of Node's global agent",
    verdict: 'same',
    tests: ["without an agent, connections are kept as by Node's global agent"],
  },
  {
    behaviour: 'An `agent` that is no https.Agent is refused, in the same words',
    verdict: 'same',
    tests: ["an agent that is not an https.Agent is refused with the original's text"],
  },
  {
    behaviour: 'An unknown option of an agent',
    verdict: 'different',
    how: 'the constructor refuses it by name; Node ignores it',
    difference: 'unknown options of an agent are refused',
    tests: ['an option that is not supported is refused by name when the client is made'],
  },
  {
    behaviour: '`ca`, `cert`, `key`, `rejectUnauthorized` and `servername`',
    verdict: 'same',
    tests: [
      'ca: the server of another authority is refused',
      'ca: several certificates, as array of texts and buffers or in one text',
      'cert and key prove who the client is',
      'rejectUnauthorized: false accepts any certificate',
      'servername is asked for and checked in place of the host',
    ],
  },
  {
    behaviour: 'A kept connection that the server closes',
    verdict: 'same',
    tests: [
      'a kept connection that the server has closed does not fail the next request',
      'a server that closes (…) as the next request comes: one callback, sent once at most',
    ],
  },
];

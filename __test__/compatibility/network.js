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
    tests: [
      'a name that does not exist: the error of dns.lookup',
      'a name that cannot be looked up now is EAI_AGAIN, and one that does not exist ENOTFOUND',
    ],
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
    behaviour: 'ERR_TLS_CERT_ALTNAME_INVALID, with `reason`, `host` and `cert`',
    verdict: 'same',
    tests: [
      'a certificate for another name: the error of Node with all its fields',
      'a certificate with its name in the subject only passes, as in Node',
      'a replaced tls.checkServerIdentity decides, as in Node',
    ],
  },
  {
    behaviour: 'ERR_SSL_*, with `library` and `reason`, where a handshake fails: alerts, other protocols, old versions',
    verdict: 'same',
    tests: [
      'a handshake that fails has the code, library and reason of OpenSSL: …',
      'a server that demands a certificate refuses a client without one, with one callback',
    ],
  },
  {
    behaviour: 'The message of ERR_SSL_*',
    verdict: 'different',
    how: "has OpenSSL's number and words; Node's has the number of a thread and a line of OpenSSL's source as well",
    tests: ['a handshake that fails has the code, library and reason of OpenSSL: …'],
  },
  {
    behaviour: 'The code where a server speaks no TLS (EPROTO or ERR_SSL_WRONG_VERSION_NUMBER)',
    verdict: 'same',
    tests: ['a server that speaks no TLS: EPROTO'],
  },
  {
    behaviour: 'EPIPE and ECONNRESET while a request is being sent, with `errno` and `syscall`',
    verdict: 'same',
    tests: ['a server that closes while a large request is on its way: the error of a broken connection, once'],
  },
  {
    behaviour: 'Several addresses that are all dead: the AggregateError of Node 20, with the errors of all attempts',
    verdict: 'same',
    tests: ['several addresses, all dead: the error of all attempts, with the fields of Node'],
  },
  {
    behaviour: 'Errors are instances of the Error of this realm, with a message and a stack',
    verdict: 'same',
    tests: ['errors are of this realm, with a stack that begins with what they say and leads into the client'],
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
    behaviour: 'A connection, or a look-up, that does not come about',
    verdict: 'different',
    how:
      'the timeout counts from the first attempt; in the original it began when the connection stood, so that only a ' +
      '`timeout` of the agent ended the wait before the system did, after two minutes',
    tests: [
      'a connection that does not come about is given up after the timeout',
      'a connection that does not come about: the timeout of the agent ends the wait, too',
      'lookup: one that never answers is given up after the timeout',
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
    behaviour: 'Connections at rest beyond `agentOptions.maxFreeSockets`',
    verdict: 'different',
    how: 'are closed after a tenth of a second, not at once: most are needed again before that',
    tests: ['calls in flight beyond maxFreeSockets keep their connections from one reply to the next request'],
  },
  {
    behaviour: '`agentOptions.maxTotalSockets`',
    verdict: 'same',
    tests: ['maxTotalSockets: connections to all servers together are limited, idle ones make room'],
  },
  {
    behaviour: '`agentOptions.keepAliveMsecs`: the system probes connections that are kept',
    verdict: 'same',
    tests: ['keepAliveMsecs: kept connections are probed by the system, keepAlive: …'],
  },
  {
    behaviour: '`agent.destroy()` closes idle connections, and the agent can be used again',
    verdict: 'same',
    tests: ['destroy() of an agent closes its idle connections, and it can be used again'],
  },
  {
    behaviour: '`agent.destroy()` while requests are under way',
    verdict: 'different',
    how: 'they go on to their end; Node cuts them off with ECONNRESET',
    tests: ['destroy() of an agent does not bear on requests under way'],
  },
  {
    behaviour: 'Settings of an agent that are changed later',
    verdict: 'different',
    how: 'count for clients that are made afterwards with another agent; an agent is read when the first client is made with it',
    tests: ['settings of an agent are read when the first client is made with it'],
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
    tests: [
      "without an agent, connections are kept as by Node's global agent",
      'without an agent, settings of https.globalAgent count',
    ],
  },
  {
    behaviour: 'An agent with its own way to connect: a subclass with `createConnection` and the like',
    verdict: 'different',
    how: 'the constructor refuses it, and names the option `proxy`; the original used it',
    tests: [
      'an agent with a way to connect of its own is refused or connects in that way',
      'a global agent with a way to connect of its own is refused where no other is given',
    ],
  },
  {
    behaviour: 'An `agent` that is not an https.Agent is refused, in the same words',
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
    behaviour: 'An option of an agent that cannot be used',
    verdict: 'different',
    how: 'the constructor refuses it by name; with the original each request failed, or threw',
    tests: ['an unusable option is refused by name when the client is made: …, …'],
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
    behaviour: '`passphrase` and `pfx`: encrypted keys in the forms that OpenSSL writes',
    verdict: 'same',
    tests: [
      'passphrase: opens an encrypted key, …',
      'passphrase: is not needed for a key in the clear, and EC keys are keys, too',
      'pfx: is key, certificate and authorities in one file, sealed with …',
      'pfx: a wrong passphrase and what cannot be used are refused in words that hold no secret',
    ],
  },
  {
    behaviour: '`checkServerIdentity`: called with host and certificate, its error handed on',
    verdict: 'same',
    tests: [
      'checkServerIdentity: is called with the name and the certificate as Node has them',
      'checkServerIdentity: its error is the error of the request, the very same, and nothing is sent',
      'checkServerIdentity: is not asked about a certificate that is not trusted',
      'checkServerIdentity: a hundred requests at once, each asked about its connection',
    ],
  },
  {
    behaviour: 'The certificate that `checkServerIdentity` gets, and `cert` of an error',
    verdict: 'different',
    how:
      "is Node's own object from Node 15.6 on, with `issuerCertificate` as far as the server sent the chain; before, " +
      'it has subject, issuer, subjectaltname, valid_from, valid_to, serialNumber, fingerprint, fingerprint256 and raw',
    tests: [
      'checkServerIdentity: is called with the name and the certificate as Node has them',
      'where Node cannot read certificates, this client does, with the fields to check and pin them by',
    ],
  },
  {
    behaviour: 'What `lookup` or `checkServerIdentity` throws',
    verdict: 'different',
    how: 'is the error of the request; the original threw it at the caller of the method, or as an uncaught exception',
    tests: [
      'lookup: what it throws is the error of the request',
      'checkServerIdentity: what it throws is the error of the request',
    ],
  },
  {
    behaviour: '`minVersion`, `maxVersion`, `secureProtocol`, `secureOptions`, and --tls-min-v1.3, --tls-max-v1.2',
    verdict: 'same',
    tests: ['versions of TLS are those of the options: …', 'the command line limits the versions of TLS'],
  },
  {
    behaviour: '`ciphers`, `ecdhCurve`, `sigalgs`, `ALPNProtocols`, `crl`, `maxCachedSessions`',
    verdict: 'same',
    tests: [
      'ciphers: only those of the list are offered: …',
      'ciphers: a list without those of TLS 1.3 leaves them all',
      'ecdhCurve: only those of the list are offered',
      'sigalgs: a server that can sign in no way of the list is refused',
      'ALPNProtocols: are offered only if they are given',
      'crl: a revoked certificate is refused, and one that is not passes',
      'sessions are resumed unless maxCachedSessions is 0: …',
      'servername: an empty one asks for no name, and the certificate is that of the host',
    ],
  },
  {
    behaviour: 'TLS 1.0 and 1.1; key exchange by RSA or DHE; CBC ciphers; P-521; SHA-1',
    verdict: 'different',
    how: 'are not spoken: ECDHE with AES-GCM or ChaCha20 in TLS 1.2, and TLS 1.3',
    tests: [
      'a handshake that fails has the code, library and reason of OpenSSL: …',
      'an unusable option is refused by name when the client is made: …, …',
    ],
  },
  {
    behaviour: '`lookup`, `family`, `hints`, `localAddress`',
    verdict: 'same',
    tests: [
      'lookup: is asked as Node asks, and its address is used',
      'lookup: its error is the error of the request, the very same',
      'lookup: an answer that is no address is the error that Node makes of it',
      'lookup: is not asked for an address',
      'family: a name without addresses of the kind is the error that Node reports',
      'localAddress: connections come from there',
      'localAddress: one that this machine does not have is the error of Node',
    ],
  },
  {
    behaviour: '`autoSelectFamily` and its timeout, by default as in the Node at hand',
    verdict: 'same',
    tests: [
      'several addresses: the next one is tried where the first one is dead',
      'several addresses, autoSelectFamily: false: only the first one is tried',
      'autoSelectFamilyAttemptTimeout: so long an address may take before the next one is tried',
    ],
  },
  {
    behaviour: 'NODE_EXTRA_CA_CERTS',
    verdict: 'same',
    tests: [
      'NODE_EXTRA_CA_CERTS: its authorities are trusted beside the usual ones, and not where ca is given',
      'NODE_EXTRA_CA_CERTS: is read when the process starts, and not later',
      'NODE_EXTRA_CA_CERTS: a file that cannot be used is warned of, once, and all goes on',
    ],
  },
  {
    behaviour: 'NODE_TLS_REJECT_UNAUTHORIZED, read at each connection',
    verdict: 'same',
    tests: [
      'NODE_TLS_REJECT_UNAUTHORIZED=0: any server passes, with a warning of the process, once',
      'NODE_TLS_REJECT_UNAUTHORIZED=0: rejectUnauthorized of the agent wins',
      'NODE_TLS_REJECT_UNAUTHORIZED: is read at each connection',
      'NODE_TLS_REJECT_UNAUTHORIZED=0: a session without verification is not resumed with it',
    ],
  },
  {
    behaviour: 'Variables of proxies, where nobody asked for them',
    verdict: 'same',
    tests: [
      'variables of the environment play no part',
      'without NODE_USE_ENV_PROXY, and with an agent, the variables of proxies play no part',
    ],
  },
  {
    behaviour: 'NODE_USE_ENV_PROXY=1, HTTP_PROXY, HTTPS_PROXY, NO_PROXY',
    verdict: 'different',
    how: 'are honoured on every Node for clients without their own agent; Node has them since 22.21 and 24',
    tests: [
      'NODE_USE_ENV_PROXY=1: requests go through HTTP_PROXY and HTTPS_PROXY, in capitals or not',
      'NO_PROXY: names the hosts that are asked directly',
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
  {
    behaviour: 'A `dns.lookup` that was replaced, as dnscache and its like do',
    verdict: 'different',
    how: 'is not asked: names are looked up off the main thread; hand it over as `agentOptions.lookup`',
    tests: ['a dns.lookup that was replaced is not asked'],
  },
];

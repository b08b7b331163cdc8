/** Rows of docs/compatibility.md; ./index.js says what their fields mean. */

module.exports = [
  {
    behaviour: 'Redirects are results, never followed',
    verdict: 'same',
    tests: ['conversations.get, status 307 Temporary Redirect with a location'],
  },
  {
    behaviour: 'Informational replies (1xx) are skipped',
    verdict: 'same',
    tests: ['conversations.create, three informational replies first'],
  },
  {
    behaviour: 'A status of 101',
    verdict: 'different',
    how: 'is a result; the original never called back',
    difference: 'a status of 101 is a result',
    tests: ['a reply that switches protocols, where the original is silent, is a result'],
  },
  {
    behaviour: 'Chunked replies, and replies that end with the connection',
    verdict: 'same',
    tests: [
      'conversations.get, chunked',
      'conversations.get, chunked, multibyte characters split',
      'conversations.get, delimited by the end of the connection',
      'a body without length or chunks ends with the connection',
    ],
  },
  {
    behaviour: 'Replies with a BOM, in other encodings, labelled gzip, or empty',
    verdict: 'same',
    tests: [
      'conversations.get, body: BOM',
      'conversations.get, body: invalid UTF-8',
      'conversations.get, body: plain, labelled gzip',
      'conversations.get, body: gzip',
      'conversations.get, body: empty body',
    ],
  },
];

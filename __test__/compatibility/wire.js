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
  {
    behaviour: 'The bytes of requests: line, headers, their order and case, body',
    verdict: 'same',
    tests: ['the bytes of every request are those of the original, …'],
  },
  {
    behaviour: 'The sizes of chunks in requests with a body',
    verdict: 'different',
    how: 'are written in capitals, `2E` where Node writes `2e`; both are the same number to every server',
    tests: ['the bytes of every request are those of the original, …'],
  },
  {
    behaviour: 'Requests and replies of 20 MB',
    verdict: 'same',
    tests: ['a request of 20 MB goes out whole', 'a reply of 20 MB comes in whole'],
  },
  {
    behaviour: 'CR, LF or NUL in token, version or de-duplicating UUID: ERR_INVALID_CHAR, before anything is sent',
    verdict: 'same',
    tests: [
      '… in token or version is refused before anything is sent: ERR_INVALID_CHAR',
      '… in a de-duplicating UUID is refused before anything is sent, as by the original',
    ],
  },
];

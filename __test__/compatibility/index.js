/**
 * What of an old service's world is the same with this client, and what is not: the sections of docs/compatibility.md,
 * which `npm run docs` writes. A section is a file with an array of rows:
 *
 *   behaviour   what a service could notice, in one line
 *   verdict     'same' | 'different'
 *   how         for a difference: what this client does instead, and why
 *   difference  for a difference that the differential test accepts: its name in differential/differences.js
 *   tests       names of the tests that show it, as they stand in a test file or in the table of the differential test;
 *               without what a test appends for its client (`… (original)`). `…` stands for what a name takes
 *               from a list
 */

module.exports = {
  'Network and TLS': require('./network.js'),
  'Bytes on the wire': require('./wire.js'),
  'In the process': require('./process.js'),
  'Runtimes and packaging': require('./runtimes.js'),
};

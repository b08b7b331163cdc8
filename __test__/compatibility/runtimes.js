/** Rows of docs/compatibility.md; ./index.js says what their fields mean. */

module.exports = [
  {
    behaviour: 'Node.js 12.17, 12.22, 14, 16, 18, 20, 22, 24 and 26',
    verdict: 'same',
    tests: ['the suite passes on …'],
  },
  {
    behaviour: 'Node.js before 12.17, and 13',
    verdict: 'different',
    how: 'not supported: they cannot load the addon, which needs version 6 of Node-API',
    tests: ['`engines` names the oldest runtime of the suite'],
  },
  {
    behaviour: 'Bun and Deno',
    verdict: 'same',
    tests: [
      'the suite passes on …',
      'all 30 methods work in the callback form',
      'all 30 methods work in the promise form',
      'process.exit with requests in flight crashes nothing',
      'workers that are terminated in mid-flight crash nothing',
    ],
  },
  {
    behaviour: 'require and import, by default and by name',
    verdict: 'same',
    tests: [
      'the module is the constructor and carries itself and the error classes',
      'an ES module imports the constructor by default and by name',
    ],
  },
];

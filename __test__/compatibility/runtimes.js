/** Rows of docs/compatibility.md; ./index.js says what their fields mean. */

module.exports = [
  {
    behaviour: 'require and import, by default and by name',
    verdict: 'same',
    tests: [
      'the module is the constructor and carries itself and the error classes',
      'an ES module imports the constructor by default and by name',
    ],
  },
];

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
  {
    behaviour: 'domain: on Node.js and Deno; Bun leads no callback to its domain, whosever it is',
    verdict: 'same',
    tests: ['an exception in a callback reaches the domain of its call, as that of a timer does on this runtime'],
  },
  {
    behaviour: 'npm install, without a compiler, on Linux x64 with glibc 2.17 or newer',
    verdict: 'same',
    tests: [
      'npm chose the package of this system, and fetched no other',
      'the suite of the runtimes passes with the package as it is installed',
      'an addon that is missing, too large, or needs a newer glibc than is promised, is named as not to be published',
    ],
  },
  {
    behaviour: 'npm install on other systems',
    verdict: 'different',
    how: 'a package with an addon has to exist for the system; the original was plain JavaScript. Packages are laid out for Linux x64 and arm64 (glibc, musl), macOS and Windows',
    tests: [
      'package.json names every target, and lib/addon.js asks for the package of each',
      'the package of … is for its system alone, and holds the addon',
      'a lock file that was made here names the packages of all systems',
    ],
  },
  {
    behaviour: 'npm install --omit=optional, and copied node_modules',
    verdict: 'different',
    how: 'the addon is an optional dependency; without it, require throws an error that names the package and the command that mends it',
    tests: [
      'a missing package is named, with the system and the command that mends it',
      'the command of the error mends it',
      'on Alpine it is the package of musl that is missing',
    ],
  },
  {
    behaviour: 'Bundles of esbuild that leave the package out',
    verdict: 'same',
    tests: ['a bundle of esbuild that leaves it out, as external'],
  },
  {
    behaviour: 'Bundles of esbuild that take the package in',
    verdict: 'different',
    how: "the addon is a file beside the bundle: `loader: { '.node': 'copy' }`",
    tests: ['a bundle of esbuild that takes it in, with the addon copied beside, needs no node_modules'],
  },
  {
    behaviour: 'Jest, with its module registry for each test file',
    verdict: 'same',
    tests: ["a small project's Jest run"],
  },
  {
    behaviour: 'Permissions on Deno',
    verdict: 'different',
    how: 'the addon needs `--allow-ffi`, and `--allow-net` has no part in what it connects to',
    tests: ['… finds it by its name, with the permissions that the documentation names'],
  },
];

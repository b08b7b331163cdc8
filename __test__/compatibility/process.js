/** Rows of docs/compatibility.md; ./index.js says what their fields mean. */

module.exports = [
  {
    behaviour: 'The process ends by itself when nothing is pending, and stays while something is',
    verdict: 'same',
    tests: [
      'a script exits by itself after its callback, keepAlive: …',
      'a process stays alive while a request is pending',
      'a process stays alive for a request without a callback',
      'constructing a client does not keep a process alive',
    ],
  },
  {
    behaviour: 'process.exit, SIGTERM and an uncaught exception in mid-flight',
    verdict: 'same',
    tests: [
      'process.exit with fifty requests in flight over … crashes nothing',
      'process.exit inside a callback crashes nothing and runs no other callback',
      'SIGTERM with fifty requests in flight ends the process with it, or as its handler says',
      'an uncaught exception with fifty requests in flight ends the process as any other',
    ],
  },
  {
    behaviour: 'An exception in a callback is uncaught as it is, and later callbacks run',
    verdict: 'same',
    tests: [
      'an exception in a callback is uncaught as it is, and the other callbacks run',
      'an exception in a callback without a handler ends the process with its stack',
    ],
  },
  {
    behaviour: 'Callbacks with a result of the network never come before the method has returned',
    verdict: 'same',
    tests: ['callbacks are never called before the method has returned, except for a wrong argument'],
  },
  {
    behaviour: 'Ticks and microtasks of a callback run before the next callback',
    verdict: 'same',
    tests: ['ticks and microtasks of a callback run before the next callback'],
  },
  {
    behaviour: 'AsyncLocalStorage in callbacks and after await',
    verdict: 'same',
    tests: ['the context of an AsyncLocalStorage is that of the call, in callbacks and after await'],
  },
  {
    behaviour: 'Worker threads, also when they are terminated in mid-flight',
    verdict: 'same',
    tests: [
      'three workers and the main thread use clients at once',
      'workers that are terminated in mid-flight crash nothing, and the main thread goes on',
    ],
  },
  {
    behaviour: 'A cleared require cache',
    verdict: 'same',
    tests: ['the module can be loaded twice, and both copies work'],
  },
];

/** Rows of docs/compatibility.md; ./index.js says what their fields mean. */

module.exports = [
  {
    behaviour: 'The process ends by itself when nothing is pending, and stays while something is',
    verdict: 'same',
    tests: [
      'a script exits by itself after its callback, keepAlive: …',
      'a script exits after a failed call',
      'a process stays alive while a request is pending',
      'a process stays alive until a timeout is reported',
      'a process stays alive for a request without a callback',
      'a process stays alive from request to request: callbacks, ticks, timers, await',
      'constructing clients does not keep a process alive',
      'a refused argument does not keep a process alive',
    ],
  },
  {
    behaviour:
      'The end of a process in mid-flight: process.exit anywhere, signals, uncaught exceptions, ends of workers',
    verdict: 'same',
    tests: ['crashes nothing: …', 'crashes nothing in … runs'],
  },
  {
    behaviour: 'An exception in a callback is uncaught as it is, and later callbacks run',
    verdict: 'same',
    tests: [
      'an exception in a callback is uncaught as it is, and the other callbacks run',
      'a callback may throw anything',
      "an exception without a handler ends the process with the caller's line and stack",
      'an exception in a callback leaves the client usable',
    ],
  },
  {
    behaviour: 'Callbacks with a result of the network never come before the method has returned; wrong arguments do',
    verdict: 'same',
    tests: [
      'callbacks are never called before the method has returned',
      'a wrong argument calls back before the method has returned',
    ],
  },
  {
    behaviour: 'Ticks and microtasks of a callback run before the next callback',
    verdict: 'same',
    tests: [
      'ticks and microtasks of a callback run before the next callback',
      'a callback that starts a request gets its outcome after all ticks and microtasks',
    ],
  },
  {
    behaviour: 'AsyncLocalStorage in callbacks',
    verdict: 'same',
    tests: ['the context of an AsyncLocalStorage is that of the call, in callbacks'],
  },
  {
    behaviour: 'Domains: exceptions, timers and ticks of a callback belong to the domain of its call',
    verdict: 'same',
    tests: [
      'an exception in a callback goes to the domain of its call',
      'timers and ticks of a callback are of the domain of its call',
    ],
  },
  {
    behaviour: 'async_hooks: the triggers of a callback lead to its call',
    verdict: 'same',
    tests: ['async_hooks: the triggers of a callback lead to the call'],
  },
  {
    behaviour: 'The resources that async_hooks sees of a request',
    verdict: 'different',
    how: 'one of type `LAYERREQUEST`, destroyed after its callback, in place of those of its socket and parser',
    tests: ['async_hooks: each request is one resource with init, before, after and destroy'],
  },
  {
    behaviour: 'Worker threads, also when they are terminated in mid-flight',
    verdict: 'same',
    tests: [
      'three workers and the main thread use clients at once',
      'a worker that only constructs a client ends by itself',
      'an exception in a callback of a worker is an error of that worker only',
      'workers that are terminated in mid-flight crash nothing, and the main thread goes on',
    ],
  },
  {
    behaviour: 'child_process.fork and cluster',
    verdict: 'same',
    tests: [
      'processes made by child_process.fork use clients of their own',
      'workers of a cluster use clients of their own',
    ],
  },
  {
    behaviour: 'Promises',
    verdict: 'different',
    how: "native ones by default; `LayerAPI.Promise = require('bluebird')` brings back those of 2.x",
    difference: 'promises reject with the error itself',
    tests: [
      'promises are native ones by default',
      'LayerAPI.Promise is that of all clients, read at each call; undefined means native ones',
      '`Promise` of a client comes before LayerAPI.Promise',
      'any constructor of promises will do',
    ],
  },
  {
    behaviour: 'With Bluebird: `.spread`, `.tap`, `.nodeify`, `.timeout`, `.catch(Class)`, `.error` and the others',
    verdict: 'same',
    tests: [
      'the methods of Bluebird can be chained to a result',
      'timeout and cancellation of Bluebird leave the request alone',
      'catch with a class or a predicate of Bluebird',
      'all errors of a call are operational: .error(handler) gets them',
      'a rejection that nobody handles is reported by Bluebird and ends nothing',
    ],
  },
  {
    behaviour: 'A rejection that nobody handles',
    verdict: 'different',
    how: 'is one of Node, which ends the process since Node.js 15; Bluebird prints a line and goes on',
    tests: ['a native rejection that nobody handles is an unhandled rejection of Node'],
  },
  {
    behaviour: 'AsyncLocalStorage after await',
    verdict: 'different',
    how: 'is that of the call; after a promise of Bluebird it may be another',
    tests: ['the context of an AsyncLocalStorage is that of the call after await, also of a failure'],
  },
  {
    behaviour: 'A cleared require cache: copies work side by side, and unused ones are collected',
    verdict: 'same',
    tests: [
      'the module can be loaded twice, and both copies work',
      'copies of the module that nobody uses any more are collected',
    ],
  },
  {
    behaviour: 'Jest and Vitest: realms, fake timers, registries that are reset, spies',
    verdict: 'same',
    tests: ['Jest: realms, fake timers and registries', 'Vitest, pool …: realms, fake timers and registries'],
  },
  {
    behaviour: '`instanceof Error` of errors of the network in Jest, whose tests have their own realm',
    verdict: 'different',
    how: "true; errors of Node's own modules are of another realm",
    tests: ['Jest: realms, fake timers and registries'],
  },
  {
    behaviour: 'A thousand requests at once are answered once each',
    verdict: 'same',
    tests: ['a thousand requests at once are answered once each'],
  },
  {
    behaviour: 'No request leaves memory, descriptors, threads or timers behind',
    verdict: 'same',
    tests: [
      '… requests, fine, failed, given up and abandoned, leave nothing behind',
      'leaks are noticed: a measurement finds each that is put into it',
    ],
  },
  {
    behaviour: 'A client that rests uses no processor time',
    verdict: 'same',
    tests: ['a client that … uses no processor time, …'],
  },
  {
    behaviour: '`debug` and LAYER_API_DEBUG: when they print, and the lines',
    verdict: 'same',
    tests: [
      'debug prints the lines of the original, but for the version',
      'LAYER_API_DEBUG is read at each call, and set by each constructor',
    ],
  },
  {
    behaviour: 'The token is in no line, error or inspection',
    verdict: 'same',
    tests: ['inspect, JSON and errors show no token'],
  },
  {
    behaviour: 'Code of a vm context gets errors, answers and promises of the realm of the module',
    verdict: 'same',
    tests: ['code of a vm context uses a client: what it gets is of the realm of the module'],
  },
];

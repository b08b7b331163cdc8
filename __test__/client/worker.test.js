'use strict';

/** The client in several threads and processes at once. */

const assert = require('node:assert');
const path = require('node:path');
const { afterEach, test } = require('node:test');
const { closeAll, runWith, secureServer, subjects, program } = require('./support.js');

afterEach(closeAll);

const FORKED = path.join(__dirname, 'forked.js');
const DELAY = 100;
const TERMINATIONS = 30;

const answering = () =>
  secureServer((request, response) => {
    if (request.url.includes('never')) return;
    setTimeout(() => response.end('{}'), request.url.includes('slow') ? DELAY : 0);
  });

for (const subject of Object.values(subjects)) {
  test(`three workers and the main thread use clients at once (${subject.name})`, async () => {
    const source = program('worker/at-once.js');
    const { code, stdout, stderr } = await runWith(subject, await answering(), source);
    assert.strictEqual(code, 0, stderr);
    assert.deepStrictEqual(stdout.trim().split('\n').toSorted(), [
      ...['exit 0', 'exit 0', 'exit 0', 'main 100'],
      ...['worker 100', 'worker 100', 'worker 100'],
    ]);
  });

  test(`a worker that only constructs a client ends by itself (${subject.name})`, async () => {
    const source = program('worker/constructs.js');
    const { code, stdout } = await runWith(subject, await answering(), source);
    assert.deepStrictEqual([code, stdout], [0, 'exit 0\n']);
  });

  test(`an exception in a callback of a worker is an error of that worker only (${subject.name})`, async () => {
    const source = program('worker/exception.js');
    const { code, stdout, stderr } = await runWith(subject, await answering(), source);
    assert.deepStrictEqual([code, stdout], [0, 'RangeError of the worker 200\n'], stderr);
  });

  test(`workers that are terminated in mid-flight crash nothing, and the main thread goes on (${subject.name})`, async () => {
    const source = program('worker/terminated.js', String(TERMINATIONS));
    const { code, signal, stdout, stderr } = await runWith(subject, await answering(), source);
    assert.deepStrictEqual([code, signal, stdout], [0, null, 'end\n'], stderr);
  });

  test(`processes made by child_process.fork use clients of their own (${subject.name})`, async () => {
    const source = program('worker/forks.js');
    const { code, stdout, stderr } = await runWith(subject, await answering(), source, { env: { FORKED } });
    assert.strictEqual(code, 0, stderr);
    const expected = ['child 200', 'child 200', 'exit 0', 'exit 0', 'parent 200'];
    assert.deepStrictEqual(stdout.trim().split('\n').toSorted(), expected);
  });

  test(`workers of a cluster use clients of their own (${subject.name})`, async () => {
    const source = program('worker/cluster.js');
    const { code, stdout, stderr } = await runWith(subject, await answering(), source, { env: { FORKED } });
    assert.strictEqual(code, 0, stderr);
    const expected = ['exit 0', 'exit 0', 'primary 200', 'worker 200', 'worker 200'];
    assert.deepStrictEqual(stdout.trim().split('\n').toSorted(), expected);
  });
}

test('all threads of a process share one thread for the network', async () => {
  const source = program('worker/threads.js');
  const { code, stdout, stderr } = await runWith(subjects.ours, await answering(), source);
  assert.deepStrictEqual([code, stdout], [0, '1\n'], stderr);
});

'use strict';

/** The client in several threads and processes at once. */

const assert = require('node:assert');
const path = require('node:path');
const { afterEach, test } = require('node:test');
const { closeAll, runWith, secureServer, subjects } = require('./support.js');

afterEach(closeAll);

const FORKED = path.join(__dirname, 'forked.js');
const DELAY = 100;
const TERMINATIONS = 30;

const answering = () =>
  secureServer((request, response) => {
    if (request.url.includes('never')) return;
    setTimeout(() => response.end('{}'), request.url.includes('slow') ? DELAY : 0);
  });

/** Runs `source` with a client as `runWith` does, in the main thread and in the workers that `worker()` makes of it. */
function runThreads(subject, server, source, options) {
  const whole = `
    const { Worker, isMainThread, parentPort, workerData } = require('worker_threads');
    const worker = (options) => new Worker(process.env.SOURCE, { eval: true, ...options });
    const LayerAPI = require(process.env.SUBJECT);
    const layer = new LayerAPI(JSON.parse(process.env.CONFIG));
    ${source}`;
  // In place of what `runWith` begins with: worker and main thread run the same.
  return runWith(subject, server, `{ ${whole} }`, { ...options, env: { SOURCE: whole } });
}

for (const subject of Object.values(subjects)) {
  test(`three workers and the main thread use clients at once (${subject.name})`, async () => {
    const source = `
      const work = () => Promise.all(Array.from({ length: 100 }, (_, i) => layer.blocklist.getAsync('u' + i)));
      if (isMainThread) {
        for (let i = 0; i < 3; i++) {
          const one = worker();
          one.on('message', (count) => console.log('worker', count));
          one.on('exit', (code) => console.log('exit', code));
        }
        work().then((all) => console.log('main', all.length));
      } else work().then((all) => parentPort.postMessage(all.length));`;
    const { code, stdout, stderr } = await runThreads(subject, await answering(), source);
    assert.strictEqual(code, 0, stderr);
    assert.deepStrictEqual(stdout.trim().split('\n').toSorted(), [
      ...['exit 0', 'exit 0', 'exit 0', 'main 100'],
      ...['worker 100', 'worker 100', 'worker 100'],
    ]);
  });

  test(`a worker that only constructs a client ends by itself (${subject.name})`, async () => {
    const source = "if (isMainThread) worker().on('exit', (code) => console.log('exit', code));";
    const { code, stdout } = await runThreads(subject, await answering(), source);
    assert.deepStrictEqual([code, stdout], [0, 'exit 0\n']);
  });

  test(`an exception in a callback of a worker is an error of that worker only (${subject.name})`, async () => {
    const source = `
      if (isMainThread) worker().on('error', (error) => {
        layer.blocklist.get('maria', (_, { status }) => console.log(error.name, error.message, status));
      });
      else layer.blocklist.get('maria', () => { throw new RangeError('of the worker'); });`;
    const { code, stdout, stderr } = await runThreads(subject, await answering(), source);
    assert.deepStrictEqual([code, stdout], [0, 'RangeError of the worker 200\n'], stderr);
  });

  test(`workers that are terminated in mid-flight crash nothing, and the main thread goes on (${subject.name})`, async () => {
    const source = `
      if (isMainThread) (async () => {
        for (let i = 0; i < ${TERMINATIONS}; i++) {
          const one = worker();
          await new Promise((resolve) => one.once('message', resolve));
          await new Promise((resolve) => setTimeout(resolve, i % 10));
          await one.terminate();
          await layer.blocklist.getAsync('maria');
        }
        console.log('end');
      })();
      else {
        const again = (user) => layer.blocklist.get(user, () => again(user));
        for (let i = 0; i < 50; i++) again(['maria', 'slow', 'never'][i % 3]);
        parentPort.postMessage('ready');
      }`;
    const { code, signal, stdout, stderr } = await runThreads(subject, await answering(), source);
    assert.deepStrictEqual([code, signal, stdout], [0, null, 'end\n'], stderr);
  });

  test(`processes made by child_process.fork use clients of their own (${subject.name})`, async () => {
    const source = `
      const { fork } = require('child_process');
      for (let i = 0; i < 2; i++) {
        const child = fork(process.env.FORKED, { execArgv: [] });
        child.on('message', (status) => console.log('child', status));
        child.on('exit', (code) => console.log('exit', code));
      }
      layer.blocklist.get('slow', (error, result) => console.log('parent', result.status));`;
    const { code, stdout, stderr } = await runWith(subject, await answering(), source, { env: { FORKED } });
    assert.strictEqual(code, 0, stderr);
    const expected = ['child 200', 'child 200', 'exit 0', 'exit 0', 'parent 200'];
    assert.deepStrictEqual(stdout.trim().split('\n').toSorted(), expected);
  });

  test(`workers of a cluster use clients of their own (${subject.name})`, async () => {
    const source = `
      const cluster = require('cluster');
      cluster.setupMaster({ exec: process.env.FORKED, execArgv: [] });
      for (let i = 0; i < 2; i++) cluster.fork();
      cluster.on('message', (_, status) => console.log('worker', status));
      cluster.on('exit', (_, code) => console.log('exit', code));
      layer.blocklist.get('slow', (error, result) => console.log('primary', result.status));`;
    const { code, stdout, stderr } = await runWith(subject, await answering(), source, { env: { FORKED } });
    assert.strictEqual(code, 0, stderr);
    const expected = ['exit 0', 'exit 0', 'primary 200', 'worker 200', 'worker 200'];
    assert.deepStrictEqual(stdout.trim().split('\n').toSorted(), expected);
  });
}

test('all threads of a process share one thread for the network', async () => {
  const source = `
    const { readdirSync, readFileSync } = require('fs');
    if (isMainThread) (async () => {
      for (let i = 0; i < 5; i++) await new Promise((resolve) => worker().on('exit', resolve));
      await layer.blocklist.getAsync('maria');
      const names = readdirSync('/proc/self/task').map((id) => readFileSync('/proc/self/task/' + id + '/comm', 'utf8'));
      console.log(names.filter((name) => name === 'layer-client\\n').length);
    })();
    else layer.blocklist.getAsync('maria');`;
  const { code, stdout, stderr } = await runThreads(subjects.ours, await answering(), source);
  assert.deepStrictEqual([code, stdout], [0, '1\n'], stderr);
});

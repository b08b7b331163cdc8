'use strict';

/** The client where modules are loaded more than once, and in realms other than Node's own. */

const assert = require('node:assert');
const { afterEach, test } = require('node:test');
const { closeAll, runWith, secureServer, subjects } = require('./support.js');

afterEach(closeAll);

/** Loads the module anew, as `load()`. */
const LOAD = `
  const { children } = module;
  const load = () => {
    for (const file of Object.keys(require.cache)) delete require.cache[file];
    // Node keeps what a module has loaded here, too.
    children.length = 0;
    return require(process.env.SUBJECT);
  };`;

for (const subject of Object.values(subjects)) {
  test(`the module can be loaded twice, and both copies work (${subject.name})`, async () => {
    const source = `${LOAD}
      const [One, Two] = [load(), load()];
      const clients = [new One(config), new Two(config), new One(config)];
      Promise.all(clients.map((one) => Promise.all([one.blocklist.getAsync('jon'), one.blocklist.getAsync('maria')])))
        .then((all) => console.log(One !== Two, all.length));`;
    const { code, stdout, stderr } = await runWith(subject, await secureServer(), source);
    assert.deepStrictEqual([code, stdout], [0, 'true 3\n'], stderr);
  });

  test(`copies of the module that nobody uses any more are collected (${subject.name})`, async () => {
    const source = `${LOAD}
      const { readdirSync } = require('fs');
      const copies = [];
      const count = () => readdirSync('/proc/self/task').length;
      (async () => {
        await layer.blocklist.getAsync('maria');
        const threads = process.platform === 'linux' && count();
        for (let i = 0; i < 20; i++) {
          const Copy = load();
          copies.push(new WeakRef(Copy));
          await new Copy(config).blocklist.getAsync('maria');
        }
        let left;
        let more;
        for (const deadline = Date.now() + 60_000; Date.now() < deadline; ) {
          await new Promise((resolve) => setTimeout(resolve, 20));
          gc();
          left = copies.filter((copy) => copy.deref()).length;
          more = process.platform === 'linux' ? count() - threads : 0;
          // The last one is in the cache.
          if (left <= 1 && more <= 0) break;
        }
        console.log(left <= 1 || left, more <= 0 || more);
      })();`;
    const { code, stdout, stderr } = await runWith(subject, await secureServer(), source, { args: ['--expose-gc'] });
    assert.deepStrictEqual([code, stdout], [0, 'true true\n'], stderr);
  });
}

for (const subject of Object.values(subjects)) {
  test(`code of a vm context uses a client: what it gets is of the realm of the module (${subject.name})`, async () => {
    const source = `
      const vm = require('vm');
      const context = vm.createContext({ layer, console });
      const uses = async () => {
        const found = [];
        const callback = (method, ...args) =>
          new Promise((resolve) => layer.blocklist[method](...args, (error, result) => resolve(error || result)));
        const refused = await callback('get', '');
        found.push(refused instanceof Error, refused.message);
        const answer = await callback('get', 'maria');
        found.push(answer instanceof Object, answer.body instanceof Object, answer.status);
        const failed = await layer.blocklist.getAsync('').catch((error) => error);
        found.push(failed instanceof Error, layer.blocklist.getAsync('maria') instanceof Promise);
        return found.join();
      };
      vm.runInContext('(' + uses + ')().then(console.log)', context);`;
    const { code, stdout, stderr } = await runWith(subject, await secureServer(), source);
    // Neither errors, nor answers, nor promises are those of the context.
    assert.deepStrictEqual(
      [code, stdout],
      [0, 'false,Blocklist owner ID is required,false,false,200,false,false\n'],
      stderr,
    );
  });
}

test('a copy of the module lives until its requests are answered', async () => {
  const source = `${LOAD}
    let copy = load();
    let calls = 0;
    new copy(config).blocklist.get('slow', () => calls++);
    copy = new WeakRef(copy);
    load();
    const deadline = Date.now() + 60_000;
    const timer = setInterval(() => {
      gc();
      const isGone = copy.deref() === undefined;
      if (calls === 0 && isGone) console.log('gone too soon');
      if ((calls === 0 || !isGone) && Date.now() < deadline) return;
      clearInterval(timer);
      console.log(calls, isGone);
    }, 10);`;
  const server = await secureServer((_request, response) => setTimeout(() => response.end('{}'), 300));
  const { code, stdout, stderr } = await runWith(subjects.ours, server, source, { args: ['--expose-gc'] });
  assert.deepStrictEqual([code, stdout], [0, '1 true\n'], stderr);
});

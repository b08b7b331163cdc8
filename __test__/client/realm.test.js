'use strict';

/** The client where modules are loaded more than once, and in realms other than Node's own. */

const assert = require('node:assert');
const { afterEach, test } = require('node:test');
const { closeAll, runWith, secureServer, subjects, program } = require('./support.js');

afterEach(closeAll);

for (const subject of Object.values(subjects)) {
  test(`the module can be loaded twice, and both copies work (${subject.name})`, async () => {
    const source = program('realm/twice.js');
    const { code, stdout, stderr } = await runWith(subject, await secureServer(), source);
    assert.deepStrictEqual([code, stdout], [0, 'true 3\n'], stderr);
  });

  test(`copies of the module that nobody uses any more are collected (${subject.name})`, async () => {
    const source = program('realm/copies.js');
    const { code, stdout, stderr } = await runWith(subject, await secureServer(), source, { args: ['--expose-gc'] });
    assert.deepStrictEqual([code, stdout], [0, 'true true\n'], stderr);
  });
}

for (const subject of Object.values(subjects)) {
  test(`code of a vm context uses a client: what it gets is of the realm of the module (${subject.name})`, async () => {
    const source = program('realm/vm.js');
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
  const source = program('realm/until-answered.js');
  const server = await secureServer((_request, response) => setTimeout(() => response.end('{}'), 300));
  const { code, stdout, stderr } = await runWith(subjects.ours, server, source, { args: ['--expose-gc'] });
  assert.deepStrictEqual([code, stdout], [0, '1 true\n'], stderr);
});

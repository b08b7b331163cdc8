'use strict';

/**
 * A recording of Polly in files, as services keep it beside their tests. `fake` is @pollyjs/core, POLLY the folder of
 * its other packages. Arguments: the folder, and what Polly is to do.
 */

const path = require('path');
const { assert, fake, ownClient, run } = require('./start.js');

run(async () => {
  const [recordingsDir, mode] = process.argv.slice(2);
  const { Polly } = fake;
  Polly.register(require(path.join(process.env.POLLY, 'adapter-node-http')));
  Polly.register(require(path.join(process.env.POLLY, 'persister-fs')));
  const polly = new Polly('a conversation', {
    adapters: ['node-http'],
    persister: 'fs',
    persisterOptions: { fs: { recordingsDir } },
    mode,
    recordIfMissing: false,
    recordFailedRequests: true,
    // The port of a server of a test is another each time.
    matchRequestsBy: { url: { port: false } },
  });
  const layer = ownClient();
  const { status, body } = await layer.conversations.createAsync({ participants: ['maria'] });
  assert.deepStrictEqual([status, body], [201, { id: 'answer 1' }]);
  await assert.rejects(layer.conversations.getAsync(process.env.CONVERSATION), {
    status: 404,
    body: { id: 'not_found' },
  });
  if (mode === 'replay') await assert.rejects(layer.blocklist.getAsync('maria'), /Recording for the following request/);
  await polly.stop();
});

'use strict';

/** A tape of yakbak, which stands between the client and the service. Arguments: the folder; whether it may record. */

const { createHash } = require('crypto');
const http = require('http');
const { assert, fake: yakbak, ownClient, run } = require('./start.js');

/** The name of a tape: the port of the proxy, which is in a header, is another each time. */
const hash = ({ method, url }, body) => createHash('md5').update(`${method} ${url} ${body}`).digest('hex');

run(async () => {
  const [dirname, mode] = process.argv.slice(2);
  const tape = yakbak(process.env.LAYER_API_URL, { dirname, hash, noRecord: mode === 'replay' });
  const server = http.createServer(tape).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.on('listening', resolve));
  const layer = ownClient({ baseUrl: `http://127.0.0.1:${server.address().port}` });
  const { status, body } = await layer.conversations.createAsync({ participants: ['maria'] });
  assert.deepStrictEqual([status, body], [201, { id: 'answer 1' }]);
  await assert.rejects(layer.conversations.getAsync(process.env.CONVERSATION), {
    status: 404,
    body: { id: 'not_found' },
  });
  await layer.close();
  server.close();
});

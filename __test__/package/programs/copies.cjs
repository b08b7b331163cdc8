/** Whether `instanceof` holds across two copies of the package. Arguments: the folders that they are installed in. */

const assert = require('node:assert');
const path = require('node:path');

const [one, other] = process.argv.slice(2).map((home) => require(path.join(home, 'node_modules', 'layer-api')));
assert.notStrictEqual(one, other);
assert.notStrictEqual(one.ResponseError, other.ResponseError);

async function main() {
  const platform = await one.Platform.start();
  const { appId, token } = await platform.createApp();
  for (const Client of [one, other]) {
    const layer = new Client({ appId, token, baseUrl: platform.url });
    const missing = await layer.identities.getAsync('nobody').catch((error) => error);
    for (const { ResponseError, APIError } of [one, other]) {
      assert.ok(missing instanceof ResponseError && !(missing instanceof APIError));
      assert.ok(new Client.APIError('text') instanceof APIError);
      class Own extends ResponseError {}
      assert.ok(!(missing instanceof Own));
    }
    const { status } = await layer.conversations.createAsync({ participants: ['maria'] });
    assert.strictEqual(status, 201);
    await layer.close();
  }
  await platform.close();
  console.log('done');
}

main();

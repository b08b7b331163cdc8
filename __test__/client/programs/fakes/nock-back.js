'use strict';

/** A cassette of nock. Arguments: the folder, and what nock.back is to do. */

const { assert, fake, ownClient, run } = require('./start.js');

run(async () => {
  const [folder, mode] = process.argv.slice(2);
  fake.back.fixtures = folder;
  fake.back.setMode(mode);
  const { nockDone } = await fake.back('cassette.json');
  const { body } = await ownClient().conversations.createAsync({ participants: ['maria'] });
  assert.deepStrictEqual(body, { id: 'answer 1' });
  nockDone();
});

'use strict';

/** Sends 96 MiB up and down, and prints how many came back and whether the most that was held is little. */

const LayerAPI = require('../../../..');

const MIB = 1 << 20;
const COUNT = 96;
const live = () => {
  gc();
  return process.memoryUsage().arrayBuffers / MIB;
};

async function main() {
  const { appId, token, url, conversation } = JSON.parse(process.env.SETTINGS);
  const layer = new LayerAPI({ appId, token, baseUrl: url });
  let most = 0;
  async function* pieces() {
    for (let count = 0; count < COUNT * 4; count++) {
      if (count % 32 === 0) most = Math.max(most, live());
      yield Buffer.alloc(MIB / 4, count);
    }
  }
  const { body } = await layer.content.uploadAsync(conversation, pieces(), { type: 'a/b', size: COUNT * MIB });
  let length = 0;
  let next = 0;
  for await (const piece of layer.content.download(conversation, body.id)) {
    length += piece.length;
    if (length < next) continue;
    next += 8 * MIB;
    most = Math.max(most, live());
  }
  console.log(JSON.stringify([length / MIB, most < 48 || most]));
}

main();

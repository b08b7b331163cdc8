/** What a small project has for Jest. */

/* global afterAll, beforeAll, expect, test */

const LayerAPI = require('layer-api');

let platform;
beforeAll(async () => {
  platform = await LayerAPI.Platform.start();
});
afterAll(() => platform.close());

for (const round of [1, 2]) {
  test(`a conversation ${round}`, async () => {
    const layer = new LayerAPI({ ...(await platform.createApp()), baseUrl: platform.url });
    const { body } = await layer.conversations.createAsync({ participants: ['maria'] });
    expect((await layer.conversations.getAsync(body.id)).body.participants).toEqual(['maria']);
    const unknown = layer.conversations.getAsync('f3cc7b32-3c92-11e4-baad-164230d1df67');
    await expect(unknown).rejects.toBeInstanceOf(LayerAPI.ResponseError);
  });
}

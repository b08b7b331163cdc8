/** A small service, which prints the status of a conversation that it has created. */

const LayerAPI = require('layer-api');

LayerAPI.Platform.start().then(async (platform) => {
  const { appId, token } = await platform.createApp();
  const layer = new LayerAPI({ appId, token, baseUrl: platform.url });
  layer.conversations.create({ participants: ['maria'] }, async (error, reply) => {
    console.log(error, reply.status);
    await platform.close();
  });
});

'use strict';

const { create, createHasty, errors, get, isOurs, load } = require('./client.js');

test('results are objects of the realm of the test', async () => {
  const layer = create();
  const [error, result] = await get(layer, 'maria');
  expect(error).toBeNull();
  expect(result).toStrictEqual({ status: 200, body: { path: '/users/maria/blocks' } });
  expect(result).toBeInstanceOf(Object);
  expect(result.body).toBeInstanceOf(Object);
  expect(await layer.blocklist.getAsync('maria')).toStrictEqual(result);
});

test('errors are instances of Error and of their class', async () => {
  const layer = create();
  const [refused] = await get(layer, '');
  expect(refused).toBeInstanceOf(Error);
  const [missing] = await get(layer, 'missing');
  expect(missing).toBeInstanceOf(Error);
  expect(missing).toBeInstanceOf(errors().ResponseError);
  await expect(layer.blocklist.getAsync('missing')).rejects.toThrow(errors().ResponseError);
  const [late] = await get(createHasty(), 'never');
  expect(late).toBeInstanceOf(errors().APIError);
  expect(() => new (load())({})).toThrow(Error);
});

test('so are those of the network and of options, which were of the realm of Node', async () => {
  const [cut] = await get(create(), 'cut');
  expect(cut.code).toBe('ECONNRESET');
  expect(cut instanceof Error).toBe(isOurs);
  if (!isOurs) return;
  const LayerAPI = load();
  for (const wrong of [{ baseUrl: 'ftp://host' }, { agentOptions: { ca: 'none' } }, { timeout: 'long' }]) {
    expect(() => new LayerAPI({ ...JSON.parse(process.env.CONFIG), ...wrong })).toThrow(Error);
  }
  await expect(LayerAPI.Platform.start({ host: 'nowhere' })).rejects.toThrow(Error);
});

test('promises of ours are those of the realm of the test', async () => {
  const promise = create().blocklist.getAsync('maria');
  expect(promise instanceof Promise).toBe(isOurs);
  await promise;
});

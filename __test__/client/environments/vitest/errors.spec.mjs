import { expect, test, vi } from 'vitest';
import { create, createHasty, get, isOurs, load } from './client.mjs';

test('results and errors', async () => {
  const layer = await create();
  expect(await get(layer, 'maria')).toStrictEqual([null, { status: 200, body: { path: '/users/maria/blocks' } }]);
  const [refused] = await get(layer, '');
  expect(refused).toBeInstanceOf(Error);
  const [missing] = await get(layer, 'missing');
  expect(missing).toBeInstanceOf(Error);
  expect(missing.status).toBe(404);
  await expect(layer.blocklist.getAsync('missing')).rejects.toThrow(Error);
  expect((await get(await createHasty(), 'never'))[0].message).toMatch(/timeout/);
  expect((await get(layer, 'cut'))[0].code).toBe('ECONNRESET');
});

test('errors are instances of the classes that the module carries', async () => {
  const LayerAPI = await load();
  const layer = await create();
  expect(LayerAPI.ResponseError !== undefined).toBe(isOurs);
  if (isOurs) expect((await get(layer, 'missing'))[0]).toBeInstanceOf(LayerAPI.ResponseError);
  expect(() => new LayerAPI({})).toThrow(Error);
});

test('modules that are reset work side by side', async () => {
  const first = await create();
  vi.resetModules();
  const second = await create();
  expect((await get(first, 'maria'))[1].status).toBe(200);
  expect((await get(second, 'maria'))[1].status).toBe(200);
});

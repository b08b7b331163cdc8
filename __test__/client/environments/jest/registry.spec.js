'use strict';

const { create, get, load } = require('./client.js');

test('copies of a registry that is reset work side by side', async () => {
  const One = load();
  const first = create(One);
  const pending = get(first, 'slow');
  jest.resetModules();
  const Two = load();
  expect(Two).not.toBe(One);
  const second = create(Two);
  expect((await get(second, 'maria'))[1].status).toBe(200);
  expect((await pending)[1].status).toBe(200);
  expect((await get(first, 'maria'))[1].status).toBe(200);
});

test('a copy in isolateModules works', async () => {
  let layer;
  jest.isolateModules(() => {
    layer = create();
  });
  expect((await layer.blocklist.getAsync('maria')).status).toBe(200);
});

test('methods can be spied on, and promise forms call the spy', async () => {
  const layer = create();
  const spy = jest.spyOn(layer.blocklist, 'get').mockImplementation((_user, callback) => callback(null, 'spied'));
  expect((await get(layer, 'maria'))[1]).toBe('spied');
  spy.mockRestore();
  expect((await get(layer, 'maria'))[1].status).toBe(200);
});

for (let copy = 0; copy < 3; copy++) {
  test(`copy ${copy} of a registry that is reset for each test works`, async () => {
    jest.resetModules();
    expect((await create().blocklist.getAsync('maria')).status).toBe(200);
  });
}

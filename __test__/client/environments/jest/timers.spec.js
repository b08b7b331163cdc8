'use strict';

const { create, createHasty, get } = require('./client.js');

const [layer, hasty] = [create(), createHasty()];

/** Several at once and one after the other, in both forms, and a body that cannot be written. */
async function calls(one, oneInHaste) {
  expect(await Promise.all(['a', 'b', 'c', 'd'].map((user) => get(one, user)))).toHaveLength(4);
  expect((await get(one, 'maria'))[1].status).toBe(200);
  expect((await one.blocklist.getAsync('maria')).status).toBe(200);
  expect((await get(oneInHaste, 'never'))[0].message).toMatch(/timeout/);
}

afterEach(() => jest.useRealTimers());

test('fake timers hold nothing up', async () => {
  jest.useFakeTimers();
  await calls(layer, hasty);
});

test('legacy fake timers hold nothing up', async () => {
  jest.useFakeTimers({ legacyFakeTimers: true });
  await calls(layer, hasty);
});

test('fake timers that were there before the module hold nothing up', async () => {
  jest.useFakeTimers();
  jest.resetModules();
  await calls(create(), createHasty());
});

test('a clock that moves times nothing out', async () => {
  jest.useFakeTimers();
  const waiting = get(layer, 'slow');
  jest.advanceTimersByTime(3_600_000);
  expect((await waiting)[1].status).toBe(200);
});

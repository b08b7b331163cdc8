import { afterEach, expect, test, vi } from 'vitest';
import { create, createHasty, get } from './client.mjs';

afterEach(() => vi.useRealTimers());

/** Several at once and one after the other, in both forms. */
async function calls(layer, hasty) {
  expect(await Promise.all(['a', 'b', 'c', 'd'].map((user) => get(layer, user)))).toHaveLength(4);
  expect((await get(layer, 'maria'))[1].status).toBe(200);
  expect((await layer.blocklist.getAsync('maria')).status).toBe(200);
  expect((await get(hasty, 'never'))[0].message).toMatch(/timeout/);
}

test('fake timers that were there before the module hold nothing up', async () => {
  vi.useFakeTimers();
  await calls(await create(), await createHasty());
});

test('fake timers hold nothing up', async () => {
  const [layer, hasty] = [await create(), await createHasty()];
  vi.useFakeTimers({ toFake: ['setTimeout', 'setInterval', 'setImmediate', 'queueMicrotask', 'Date'] });
  await calls(layer, hasty);
});

test('a clock that moves times nothing out', async () => {
  const layer = await create();
  vi.useFakeTimers();
  const waiting = get(layer, 'slow');
  vi.advanceTimersByTime(3_600_000);
  expect((await waiting)[1].status).toBe(200);
});

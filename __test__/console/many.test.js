'use strict';

/** The console with 100,000 conversations: what is read and drawn follows from what is seen, not from what there is. */

const assert = require('node:assert');
const { after, before, describe, test } = require('node:test');
const { Stage } = require('./stage.js');

const COUNT = 100_000;
const AT_ONCE = 200;

describe('the console with 100,000 conversations', () => {
  let stage;

  before(async () => {
    stage = await Stage.open({ recordedRequests: 0 });
    const layer = stage.layer.withOptions({});
    for (let at = 0; at < COUNT; at += AT_ONCE) {
      const create = (_, index) =>
        layer.conversations.createAsync({ participants: ['maria'], metadata: { title: `Tour ${at + index}` } });
      await Promise.all(Array.from({ length: AT_ONCE }, create));
    }
  });

  after(() => stage.close());

  test('draws what is seen and reads page by page, up to any depth', async () => {
    const page = await stage.page({ to: `#/apps/${stage.app.appId}/conversations` });
    const asked = [];
    page.on('request', (request) => {
      if (request.url().includes('/conversations?')) asked.push(request.url());
    });
    const list = page.getByRole('list', { name: 'Conversations, newest first' });
    await list.getByRole('link').first().waitFor();
    // Whoever pulls the bar down again and again.
    for (let pages = 2; pages <= 30; pages++) {
      await page.evaluate(() => {
        const box = document.querySelector('.list');
        box.scrollTop = box.scrollHeight;
      });
      await page.waitForFunction((least) => document.querySelector('.list ul').offsetHeight >= least * 100 * 68, pages);
      const drawn = await list.getByRole('listitem').count();
      assert.ok(drawn < 60, `${drawn} rows are drawn`);
    }
    assert.ok(asked.length >= 29 && asked.length < 45, `${asked.length} requests`);
    const nodes = await page.evaluate(() => document.querySelectorAll('*').length);
    assert.ok(nodes < 1500, `${nodes} elements`);
    assert.deepStrictEqual(page.faults, []);
    await page.context().close();
  });

  test('finds the oldest of them by its title, though it is behind all others', async () => {
    const page = await stage.page({ to: `#/apps/${stage.app.appId}/conversations` });
    await page.getByLabel('Title, metadata or participant').fill('tour 1234');
    await page.waitForFunction(() => document.querySelector('.list .end')?.textContent.startsWith('That is all'));
    const list = page.getByRole('list', { name: 'Conversations, newest first' });
    assert.strictEqual(await list.getByRole('listitem').count(), 11);
    await page.getByText(/That is all of them: 11/).waitFor();
    assert.deepStrictEqual(page.faults, []);
    await page.context().close();
  });
});

'use strict';

/** examples/web-chat, as a user starts it: two pages talk, and see what was read. */

const assert = require('node:assert');
const { test } = require('node:test');
const { chromium: driver } = require('playwright-core');

test('two users of the example talk, and each sees that the other has read it', async () => {
  const { startChat, talk } = await import('../../scripts/picture.mjs');
  const { chromium } = await import('../../scripts/chromium.mjs');
  const chat = await startChat();
  const browser = await driver.launch({
    executablePath: chromium(),
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
  try {
    const said = [
      ['ana', 'Hi'],
      ['leo', 'Hello'],
    ];
    const { ana, leo } = await talk(browser, chat.urls, said);
    for (const page of [ana, leo]) {
      assert.deepStrictEqual(
        await page.locator('#messages li').evaluateAll((rows) => rows.map((row) => row.firstChild.data)),
        ['Hi', 'Hello'],
      );
    }
    // Whoever asks for a token in another way gets none, and the server goes on.
    const at = new URL(chat.urls.ana);
    for (const target of ['/identity-token', '/identity-token?user=ana', '/identity-token?user=eve&nonce=x', '/none']) {
      assert.strictEqual((await fetch(new URL(target, at))).status, 404, target);
    }
    const eve = await browser.newPage();
    await eve.goto(new URL('/?user=eve', at).href);
    await eve.getByText('Nobody here is called eve').waitFor({ timeout: 120_000 });
  } finally {
    await browser.close();
    chat.stop();
  }
});

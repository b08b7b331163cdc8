'use strict';

/** Apps, tokens and identity providers in the console. */

const assert = require('node:assert');
const { after, before, describe, test } = require('node:test');
const LayerAPI = require('../..');
const { NARROW, Stage, violations } = require('./stage.js');

describe('the console and its apps', () => {
  let stage;

  before(async () => {
    stage = await Stage.open();
  });

  after(() => stage.close());

  /** Whether nothing went wrong in a page; closes it. */
  const done = async (page) => {
    assert.deepStrictEqual(page.faults, []);
    await page.context().close();
  };

  test('creates apps, tokens and identity providers; secrets are shown once', async () => {
    const page = await stage.page({ to: '#/apps' });
    await page.getByRole('button', { name: 'Create an app' }).click();
    await page.getByLabel('Name').fill('Ferry');
    await page.getByRole('dialog').getByRole('button', { name: 'Create an app' }).click();
    const dialog = page.getByRole('dialog');
    const token = await dialog.getByRole('button', { name: /^Copy Token/ }).textContent();
    const appId = await dialog.getByRole('button', { name: /^Copy App id/ }).textContent();
    await dialog.getByRole('button', { name: 'I have it' }).click();
    await page.getByRole('link', { name: /Ferry/ }).click();
    assert.ok(!(await page.content()).includes(token));
    const layer = new LayerAPI({ appId, token, baseUrl: stage.platform.url });
    await layer.conversations.createAsync({ participants: ['maria'] });

    await page.getByRole('button', { name: 'Add a token' }).click();
    await page.getByLabel('Name').fill('Second');
    await page.getByRole('dialog').getByRole('button', { name: 'Add a token' }).click();
    await page.getByRole('button', { name: 'I have it' }).click();
    assert.ok(!(await page.content()).includes(token));
    const row = page.getByRole('row', { name: /Second/ });
    await row.getByRole('button', { name: 'Rotate' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Rotate' }).click();
    const rotated = await page.getByRole('button', { name: /^Copy Token/ }).textContent();
    await page.getByRole('button', { name: 'I have it' }).click();
    await new LayerAPI({ appId, token: rotated, baseUrl: stage.platform.url }).blocklist.getAsync('maria');
    const first = page.getByRole('row', { name: /without a name/ }).first();
    await first.getByRole('button', { name: 'Revoke' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await page.getByRole('status').getByText('Revoked.').waitFor();
    await assert.rejects(layer.blocklist.getAsync('maria'), { status: 401 });
    await page.getByRole('navigation').getByRole('option', { name: 'Ferry' }).waitFor({ state: 'attached' });

    await page.getByRole('button', { name: 'Add a provider' }).click();
    await page.getByRole('dialog').getByText('BEGIN').waitFor();
    await page.getByRole('button', { name: 'I have it' }).click();
    assert.ok(!(await page.content()).includes('PRIVATE KEY'));
    await page.getByRole('button', { name: 'Add a key' }).click();
    await page.getByRole('button', { name: 'I have it' }).click();
    await page.getByRole('button', { name: 'Remove key' }).nth(1).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove key' }).click();
    await page.getByRole('button', { name: 'Remove key' }).nth(1).waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Remove', exact: true }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click();
    await page.getByText('None: clients of users cannot sign in.').waitFor();
    await page.getByRole('button', { name: 'Delete the app' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete the app' }).click();
    await page.getByRole('link', { name: /Ferry/ }).waitFor({ state: 'detached' });
    await done(page);
  });

  for (const [title, options] of Object.entries({
    light: {},
    'dark and narrow': { viewport: NARROW, colorScheme: 'dark' },
  })) {
    test(`axe-core has nothing against apps, ${title}`, async () => {
      await stage.platform.createIdentityProvider(stage.app.appId);
      const page = await stage.page(options);
      for (const [view, sign] of [
        ['/apps', 'Create an app'],
        ['/apps/:app', 'Add a key'],
      ]) {
        await stage.show(page, view);
        await page.locator('main').getByText(sign).first().waitFor();
        assert.deepStrictEqual(await violations(page), [], view);
      }
      await done(page);
    });
  }
});

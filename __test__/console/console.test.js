'use strict';

/** The console in Chromium against a real platform: each view is clicked through, held to axe-core, and attacked. */

const assert = require('node:assert');
const { after, before, describe, test } = require('node:test');
const { NARROW, Stage, violations } = require('./stage.js');

/** Views, by the part of their address behind `#`, and what is there once they are. */
const VIEWS = {
  '/': 'The last hour',
  '/traffic': 'Traffic',
  '/faults': 'Inject a fault',
  '/sockets': 'No client has a socket open',
  '/apps/:app/conversations': 'Harbour tour',
  '/apps/:app/messages': 'Boat leaves at nine',
  '/apps/:app/users': 'maria',
  '/apps/:app/users/maria': 'Unread elsewhere',
  '/apps/:app/webhooks': 'active',
  '/apps/:app/exports': 'Snapshot of the whole platform',
};

describe('the console', () => {
  let stage;
  let conversation;
  let webhook;

  before(async () => {
    stage = await Stage.open();
    await stage.layer.identities.createAsync('maria', { display_name: 'Maria Silva' });
    webhook = await stage.webhook();
    const { body } = await stage.layer.conversations.createAsync({
      participants: ['maria', 'jon'],
      metadata: { title: 'Harbour tour', boat: { name: 'Otter' } },
    });
    conversation = body.id.split('/').pop();
    await stage.layer.messages.sendTextFromUserAsync(body.id, 'maria', 'Boat leaves at nine');
  });

  after(() => stage.close());

  /** Whether nothing went wrong in a page; closes it. */
  const done = async (page) => {
    assert.deepStrictEqual(page.faults, []);
    await page.context().close();
  };

  /** Presses a button of the dialog, and waits until that is gone: one of the page may have the same name. */
  const agree = async (page, name) => {
    const dialog = page.getByRole('dialog');
    await dialog.getByRole('button', { name }).click();
    await dialog.waitFor({ state: 'detached' });
  };

  test('asks for the token, keeps it in its tab, and never has it in an address', async () => {
    const page = await stage.page({ isSignedIn: false, to: `#/apps/${stage.app.appId}/users` });
    await page.getByLabel('Admin token').fill('wrong');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByRole('alert').waitFor();
    await stage.signIn(page);
    // Where one wanted to go.
    await page.getByRole('heading', { name: 'Users' }).waitFor();
    const { token } = stage.platform.console;
    const kept = await page.evaluate(() => ({ ...localStorage, cookie: document.cookie, url: location.href }));
    assert.ok(!JSON.stringify(kept).includes(token));
    await page.reload();
    await page.getByRole('heading', { name: 'Users' }).waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByLabel('Admin token').waitFor();
    assert.strictEqual(await page.evaluate(() => JSON.stringify({ ...sessionStorage }).length), 2);
    const other = await page.context().newPage();
    await other.goto(stage.platform.console.url);
    await other.getByLabel('Admin token').waitFor();
    await done(page);
  });

  test('is a page without data, under a strict policy', async () => {
    const response = await fetch(stage.platform.console.url);
    const policy = response.headers.get('content-security-policy');
    assert.match(
      policy,
      /^default-src 'none'; script-src 'sha256-[^']+'; style-src 'sha256-[^']+'; connect-src 'self'/,
    );
    for (const rule of ["frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'", "trusted-types 'none'"]) {
      assert.ok(policy.includes(rule), rule);
    }
    assert.strictEqual(response.headers.get('x-content-type-options'), 'nosniff');
    assert.strictEqual(response.headers.get('referrer-policy'), 'no-referrer');
    const page = await response.text();
    assert.ok(!page.includes(stage.app.appId) && !page.includes(stage.platform.console.token));
    const again = await fetch(stage.platform.console.url, {
      headers: { 'If-None-Match': response.headers.get('etag') },
    });
    assert.strictEqual(again.status, 304);
    const plain = await fetch(stage.platform.console.url, { headers: { 'Accept-Encoding': 'identity' } });
    assert.deepStrictEqual([plain.headers.get('content-encoding'), await plain.text()], [null, page]);
  });

  test('shows what happens as it happens, and charts of the last hour', async () => {
    const page = await stage.page();
    await page.getByText('Nothing has changed since you came').waitFor();
    const { body } = await stage.layer.messages.sendTextFromUserAsync(conversation, 'jon', 'I am there');
    await page.locator('.feed a', { hasText: 'message' }).first().click();
    await page.locator(`#m-${body.id.split('/').pop()}`, { hasText: 'I am there' }).waitFor();
    await stage.show(page, '/');
    await page.getByRole('img', { name: /Requests in ten seconds/ }).waitFor();
    for (const title of ['Time to answer', 'Requests under way', 'Waiting for the store']) {
      await page.getByRole('img', { name: new RegExp(title) }).waitFor();
    }
    // Nothing waits for the store of this platform; what would be shown if it did.
    await page.route('**/_platform/charts', async (route) => {
      const response = await route.fetch();
      const charts = await response.json();
      charts.slots[charts.slots.length - 1].most_waiting_writes = 7;
      await route.fulfill({ response, json: charts });
    });
    await page.getByRole('img', { name: /Waiting for the store.*at most 7/ }).waitFor();

    await page.getByLabel('Find by id').fill(conversation);
    await page.getByLabel('Find by id').press('Enter');
    await page.getByRole('article', { name: 'Conversation' }).getByRole('heading', { name: 'Harbour tour' }).waitFor();
    const { body: announcement } = await stage.layer.announcements.sendAsync({
      recipients: ['maria'],
      sender: { name: 'Harbour' },
      parts: [{ body: 'Storm', mime_type: 'text/plain' }],
    });
    await stage.show(page, `/find/${encodeURIComponent(announcement.id)}`);
    await page.getByText('This is the id of: announcement').waitFor();
    await page.getByRole('link', { name: 'To its app' }).click();
    await page.getByRole('button', { name: 'Add a token' }).waitFor();
    await stage.show(page, '/find/24f43c32-4d95-11e4-b3a2-0fd00000020d');
    await page.getByText('Nothing has this id').waitFor();
    await done(page);
  });

  test('finds conversations and shows them live; sends as a user and by name', async () => {
    const page = await stage.page({ to: `#/apps/${stage.app.appId}/conversations` });
    await page.getByLabel('Title, metadata or participant').fill('OTTER');
    await page.waitForURL(/text=OTTER/);
    await page.getByRole('link', { name: /Harbour tour/ }).click();
    const thread = page.getByRole('region', { name: 'Messages, the latest last' });
    await thread.getByText('Boat leaves at nine').waitFor();
    await page.getByRole('button', { name: 'Details' }).click();
    await page.getByText('"name": "Otter"').waitFor();
    await page.getByRole('link', { name: 'Maria Silva' }).first().waitFor();

    const form = page.getByRole('form', { name: 'Send a message' });
    await form.getByLabel('Send as').selectOption('jon');
    await form.getByLabel('Message').fill('On my way');
    await form.getByRole('button', { name: 'Send' }).click();
    await thread.getByText('On my way').waitFor();
    await form.getByLabel('Send as').selectOption({ label: 'A name …' });
    await form.getByLabel('Name', { exact: true }).fill('Harbour master');
    await form.getByLabel('Message').fill('Pier four');
    await form.getByRole('button', { name: 'Send' }).click();
    await thread.getByText('Pier four').waitFor();
    await thread.getByText('Harbour master').waitFor();

    // Somebody else reads and writes.
    const { body } = await stage.layer.messages.sendTextFromUserAsync(conversation, 'maria', 'Here I am');
    const bubble = page.locator(`#m-${body.id.split('/').pop()}`);
    await bubble.getByText('read by 1 of 2').waitFor();
    await stage.layer.messages.sendReceiptFromUserAsync('jon', body.id, 'read');
    await bubble.getByText('read by 2 of 2').click();
    await bubble.getByText('read jon').waitFor();
    await bubble.getByRole('button', { name: 'Delete message' }).click();
    await agree(page, 'Delete message');
    await bubble.waitFor({ state: 'detached' });

    await page.getByRole('button', { name: 'New' }).click();
    await page
      .getByRole('dialog')
      .getByLabel(/^Participants/)
      .fill('leo, maria');
    await page
      .getByRole('dialog')
      .getByLabel(/^Title/)
      .fill('Lights');
    await page.getByRole('button', { name: 'Create' }).click();
    await page.getByRole('article').getByRole('heading', { name: 'Lights' }).waitFor();
    await page.getByRole('article').getByRole('button', { name: 'Delete' }).click();
    await agree(page, 'Delete');
    await page.getByText('Choose a conversation').waitFor();
    await done(page);
  });

  test('shows pictures, rich content and other parts', async () => {
    const png = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
    const parts = [
      { mime_type: 'image/png', body: png, encoding: 'base64' },
      { mime_type: 'application/json', body: '{"seats":4}' },
    ];
    const { body } = await stage.layer.conversations.createAsync({ participants: ['maria'] });
    await stage.layer.messages.sendAsync(body.id, { sender: { user_id: 'maria' }, parts });
    const bytes = Buffer.from(png, 'base64');
    const { body: content } = await stage.layer.content.uploadAsync(body.id, bytes, { type: 'image/png' });
    await stage.layer.messages.sendAsync(body.id, {
      sender: { user_id: 'maria' },
      parts: [{ mime_type: 'image/png', content: { id: content.id, size: content.size } }],
    });
    const page = await stage.page({ to: `#/apps/${stage.app.appId}/conversations/${body.id.split('/').pop()}` });
    await page.getByText('"seats": 4').waitFor();
    for (const name of ['A part, image/png', 'Rich content, image/png']) {
      const picture = page.getByRole('img', { name });
      await picture.waitFor();
      await page.waitForFunction((element) => element.naturalWidth === 1, await picture.elementHandle());
    }
    await done(page);
  });

  test('finds messages by text and sender, and leads to them', async () => {
    const page = await stage.page({ to: `#/apps/${stage.app.appId}/messages` });
    await page.getByLabel('Text').fill('leaves at');
    await page.getByLabel('Sender').fill('maria');
    await page.waitForURL(/user=maria/);
    await page.getByRole('link', { name: /Boat leaves at nine/ }).click();
    await page.locator('.message.marked', { hasText: 'Boat leaves at nine' }).waitFor();
    await done(page);
  });

  test('shows users, and changes badge, blocks and suspension', async () => {
    const page = await stage.page({ to: `#/apps/${stage.app.appId}/users` });
    await page.getByLabel('Id or identity').fill('silva');
    await page.getByRole('link', { name: /Maria Silva/ }).click();
    const user = page.getByRole('article', { name: 'User' });
    await user.getByLabel('Unread elsewhere').fill('7');
    await user.getByRole('button', { name: 'Set' }).click();
    await user.locator('.facts div', { hasText: 'Unread elsewhere' }).getByText('7', { exact: true }).waitFor();
    await user.getByLabel('User to block').fill('eve');
    await user.getByRole('button', { name: 'Block', exact: true }).click();
    await user.getByRole('button', { name: 'Unblock eve' }).waitFor();
    assert.deepStrictEqual((await stage.layer.blocklist.getAsync('maria')).body, [{ user_id: 'eve' }]);
    await user.getByRole('button', { name: 'Unblock eve' }).click();
    await user.getByText('It blocks nobody.').waitFor();
    await user.getByRole('button', { name: 'Suspend' }).click();
    await agree(page, 'Suspend');
    await user.getByRole('button', { name: 'End suspension' }).waitFor();
    await page.getByLabel('Which').selectOption('true');
    await page.getByRole('list', { name: 'Users' }).getByText('suspended').waitFor();
    await user.getByRole('button', { name: 'End suspension' }).click();
    await user.getByRole('button', { name: 'Suspend' }).waitFor();
    await done(page);
  });

  test('shows traffic live, filtered, on pause, with request and answer', async () => {
    const page = await stage.page({ to: '#/traffic' });
    await stage.layer.identities.createAsync('ines', { display_name: 'Inês' });
    await page.getByLabel('Path').fill('/users/ines');
    await page.getByRole('link', { name: /POST .*\/users\/ines\/identity 201/ }).click();
    const request = page.getByRole('article', { name: 'Request' });
    await request.getByText('"display_name": "Inês"').waitFor();
    await request.getByRole('table', { name: 'Headers of the request' }).getByText('Bearer (hidden)').waitFor();
    await request.getByText('Without a body.').waitFor();
    assert.ok(!(await page.content()).includes(stage.app.token));
    await page.getByRole('button', { name: 'Pause' }).click();
    await stage.layer.identities.getAsync('ines');
    await page.getByText('1 more since the pause').waitFor();
    assert.strictEqual(
      await page.getByRole('list', { name: 'Requests, the latest first' }).getByRole('listitem').count(),
      1,
    );
    await page.getByRole('button', { name: 'Go on' }).click();
    await page.getByRole('link', { name: /GET .*\/users\/ines\/identity 200/ }).waitFor();
    await page.getByLabel('Method').selectOption('POST');
    await page.getByRole('link', { name: /GET .*\/users\/ines/ }).waitFor({ state: 'detached' });
    await page.getByLabel('Status').selectOption('4');
    await page.getByText('No request matches.').waitFor();
    await done(page);
  });

  test('injects a fault by a form, and takes it back', async () => {
    const page = await stage.page({ to: '#/faults?method=GET&path=%2Fusers%2Fines%2Fidentity' });
    const form = page.locator('form.stack');
    assert.strictEqual(await form.getByLabel('Path below the app').inputValue(), '/users/ines/identity');
    await form.getByRole('spinbutton', { name: 'Status' }).fill('418');
    await form.getByLabel('How often').fill('2');
    await form.getByRole('button', { name: 'Inject' }).click();
    await page.getByText('answers 418').waitFor();
    await assert.rejects(stage.layer.identities.getAsync('ines'), { status: 418 });
    await page.getByRole('button', { name: 'Refresh' }).click();
    await page.getByText('1 more times').waitFor();
    await page.getByRole('button', { name: /^Take back fault/ }).click();
    await page.getByText('No fault waits').waitFor();
    await form.getByLabel('What happens').selectOption('reset');
    await form.getByLabel('Path below the app').fill('no slash');
    await form.getByRole('button', { name: 'Inject' }).click();
    await page.getByRole('status').getByText(/path/).waitFor();
    assert.strictEqual((await stage.layer.identities.getAsync('ines').catch((error) => error)).code ?? 200, 200);
    await stage.ask('DELETE', '/faults');
    await done(page);
  });

  test('shows webhooks with deliveries, and sends again', async () => {
    stage.receiver.isFine = false;
    const page = await stage.page({ to: `#/apps/${stage.app.appId}/webhooks` });
    await page.getByRole('link', { name: new RegExp(stage.receiver.url) }).click();
    await stage.platform.clock.freeze();
    await stage.layer.messages.sendTextFromUserAsync(conversation, 'maria', 'Is anybody there');
    await page.getByText('503').first().waitFor();
    stage.receiver.isFine = true;
    const before = stage.receiver.bodies.length;
    await page.getByRole('button', { name: 'Send now' }).click();
    await page.getByText('Nothing waits.').waitFor();
    await page.getByRole('button', { name: 'Send again' }).first().click();
    await page.locator('td .pill.good', { hasText: 'delivered' }).nth(1).waitFor();
    assert.strictEqual(stage.receiver.bodies.length, before + 2);
    await page.getByRole('link', { name: 'Payload' }).first().click();
    await page.getByRole('dialog').getByText('Is anybody there').waitFor();
    // It has an address of its own.
    await page.reload();
    await page.getByRole('dialog').getByText('Is anybody there').waitFor();
    await page.getByRole('button', { name: 'Close', exact: true }).click();
    await stage.platform.clock.resume();
    await page.getByRole('button', { name: 'Deactivate' }).click();
    await agree(page, 'Deactivate');
    await page.getByRole('button', { name: 'Activate' }).click();
    await page.getByRole('button', { name: 'Deactivate' }).waitFor();
    await page.getByRole('button', { name: 'Register' }).click();
    await page.getByLabel('Target URL').fill('http://127.0.0.1:9/');
    await page.getByLabel('Secret').fill('secret');
    await agree(page, 'Register');
    await page.getByRole('link', { name: /127\.0\.0\.1:9\/ inactive/ }).click();
    await page.getByRole('button', { name: 'Delete' }).click();
    await agree(page, 'Delete');
    await page.getByRole('link', { name: /127\.0\.0\.1:9\// }).waitFor({ state: 'detached' });
    await done(page);
  });

  test('makes backups of a database in a file, and says why there are none of one in memory', async () => {
    const { mkdtempSync, readdirSync, rmSync } = require('node:fs');
    const path = require('node:path');
    const page = await stage.page({ to: `#/apps/${stage.app.appId}/exports` });
    await page.getByText('The data is in memory').waitFor();
    await done(page);
    const folder = mkdtempSync(path.join(require('node:os').tmpdir(), 'layer-api-backup-'));
    const other = await Stage.open({ data: path.join(folder, 'chat.db') });
    try {
      const page = await other.page({ to: `#/apps/${other.app.appId}/exports` });
      await page.getByRole('button', { name: 'Make a backup' }).click();
      await page.getByRole('row', { name: /completed/ }).waitFor();
      assert.deepStrictEqual(await violations(page), []);
      assert.deepStrictEqual(page.faults, []);
      const [made] = readdirSync(path.join(folder, 'chat.db-backups'));
      const { items } = await other.ask('GET', '/backups');
      assert.deepStrictEqual(
        items.map(({ name, status }) => [name, status]),
        [[made, 'completed']],
      );
    } finally {
      await other.close();
      rmSync(folder, { recursive: true });
    }
  });

  test('asks for exports and takes snapshots', async () => {
    const { generateKeyPairSync } = require('node:crypto');
    const key = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey.export({ type: 'spki', format: 'pem' });
    const page = await stage.page({ to: `#/apps/${stage.app.appId}/exports` });
    await page.getByRole('button', { name: 'Ask for an export' }).click();
    await page
      .getByRole('status')
      .getByText(/public key/)
      .waitFor();
    await page.getByLabel('Public key').fill(key);
    await page.getByRole('button', { name: 'Set the key' }).click();
    await page.getByRole('status').getByText('Set.').waitFor();
    await page.getByRole('button', { name: 'Ask for an export' }).click();
    await page.getByText('completed').waitFor();
    const archive = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Download' }).click();
    assert.match((await archive).suggestedFilename(), /export/);
    const snapshot = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Take a snapshot' }).click();
    const file = await (await snapshot).path();
    await stage.layer.conversations.createAsync({ participants: ['nobody-after-this'] });
    await page.getByLabel('Snapshot to restore').setInputFiles(file);
    await page.getByRole('button', { name: 'Restore', exact: true }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Restore' }).click();
    await page
      .getByRole('status')
      .getByText(/Restored/)
      .waitFor();
    const { items } = await stage.ask('GET', `/apps/${stage.app.appId}/users?text=nobody-after`);
    assert.deepStrictEqual(items, []);
    await done(page);
  });

  test('is usable with the keyboard alone', async () => {
    const page = await stage.page({ to: `#/apps/${stage.app.appId}/conversations` });
    await page.getByRole('list', { name: 'Conversations, newest first' }).getByRole('link').nth(1).waitFor();
    await page.keyboard.press('/');
    assert.strictEqual(await page.evaluate(() => document.activeElement.type), 'search');
    await page.getByRole('list', { name: 'Conversations, newest first' }).getByRole('link').first().focus();
    await page.keyboard.press('ArrowDown');
    const second = await page.evaluate(() => document.activeElement.closest('li').getAttribute('aria-posinset'));
    assert.strictEqual(second, '2');
    await page.keyboard.press('Enter');
    await page.getByRole('article', { name: 'Conversation' }).waitFor();
    await page.keyboard.press('Home');
    await page.reload();
    await page.getByText('Live', { exact: true }).waitFor();
    await page.keyboard.press('Tab');
    assert.strictEqual(await page.evaluate(() => document.activeElement.textContent), 'Skip to content');
    await page.keyboard.press('Enter');
    assert.strictEqual(await page.evaluate(() => document.activeElement.tagName), 'MAIN');
    await page.getByRole('button', { name: 'New' }).click();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await done(page);
  });

  for (const [title, options] of Object.entries({
    'light and wide': {},
    'dark and wide': { colorScheme: 'dark' },
    'light and narrow': { viewport: NARROW },
    'dark and narrow': { viewport: NARROW, colorScheme: 'dark' },
  })) {
    test(`axe-core has nothing against any view, ${title}`, async () => {
      const entrance = await stage.page({ ...options, isSignedIn: false });
      assert.deepStrictEqual(await violations(entrance), [], 'sign in');
      await done(entrance);
      const page = await stage.page(options);
      const more = {
        [`/apps/:app/conversations/${conversation}`]: 'Boat leaves at nine',
        [`/apps/:app/webhooks/${webhook}`]: 'Latest attempts',
        '/nowhere': 'There is no such view',
      };
      for (const [view, sign] of Object.entries({ ...VIEWS, ...more })) {
        await stage.show(page, view);
        await page.locator('main').getByText(sign).first().waitFor();
        assert.deepStrictEqual(await violations(page), [], view);
        const isTooWide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
        assert.ok(!isTooWide, `${view} is wider than the page`);
      }
      const { number } = (await stage.ask('GET', '/requests')).at(-1);
      await stage.show(page, `/traffic/${number}`);
      await page.getByRole('article', { name: 'Request' }).getByText('Answer').waitFor();
      assert.deepStrictEqual(await violations(page), [], 'a request');
      await done(page);
    });
  }

  test('follows the platform when it comes back', async () => {
    const page = await stage.page({ to: '#/traffic' });
    await page.route('**/_platform/events', (route) => route.abort());
    await page.evaluate(() => dispatchEvent(new Event('offline')));
    await stage.ask('GET', '/overview');
    await page.unroute('**/_platform/events');
    await page.reload();
    await page.getByText('Live', { exact: true }).waitFor();
    await done(page);
  });

  test('whatever users write is text', async () => {
    const evil = [
      '<img src=x onerror="document.title=\'owned\'">',
      '<script>document.title="owned"</script>',
      '"><svg onload=alert(1)>',
      "javascript:document.title='owned'",
      '{{constructor.constructor("document.title=1")()}}',
      '\u202eexe.txt',
    ];
    const name = evil.join(' ');
    const app = await stage.platform.createApp();
    const LayerAPI = require('../..');
    const layer = new LayerAPI({ ...app, baseUrl: stage.platform.url });
    const user = '<b>eve</b>"/../..?#%';
    await layer.identities.createAsync(user, {
      display_name: evil[0].slice(0, 100),
      avatar_url: 'https://evil.example/x',
    });
    const { body } = await layer.conversations.createAsync({
      participants: [user, evil[4]],
      metadata: { title: name, [evil[1]]: evil[2] },
    });
    await layer.messages.sendAsync(body.id, {
      sender: { name: evil[2] },
      parts: [
        { mime_type: 'text/html', body: evil[1] },
        { mime_type: 'text/plain', body: name },
        { mime_type: 'image/svg+xml', body: '<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>' },
        { mime_type: evil[0], body: '{"a":"</script><script>document.title=1</script>"}' },
      ],
    });
    await layer.messages.sendTextFromUserAsync(body.id, user, name);
    await layer.blocklist.blockAsync(user, evil[2]);
    const page = await stage.page();
    await layer.identities.getAsync(user);
    const title = body.id.split('/').pop();
    const to = (view) => stage.show(page, view.replace(':evil', app.appId));
    for (const [view, sign] of [
      ['/apps/:evil/conversations', evil[1]],
      [`/apps/:evil/conversations/${title}`, 'alert(1)'],
      ['/apps/:evil/messages', evil[1]],
      ['/apps/:evil/users', user],
      [`/apps/:evil/users/${encodeURIComponent(user)}`, evil[2]],
      ['/traffic?text=identity', 'identity'],
      ['/', 'The last hour'],
      [`/find/${encodeURIComponent(evil[0])}`, 'id'],
      [`/${encodeURIComponent(evil[0])}`, 'There is no such view'],
      ['/faults?path=%22%3E%3Csvg%20onload%3Dalert(1)%3E', 'Inject'],
    ]) {
      await to(view);
      await page.locator('main').getByText(sign).first().waitFor();
      const found = await page.evaluate(() => ({
        scripts: document.scripts.length,
        handlers: document.querySelectorAll('[onload], [onerror], iframe, object, embed').length,
        strange: [...document.querySelectorAll('a[href]')].filter(({ protocol }) => !/^https?:$/.test(protocol)).length,
        title: document.title,
      }));
      assert.deepStrictEqual({ ...found, title: '' }, { scripts: 1, handlers: 0, strange: 0, title: '' }, view);
      assert.ok(!/owned|^1$/.test(found.title), found.title);
    }
    await to(`/apps/:evil/conversations/${title}`);
    await page.getByRole('button', { name: 'Details' }).click();
    await page.getByText(evil[2], { exact: false }).first().waitFor();
    await done(page);
  });
});

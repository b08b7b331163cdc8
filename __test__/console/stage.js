'use strict';

/** A platform with its console, and pages of a headless Chromium that are signed in to it. */

const { once } = require('node:events');
const { readFileSync } = require('node:fs');
const http = require('node:http');
const path = require('node:path');
const { gunzipSync } = require('node:zlib');
const { chromium: driver } = require('playwright-core');
const LayerAPI = require('../..');

/** Milliseconds for what must come: only a test that has failed waits so long. */
const PATIENCE = Number(process.env.PATIENCE ?? 120_000);

/** The source of axe-core, which is run in a page. */
const axe = require('axe-core').source;

const WIDE = { width: 1360, height: 860 };
const NARROW = { width: 390, height: 780 };

class Stage {
  static async open(options = {}) {
    const { chromium } = await import('../../scripts/chromium.mjs');
    const stage = new Stage();
    stage.receiver = await receive();
    stage.platform = await LayerAPI.Platform.start({
      console: true,
      webhooks: { allowPrivateAddresses: true, allowHttp: true },
      exports: { unlimited: true },
      ...options,
    });
    stage.app = await stage.platform.createApp();
    stage.layer = new LayerAPI({ ...stage.app, baseUrl: stage.platform.url });
    const args = ['--no-sandbox', '--disable-dev-shm-usage'];
    stage.browser = await driver.launch({ executablePath: chromium(), args });
    return stage;
  }

  /** Asks the admin API as a script would. */
  async ask(method, to, body) {
    const { url, token } = this.platform.console;
    const response = await fetch(new URL(`/_platform${to}`, url), {
      method,
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: body && JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${response.status} ${text}`);
    return text && JSON.parse(text);
  }

  /** Opens the console, signed in unless it is told otherwise; what goes wrong in it is kept in `page.faults`. */
  async page({ viewport = WIDE, colorScheme = 'light', to = '', isSignedIn = true } = {}) {
    const context = await this.browser.newContext({ viewport, colorScheme, acceptDownloads: true });
    context.setDefaultTimeout(PATIENCE);
    const page = await context.newPage();
    page.faults = [];
    page.on('pageerror', (error) => page.faults.push(`error: ${error.message}`));
    page.on('console', (message) => {
      if (/Content Security|Refused to|TrustedHTML/i.test(message.text())) page.faults.push(message.text());
    });
    page.on('request', (request) => {
      const url = request.url();
      const isOwn = url.startsWith(this.platform.url) || /^(blob|data):/.test(url);
      if (!isOwn) page.faults.push(`asks elsewhere: ${url}`);
    });
    await page.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (event) => {
        console.error(`Content Security Policy: ${event.violatedDirective} ${event.blockedURI}`);
      });
    });
    if (process.env.LAYER_CONSOLE_DIST) await page.route(this.platform.console.url, fresh);
    await page.goto(`${this.platform.console.url}${to}`);
    if (isSignedIn) await this.signIn(page);
    return page;
  }

  async signIn(page) {
    await page.getByLabel('Admin token').fill(this.platform.console.token);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('Live', { exact: true }).waitFor({ state: 'attached' });
  }

  /** Goes to a view of the app. */
  async show(page, view) {
    await page.evaluate(
      (hash) => {
        location.hash = hash;
      },
      view.replace(':app', this.app.appId),
    );
  }

  /** Registers a webhook at a receiver of this test and waits until it is active; answers with its id. */
  async webhook() {
    const body = { version: '1.0', target_url: this.receiver.url, events: ['message.sent'], secret: 'secret' };
    const api = `/apps/${this.app.appId}/api/webhooks`;
    await this.ask('POST', api, body);
    for (;;) {
      const [webhook] = await this.ask('GET', `/apps/${this.app.appId}/webhooks`);
      if (webhook.status === 'active') return webhook.webhook_id;
      if (webhook.status === 'inactive') throw new Error(webhook.status_reason);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async close() {
    await this.browser.close();
    await this.platform.close();
    this.receiver.close();
  }
}

/** Answers with the page as scripts/console.mjs made it last, which the addon need not have taken in yet. */
function fresh(route) {
  const made = (name) => readFileSync(path.join(__dirname, '..', '..', 'console', 'dist', name));
  return route.fulfill({
    contentType: 'text/html; charset=utf-8',
    headers: { 'content-security-policy': made('policy').toString() },
    body: gunzipSync(made('console.html.gz')),
  });
}

/** A receiver of webhooks that takes its challenge, and events while `isFine`. */
async function receive() {
  const receiver = { isFine: true, bodies: [] };
  const server = http.createServer((request, response) => {
    const challenge = new URL(request.url, 'http://receiver').searchParams.get('verification_challenge');
    let body = '';
    request.setEncoding('utf8').on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      if (!challenge) receiver.bodies.push(body);
      response.statusCode = challenge || receiver.isFine ? 200 : 503;
      response.end(challenge);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  receiver.url = `http://127.0.0.1:${server.address().port}/`;
  receiver.close = () => {
    server.close();
    server.closeAllConnections();
  };
  return receiver;
}

/** What axe-core has against a page: rule, and the elements. */
async function violations(page) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join(' | ')}`);
}

const asset = (name) => path.join(__dirname, name);

module.exports = { asset, NARROW, PATIENCE, Stage, violations, WIDE };

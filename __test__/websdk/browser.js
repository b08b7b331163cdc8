'use strict';

/** Pages in a headless Chromium, each with an SDK of the vendor as npm has it, and a platform for them to talk to. */

const { once } = require('node:events');
const http = require('node:http');
const path = require('node:path');
const { buildSync } = require('esbuild');
const { chromium: driver } = require('playwright-core');
const LayerAPI = require('../..');

const ROOT = path.join(__dirname, '..', '..');

/** Milliseconds for what must come: only a test that has failed waits so long. */
const PATIENCE = 120_000;

/** A package with an SDK, bundled for a page, as a text that makes a global `layer`. */
function bundle(entry) {
  const { outputFiles } = buildSync({
    stdin: { contents: `window.layer = require(${JSON.stringify(entry)});`, resolveDir: ROOT },
    bundle: true,
    write: false,
    platform: 'browser',
    define: { global: 'window' },
    logLevel: 'error',
  });
  return outputFiles[0].text;
}

/** A web server whose pages have an SDK; it is of another origin than the platform. */
async function serve(sdk) {
  const server = http.createServer(({ url }, response) => {
    const isSdk = url === '/sdk.js';
    response.setHeader('content-type', isSdk ? 'text/javascript; charset=utf-8' : 'text/html; charset=utf-8');
    response.end(isSdk ? sdk : '<!doctype html><title>SDK</title><script src="/sdk.js"></script>');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** A browser, a platform and an app whose identity tokens it signs. */
class Stage {
  static async open({ entry, tls, relay, data }) {
    const { chromium } = await import('../../scripts/chromium.mjs');
    const stage = new Stage();
    stage.tls = tls;
    stage.server = await serve(bundle(entry));
    const args = ['--no-sandbox', '--disable-dev-shm-usage', ...(tls ? ['--ignore-certificate-errors'] : [])];
    stage.browser = await driver.launch({ executablePath: chromium(), args });
    stage.options = {
      data,
      cert: tls?.cert,
      key: tls?.key,
      webhooks: { allowPrivateAddresses: true, allowHttp: true },
    };
    stage.platform = await LayerAPI.Platform.start(stage.options);
    stage.app = await stage.platform.createApp();
    stage.provider = await stage.platform.createIdentityProvider(stage.app.appId);
    const agentOptions = tls && { ca: tls.ca };
    stage.layer = new LayerAPI({ ...stage.app, baseUrl: stage.platform.url, agentOptions });
    stage.urls = { url: stage.platform.url, websocketUrl: stage.platform.websocketUrl };
    if (relay) Object.assign(stage.urls, await relay(stage.platform));
    return stage;
  }

  /** An identity token for a nonce, as the server of the application makes it. */
  token(userId, nonce, more) {
    return LayerAPI.identityToken({ ...this.provider, userId, nonce, ...more });
  }

  /** Ends the platform and starts it again where it was, with its data. */
  async restart() {
    const port = Number(new URL(this.platform.url).port);
    await this.platform.close();
    while (true) {
      try {
        this.platform = await LayerAPI.Platform.start({ ...this.options, port });
        return;
      } catch (error) {
        // Another process may have got it for a connection of its own, for a while.
        if (!/in use/i.test(error.message)) throw error;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  }

  /** Opens a page for a user, which is not signed in yet; `token` makes the identity token of a nonce. */
  async page(userId, identity, token = (nonce) => this.token(userId, nonce, identity)) {
    const { port } = this.server.address();
    const context = await this.browser.newContext({ ignoreHTTPSErrors: Boolean(this.tls) });
    context.setDefaultTimeout(PATIENCE);
    const page = await context.newPage();
    page.errors = [];
    page.on('pageerror', (error) => page.errors.push(error));
    await page.exposeFunction('identityToken', token);
    await page.goto(`http://127.0.0.1:${port}/`);
    return page;
  }

  async close() {
    await this.browser.close();
    await this.platform.close();
    this.server.close();
    this.server.closeAllConnections();
  }
}

/** Waits until a function of the page answers with something true; answers that. */
async function until(page, fn, arg) {
  return (await page.waitForFunction(fn, arg, { timeout: PATIENCE, polling: 50 })).jsonValue();
}

module.exports = { Stage, until };

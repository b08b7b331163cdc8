/**
 * `npm run picture`: takes the pictures in the README and in docs/console.md of what runs. docs/web-chat.png is
 * examples/web-chat: two users, two pages, and what they say. docs/console-light.png and console-dark.png are the
 * console of a platform with something to see in it.
 */

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium as driver } from 'playwright-core';
import { chromium } from './chromium.mjs';
import { ROOT } from './prepare.mjs';
import { fill } from './scenery.mjs';

const PICTURE = join(ROOT, 'docs', 'web-chat.png');
/** Unit: pixels. */
const PAGE = { width: 380, height: 460 };
const CONSOLE = { width: 1280, height: 760 };
/** Milliseconds for what must come. */
const PATIENCE = 120_000;

/** What is said, by whom. */
const SAID = [
  ['ana', 'The boat leaves at nine.'],
  ['leo', 'From which pier?'],
  ['ana', 'Pier 4, beside the market.'],
  ['leo', 'See you there!'],
];

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const browser = await driver.launch({
    executablePath: chromium(),
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  });
  try {
    await takeChat(browser);
    await takeConsole(browser);
  } finally {
    await browser.close();
  }
}

async function takeChat(browser) {
  const chat = await startChat();
  try {
    const { ana, leo } = await talk(browser, chat.urls, SAID);
    const sides = [await ana.screenshot(), await leo.screenshot()];
    writeFileSync(PICTURE, await sideBySide(browser, sides));
  } finally {
    chat.stop();
  }
}

/** A conversation in the console, on light and on dark. */
async function takeConsole(browser) {
  const LayerAPI = createRequire(import.meta.url)(ROOT);
  // The same ids, times and colours each time.
  const platform = await LayerAPI.Platform.start({ console: true, seed: 5, clock: '2016-05-02T08:00:00Z' });
  try {
    const app = await platform.createApp();
    const layer = new LayerAPI({ ...app, baseUrl: platform.url });
    const made = await fill(layer, (seconds) => platform.clock.advance(seconds * 1000));
    for (const colorScheme of ['light', 'dark']) {
      const context = await browser.newContext({ viewport: CONSOLE, colorScheme, locale: 'en-GB', timezoneId: 'UTC' });
      const page = await context.newPage();
      await page.goto(`${platform.console.url}#/apps/${app.appId}/conversations/${made['Harbour tour']}`);
      await page.getByLabel('Admin token').fill(platform.console.token);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByText('See you there!').waitFor({ timeout: PATIENCE });
      await page.getByText('Live', { exact: true }).waitFor({ timeout: PATIENCE });
      writeFileSync(join(ROOT, 'docs', `console-${colorScheme}.png`), await page.screenshot());
      await context.close();
    }
  } finally {
    await platform.close();
  }
}

/** Starts the example as a user would, in a folder that has layer-api installed: `{urls: {ana, leo}, stop}`. */
export async function startChat() {
  const folder = mkdtempSync(join(tmpdir(), 'layer-api-chat-'));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(ROOT, join(folder, 'node_modules', 'layer-api'), 'dir');
  for (const name of ['esbuild', 'layer-websdk']) {
    symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name), 'dir');
  }
  for (const name of ['server.js', 'chat.js', 'index.html', 'package.json']) {
    symlinkSync(join(ROOT, 'examples', 'web-chat', name), join(folder, name));
  }
  const args = ['--preserve-symlinks', '--preserve-symlinks-main', 'server.js'];
  const child = spawn(process.execPath, args, {
    cwd: folder,
    env: { ...process.env, PORT: '0', NODE_PATH: join(ROOT, 'node_modules') },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const stop = () => {
    child.kill();
    rmSync(folder, { recursive: true, force: true });
  };
  for await (const line of createInterface({ input: child.stdout })) {
    const [ana, leo] = line.match(/http:\S+/g) ?? [];
    if (leo) return { urls: { ana, leo }, stop };
  }
  stop();
  throw new Error('the example does not start; it says why above');
}

/** Opens the pages of both users, and has them say it all, each after the other has read the one before. */
export async function talk(browser, urls, said) {
  const open = async (url) => {
    const page = await (await browser.newContext({ viewport: PAGE })).newPage();
    await page.goto(url);
    return page;
  };
  const pages = { ana: await open(urls.ana), leo: await open(urls.leo) };
  for (const [name, page] of Object.entries(pages)) {
    await page.locator('#who', { hasText: new RegExp(name, 'i') }).waitFor({ timeout: 120_000 });
  }
  for (const [name, text] of said) {
    await pages[name].fill('#text', text);
    await pages[name].press('#text', 'Enter');
    for (const page of Object.values(pages)) {
      await page.locator('#messages li', { hasText: text }).waitFor({ timeout: 120_000 });
    }
    await pages[name]
      .locator('#messages li.own', { hasText: text })
      .filter({ hasText: 'read' })
      .waitFor({ timeout: 120_000 });
  }
  return pages;
}

async function sideBySide(browser, pictures) {
  const gap = 16;
  const width = PAGE.width * 2 + gap * 3;
  const page = await browser.newPage({ viewport: { width, height: PAGE.height + gap * 2 } });
  const images = pictures.map((picture) => `<img src="data:image/png;base64,${picture.toString('base64')}">`);
  const style = `body { margin: 0; padding: ${gap}px; display: flex; gap: ${gap}px; background: #c9d3dc }`;
  await page.setContent(`<style>${style}</style>${images.join('')}`);
  return page.screenshot();
}

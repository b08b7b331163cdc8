/**
 * The page of the console: `console/` in one file, with its script and its style in it, compressed for the platform to
 * carry. `npm run build` makes it before the addon, which takes it in; `node scripts/console.mjs` makes it alone.
 */

import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync } from 'node:zlib';
import { build, transform } from 'esbuild';
import { ROOT, stop } from './prepare.mjs';

const HOME = join(ROOT, 'console');

/** What the page may take up in the addon. Unit: bytes. */
const MOST_BYTES = 300 * 1024;

/** Makes the page; answers with its length, compressed. */
export async function buildConsole() {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: [join(HOME, 'src', 'main.tsx')],
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    jsx: 'automatic',
    jsxImportSource: 'preact',
    charset: 'utf8',
    legalComments: 'none',
    logLevel: 'warning',
  });
  // It must not end the element that it stands in.
  const script = outputFiles[0].text.trim().replaceAll('</', '<\\/');
  const { code } = await transform(readFileSync(join(HOME, 'style.css'), 'utf8'), { loader: 'css', minify: true });
  const style = code.trim();
  const page = readFileSync(join(HOME, 'index.html'), 'utf8')
    .replace('LICENCES', () => readFileSync(join(ROOT, 'node_modules', 'preact', 'LICENSE'), 'utf8').trim())
    .replace('/*STYLE*/', () => style)
    .replace('/*SCRIPT*/', () => script);
  const compressed = gzipSync(page, { level: 9 });
  if (compressed.length > MOST_BYTES) stop(`The console takes up ${compressed.length} bytes, more than ${MOST_BYTES}.`);
  const folder = join(HOME, 'dist');
  mkdirSync(folder, { recursive: true });
  const files = {
    'console.html.gz': compressed,
    policy: policy(script, style),
    tag: `"${createHash('sha256').update(page).digest('hex').slice(0, 32)}"`,
  };
  // What is as it was is left alone: cargo looks at the time of files.
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    if (!isSame(path, Buffer.from(content))) writeFileSync(path, content);
  }
  return compressed.length;
}

/** What the page may do: run this script, in this style, and ask the platform that it came from. */
function policy(script, style) {
  const hash = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  return [
    "default-src 'none'",
    `script-src ${hash(script)}`,
    `style-src ${hash(style)}`,
    "connect-src 'self'",
    "img-src 'self' blob: data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ');
}

function isSame(path, content) {
  try {
    return readFileSync(path).equals(content);
  } catch {
    return false;
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const length = await buildConsole();
  console.log(`The console takes up ${(length / 1024).toFixed(1)} KiB, compressed.`);
}

'use strict';

/** Pages that are made from code are true to it, and pages lead to each other. */

const assert = require('node:assert');
const { existsSync, readFileSync, readdirSync } = require('node:fs');
const path = require('node:path');
const { test } = require('node:test');

const ROOT = path.join(__dirname, '..');
const read = (page) => readFileSync(path.join(ROOT, page), 'utf8');
const markdownIn = (folder) => readdirSync(path.join(ROOT, folder)).filter((name) => name.endsWith('.md'));
const DOCS = markdownIn('docs').map((name) => `docs/${name}`);
const PAGES = [...markdownIn('.'), ...DOCS];

test('docs/differences.md lists the differences that the differential test accepts (else: npm run docs)', async () => {
  const { differencesPage } = await import('../scripts/differences.mjs');
  assert.strictEqual(read('docs/differences.md'), differencesPage());
});

test('the README lists the options of agents that are read, by their groups', () => {
  const { OPTIONS } = require('../lib/agent-options.js');
  const groups = new Map();
  for (const [name, { group }] of Object.entries(OPTIONS)) {
    if (group) groups.set(group, [...(groups.get(group) ?? []), name]);
  }
  const readme = read('README.md');
  for (const [group, names] of groups) {
    const [, listed] = readme
      .split('\n')
      .find((line) => line.startsWith(`| ${group} | \``))
      .split(` ${group} | `);
    assert.deepStrictEqual([...listed.matchAll(/`(\w+)`/g)].map(([, name]) => name).sort(), names.sort(), group);
  }
});

test('no link between pages, or to a file of the repository, is dead', () => {
  const dead = PAGES.flatMap((page) =>
    linksOf(page)
      .filter(({ file, anchor }) => {
        if (!existsSync(path.join(ROOT, file))) return true;
        return anchor !== undefined && file.endsWith('.md') && !anchorsOf(file).includes(anchor);
      })
      .map(({ target }) => `${page}: ${target}`),
  );
  assert.deepStrictEqual(dead, []);
  assert.ok(PAGES.flatMap(linksOf).length > 100);
});

test('the README leads to every page', () => {
  const linked = linksOf('README.md').map(({ file }) => file);
  // Tables of figures; docs/benchmarks.md leads to them.
  const aside = ['docs/benchmark-results.md'];
  const missing = PAGES.filter((page) => page !== 'README.md' && !linked.includes(page) && !aside.includes(page));
  assert.deepStrictEqual(missing, []);
});

test('every `npm run` command is in CONTRIBUTING.md, and every one that pages name exists', () => {
  const { scripts } = require('../package.json');
  const named = (page) => [...read(page).matchAll(/npm run (?:--silent )?([a-z][a-z:]*)/g)].map(([, name]) => name);
  const inContributing = [...named('CONTRIBUTING.md'), 'test'];
  assert.deepStrictEqual(
    Object.keys(scripts).filter((name) => !inContributing.includes(name)),
    [],
  );
  assert.deepStrictEqual(
    PAGES.flatMap(named).filter((name) => !(name in scripts)),
    [],
  );
});

/** Links of a page within the repository: `{target, file, anchor}`, `file` from the root. */
function linksOf(page) {
  const withoutCode = read(page).replace(/^```[\s\S]*?^```/gm, '');
  return [...withoutCode.matchAll(/\]\((?![a-z]+:)([^)\s]+)\)/g)].map(([, target]) => {
    const [name, anchor] = target.split('#');
    const file = name === '' ? page : path.posix.join(path.posix.dirname(page), decodeURI(name));
    return { target, file, anchor };
  });
}

/** Anchors of a page's headings, as GitHub makes them. */
function anchorsOf(page) {
  const headings = read(page).matchAll(/^#{1,6} (.+)$/gm);
  return [...headings].map(([, heading]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

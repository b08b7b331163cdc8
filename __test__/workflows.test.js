'use strict';

/**
 * The workflows of CI are about what is there: the targets of package.json, its commands, the files of the repository.
 */

const assert = require('node:assert');
const { existsSync, readFileSync, readdirSync } = require('node:fs');
const path = require('node:path');
const { describe, test } = require('node:test');
const { parse } = require('yaml');
const { napi, scripts } = require('../package.json');

const ROOT = path.join(__dirname, '..');
const FOLDER = path.join('.github', 'workflows');
const read = (file) => readFileSync(path.join(ROOT, file), 'utf8');
const load = (name) => parse(read(path.join(FOLDER, name)));
const NAMES = readdirSync(path.join(ROOT, FOLDER));
const jobsOf = (name) => Object.values(load(name).jobs);
const stepsOf = (name) => jobsOf(name).flatMap(({ steps = [] }) => steps);

describe('workflows', () => {
  test('an addon is built for each target of package.json, in CI and for a release', () => {
    const { include } = load('build.yml').jobs.addon.strategy.matrix;
    assert.deepStrictEqual(
      include.map(({ target }) => target),
      napi.targets,
    );
    for (const name of ['ci.yml', 'release.yml'])
      assert.ok(
        jobsOf(name).some(({ uses }) => uses === './.github/workflows/build.yml'),
        name,
      );
  });

  test('addons for glibc are built to need no newer one than is promised, those for musl in Alpine', () => {
    for (const { target, portable, container } of load('build.yml').jobs.addon.strategy.matrix.include) {
      assert.strictEqual(portable !== undefined, target.endsWith('-linux-gnu'), target);
      assert.strictEqual(container !== undefined, target.endsWith('-linux-musl'), target);
      if (portable) assert.ok(read('scripts/portable.mjs').includes(`'${portable}': ['${target}'`), portable);
    }
  });

  test('every command, file and folder that a step names exists', () => {
    for (const name of NAMES) {
      const commands = stepsOf(name).map(({ run = '' }) => run);
      for (const command of commands) {
        for (const [, script] of command.matchAll(/npm run ([a-z:]+)/g)) assert.ok(script in scripts, script);
        for (const [, file] of command.matchAll(/(?:^|\s)(\.ci\/\S+|__test__\/[^\s']+)/g))
          assert.ok(existsSync(path.join(ROOT, file)), file);
      }
    }
  });

  test('a change runs npm run check, all tests and cargo deny', () => {
    const { on } = load('ci.yml');
    assert.ok('pull_request' in on && on.push.branches.includes('main'));
    const commands = stepsOf('ci.yml').map(({ run = '' }) => run);
    for (const command of ['npm run check', '.ci/run', 'cargo deny --workspace check'])
      assert.ok(commands.includes(command), command);
  });

  test('a change builds and runs each fuzz target', () => {
    const commands = stepsOf('ci.yml').map(({ run = '' }) => run);
    assert.ok(commands.some((command) => /cargo fuzz list[\s\S]+cargo \+nightly fuzz run .*"\$target"/.test(command)));
    const targets = [...read('fuzz/Cargo.toml').matchAll(/name = "(\w+)"\npath/g)].map(([, name]) => name).sort();
    assert.deepStrictEqual(targets, readdirSync(path.join(ROOT, 'fuzz', 'corpus')).sort());
    for (const name of targets) assert.match(read(`fuzz/fuzz_targets/${name}.rs`), new RegExp(`fuzz::${name}\\(bytes`));
  });

  test('only the step that publishes sees a secret, in a job that needs all addons', () => {
    const { publish } = load('release.yml').jobs;
    assert.deepStrictEqual([publish.needs, publish.permissions['id-token']], ['build', 'write']);
    const [step, ...more] = publish.steps.filter(({ env }) => JSON.stringify(env ?? {}).includes('secrets.'));
    assert.deepStrictEqual(more, []);
    assert.strictEqual(step.if, "env.HAS_TOKEN == 'true'");
    assert.match(step.run, /npm publish \.\/npm\/layer-api --provenance --access public\n$/);
    for (const name of NAMES) assert.deepStrictEqual(load(name).permissions, { contents: 'read' }, name);
  });

  test('every other file of .github parses', () => {
    const files = readdirSync(path.join(ROOT, '.github'), { recursive: true }).filter((name) => name.endsWith('.yml'));
    assert.ok(files.length >= 7);
    for (const file of files) assert.ok(parse(read(path.join('.github', file))), file);
  });
});

test('cargo deny looks at the targets of package.json', () => {
  const [, list] = /targets = \[([^\]]+)\]/.exec(read('deny.toml'));
  const targets = [...list.matchAll(/"(.+)"/g)].map(([, target]) => target);
  assert.deepStrictEqual(targets.sort(), [...napi.targets].sort());
});

test('the version of Node.js for development is the one that CONTRIBUTING.md names', () => {
  const version = read('.nvmrc').trim();
  assert.ok(read('CONTRIBUTING.md').includes(`Node.js ${version} or newer`));
});

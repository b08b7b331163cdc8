'use strict';

/** One hand in all sources, where no formatter sees to it: imports in groups, comments of one width. */

const assert = require('node:assert');
const { execFileSync } = require('node:child_process');
const { readFileSync } = require('node:fs');
const path = require('node:path');
const { describe, test } = require('node:test');

const ROOT = path.join(__dirname, '..');
const MAX_WIDTH = 120;

const filesOf = (...patterns) =>
  execFileSync('git', ['ls-files', '-z', ...patterns], { cwd: ROOT, encoding: 'utf8' })
    .split('\0')
    // What a generator writes has no width.
    .filter((file) => file && file !== path.join('src', 'addon.d.ts'));
const linesOf = (file) => readFileSync(path.join(ROOT, file), 'utf8').split('\n');

/** The group of an import of Rust: the standard library, other crates, this crate. */
const groupOf = (line) => {
  const [, root] = /use (?:::)?(\w+)/.exec(line);
  if (['std', 'core', 'alloc'].includes(root)) return 0;
  return ['crate', 'self', 'super'].includes(root) ? 2 : 1;
};

/** Imports that do not stand in their group: after one of a later group, or with no blank line between two groups. */
const outOfOrder = (lines) => {
  let last;
  let isBlank = false;
  return lines.filter((line) => {
    const isImport = /^\s*use \w/.test(line);
    const group = isImport ? groupOf(line) : last;
    const isWrong = isImport && last !== undefined && (group < last || group > last !== isBlank);
    if (isImport) last = group;
    // An import that takes several lines goes on until its semicolon.
    else if (!/^\s*([\w:*{}, ]+[,;]|};?)?$/.test(line)) last = undefined;
    isBlank = line.trim() === '';
    return isWrong;
  });
};

describe('style', () => {
  test('imports of Rust: the standard library, other crates, this crate, with a blank line between', () => {
    const example = ['use std::fmt;', '', 'use uuid::Uuid;', '', 'use crate::{', '    Id,', '};', 'use super::Key;'];
    assert.deepStrictEqual(outOfOrder(example), []);
    assert.deepStrictEqual(outOfOrder([...example, '', 'use std::io;']), ['use std::io;']);
    assert.deepStrictEqual(outOfOrder(['use std::fmt;', 'use uuid::Uuid;']), ['use uuid::Uuid;']);
    const wrong = filesOf('*.rs').flatMap((file) => outOfOrder(linesOf(file)).map((line) => `${file}: ${line}`));
    assert.deepStrictEqual(wrong, []);
  });

  test(`comments are at most ${MAX_WIDTH} wide`, () => {
    const isWide = (line) => line.length > MAX_WIDTH && /^\s*(\/\/|\/?\*)/.test(line) && !/@(type|param)/.test(line);
    assert.ok(isWide(`  // ${'word '.repeat(30)}`));
    const wide = filesOf('*.rs', '*.js', '*.mjs', '*.ts').flatMap((file) =>
      linesOf(file)
        .filter(isWide)
        .map((line) => `${file}: ${line}`),
    );
    assert.deepStrictEqual(wide, []);
  });
});

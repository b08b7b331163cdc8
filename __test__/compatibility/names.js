/** Names of all tests, read from the test files, and which of them use the original client as well. */

const { readFileSync, readdirSync } = require('node:fs');
const path = require('node:path');
const ts = require('typescript');

const FOLDER = path.join(__dirname, '..');
/** Functions that declare a test by its name. */
const DECLARING = new Set(['test', 'it', 'both']);
/** Names in a test that lead to the original client. */
const ORIGINAL = new Set(['both', 'subject', 'subjects', 'errorsOf', 'original', 'Original']);
/** What stands for the parts of a name that come from a list. */
const PART = '…';

/** `Map` from the name of each test to `{file, isOnBoth}`. */
function testNames() {
  const names = new Map();
  for (const file of readdirSync(FOLDER, { recursive: true }).filter((name) => name.endsWith('.test.js'))) {
    const source = ts.createSourceFile(
      file,
      readFileSync(path.join(FOLDER, file), 'utf8'),
      ts.ScriptTarget.Latest,
      true,
    );
    const visit = (node) => {
      const name = declaredName(node);
      if (name) names.set(name.text, { file, isOnBoth: name.isOfClient || usesOriginal(node) });
      ts.forEachChild(node, visit);
    };
    visit(source);
  }
  const suite = path.join('runtimes', 'suite.js');
  for (const [, name] of readFileSync(path.join(FOLDER, suite), 'utf8').matchAll(/^suite\[['"](.+)['"]\] =/gm)) {
    names.set(name, { file: suite, isOnBoth: false });
  }
  const rows = path.join('differential', 'differential.test.js');
  for (const { name } of require('../differential/rows')) names.set(name, { file: rows, isOnBoth: true });
  return names;
}

function declaredName(node) {
  if (!ts.isCallExpression(node)) return undefined;
  const { expression, arguments: args } = node;
  const callee = ts.isPropertyAccessExpression(expression) ? expression.name : expression;
  if (!DECLARING.has(callee.text) || !args[0]) return undefined;
  const full = textOf(args[0]) ?? '';
  const text = full.replace(/ \(…\)$/, '');
  // A name that comes from a list as a whole says nothing here.
  return text === '' || text === PART ? undefined : { text, isOfClient: text !== full };
}

function textOf(node) {
  if (ts.isStringLiteralLike(node)) return node.text;
  if (!ts.isTemplateExpression(node)) return undefined;
  return node.head.text + node.templateSpans.map((span) => PART + span.literal.text).join('');
}

function usesOriginal(node) {
  if (ts.isIdentifier(node) && ORIGINAL.has(node.text)) return true;
  return ts.forEachChild(node, usesOriginal) ?? false;
}

module.exports = { testNames };

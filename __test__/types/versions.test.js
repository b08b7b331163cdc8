/**
 * The types compile with every TypeScript and every @types/node that a service may have, declarations checked as well.
 */

const assert = require('node:assert');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const { tmpdir } = require('node:os');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');

const ROOT = path.join(__dirname, '..', '..');
const project = fs.mkdtempSync(path.join(tmpdir(), 'layer-api-types-'));
let compilers;
let pairs;

/** Ways to compile, by the versions of TypeScript that a test compiles so. */
const WAYS = {
  'CommonJS without esModuleInterop': {
    versions: ['3.9.10', '5.9.3'],
    flags: ['--module', 'commonjs', '--esModuleInterop', 'false'],
    // Before 4.1 a default import is a value only here: types/ts4.0.
    files: (version) => ['require.ts', 'import.ts', ...(version === '3.9.10' ? [] : ['default.ts'])],
  },
  'CommonJS with esModuleInterop': {
    versions: ['3.9.10', '4.1.6', '4.7.4', '7.0.2'],
    flags: ['--module', 'commonjs', '--esModuleInterop', 'true'],
    files: () => ['require.ts', 'import.ts', 'default.ts'],
  },
  'Node.js resolution': {
    versions: ['4.7.4', '5.9.3', '7.0.2'],
    flags: ['--module', 'node16'],
    files: () => ['require.ts', 'import.ts', 'default.ts', 'module.mts'],
  },
  'resolution of a bundler': {
    versions: ['5.0.4', '7.0.2'],
    flags: ['--module', 'esnext', '--moduleResolution', 'bundler'],
    files: () => ['import.ts', 'default.ts', 'module.mts'],
  },
};

before(async () => {
  compilers = await import('../../scripts/compilers.mjs');
  compilers.installCompilers();
  pairs = compilers.PAIRS;
  const home = path.join(project, 'node_modules', 'layer-api');
  for (const name of ['package.json', 'index.js', 'index.mjs', 'index.d.ts', 'index.d.mts', 'types', 'lib'])
    fs.cpSync(path.join(ROOT, name), path.join(home, name), { recursive: true });
  fs.cpSync(path.join(__dirname, 'versions'), project, { recursive: true });
});

after(() => fs.rmSync(project, { recursive: true, force: true }));

/** Compiles files of the project beside one version of @types/node; answers what the compiler finds wrong. */
async function compile(version, nodeTypes, flags, files) {
  const roots = path.join(project, nodeTypes);
  fs.mkdirSync(roots, { recursive: true });
  if (!fs.existsSync(path.join(roots, 'node')))
    fs.symlinkSync(compilers.nodeTypesOf(nodeTypes), path.join(roots, 'node'), 'junction');
  const always = [
    '--noEmit',
    '--strict',
    '--skipLibCheck',
    'false',
    '--target',
    'es2020',
    '--lib',
    'es2020',
    '--types',
    'node',
  ];
  const args = [compilers.compilerOf(version), ...always, '--typeRoots', roots, ...flags, ...files];
  const child = spawn(process.execPath, args, { cwd: project, stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    output += text;
  });
  const [code] = await once(child, 'close');
  return { code, output };
}

describe('the types compile', () => {
  test('with each TypeScript and @types/node, in each way', async (t) => {
    for (const [name, { versions, flags, files }] of Object.entries(WAYS)) {
      for (const version of versions) {
        for (const nodeTypes of pairs[version]) {
          await t.test(`TypeScript ${version}, @types/node ${nodeTypes}, ${name}`, async () => {
            const { code, output } = await compile(version, nodeTypes, flags, files(version));
            assert.deepStrictEqual({ code, output }, { code: 0, output: '' });
          });
        }
      }
    }
    assert.deepStrictEqual([...new Set(Object.values(WAYS).flatMap((way) => way.versions))].sort(), Object.keys(pairs));
  });

  test('what is wrong is found by the oldest and by the newest', async () => {
    fs.writeFileSync(
      path.join(project, 'wrong.ts'),
      "import { LayerAPI } from 'layer-api';\nnew LayerAPI({ token: 'token', appId: 1 });\n",
    );
    for (const version of ['3.9.10', '7.0.2']) {
      const { code, output } = await compile(version, pairs[version][0], ['--module', 'commonjs'], ['wrong.ts']);
      assert.notStrictEqual(code, 0);
      assert.match(output, /^wrong\.ts\(2,32\): error TS2322/);
    }
  });
});

describe('every name is exported', () => {
  const ts = require('typescript');

  /** Names that a file of declarations exports; those of the namespace where it exports a class with `export =`. */
  function namesOf(file) {
    const options = { module: ts.ModuleKind.NodeNext, strict: true, types: ['node'] };
    const program = ts.createProgram([path.join(ROOT, file)], options);
    const checker = program.getTypeChecker();
    const symbol = checker.getSymbolAtLocation(program.getSourceFile(path.join(ROOT, file)));
    const assigned = symbol.exports.get(ts.InternalSymbolName.ExportEquals);
    return (
      assigned ? checker.getExportsOfModule(checker.getAliasedSymbol(assigned)) : checker.getExportsOfModule(symbol)
    )
      .map(({ name }) => name)
      .filter((name) => name !== 'prototype')
      .sort();
  }

  test('from index.d.mts and by types/ts4.0 as from index.d.ts', () => {
    const names = namesOf('index.d.ts').filter((name) => name !== 'Promise');
    assert.ok(names.length > 40 && names.includes('Conversation'), names.join());
    assert.deepStrictEqual(namesOf('index.d.mts'), names);
    assert.deepStrictEqual(namesOf(path.join('types', 'ts4.0', 'index.d.ts')), names);
  });

  test('the values of index.mjs and lib/errors.js are those of their types', async () => {
    const module = Object.keys(await import('../../index.mjs'));
    const types = namesOf('index.d.mts');
    assert.deepStrictEqual(
      module.filter((name) => !types.includes(name)),
      [],
    );
    const errors = namesOf(path.join('lib', 'errors.d.ts'));
    assert.deepStrictEqual(errors, ['APIError', 'ResponseError']);
    for (const name of errors) assert.strictEqual(typeof require('../../lib/errors.js')[name], 'function');
  });
});

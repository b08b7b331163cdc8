/**
 * What a release publishes: laid out, packed, installed from a registry into a project far from this one, without
 * cargo, and used there.
 */

const assert = require('node:assert');
const { spawn, spawnSync } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const { tmpdir } = require('node:os');
const path = require('node:path');
const { after, before, describe, test } = require('node:test');
const { createCertificate } = require('../support/certificate.js');
const { targetOf } = require('../../lib/target.js');
const { startRegistry } = require('./registry.js');
const root = require('../../package.json');

const ROOT = path.join(__dirname, '..', '..');
const TARGET = targetOf();
const PLATFORM_PACKAGE = `layer-api-${TARGET}`;
const { version } = root;

/** What a service needs to be allowed on Deno; docs/packaging.md says so. */
const DENO = ['run', '--no-prompt', '--allow-ffi', '--allow-env', '--allow-read'];

/** Programs that run in a project, where they find the package by its name: `program` copies them there. */
const PROGRAMS = path.join(__dirname, 'programs');
/** The text of a small service, and what it prints. */
const SERVICE = fs.readFileSync(path.join(PROGRAMS, 'service.cjs'), 'utf8');
const SERVICE_PRINTS = 'null 201\n';

/** What package managers choose a package by, for each target of package.json. */
const SYSTEMS = {
  'darwin-arm64': { os: ['darwin'], cpu: ['arm64'] },
  'darwin-x64': { os: ['darwin'], cpu: ['x64'] },
  'linux-arm64-gnu': { os: ['linux'], cpu: ['arm64'], libc: ['glibc'] },
  'linux-arm64-musl': { os: ['linux'], cpu: ['arm64'], libc: ['musl'] },
  'linux-x64-gnu': { os: ['linux'], cpu: ['x64'], libc: ['glibc'] },
  'linux-x64-musl': { os: ['linux'], cpu: ['x64'], libc: ['musl'] },
  'win32-arm64-msvc': { os: ['win32'], cpu: ['arm64'] },
  'win32-x64-msvc': { os: ['win32'], cpu: ['x64'] },
};

const folder = fs.realpathSync(fs.mkdtempSync(path.join(tmpdir(), 'layer-api-package-')));
/** The tool that lays the packages out does so within the project only. */
const laidOut = path.join(ROOT, 'target', 'packages-under-test');
/** Names of all packages: the main one, and one for each target. */
const folders = ['layer-api', ...Object.keys(SYSTEMS)];
/** By folder: `{manifest, tarball, files}`. */
const packed = {};
let registry;
let project;

const manifestOf = (home) => JSON.parse(fs.readFileSync(path.join(home, 'package.json'), 'utf8'));

/** An environment in which there is Node.js and npm and nothing else: no cargo, no compiler. */
function bareEnvironment() {
  const bin = path.join(folder, 'bin');
  if (!fs.existsSync(bin)) {
    fs.mkdirSync(bin);
    fs.symlinkSync(process.execPath, path.join(bin, 'node'));
    fs.symlinkSync('/bin/sh', path.join(bin, 'sh'));
    const npm = spawnSync('which', ['npm'], { encoding: 'utf8' }).stdout.trim();
    fs.symlinkSync(fs.realpathSync(npm), path.join(bin, 'npm'));
  }
  const { HOME, TMPDIR } = process.env;
  return { PATH: bin, HOME, ...(TMPDIR && { TMPDIR }) };
}

/** Runs a program in the project: `{code, stdout, stderr}`. */
async function run(program, args, { cwd = project, env } = {}) {
  const child = spawn(program, args, { cwd, env: { ...bareEnvironment(), ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const outcome = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) {
    child[name].setEncoding('utf8').on('data', (text) => {
      outcome[name] += text;
    });
  }
  const [code] = await once(child, 'close');
  return { code, ...outcome };
}

const node = (source, options) => run('node', ['-e', source], options);

/** Copies a program into the project, under another name if there is one; its path there. */
function program(name, as = name) {
  const file = path.join(project, as);
  fs.copyFileSync(path.join(PROGRAMS, name), file);
  return file;
}

/** A new project with `layer-api` installed from the registry. */
async function install(name, ...flags) {
  const home = path.join(folder, name);
  fs.mkdirSync(home);
  fs.writeFileSync(path.join(home, 'package.json'), '{"name": "service", "private": true}');
  const quiet = ['--no-audit', '--no-fund', '--cache', path.join(folder, 'cache'), '--registry', registry.url];
  const { code, stderr } = await run('npm', ['install', ...quiet, ...flags, `layer-api@${version}`], { cwd: home });
  assert.strictEqual(code, 0, stderr);
  return home;
}

before(async () => {
  const { createPackages } = await import('../../scripts/packages.mjs');
  await createPackages(laidOut);
  for (const name of folders) {
    const home = path.join(laidOut, name);
    const { stdout, stderr } = await run('npm', ['pack', '--json', '--pack-destination', folder], { cwd: home });
    const [pack] = Object.values(JSON.parse(stdout || '[]'));
    assert.ok(pack, stderr);
    packed[name] = {
      manifest: manifestOf(home),
      tarball: path.join(folder, pack.filename),
      files: pack.files.map((file) => file.path),
      size: pack.unpackedSize,
    };
  }
  registry = await startRegistry(Object.values(packed));
  project = await install('project');
});

after(async () => {
  await registry?.close();
  for (const used of [folder, laidOut]) fs.rmSync(used, { recursive: true, force: true });
});

describe('packages', () => {
  test('package.json names every target, and lib/addon.js asks for the package of each', async () => {
    const { targets } = await import('../../scripts/packages.mjs');
    assert.deepStrictEqual(targets().toSorted(), Object.keys(SYSTEMS));
    const loader = fs.readFileSync(path.join(ROOT, 'lib', 'addon.js'), 'utf8');
    const asked = [...loader.matchAll(/case '(.+)':\n +return require\('layer-api-(.+)'\)/g)];
    assert.deepStrictEqual(
      asked.map(([, target, name]) => [target, name]),
      Object.keys(SYSTEMS).map((target) => [target, target]),
    );
  });

  for (const [target, system] of Object.entries(SYSTEMS)) {
    test(`the package of ${target} is for its system alone, and holds the addon`, () => {
      const { manifest, files } = packed[target];
      const addon = `layer-api.${target}.node`;
      const { name, main, os, cpu, libc, license, engines } = manifest;
      assert.deepStrictEqual({ name, version: manifest.version }, { name: `layer-api-${target}`, version });
      assert.deepStrictEqual({ main, files: manifest.files }, { main: addon, files: [addon] });
      assert.deepStrictEqual({ os, cpu, ...(libc && { libc }) }, system);
      assert.deepStrictEqual({ license, engines }, { license: root.license, engines: root.engines });
      const built = target === TARGET ? [addon] : [];
      assert.deepStrictEqual(files.toSorted(), ['LICENSE', 'README.md', ...built, 'package.json'].toSorted());
    });
  }

  test('the main package has no addon, and asks for that of each target, in its own version', () => {
    const { manifest, files } = packed['layer-api'];
    assert.deepStrictEqual(
      manifest.optionalDependencies,
      Object.fromEntries(Object.keys(SYSTEMS).map((target) => [`layer-api-${target}`, version])),
    );
    assert.deepStrictEqual(
      files.filter(
        (name) =>
          !/^(index\.(js|mjs|d\.ts|d\.mts)|types\/.+\.d\.ts|(bin|lib)\/.+\.js|lib\/errors\.d\.ts|docs\/.+\.md|[A-Z]+(\.md)?|(types\/callback\/)?package\.json)$/.test(
            name,
          ),
      ),
      [],
    );
    for (const name of ['private', 'scripts', 'devDependencies', 'napi']) assert.ok(!(name in manifest), name);
    for (const name of ['exports', 'main', 'types', 'typesVersions', 'bin', 'engines', 'peerDependencies'])
      assert.deepStrictEqual(manifest[name], root[name]);
  });

  test('every file that the main package leads to is in it', () => {
    const { manifest, files } = packed['layer-api'];
    const { main, types, typesVersions, exports, bin } = manifest;
    const namedIn = (value) => (typeof value === 'string' ? [value] : Object.values(value).flatMap(namedIn));
    const leads = [main, types, typesVersions, exports, bin].flatMap(namedIn);
    assert.ok(leads.length > 10);
    const missing = leads.filter((file) => !files.includes(path.posix.normalize(file)));
    assert.deepStrictEqual(missing, []);
  });

  test('no link of a published page leads to a file that is not published', async () => {
    const home = path.join(laidOut, 'layer-api');
    const pages = packed['layer-api'].files.filter((name) => name.endsWith('.md'));
    assert.ok(pages.length >= 8, pages.join());
    const dead = pages.flatMap((page) => {
      const links = fs.readFileSync(path.join(home, page), 'utf8').matchAll(/\]\((?![a-z]+:)([^)#]+)/g);
      return [...links]
        .map(([, target]) => path.posix.join(path.posix.dirname(page), target))
        .filter((file) => !packed['layer-api'].files.includes(file))
        .map((file) => `${page}: ${file}`);
    });
    assert.deepStrictEqual(dead, []);
    assert.ok(packed['layer-api'].files.includes('docs/webhooks.md'));
    for (const name of [
      'benchmark-results',
      'benchmarks',
      'compatibility',
      'contract',
      'quirks',
      'recorded',
      'releasing',
    ])
      assert.ok(!packed['layer-api'].files.includes(`docs/${name}.md`), name);
  });

  test('a link to what is not published leads to the repository, once package.json names one', async () => {
    const { publishedPage } = await import('../../scripts/packages.mjs');
    const home = path.join(laidOut, 'layer-api');
    const text = '[a](../ARCHITECTURE.md#rooms) [b](webhooks.md#receive) [c](https://example.com/d)![e](f.png)';
    assert.strictEqual(
      publishedPage(text, 'docs/testing.md', home),
      'a [b](webhooks.md#receive) [c](https://example.com/d)',
    );
    assert.strictEqual(
      publishedPage(text, 'docs/testing.md', home, 'https://example.com/r/blob/v3.0.0'),
      '[a](https://example.com/r/blob/v3.0.0/ARCHITECTURE.md#rooms) [b](webhooks.md#receive) [c](https://example.com/d)' +
        '![e](https://example.com/r/blob/v3.0.0/docs/f.png)',
    );
  });

  test('publint has nothing to say of it', async () => {
    const { publint } = await import('publint');
    const { messages } = await publint({ pkgDir: path.join(laidOut, 'layer-api'), strict: true });
    assert.deepStrictEqual(messages, []);
  });

  test('its types are right for every way of resolving them, by Are The Types Wrong', async () => {
    const attw = path.join(path.dirname(require.resolve('@arethetypeswrong/cli/package.json')), 'dist', 'index.js');
    const flags = ['--format', 'json', '--no-definitely-typed', packed['layer-api'].tarball];
    const { code, stdout, stderr } = await run('node', [attw, ...flags], { cwd: folder });
    const { analysis, problems } = JSON.parse(stdout || '{}');
    assert.deepStrictEqual([code, problems], [0, {}], `${stderr}${stdout}`);
    assert.deepStrictEqual(Object.keys(analysis.entrypoints).sort(), [
      '.',
      './lib/errors',
      './lib/errors.js',
      './package.json',
    ]);
  });

  test('the folder of this project cannot be published by mistake', () => assert.strictEqual(root.private, true));

  test('every script that is shipped parses on the oldest runtime', async () => {
    const { RUNTIMES, installRuntimes, programOf } = await import('../../scripts/runtimes.mjs');
    const [oldest] = RUNTIMES;
    installRuntimes([oldest]);
    const scripts = packed['layer-api'].files.filter((file) => file.endsWith('.js'));
    assert.strictEqual(scripts.length, 3);
    const check = (file) => run(programOf(oldest), ['--check', file], { cwd: path.join(laidOut, 'layer-api') });
    for (const script of scripts) {
      const { code, stderr } = await check(script);
      assert.strictEqual(code, 0, stderr);
    }
    const newer = path.join(folder, 'newer.js');
    fs.writeFileSync(newer, 'let a; a ??= 1;');
    assert.notStrictEqual((await check(newer)).code, 0);
  });

  test('an addon that is missing, too large, or needs a newer glibc than is promised, is named as not to be published', async () => {
    const { createPackages } = await import('../../scripts/packages.mjs');
    const addons = path.join(folder, 'addons');
    fs.mkdirSync(addons);
    // The names of symbols' versions, as an addon has them.
    const symbols = { 'linux-x64-gnu': 'GLIBC_2.2.5\0GLIBC_2.17\0', 'linux-arm64-gnu': 'GLIBC_2.17\0GLIBC_2.34\0' };
    for (const [target, text] of Object.entries(symbols))
      fs.writeFileSync(path.join(addons, `layer-api.${target}.node`), text);
    for (const target of Object.keys(SYSTEMS)) {
      if (!(target in symbols)) fs.writeFileSync(path.join(addons, `layer-api.${target}.node`), '');
    }
    fs.unlinkSync(path.join(addons, 'layer-api.darwin-x64.node'));
    fs.truncateSync(path.join(addons, 'layer-api.darwin-arm64.node'), 10e6);
    fs.truncateSync(path.join(addons, 'layer-api.win32-x64-msvc.node'), 10e6 + 1);
    const checked = path.join(ROOT, 'target', 'packages-with-faults');
    const faults = await createPackages(checked, addons);
    fs.rmSync(checked, { recursive: true });
    assert.deepStrictEqual(faults, {
      'darwin-x64': 'layer-api.darwin-x64.node is missing',
      'linux-arm64-gnu': 'layer-api.linux-arm64-gnu.node needs glibc 2.34, more than 2.17: npm run build:portable',
      'win32-x64-msvc':
        'layer-api.win32-x64-msvc.node has 10000001 bytes, more than 10000000: docs/releasing.md says what keeps it small',
    });
  });

  if (TARGET.endsWith('-gnu')) {
    test('the addon that is tested needs no newer glibc than that of Debian 12 and RHEL 9', async () => {
      const { glibcOf } = await import('../../scripts/packages.mjs');
      const needed = glibcOf(path.join(ROOT, `layer-api.${TARGET}.node`));
      assert.ok(needed >= 2 && needed <= 34, `it needs glibc 2.${needed}`);
    });
  }
});

describe('installed', () => {
  test('npm chose the package of this system, and fetched no other', () => {
    assert.deepStrictEqual(
      fs.readdirSync(path.join(project, 'node_modules')).filter((name) => !name.startsWith('.')),
      ['layer-api', PLATFORM_PACKAGE],
    );
    assert.deepStrictEqual(registry.asked.toSorted(), ['layer-api', PLATFORM_PACKAGE]);
  });

  test('a lock file that was made here names the packages of all systems', () => {
    const { packages } = JSON.parse(fs.readFileSync(path.join(project, 'package-lock.json'), 'utf8'));
    for (const [target, system] of Object.entries(SYSTEMS)) {
      const { optional, os, cpu } = packages[`node_modules/layer-api-${target}`] ?? {};
      assert.deepStrictEqual({ optional, os, cpu }, { optional: true, os: system.os, cpu: system.cpu }, target);
    }
  });

  test('the suite of the runtimes passes with the package as it is installed', async () => {
    const certificate = path.join(folder, 'certificate.json');
    fs.writeFileSync(certificate, JSON.stringify(createCertificate()));
    const env = {
      LAYER_TEST_PACKAGE: path.join(project, 'node_modules', 'layer-api'),
      LAYER_TEST_CERTIFICATE: certificate,
    };
    const { code, stdout, stderr } = await run('node', [path.join(ROOT, '__test__', 'runtimes', 'runner.js')], { env });
    const checks = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    assert.deepStrictEqual(
      checks.filter(({ error }) => error),
      [],
    );
    assert.strictEqual(code, 0, stderr);
    assert.ok(checks.pop().checks >= 20);
  });

  test('an addon of your own is installed from tarballs, as docs/packaging.md says', async () => {
    const page = fs.readFileSync(path.join(ROOT, 'docs', 'packaging.md'), 'utf8');
    const commands = [...page.matchAll(/^npm (pack|install) (\.\/.+?)(?: +#.*)?$/gm)];
    const [[, , main], [, , own], [, , tarballs], ...more] = commands;
    assert.deepStrictEqual(more, []);
    const clone = path.join(folder, 'clone');
    fs.mkdirSync(clone);
    fs.cpSync(laidOut, path.join(clone, 'npm'), { recursive: true });
    fs.writeFileSync(path.join(clone, 'package.json'), '{"name": "service", "private": true}');
    const forThis = (text) => text.replaceAll('linux-x64-gnu', TARGET).replaceAll('3.0.0', version);
    const npm = async (...args) => {
      // A registry with nothing in it: what is installed comes from the tarballs.
      const quiet = ['--no-audit', '--no-fund', '--cache', path.join(folder, 'cache'), '--registry', empty.url];
      const { code, stderr } = await run('npm', [...args, ...quiet], { cwd: clone });
      assert.strictEqual(code, 0, stderr);
    };
    const empty = await startRegistry([]);
    try {
      await npm('pack', forThis(main));
      await npm('pack', forThis(own));
      await npm('install', ...forThis(tarballs).split(' '));
    } finally {
      await empty.close();
    }
    fs.rmSync(path.join(clone, 'npm'), { recursive: true });
    const { code, stdout, stderr } = await node(SERVICE, { cwd: clone });
    assert.deepStrictEqual([code, stdout], [0, SERVICE_PRINTS], stderr);
  });

  test('its JavaScript is one file, and the addon is the only other that a client loads', async () => {
    const scripts = packed['layer-api'].files.filter((file) => /\.m?js$/.test(file));
    assert.deepStrictEqual(scripts.toSorted(), ['bin/layer-api.js', 'index.js', 'index.mjs', 'lib/errors.js']);
    program('service.cjs');
    const { code, stdout, stderr } = await run('node', [program('loaded.cjs')]);
    assert.strictEqual(code, 0, stderr);
    const [printed, files] = stdout.trim().split('\n');
    assert.strictEqual(`${printed}\n`, SERVICE_PRINTS);
    assert.deepStrictEqual(JSON.parse(files), [
      path.join('layer-api', 'index.js'),
      path.join(PLATFORM_PACKAGE, `layer-api.${TARGET}.node`),
    ]);
  });

  test('an addon that lies about is not taken for that of the package', async () => {
    // Where the sources have what `npm run build` made of them.
    const modules = path.join(project, 'node_modules');
    const stray = [modules, path.join(modules, 'layer-api')].map((home) => path.join(home, `layer-api.${TARGET}.node`));
    for (const file of stray) fs.writeFileSync(file, 'no addon');
    try {
      const { code, stdout, stderr } = await node(SERVICE);
      assert.deepStrictEqual([code, stdout], [0, SERVICE_PRINTS], stderr);
    } finally {
      for (const file of stray) fs.rmSync(file);
    }
  });

  test('errors are of one class, whichever path leads to it', async () => {
    const { code, stdout, stderr } = await node(`
      const { APIError, ResponseError } = require('layer-api/lib/errors');
      const LayerAPI = require('layer-api');
      console.log(APIError === LayerAPI.APIError, ResponseError === require('layer-api/lib/errors.js').ResponseError,
        ResponseError === LayerAPI.ResponseError);`);
    assert.deepStrictEqual([code, stdout], [0, 'true true true\n'], stderr);
  });

  test('errors are instances of the classes of another installed copy', async () => {
    const other = await install('copy');
    const { code, stdout, stderr } = await run('node', [path.join(PROGRAMS, 'copies.cjs'), project, other]);
    assert.deepStrictEqual([code, stdout], [0, 'done\n'], stderr);
  });

  test('stacks lead to functions by their names', async () => {
    const { stdout, stderr } = await node(`
      const LayerAPI = require('layer-api');
      try { new LayerAPI({}); } catch (error) { console.log(error.stack); }`);
    assert.match(stdout, /at new LayerAPI \(.*index\.js:\d+:\d+\)/, stderr);
  });

  test('require, import and npx lead to it by its name', async () => {
    const required = await node("console.log(typeof require('layer-api'), require('layer-api/package.json').version)");
    assert.deepStrictEqual([required.code, required.stdout], [0, `function ${version}\n`], required.stderr);
    const source = "import L, { Platform } from 'layer-api'; console.log(typeof L, typeof Platform.start)";
    const imported = await run('node', ['--input-type=module', '-e', source]);
    assert.deepStrictEqual([imported.code, imported.stdout], [0, 'function function\n'], imported.stderr);
    const command = await run(path.join(project, 'node_modules', '.bin', 'layer-api'), ['platform', '--version']);
    assert.deepStrictEqual([command.code, command.stdout.trim()], [0, version], command.stderr);
  });

  for (const [id, flags] of Object.entries({ bun: [], deno: DENO })) {
    test(`${id} finds it by its name, with the permissions that the documentation names`, async () => {
      const { chooseRuntimes, installRuntimes, programOf } = await import('../../scripts/runtimes.mjs');
      const [runtime] = chooseRuntimes(id);
      installRuntimes([runtime]);
      program('service.cjs');
      fs.writeFileSync(
        path.join(project, 'service.mjs'),
        "import LayerAPI, { Platform } from 'layer-api';\nimport './service.cjs';",
      );
      const { code, stdout, stderr } = await run(programOf(runtime), [...flags, 'service.mjs']);
      assert.deepStrictEqual([code, stdout], [0, SERVICE_PRINTS], stderr);
    });
  }

  test('TypeScript finds its types', async () => {
    const file = program('service.mts');
    const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--typeRoots', `${ROOT}/node_modules/@types`];
    const { code, stdout } = await run('node', [
      require.resolve('typescript/bin/tsc'),
      ...flags,
      '--types',
      'node',
      file,
    ]);
    assert.strictEqual(code, 0, stdout);
  });
});

describe('in other tools', () => {
  /** Bundles the service with esbuild, and runs the bundle from a folder of its own. */
  async function bundleAndRun(name, options) {
    const entry = program('service.cjs');
    const outdir = path.join(project, name);
    const { warnings } = await require('esbuild').build({
      ...{ entryPoints: [entry], outdir, bundle: true, platform: 'node', absWorkingDir: project, logLevel: 'silent' },
      ...options,
    });
    return { ...(await run('node', [path.join(outdir, 'service.js')])), warnings, outdir };
  }

  test('a bundle of esbuild that leaves it out, as external', async () => {
    const { code, stdout, stderr } = await bundleAndRun('external', { external: ['layer-api'] });
    assert.deepStrictEqual([code, stdout], [0, SERVICE_PRINTS], stderr);
  });

  test('a bundle of esbuild that takes it in, with the addon copied beside, needs no node_modules', async () => {
    const { code, stdout, stderr, outdir } = await bundleAndRun('whole', { loader: { '.node': 'copy' } });
    assert.deepStrictEqual([code, stdout], [0, SERVICE_PRINTS], stderr);
    const elsewhere = path.join(folder, 'elsewhere');
    fs.cpSync(outdir, elsewhere, { recursive: true });
    const moved = await run('node', [path.join(elsewhere, 'service.js')], { cwd: elsewhere });
    assert.deepStrictEqual([moved.code, moved.stdout], [0, SERVICE_PRINTS], moved.stderr);
  });

  test("a small project's Jest run", async () => {
    program('service.jest.js', 'service.test.js');
    program('service.jest.js', 'other.test.js');
    const flags = ['--rootDir', project, '--no-cache', '--json', '--testPathPatterns', 'test\\.js$'];
    const { code, stdout, stderr } = await run('node', [require.resolve('jest/bin/jest'), ...flags]);
    assert.strictEqual(code, 0, stderr);
    const { numPassedTests, numTotalTests, openHandles } = JSON.parse(stdout);
    assert.deepStrictEqual([numPassedTests, numTotalTests, openHandles], [4, 4, []]);
    assert.ok(!/did not exit|force exited/.test(stderr), stderr);
  });
});

describe('no addon', () => {
  const USE = "require('layer-api')";
  const EXPLAIN = `try { ${USE} } catch (error) { console.log(JSON.stringify([error.code, error.message.split('\\n')])) }`;
  let bare;

  before(async () => {
    bare = await install('bare', '--omit=optional');
  });

  /** The lines of the error of a process, with this preloaded. */
  async function explain(preload = '') {
    const file = path.join(bare, 'preload.js');
    fs.writeFileSync(file, preload);
    const { stdout, stderr } = await run('node', ['-r', file, '-e', EXPLAIN], { cwd: bare });
    assert.ok(stdout, stderr);
    const [code, lines] = JSON.parse(stdout);
    assert.strictEqual(code, 'ERR_LAYER_API_ADDON');
    return lines;
  }

  test('a missing package is named, with the system and the command that mends it', async () => {
    const [what, why, remedy, ...more] = await explain();
    assert.ok(
      what.startsWith(`layer-api ${version} has no addon for this system (${process.platform} ${process.arch}`),
    );
    assert.ok(what.includes(`Node.js ${process.versions.node}`), what);
    if (TARGET.endsWith('-gnu')) assert.match(what, /, glibc 2\.\d+,/);
    assert.strictEqual(why, `Package ${PLATFORM_PACKAGE} is not installed.`);
    assert.strictEqual(remedy, `Run: npm install --save-optional ${PLATFORM_PACKAGE}@${version}`);
    assert.match(more.join('\n'), /--omit=optional.*Docker.*docs\/packaging\.md/s);
  });

  test('the error ends a process that does not catch it, and says so first', async () => {
    const { code, stderr } = await node(USE, { cwd: bare });
    assert.strictEqual(code, 1);
    assert.ok(stderr.includes(`Package ${PLATFORM_PACKAGE} is not installed.`), stderr);
  });

  test('the command of the error mends it', async () => {
    const home = await install('mended', '--omit=optional');
    const broken = await node(USE, { cwd: home });
    const [, command] = /Run: npm (.+)/.exec(broken.stderr);
    const flags = ['--no-audit', '--no-fund', '--cache', path.join(folder, 'cache'), '--registry', registry.url];
    const mended = await run('npm', [...command.split(' '), ...flags], { cwd: home });
    assert.strictEqual(mended.code, 0, mended.stderr);
    assert.strictEqual((await node(USE, { cwd: home })).code, 0);
  });

  test('on Alpine it is the package of musl that is missing', async () => {
    const program = path.join(folder, 'node-of-alpine');
    fs.writeFileSync(
      program,
      Buffer.concat([Buffer.from('\x7fELF'), Buffer.alloc(600), Buffer.from('/lib/ld-musl-x86_64.so.1\0')]),
    );
    const lines = await explain(`
      Object.defineProperty(process, 'platform', { value: 'linux' });
      Object.defineProperty(process, 'arch', { value: 'x64' });
      process.execPath = ${JSON.stringify(program)};
      process.report.getReport = () => ({ header: {}, sharedObjects: ['/lib/ld-musl-x86_64.so.1'] });`);
    assert.match(lines[0], /\(linux x64, musl, Node\.js /);
    assert.strictEqual(lines[1], 'Package layer-api-linux-x64-musl is not installed.');
  });

  test('a system without a package is told so', async () => {
    const lines = await explain("Object.defineProperty(process, 'platform', { value: 'sunos' });");
    assert.strictEqual(lines[1], `There is no package for sunos-${process.arch}.`);
    assert.match(lines[2], /docs\/packaging\.md/);
  });

  test('where Node.js may load no addons, the error names the package and the flag', async () => {
    const permission = process.allowedNodeEnvironmentFlags.has('--permission')
      ? '--permission'
      : '--experimental-permission';
    const fs = `--allow-fs-read=${path.parse(project).root}`;
    for (const [flags, why, remedy] of [
      [['--no-addons'], '--no-addons', 'Start it without that flag, which may also stand in NODE_OPTIONS.'],
      [[permission, fs], 'its permission model without --allow-addons', 'Start it with --allow-addons.'],
    ]) {
      const { stdout, stderr } = await run('node', [...flags, '-e', EXPLAIN]);
      assert.ok(stdout, stderr);
      const [code, [what, reason, last]] = JSON.parse(stdout);
      assert.strictEqual(code, 'ERR_LAYER_API_ADDON');
      assert.ok(what.startsWith(`layer-api ${version} cannot use its addon (${process.platform} `), what);
      assert.strictEqual(reason, `Package ${PLATFORM_PACKAGE} may not be loaded: Node.js was started with ${why}.`);
      assert.strictEqual(last, remedy);
    }
    const flags = [permission, fs, '--allow-addons'];
    const { code, stderr } = await run('node', [...flags, '-e', USE]);
    assert.strictEqual(code, 0, stderr);
  });

  test('an addon of another version is not used', async () => {
    const home = path.join(bare, 'node_modules', PLATFORM_PACKAGE);
    fs.mkdirSync(home);
    fs.writeFileSync(path.join(home, 'index.js'), "exports.VERSION = '2.9.9';");
    const [, why, remedy] = await explain();
    fs.rmSync(home, { recursive: true });
    assert.strictEqual(why, 'The addon that is there is of version 2.9.9.');
    assert.strictEqual(remedy, `Run: npm install --save-optional ${PLATFORM_PACKAGE}@${version}`);
  });

  test('an addon that the system cannot load is reported with the reason', async () => {
    const home = path.join(bare, 'node_modules', PLATFORM_PACKAGE);
    fs.mkdirSync(home);
    fs.writeFileSync(path.join(home, 'package.json'), '{"main": "addon.node"}');
    fs.writeFileSync(path.join(home, 'addon.node'), 'no addon');
    const [, why, remedy] = await explain();
    fs.rmSync(home, { recursive: true });
    assert.ok(why.startsWith(`Package ${PLATFORM_PACKAGE} cannot be loaded: `), why);
    assert.match(remedy, /docs\/packaging\.md/);
  });
});

describe('the system is told by the program of the runtime', () => {
  const programWith = (interpreter) => {
    const file = path.join(folder, `program-${path.basename(interpreter)}`);
    fs.writeFileSync(file, Buffer.concat([Buffer.from('\x7fELF'), Buffer.alloc(400), Buffer.from(`${interpreter}\0`)]));
    return file;
  };

  for (const [interpreter, arch, target] of [
    ['/lib64/ld-linux-x86-64.so.2', 'x64', 'linux-x64-gnu'],
    ['/lib/ld-linux-aarch64.so.1', 'arm64', 'linux-arm64-gnu'],
    ['/lib/ld-musl-x86_64.so.1', 'x64', 'linux-x64-musl'],
    ['/lib/ld-musl-aarch64.so.1', 'arm64', 'linux-arm64-musl'],
  ]) {
    test(`${interpreter} is ${target}`, () => {
      assert.strictEqual(targetOf({ platform: 'linux', arch, execPath: programWith(interpreter) }), target);
    });
  }

  test('macOS and Windows have one C library', () => {
    assert.strictEqual(targetOf({ platform: 'darwin', arch: 'arm64', execPath: '' }), 'darwin-arm64');
    assert.strictEqual(targetOf({ platform: 'win32', arch: 'x64', execPath: '' }), 'win32-x64-msvc');
  });

  test('where the program does not say, the report of the runtime does', () => {
    const unreadable = { platform: 'linux', arch: 'x64', execPath: path.join(folder, 'nowhere') };
    const { getReport } = process.report;
    try {
      process.report.getReport = () => ({ header: { glibcVersionRuntime: '2.36' } });
      assert.strictEqual(targetOf(unreadable), 'linux-x64-gnu');
      process.report.getReport = () => ({ header: {} });
      assert.strictEqual(targetOf(unreadable), 'linux-x64-musl');
      process.report.getReport = () => {
        throw new Error('no leave to read it');
      };
      assert.strictEqual(targetOf(unreadable), 'linux-x64-gnu');
    } finally {
      process.report.getReport = getReport;
    }
  });
});

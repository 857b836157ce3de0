/** The launcher and its bundles, in a copy of this checkout: what a change of the sources, or several starts at once, must not break. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { after, before, describe, test } from 'node:test';

const root = path.dirname(import.meta.dirname);

describe('the launcher', { timeout: 240_000 }, () => {
  let folder: string;
  let copy: string;

  function naru(...args: string[]): Promise<{ readonly output: string; readonly code: number }> {
    const env: NodeJS.ProcessEnv = { ...process.env, NARU_HOME: path.join(folder, 'home') };
    delete env['NODE_COMPILE_CACHE'];
    return new Promise((resolve) => {
      execFile(path.join(copy, 'naru'), args, { env, cwd: '/' }, (error, stdout, stderr) =>
        resolve({ output: stdout + stderr, code: error === null ? 0 : Number(error.code) }),
      );
    });
  }

  const versionFile = (): string => path.join(copy, 'src/cli/version.ts');
  const bundles = (): string => path.join(copy, 'node_modules/.cache/naru');

  function sayVersion(version: string): void {
    writeFileSync(
      versionFile(),
      `/** Of the test. */\nexport function programVersion(): string {\n  return '${version}';\n}\n`,
    );
  }

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'naru-launcher-test-'));
    // A folder whose name a shell could stumble over.
    copy = path.join(folder, "a 'checkout");
    for (const name of ['src', 'tools', 'naru', 'package.json', 'package-lock.json', 'tsconfig.json']) {
      cpSync(path.join(root, name), path.join(copy, name), { recursive: true });
    }
    // The packages of this checkout, and a cache of its own.
    mkdirSync(path.join(copy, 'node_modules'));
    for (const name of readdirSync(path.join(root, 'node_modules')).filter((each) => each !== '.cache')) {
      symlinkSync(path.join(root, 'node_modules', name), path.join(copy, 'node_modules', name));
    }
  });

  after(() => rmSync(folder, { recursive: true, force: true }));

  test('makes the bundle of the commands at the first start, and no other', async () => {
    sayVersion('1.0.0');
    assert.deepEqual(await naru('--version'), { output: '1.0.0\n', code: 0 });
    assert.deepEqual(
      readdirSync(bundles()).filter((name) => !name.includes('.')),
      ['commands'],
    );
  });

  test('starts it again without making it anew', async () => {
    const made = readlinkSync(path.join(bundles(), 'commands'));
    assert.equal((await naru('--version')).output, '1.0.0\n');
    assert.equal(readlinkSync(path.join(bundles(), 'commands')), made);
  });

  test('notices a source that is another, although it looks old, as one from an archive does', async () => {
    sayVersion('1.1.0');
    const longAgo = new Date('2020-01-01');
    utimesSync(versionFile(), longAgo, longAgo);
    assert.equal((await naru('--version')).output, '1.1.0\n');
  });

  test('several starts at once, each with a bundle to make, all say what is current', async () => {
    sayVersion('1.2.0');
    const results = await Promise.all([naru('--version'), naru('--version'), naru('--version')]);
    assert.deepEqual(
      results.map(({ output }) => output),
      ['1.2.0\n', '1.2.0\n', '1.2.0\n'],
    );
  });

  test('a change of what the commands do not load makes nothing anew', async () => {
    const made = readlinkSync(path.join(bundles(), 'commands'));
    writeFileSync(path.join(copy, 'src/scheduler/unused.ts'), '/** Of the test. */\n');
    assert.equal((await naru('--version')).output, '1.2.0\n');
    assert.equal(readlinkSync(path.join(bundles(), 'commands')), made);
  });

  test('runs the sources where the bundle cannot be made, and says why it cannot', async () => {
    const source = readFileSync(versionFile(), 'utf8');
    const packaged = path.join(copy, 'tools/bundle.ts');
    const bundler = readFileSync(packaged, 'utf8');
    writeFileSync(packaged, "throw new Error('no space left');\n");
    sayVersion('1.3.0');
    const { output, code } = await naru('--version');
    assert.match(output, /1\.3\.0\n/);
    assert.match(output, /no space left/);
    assert.equal(code, 0);
    writeFileSync(packaged, bundler);
    writeFileSync(versionFile(), source);
  });

  test('is found through a link, and from any folder', async () => {
    const link = path.join(folder, 'naru');
    symlinkSync(path.join(copy, 'naru'), link);
    const output = await new Promise((resolve) => {
      execFile(link, ['--version'], { cwd: folder }, (_, stdout) => resolve(stdout));
    });
    assert.equal(output, '1.2.0\n');
  });

  test('what runs for long has a bundle of its own, which is made when it is first started', async () => {
    assert.ok(!existsSync(path.join(bundles(), 'simulate')));
    const { output } = await naru('simulate', '--seed', '1', '--hours', '0.01', '--climate', 'quiet');
    assert.match(output, /seed/i);
    assert.ok(existsSync(path.join(bundles(), 'simulate/simulate.mjs')));
  });
});

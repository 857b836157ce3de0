import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { explainNpm } from './npm.ts';
import { checkEngine, readLockFile, readPackageFile } from './package-file.ts';

describe('package.json and its lock file', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'naru-package-file-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const write = (name: string, content: unknown): void =>
    writeFileSync(path.join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
  const lock = async () => readLockFile(folder, await readPackageFile(folder));

  test('what of it matters is read, and the rest is left alone', async () => {
    write('package.json', {
      name: '@team/web',
      version: '1.0.0',
      bin: './cli.js',
      engines: { node: '>=20' },
      scripts: { start: 'x', odd: 7 },
    });
    const file = await readPackageFile(folder);
    assert.deepEqual(file, {
      name: '@team/web',
      version: '1.0.0',
      bin: { web: './cli.js' },
      scripts: { start: 'x' },
      engine: '>=20',
      hasDependencies: false,
    });
    checkEngine(file, 'v26.10.0', '');
    assert.throws(
      () => checkEngine({ ...file, engine: '^22' }, 'v26.10.0', 'do this'),
      /wants Node.js \^22 .* v26.10.0; do this/,
    );
  });

  test('what is missing or broken is told with the way out', async () => {
    await assert.rejects(readPackageFile(folder), /there is no .*package.json/);
    write('package.json', '{');
    await assert.rejects(readPackageFile(folder), /package.json is no JSON/);
    write('package.json', '[]');
    await assert.rejects(readPackageFile(folder), /must hold an object/);
  });

  test('dependencies need a lock file of npm, of a version that says everything', async () => {
    write('package.json', { name: 'web' });
    assert.equal(await lock(), undefined);
    write('package.json', { name: 'web', dependencies: { pg: '^8' } });
    await assert.rejects(lock(), /no lock file.*npm install --package-lock-only/);
    write('pnpm-lock.yaml', '');
    await assert.rejects(lock(), /locked by pnpm \(pnpm-lock.yaml\), and naru installs with npm/);
    write('package-lock.json', { lockfileVersion: 1 });
    await assert.rejects(lock(), /old npm/);
    write('package-lock.json', {
      lockfileVersion: 3,
      packages: {
        'node_modules/sharp': { hasInstallScript: true },
        'node_modules/a/node_modules/b': { hasInstallScript: true },
        'node_modules/esbuild': { hasInstallScript: true, dev: true },
        'node_modules/pg': {},
      },
    });
    assert.deepEqual((await lock())?.withInstallScript, ['sharp', 'b']);
  });
});

test('why npm failed is told in a sentence', () => {
  const said = (output: string, code: unknown = 1) => explainNpm('npm ci', { code }, output);
  assert.match(said('', 'ENOENT'), /npm was not found.*apt-get install npm/);
  assert.match(
    said('npm error code ENOTFOUND\nnpm error request to https://r/pg failed'),
    /cannot be reached.*is there a network/,
  );
  assert.match(
    said('npm error `npm ci` can only install packages when your package.json and package-lock.json are in sync'),
    /do not agree/,
  );
  assert.match(said('npm error code E401\nnpm error Unable to authenticate'), /wants a sign-in.*\.npmrc/);
  assert.match(said('npm error code EINTEGRITY\nnpm error sha512-x'), /its digest differs/);
  assert.equal(
    said('npm error code 2\nnpm error x.ts: wrong\nnpm error A complete log of this run'),
    'npm ci failed: x.ts: wrong',
  );
  assert.match(explainNpm('npm ci', { killed: true }, ''), /took longer than 15 minutes/);
});

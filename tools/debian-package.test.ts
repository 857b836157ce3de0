import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  debianMirror,
  explain,
  fetchDebianPackage,
  fetchDebianPackages,
  newestOf,
  unpackedVersion,
} from './debian-package.ts';

test('the mirror comes from a one-line source', () => {
  const source =
    '# deb http://old.example/debian stable main\ndeb [signed-by=/k.gpg] http://mirror.example/debian/ bookworm main\n';
  assert.equal(debianMirror([source]), 'http://mirror.example/debian');
});

test('the mirror comes from a deb822 source, whose comments are passed over', () => {
  const source =
    'Types: deb\n# URIs: http://snapshot.example/debian\nURIs: http://mirror.example/debian\nSuites: trixie\n';
  assert.equal(debianMirror([source]), 'http://mirror.example/debian');
});

test('a security archive and other vendors are not taken for the mirror', () => {
  const sources = ['URIs: http://deb.example/debian-security\n', 'deb https://packages.example/apt stable main\n'];
  assert.equal(debianMirror(sources), 'http://deb.debian.org/debian');
});

test('a machine without a network is told so in one sentence', () => {
  const said = "E: Failed to fetch http://m/debian/x  Temporary failure resolving 'm'";
  const sentence = explain(said, ['update'], 'http://m/debian');
  assert.equal(
    sentence,
    'The Debian mirror http://m/debian cannot be reached, and apt-get update needs it: is there a network?',
  );
});

test('what apt says about anything else is passed on', () => {
  assert.equal(explain('E: no space left', ['download', 'x=1'], 'm'), 'apt-get download x=1 failed: E: no space left');
});

test('a package that is in the cache needs neither apt nor a network', async (context) => {
  const cacheDir = mkdtempSync(join(tmpdir(), 'naru-debian-'));
  context.after(() => rmSync(cacheDir, { recursive: true }));
  const folder = join(cacheDir, 'debian/forky/unpacked/hello_1.0-1');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, '.version'), '1.0-1\n');
  const found = await fetchDebianPackage({ name: 'hello', suite: 'forky', version: '1.0-1', cacheDir });
  assert.equal(found, folder);
  assert.equal(unpackedVersion(found), '1.0-1');
});

test('several packages that are in the cache come by their names', async (context) => {
  const cacheDir = mkdtempSync(join(tmpdir(), 'naru-debian-'));
  context.after(() => rmSync(cacheDir, { recursive: true }));
  const folders = ['one', 'two'].map((name) => join(cacheDir, 'debian/forky/unpacked', name));
  for (const folder of folders) mkdirSync(folder, { recursive: true });
  const found = await fetchDebianPackages(['two', 'one'], 'forky', cacheDir);
  assert.deepEqual(
    [...found],
    [
      ['two', folders[1]],
      ['one', folders[0]],
    ],
  );
});

test('the newest version of each package is the first that apt names', () => {
  const said =
    ' zlib1g | 1:1.3-1 | http://m sid/main\n zlib1g | 1:1.2-9 | http://m sid/main\n   libc6 | 2.36-9 | http://m sid/main\n';
  assert.deepEqual(
    [...newestOf(said)],
    [
      ['zlib1g', '1:1.3-1'],
      ['libc6', '2.36-9'],
    ],
  );
});

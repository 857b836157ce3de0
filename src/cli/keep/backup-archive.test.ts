import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { pack } from 'tar-stream';
import { type BackupManifest, backupFormat, describeFile, readBackup, writeBackup } from './backup-archive.ts';

function places(context: TestContext): { readonly at: (name: string) => string; readonly target: string } {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-archive-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const target = path.join(folder, 'unpacked');
  mkdirSync(target);
  return { at: (name) => path.join(folder, name), target };
}

const manifest = (more: Partial<BackupManifest> = {}): BackupManifest => ({
  format: backupFormat,
  version: '1.2.3',
  time: '2026-01-02T03:04:05.000Z',
  revision: 7,
  objects: 3,
  nodeName: 'one',
  machine: 'abc',
  home: '/var/lib/naru',
  volumes: [],
  files: [],
  ...more,
});

async function archiveOf(
  entries: readonly (readonly [name: string, content: string, type?: 'symlink'])[],
): Promise<Buffer> {
  const archive = pack();
  for (const [name, content, type] of entries) {
    if (type === 'symlink') archive.entry({ name, type, linkname: content });
    else archive.entry({ name }, content);
  }
  archive.finalize();
  return gzipSync(Buffer.concat(await Array.fromAsync(archive as unknown as AsyncIterable<Buffer>)));
}

const fileOf = (name: string, content: string) => ({
  path: name,
  bytes: Buffer.byteLength(content),
  sha256: createHash('sha256').update(content).digest('hex'),
});

test('what was written is read back, for its owner alone', async (context) => {
  const { at, target } = places(context);
  const contents = { 'state.db': 'state '.repeat(100_000), 'certificates/ca.crt': 'authority', 'registries.yaml': '' };
  const sources = await Promise.all(
    Object.entries(contents).map(([name, text], index) => {
      writeFileSync(at(`source-${index}`), text);
      return describeFile(name, at(`source-${index}`));
    }),
  );
  await writeBackup(at('saved'), manifest(), sources);
  assert.equal(statSync(at('saved')).mode & 0o777, 0o600);
  assert.ok(!existsSync(at('saved.partial')));
  const read = await readBackup(at('saved'), target);
  assert.deepEqual([read.revision, read.nodeName, read.files.length], [7, 'one', 3]);
  for (const [name, text] of Object.entries(contents)) {
    assert.equal(readFileSync(path.join(target, name), 'utf8'), text);
    assert.equal(statSync(path.join(target, name)).mode & 0o777, 0o600);
  }
});

test('a backup that cannot be finished leaves nothing', async (context) => {
  const { at } = places(context);
  writeFileSync(at('source'), 'x');
  const source = await describeFile('state.db', at('source'));
  rmSync(at('source'));
  await assert.rejects(writeBackup(at('saved'), manifest(), [source]), { code: 'ENOENT' });
  assert.deepEqual(readdirSync(path.dirname(at('x'))), ['unpacked']);
});

const good = [fileOf('state.db', 'state'), fileOf('certificates/ca.crt', 'ca')];
const entries = (files: readonly unknown[], more: object = {}) =>
  [
    ['manifest.json', JSON.stringify({ ...manifest(), files, ...more })],
    ['state.db', 'state'],
    ['certificates/ca.crt', 'ca'],
  ] as const;

for (const [what, content, why] of [
  ['a newer form', entries(good, { format: backupFormat + 1, version: '9.0.0' }), /made by a newer naru \(9\.0\.0/],
  ['no form', entries(good, { format: 'x' }), /its manifest makes no sense/],
  ['no state', [['manifest.json', JSON.stringify(manifest({ files: [] }))]], /it holds no state/],
  ['no manifest', [['state.db', 'state']], /does not begin with a manifest/],
  ['nothing at all', [], /it is empty/],
  ['a manifest that is no JSON', [['manifest.json', '{']], /its manifest is not JSON/],
  ['a path that leads out', entries([...good, fileOf('../../etc/passwd', 'x')]), /its manifest makes no sense/],
  ['a path of its own', entries([...good, fileOf('containerd/config.toml', 'x')]), /its manifest makes no sense/],
  ['a folder for a file', entries([...good, fileOf('certificates/..', 'x')]), /its manifest makes no sense/],
  ['a size that is none', entries([{ ...good[0], bytes: -1 }]), /its manifest makes no sense/],
  ['another content', entries([{ ...fileOf('state.db', 'STATE') }, good[1]]), /state\.db is not what was written/],
  ['another size', entries([fileOf('state.db', 'longer'), good[1]]), /entry "state\.db" is not as its manifest says/],
  ['a file that is missing', entries([...good, fileOf('settings.json', '{}')]), /settings\.json is missing/],
  ['a file that nobody announced', [...entries(good), ['registries.yaml', 'x']], /entry "registries\.yaml" is not as/],
  ['a file twice', [...entries(good), ['state.db', 'state']], /entry "state\.db" is not as/],
  ['a link', [entries(good)[0], ['state.db', '/etc/passwd', 'symlink']], /entry "state\.db" is not as/],
] as const) {
  test(`${what} is refused, and nothing leaves the folder`, async (context) => {
    const { at, target } = places(context);
    writeFileSync(at('saved'), await archiveOf(content));
    await assert.rejects(readBackup(at('saved'), target), why);
    assert.deepEqual(readdirSync(path.dirname(target)).toSorted(), ['saved', 'unpacked']);
  });
}

test('what is cut off, no archive, or not there is told in a sentence', async (context) => {
  const { at, target } = places(context);
  const whole = await archiveOf(entries(good));
  writeFileSync(at('cut'), whole.subarray(0, whole.length - 20));
  writeFileSync(at('text'), 'hello');
  writeFileSync(at('plain'), gunzipSync(whole));
  for (const name of ['cut', 'text', 'plain']) {
    rmSync(target, { recursive: true });
    mkdirSync(target);
    await assert.rejects(
      readBackup(at(name), target),
      /is no backup that naru made, or it is cut off or damaged/,
      name,
    );
  }
  await assert.rejects(readBackup(at('missing'), target), /there is no backup /);
  await assert.rejects(readBackup(target, target), /cannot be read \(EISDIR\)/);
});

test('a file of the same name that somebody else prepared gets nothing of it', async (context) => {
  const { at } = places(context);
  writeFileSync(at('source'), 'state');
  writeFileSync(at('theirs'), 'before', { mode: 0o666 });
  symlinkSync(at('theirs'), at('saved.partial'));
  await writeBackup(at('saved'), manifest(), [await describeFile('state.db', at('source'))]);
  assert.equal(readFileSync(at('theirs'), 'utf8'), 'before');
  assert.ok(lstatSync(at('saved')).isFile());
  assert.equal(statSync(at('saved')).mode & 0o777, 0o600);
});

test('a manifest whose facts are none is refused before anything is restored', async (context) => {
  const { at, target } = places(context);
  const files = [fileOf('state.db', 'state')];
  for (const more of [
    { volumes: 'all' },
    { volumes: [1] },
    { revision: 'x' },
    { nodeName: 'a\u001b[2J' },
    { home: {} },
  ]) {
    const text = JSON.stringify({ ...manifest({ files }), ...more });
    writeFileSync(
      at('saved'),
      await archiveOf([
        ['manifest.json', text],
        ['state.db', 'state'],
      ]),
    );
    await assert.rejects(readBackup(at('saved'), target), /its manifest makes no sense/);
  }
});

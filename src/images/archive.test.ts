import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { extract, pack } from 'tar-stream';
import { checkImageArchive } from './archive-reader.ts';
import { type LayerEntry, writeImageArchive } from './archive-writer.ts';

const entries: readonly LayerEntry[] = [
  { path: 'etc/motd', type: 'file', mode: 0o644, content: Buffer.from('hello') },
  { path: 'etc', type: 'directory', mode: 0o755 },
  { path: 'bin', type: 'symlink', mode: 0o777, target: 'usr/bin' },
];
const specification = {
  names: ['web'],
  architecture: 'amd64',
  config: { Cmd: ['/x'] },
  layers: [{ entries }],
} as const;

describe('image archives', () => {
  let folder = '';
  const file = (name: string): string => path.join(folder, name);
  before(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'naru-archive-'));
  });
  after(() => rmSync(folder, { recursive: true }));

  test('what was written is read as both forms, plain and compressed', async () => {
    const written = await writeImageArchive(specification, file('web.tar'));
    assert.deepEqual(written.names, ['docker.io/library/web:latest']);
    const plain = readFileSync(file('web.tar'));
    writeFileSync(file('web.tar.gz'), gzipSync(plain));
    writeFileSync(file('web.tar.zst'), zstdCompressSync(plain));
    for (const [name, compression] of [
      ['web.tar', 'none'],
      ['web.tar.gz', 'gzip'],
      ['web.tar.zst', 'zstd'],
    ] as const) {
      assert.deepEqual(await checkImageArchive(file(name)), { format: 'both', compression, names: written.names });
    }
  });

  test('the same files give the same bytes, in whatever order they come, and no other file stays', async () => {
    await writeImageArchive(specification, file('one.tar'));
    await writeImageArchive({ ...specification, layers: [{ entries: entries.toReversed() }] }, file('two.tar'));
    assert.deepEqual(readFileSync(file('one.tar')), readFileSync(file('two.tar')));
    assert.deepEqual(
      readdirSync(folder).filter((name) => name.startsWith('.')),
      [],
    );
  });

  test('the layer holds the files, parents before children', async () => {
    const { layers } = await writeImageArchive(specification, file('layer.tar'));
    const contents = await unpack(readFileSync(file('layer.tar')));
    const layer = [...contents].find(
      ([name, bytes]) => name.startsWith('blobs/') && bytes.length === layers[0]?.sizeBytes,
    )?.[1];
    assert.deepEqual([...(await unpack(layer as Buffer)).keys()], ['bin', 'etc/', 'etc/motd']);
  });

  test('a path that comes twice is refused', async () => {
    const twice = { ...specification, layers: [{ entries: [...entries, ...entries] }] };
    await assert.rejects(writeImageArchive(twice, file('twice.tar')), /etc\/motd twice/);
  });

  test('a file of this machine that is not there is refused, and nothing is written', async () => {
    const missing: LayerEntry = { path: 'x', type: 'file', mode: 0o644, source: file('absent'), sizeBytes: 1 };
    await assert.rejects(
      writeImageArchive({ ...specification, layers: [{ entries: [missing] }] }, file('missing.tar')),
      /ENOENT/,
    );
    assert.ok(!readdirSync(folder).some((name) => name.includes('missing')));
  });

  test('what is no image archive is refused with a sentence that says what it is', async () => {
    const refused = async (name: string, content: Buffer, reason: RegExp): Promise<void> => {
      writeFileSync(file(name), content);
      await assert.rejects(checkImageArchive(file(name)), reason, name);
    };
    const whole = readFileSync(file('web.tar'));
    const manifest = JSON.stringify([{ Config: 'c.json', RepoTags: ['x:1'], Layers: ['l.tar'] }]);
    await refused('empty', Buffer.alloc(0), /is empty/);
    await refused('text', Buffer.from('<html>not found</html>'.repeat(50)), /neither a tar file nor one compressed/);
    await refused('cut.tar', whole.subarray(0, 6 * 512), /damaged, or cut off|incomplete/);
    await refused('cut.gz', gzipSync(whole).subarray(0, 300), /damaged, or cut off/);
    await refused('rootfs.tar', await tarOf({ 'etc/passwd': 'root' }), /neither an index.json .* root file system/);
    await refused(
      'half.tar',
      await tarOf({ 'manifest.json': manifest, 'c.json': '{}' }),
      /incomplete: manifest.json names l.tar/,
    );
    await assert.rejects(checkImageArchive(file('absent')), /absent cannot be read \(ENOENT\)$/);
    await refused('bad.tar', await tarOf({ 'manifest.json': '[{' }), /manifest.json in .* is not JSON/);
  });

  test('a docker archive with and without names is one', async () => {
    for (const [RepoTags, names] of [
      [['x:1'], ['x:1']],
      [null, []],
    ] as const) {
      const manifest = JSON.stringify([{ Config: 'c.json', RepoTags, Layers: ['l.tar'] }]);
      writeFileSync(file('docker.tar'), await tarOf({ 'c.json': '{}', 'l.tar': '', 'manifest.json': manifest }));
      assert.deepEqual(await checkImageArchive(file('docker.tar')), { format: 'docker', compression: 'none', names });
    }
  });
});

async function tarOf(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const tar = pack();
  for (const [name, content] of Object.entries(files)) tar.entry({ name }, content);
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function unpack(archive: Buffer): Promise<Map<string, Buffer>> {
  const tar = extract();
  tar.end(archive);
  const contents = new Map<string, Buffer>();
  for await (const entry of tar) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry as AsyncIterable<unknown>) chunks.push(chunk as Buffer);
    contents.set(entry.header.name, Buffer.concat(chunks));
  }
  return contents;
}

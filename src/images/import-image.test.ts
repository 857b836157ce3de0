/** What is asked of ctr, with a program of our own in its place. The real one is asked in test/cluster/images.test.ts. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { writeImageArchive } from './archive-writer.ts';
import { importImage } from './import-image.ts';

const specification = {
  names: ['web'],
  architecture: 'amd64',
  config: { Cmd: ['/x'] },
  layers: [{ entries: [] }],
} as const;
const name = 'docker.io/library/web:latest';

describe('importing an image', () => {
  let folder = '';
  let plain: Buffer;
  const file = (base: string): string => path.join(folder, base);
  before(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'naru-import-'));
    await writeImageArchive(specification, file('web.tar'));
    plain = readFileSync(file('web.tar'));
  });
  after(() => rmSync(folder, { recursive: true }));

  /** A ctr that notes its commands, and runs `onImport` for an import. */
  const fakeCtr = (base: string, onImport: string): string => {
    const script = `#!/bin/sh
cd '${folder}'
shift 4
echo "$*" >> ${base}.commands
case "$*" in
  images\\ import*) ${onImport} ;;
  images\\ list*) echo "REF TYPE DIGEST SIZE"; cat ${base}.digest 2>/dev/null || true ;;
esac
`;
    writeFileSync(file(base), script, { mode: 0o755 });
    return file(base);
  };
  const commands = (base: string): string[] =>
    readFileSync(file(`${base}.commands`), 'utf8')
      .trimEnd()
      .split('\n');

  test('a plain archive is read by ctr itself', async () => {
    const ctr = fakeCtr('plain', 'true');
    assert.deepEqual(await importImage(file('web.tar'), { containerdAddress: '/s', ctr }), [name]);
    assert.ok(commands('plain').includes(`images import ${file('web.tar')}`));
  });

  test('a compressed one is decompressed on the way', async () => {
    const compressed = { gzip: gzipSync(plain), zstd: zstdCompressSync(plain) };
    for (const [form, bytes] of Object.entries(compressed)) {
      writeFileSync(file(`web.${form}`), bytes);
      const ctr = fakeCtr(form, `cat > ${form}.seen`);
      assert.deepEqual(await importImage(file(`web.${form}`), { containerdAddress: '/s', ctr }), [name]);
      assert.ok(commands(form).includes('images import -'));
      assert.deepEqual(readFileSync(file(`${form}.seen`)), plain);
    }
  });

  test('an image that could not be unpacked does not stay under its name', async () => {
    const ctr = fakeCtr('fails', `echo "${name} type sha256:1 1" > fails.digest; echo wrong diff id >&2; exit 1`);
    const importing = importImage(file('web.tar'), { containerdAddress: '/s', ctr });
    await assert.rejects(importing, /^Error: ctr images import: wrong diff id$/);
    assert.equal(commands('fails').at(-1), `images remove ${name}`);
  });

  test('an image that was there before, and was not touched, stays', async () => {
    writeFileSync(file('stays.digest'), `${name} type sha256:0 1\n`);
    const ctr = fakeCtr('stays', 'echo not now >&2; exit 1');
    await assert.rejects(importImage(file('web.tar'), { containerdAddress: '/s', ctr }), /not now/);
    assert.ok(!commands('stays').some((command) => command.startsWith('images remove')));
  });
});

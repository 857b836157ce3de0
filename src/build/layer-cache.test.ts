import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { RealClock } from '../lib/clock.ts';
import { LayerCache } from './layer-cache.ts';
import { makeWorkFolder } from './work-folder.ts';

test('a layer is made once; one that is damaged, or was never finished, is made again', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-layer-cache-'));
  try {
    const cache = new LayerCache(folder, new RealClock());
    let made = 0;
    const get = () =>
      cache.get('key', async (file) => {
        made++;
        writeFileSync(file, 'layer');
        return { file, digest: 'sha256:1', diffId: 'sha256:1', sizeBytes: 5, mediaType: 'x' };
      });
    const first = await get();
    assert.deepEqual(await get(), first);
    assert.equal(made, 1);
    truncateSync(first.file, 2);
    assert.deepEqual(await get(), first);
    assert.equal(made, 2);
    rmSync(path.join(folder, 'layers', 'key.json'));
    await get();
    assert.equal(made, 3);
    await assert.rejects(
      cache.get('other', () => Promise.reject(new Error('failed'))),
      /failed/,
    );
    assert.deepEqual(readdirSync(path.join(folder, 'layers')).sort(), ['key.json', 'key.tar']);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('folders of builds that were killed are removed by the next one; those of others that run stay', async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-work-folder-'));
  try {
    const dead = path.join(folder, 'work-4194303-abc');
    const alive = `work-${process.ppid}-abc`;
    writeFileSync(dead, '');
    writeFileSync(path.join(folder, alive), '');
    const own = await makeWorkFolder(folder);
    assert.deepEqual(readdirSync(folder).sort(), [path.basename(own), alive].sort());
  } finally {
    rmSync(folder, { recursive: true });
  }
});

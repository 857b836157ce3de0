import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { removeTemporaryFolder } from './node.ts';

test('what a volume kept below /tmp is removed; what a link leads to elsewhere is not', async (t) => {
  const folder = mkdtempSync('/tmp/naru-volume-');
  const elsewhere = mkdtempSync('/var/tmp/naru-volume-');
  t.after(() => {
    for (const one of [folder, elsewhere]) rmSync(one, { recursive: true, force: true });
  });
  mkdirSync(path.join(folder, 'data', 'deep'), { recursive: true });
  mkdirSync(path.join(elsewhere, 'precious'));
  symlinkSync(elsewhere, path.join(folder, 'link'));
  await removeTemporaryFolder(path.join(folder, 'data'));
  assert.equal(existsSync(path.join(folder, 'data')), false);
  await assert.rejects(removeTemporaryFolder(path.join(folder, 'link', 'precious')), /is not below \/tmp/);
  await removeTemporaryFolder(path.join(folder, 'link'));
  assert.equal(existsSync(path.join(elsewhere, 'precious')), true);
  await removeTemporaryFolder(path.join(folder, 'never', 'there'));
});

/** Unified diffs beside what `diff -u` writes. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { SeededPrng } from '../lib/prng.ts';
import { unifiedDiff } from './text-diff.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-diff-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('one changed line, with what stands around it', () => {
  assert.equal(
    unifiedDiff('a\nb\nc\nd\ne\nf\n', 'a\nb\nc\nx\ne\nf\n', 'old', 'new'),
    '--- old\n+++ new\n@@ -1,6 +1,6 @@\n a\n b\n c\n-d\n+x\n e\n f',
  );
  assert.equal(unifiedDiff('', 'a\nb\n', 'old', 'new'), '--- old\n+++ new\n@@ -0,0 +1,2 @@\n+a\n+b');
  assert.equal(unifiedDiff('a\n', 'a\n', 'old', 'new'), '');
});

test('whatever the texts, patching the first with the diff gives the second', () => {
  const prng = new SeededPrng(7);
  const below = (count: number): number => Math.floor(prng.next() * count);
  for (let round = 0; round < 40; round++) {
    const text = (): string => Array.from({ length: below(25) }, () => `${'abcd'[below(4)]}\n`).join('');
    const [before, after] = [text(), text()];
    const file = path.join(folder, 'text');
    writeFileSync(file, before);
    const diff = unifiedDiff(before, after, 'text', 'text');
    if (diff === '') {
      assert.equal(before, after);
      continue;
    }
    const { status, stdout } = spawnSync('patch', ['-s', '-p0', '--no-backup-if-mismatch', file], {
      input: `${diff}\n`,
    });
    assert.equal(status, 0, `${diff}\n${String(stdout)}`);
    // patch removes a file that became empty.
    assert.equal(after === '' ? '' : readFileSync(file, 'utf8'), after);
  }
});

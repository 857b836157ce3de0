import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { turnLog } from './files.ts';

test('a log that is large is kept once, and cut also where there is no room to keep it', async (context) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'naru-log-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const file = path.join(folder, 'access.log');
  writeFileSync(file, 'first');
  await turnLog(file);
  assert.deepEqual([readFileSync(`${file}.1`, 'utf8'), statSync(file).size], ['first', 0]);
  writeFileSync(file, 'second');
  // No copy can be made there.
  mkdirSync(`${file}.new`);
  await assert.rejects(turnLog(file));
  assert.deepEqual([readFileSync(`${file}.1`, 'utf8'), statSync(file).size], ['first', 0]);
  assert.equal(existsSync(`${file}.new`), false);
});

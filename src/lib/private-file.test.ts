import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { replacePrivateFile } from './private-file.ts';

test('a private file is replaced as a whole, for its owner alone, and not through what somebody else prepared', (context) => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-private-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const [file, theirs] = [path.join(folder, 'config'), path.join(folder, 'theirs')];
  writeFileSync(file, 'old', { mode: 0o644 });
  writeFileSync(theirs, 'before', { mode: 0o666 });
  symlinkSync(theirs, `${file}.new`);
  replacePrivateFile(file, 'secret');
  assert.equal(readFileSync(file, 'utf8'), 'secret');
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(readFileSync(theirs, 'utf8'), 'before');
  assert.deepEqual(readdirSync(folder).toSorted(), ['config', 'theirs']);
});

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { PathWatch } from './path-watch.ts';

test('a folder that is made later is heard of from its opening on, and no more after the close', async (context) => {
  const root = mkdtempSync(path.join(os.tmpdir(), 'naru-path-watch-'));
  context.after(() => rmSync(root, { recursive: true }));
  let heard = Promise.withResolvers<void>();
  let count = 0;
  const changes = new PathWatch(root, () => {
    count++;
    heard.resolve();
  });
  context.after(() => changes.close());
  rmSync(root, { recursive: true });
  changes.open();
  mkdirSync(root);
  changes.open();
  changes.open();
  writeFileSync(path.join(root, 'file'), '');
  await heard.promise;
  changes.close();
  const before = count;
  heard = Promise.withResolvers();
  const other = new PathWatch(root, () => heard.resolve());
  context.after(() => other.close());
  other.open();
  writeFileSync(path.join(root, 'other'), '');
  await heard.promise;
  assert.equal(count, before);
});

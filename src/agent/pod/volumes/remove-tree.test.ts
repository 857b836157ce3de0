import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { removeTree } from './remove-tree.ts';
import { pathOf } from './safe-path.ts';

function place(context: TestContext): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-remove-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

test('a tree goes with all that is in it, and what its links lead to stays', async (context) => {
  const folder = place(context);
  const [tree, outside] = [path.join(folder, 'tree'), path.join(folder, 'outside')];
  for (const made of [outside, path.join(tree, 'a/b'), path.join(tree, 'empty')]) mkdirSync(made, { recursive: true });
  writeFileSync(path.join(outside, 'kept'), 'x');
  writeFileSync(path.join(tree, 'a/b/file'), 'x');
  writeFileSync(Buffer.concat([Buffer.from(`${tree}/a/`), Buffer.of(0xff, 0xfe, 0x41)]), 'no UTF-8');
  symlinkSync(outside, path.join(tree, 'a/link'));
  symlinkSync('/nowhere', path.join(tree, 'broken'));
  await removeTree(tree);
  assert.equal(existsSync(tree), false);
  assert.equal(readFileSync(path.join(outside, 'kept'), 'utf8'), 'x');
  await removeTree(tree);
});

test('a folder that is a link is not followed', async (context) => {
  const folder = place(context);
  mkdirSync(path.join(folder, 'outside/deep'), { recursive: true });
  symlinkSync(path.join(folder, 'outside'), path.join(folder, 'tree'));
  await assert.rejects(removeTree(path.join(folder, 'tree')), /ENOTDIR|ELOOP/);
  assert.ok(existsSync(path.join(folder, 'outside/deep')));
});

test('a tree that is deeper than any path is long goes, too', async (context) => {
  const tree = path.join(place(context), 'tree');
  mkdirSync(tree);
  let handle = await fs.open(tree, 'r');
  for (let level = 0; level < 600; level++) {
    const below = `${pathOf(handle)}/a-name-of-a-folder`;
    await fs.mkdir(below);
    await fs.writeFile(`${below}.txt`, '');
    const next = await fs.open(below, 'r');
    await handle.close();
    handle = next;
  }
  await handle.close();
  await removeTree(tree);
  assert.equal(existsSync(tree), false);
});

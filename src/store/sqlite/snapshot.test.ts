import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import type { KubeObject } from '../../api/object.ts';
import { RealClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { SqliteStore } from '../sqlite-store.ts';
import { HistoryCompacted } from '../store.ts';
import { bumpRevision, checkSnapshot, revisionOf, revisionsSkipped, takeSnapshot, whileUnused } from './snapshot.ts';

function folderFor(context: TestContext): (name: string) => string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'naru-snapshot-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return (name) => path.join(folder, name);
}

async function open(file: string): Promise<SqliteStore> {
  const store = new SqliteStore({ file, clock: new RealClock(), log: silentLogger });
  await store.start();
  return store;
}

const collection = 'configmaps';
const key = (name: string) => ({ collection, namespace: 'default', name });
const put = (store: SqliteStore, name: string, value: string) =>
  store.write({
    kind: 'put',
    key: key(name),
    object: { metadata: { namespace: 'default', name }, data: { value } } as KubeObject,
    expectedRevision: store.get(key(name))?.revision ?? 0,
  });

test('a snapshot under load holds what was acknowledged before, each batch whole', async (context) => {
  const at = folderFor(context);
  const store = await open(at('state.db'));
  await Promise.all(Array.from({ length: 300 }, (_, index) => put(store, `before-${index}`, 'x')));
  const stop = new AbortController();
  const writing = (async () => {
    for (let index = 0; !stop.signal.aborted; index++) await put(store, `during-${index}`, 'y');
  })();
  const facts = takeSnapshot(at('state.db'), at('copy.db'));
  stop.abort();
  await writing;
  await store.close();
  assert.equal(statSync(at('copy.db')).mode & 0o777, 0o600);
  const copy = await open(at('copy.db'));
  const names = copy.list(collection).entries.map((entry) => entry.key.name);
  assert.equal(names.filter((name) => name.startsWith('before-')).length, 300);
  assert.equal(facts.objects, names.length);
  assert.equal(copy.revision, facts.revision);
  await copy.close();
});

test('after a restore revisions go on beyond all that anybody may have seen, and older watches are told to list again', async (context) => {
  const at = folderFor(context);
  const store = await open(at('state.db'));
  await put(store, 'a', 'one');
  await put(store, 'a', 'two');
  await put(store, 'b', 'one');
  takeSnapshot(at('state.db'), at('copy.db'));
  await put(store, 'c', 'later');
  const seen = store.revision;
  await store.close();

  assert.equal(revisionOf(at('state.db')), seen);
  const next = bumpRevision(at('copy.db'), seen);
  assert.equal(next, seen + revisionsSkipped);
  const copy = await open(at('copy.db'));
  assert.equal(copy.revision, next);
  assert.deepEqual(
    copy.list(collection).entries.map((entry) => [entry.key.name, (entry.object as { data?: unknown }).data]),
    [
      ['a', { value: 'two' }],
      ['b', { value: 'one' }],
    ],
  );
  assert.throws(
    () => copy.watch({ collection, afterRevision: seen }, { event: () => {}, end: () => {} }),
    HistoryCompacted,
  );
  const written = await put(copy, 'd', 'new');
  assert.equal(written.revision, next + 1);
  await copy.close();
  const again = await open(at('copy.db'));
  assert.equal(again.revision, next + 1);
  assert.equal(again.list(collection).entries.length, 3);
  await again.close();
});

test('what is no state file, or a damaged one, is told', (context) => {
  const at = folderFor(context);
  writeFileSync(at('text'), 'hello '.repeat(1000));
  assert.throws(() => checkSnapshot(at('text')), /is not a naru state file, or its beginning is damaged/);
  assert.throws(() => takeSnapshot(at('missing.db'), at('copy')), /The state file .*missing\.db cannot be opened/);
  assert.ok(!existsSync(at('missing.db')) && !existsSync(at('copy')));
  assert.equal(revisionOf(at('text')), 0);
  assert.equal(revisionOf(at('nothing')), 0);
});

test('nobody restores over a naru that runs', async (context) => {
  const at = folderFor(context);
  const store = await open(at('state.db'));
  await assert.rejects(
    whileUnused(at('state.db'), async () => {}),
    /in use by another running naru/,
  );
  await store.close();
  assert.equal(await whileUnused(at('state.db'), async () => 7), 7);
});

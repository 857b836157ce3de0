/** What the contract cannot test: the file, and what can go wrong with it. */
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import type { Worker } from 'node:worker_threads';
import { RealClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { SqliteStore, type SqliteStoreOptions } from '../sqlite-store.ts';
import { type Entry, type Store, type StoreKey, StoreUnavailable } from '../store.ts';
import { pack } from './pack.ts';
import { SqliteFile } from './sqlite-file.ts';
import { WorkerFile } from './worker-file.ts';

const clock = new RealClock();

const endings = new WeakMap<TestContext, (() => unknown)[]>();

/** What is set up last is taken down first: stores before their folders, mounts between. (`t.after` runs them in order.) */
function atEnd(t: TestContext, ending: () => unknown): void {
  const known = endings.get(t);
  if (known !== undefined) {
    known.unshift(ending);
    return;
  }
  const all = [ending];
  endings.set(t, all);
  t.after(async () => {
    for (const next of all) await next();
  });
}

function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'naru-sqlite-'));
  atEnd(t, () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Not started; closed when the test ends. */
function makeStore(t: TestContext, file: string, options: Partial<SqliteStoreOptions> = {}): SqliteStore {
  const store = new SqliteStore({ file, clock, log: silentLogger, ...options });
  atEnd(t, () => store.close());
  return store;
}

async function openStore(
  t: TestContext,
  file: string,
  options: Partial<SqliteStoreOptions> = {},
): Promise<SqliteStore> {
  const store = makeStore(t, file, options);
  await store.start();
  return store;
}

const key = (name: string): StoreKey => ({ collection: 'configmaps', namespace: 'a', name });

const put = (store: Store, name: string, data = '', expectedRevision = 0): Promise<Entry> =>
  store.write({ kind: 'put', key: key(name), object: { metadata: { name, annotations: { data } } }, expectedRevision });

/** Until the worker has taken over from the main thread, as far as this can be told from outside. */
const untilWorkerWrites = (): Promise<void> => clock.sleep(300);

/** A closed state file with `count` objects of 2 KB. */
async function makeFile(t: TestContext, count = 50): Promise<string> {
  const file = join(temporaryFolder(t), 'naru.db');
  const store = await openStore(t, file);
  await Promise.all(Array.from({ length: count }, (_, i) => put(store, `c${i}`, 'x'.repeat(2000))));
  await store.close();
  return file;
}

/** Starting on `file` must fail with `message`, name the file, and leave it as it was. */
async function assertRefused(t: TestContext, file: string, message: RegExp): Promise<void> {
  const before = readFileSync(file);
  await assert.rejects(makeStore(t, file).start(), (error: Error) => {
    assert.match(error.message, message);
    assert.ok(error.message.includes(file), error.message);
    return true;
  });
  assert.ok(readFileSync(file).equals(before), 'the file was changed');
}

test('a new state file and all its companions can be read by their owner alone', async (t) => {
  const folder = join(temporaryFolder(t), 'made', 'for it');
  const store = await openStore(t, join(folder, 'naru.db'));
  await put(store, 'a');
  const modes = readdirSync(folder).map((name) => `${name} ${(statSync(join(folder, name)).mode & 0o777).toString(8)}`);
  assert.deepEqual(modes.sort(), ['naru.db 600', 'naru.db-shm 600', 'naru.db-wal 600', 'naru.db.lock 600']);
});

test('after an orderly close one file holds everything', async (t) => {
  const file = await makeFile(t);
  assert.deepEqual(readdirSync(join(file, '..')).sort(), ['naru.db', 'naru.db.lock']);
  chmodSync(file, 0o644);
  const store = await openStore(t, file);
  assert.equal(store.counts().get('configmaps'), 50);
  assert.equal(statSync(file).mode & 0o777, 0o600);
});

test('writes go on while the worker takes over from the main thread', async (t) => {
  const file = join(temporaryFolder(t), 'naru.db');
  const store = await openStore(t, file);
  const endMs = clock.monotonic() + 400;
  let count = 0;
  while (clock.monotonic() < endMs) await put(store, `c${count++}`);
  await store.close();
  const again = await openStore(t, file);
  assert.equal(again.counts().get('configmaps'), count);
  assert.equal(again.revision, count + 1);
});

test('a file that is no database is refused and left alone', async (t) => {
  const file = join(temporaryFolder(t), 'naru.db');
  for (const content of ['not a database', 'not a database '.repeat(1000)]) {
    writeFileSync(file, content);
    await assertRefused(t, file, /is not a naru state file.*Restore a backup in its place, or move it aside/);
  }
});

test("another program's database is refused and left alone", async (t) => {
  const file = join(temporaryFolder(t), 'naru.db');
  const database = new DatabaseSync(file);
  database.exec('CREATE TABLE log (revision INTEGER)');
  database.close();
  await assertRefused(t, file, /is a database of another program.*Move it aside/);
});

test('a file of a newer format is refused and left alone', async (t) => {
  const file = await makeFile(t);
  const database = new DatabaseSync(file);
  database.exec('PRAGMA user_version=3; PRAGMA wal_checkpoint(TRUNCATE)');
  database.close();
  await assertRefused(t, file, /newer naru \(format 3; this one knows 2\).*Run that newer naru/);
});

test('an empty file is not taken for a new cluster', async (t) => {
  const file = join(temporaryFolder(t), 'naru.db');
  writeFileSync(file, '');
  await assertRefused(t, file, /is empty; naru has left it as it is/);
});

test('a missing file whose write-ahead log is there is not taken for a new cluster', async (t) => {
  const file = join(temporaryFolder(t), 'naru.db');
  writeFileSync(`${file}-wal`, 'x');
  await assert.rejects(makeStore(t, file).start(), /is missing, but .*naru\.db-wal.*Restore a backup/);
  assert.deepEqual(readdirSync(join(file, '..')).sort(), ['naru.db-wal', 'naru.db.lock']);
});

test('a truncated file is refused and left alone', async (t) => {
  const file = await makeFile(t);
  truncateSync(file, 50_000);
  await assertRefused(t, file, /is damaged \(.*\).*Restore a backup/);
});

test('a file whose pages are overwritten is refused and left alone', async (t) => {
  const file = await makeFile(t);
  const bytes = readFileSync(file);
  bytes.fill(0x5a, 40_000, 60_000);
  writeFileSync(file, bytes);
  await assertRefused(t, file, /is damaged \(.*\).*Restore a backup/);
});

test('one flipped bit in one value is found, with the name of the object', async (t) => {
  const file = await makeFile(t);
  const bytes = readFileSync(file);
  // Wherever these bytes stand: SQLite leaves stale copies of rows in the free parts of its pages.
  for (let at = bytes.indexOf('"name":"c7"'); at >= 0; at = bytes.indexOf('"name":"c7"')) bytes[at + 9]! ^= 1;
  writeFileSync(file, bytes);
  await assertRefused(t, file, /is damaged \(configmaps a\/c7 at revision \d+ was altered\)/);
});

test('a missing row is found', async (t) => {
  const file = await makeFile(t);
  const database = new DatabaseSync(file);
  database.exec('DELETE FROM log WHERE revision=10; PRAGMA wal_checkpoint(TRUNCATE)');
  database.close();
  await assertRefused(t, file, /is damaged \(revision 10 is missing\)/);
});

test('a second store on the same file is refused, in this process and in another, until the first is closed', async (t) => {
  const file = join(temporaryFolder(t), 'naru.db');
  const first = await openStore(t, file);
  await put(first, 'a');
  await assert.rejects(makeStore(t, file).start(), /in use by another running naru.*naru down/);
  await assert.rejects(startElsewhere(file), /in use by another running naru/);
  await put(first, 'b');
  await first.close();
  assert.equal((await openStore(t, file)).revision, 3);
});

test('other programs can read the file while naru runs', async (t) => {
  const file = join(temporaryFolder(t), 'naru.db');
  const store = await openStore(t, file);
  await put(store, 'a');
  const database = new DatabaseSync(file, { readOnly: true });
  assert.equal(database.prepare('SELECT count(*) AS count FROM log').get()?.count, 1);
  await put(store, 'b');
  database.close();
});

test('a folder that may not be written is reported with its name', async (t) => {
  const folder = join(temporaryFolder(t), 'state');
  mkdirSync(folder);
  const file = join(folder, 'naru.db');
  // Root may write into any folder, but not onto a read-only file system.
  if (process.getuid?.() === 0) {
    if (!mountTmpfs(t, folder, 'ro')) return;
  } else {
    chmodSync(folder, 0o500);
    atEnd(t, () => chmodSync(folder, 0o700));
  }
  await assert.rejects(
    makeStore(t, file).start(),
    /cannot be opened for writing\. Make the file and the folder .*state writable/,
  );
});

test('a file that reached its limit refuses writes, keeps what was acknowledged, and goes on with more room', async (t) => {
  const file = join(temporaryFolder(t), 'naru.db');
  const fileBytesMax = 512 * 1024;
  for (const waitForWorker of [false, true]) {
    const store = await openStore(t, file, { fileBytesMax });
    if (waitForWorker) await untilWorkerWrites();
    const { count, error } = await fill(store, store.revision);
    assert.match(error.message, /There is no room for the state file .*naru\.db/);
    const before = [store.revision, store.list('configmaps').entries.length];
    await assert.rejects(put(store, 'one more', 'x'.repeat(20_000)), StoreUnavailable);
    assert.deepEqual([store.revision, store.list('configmaps').entries.length], before);
    assert.ok(waitForWorker || count > 20, `${count} writes fitted`);
    await store.close();
  }
  const store = await openStore(t, file);
  const { revision } = store;
  assert.equal(store.list('configmaps').entries.length, revision - 1);
  assert.equal((await put(store, 'one more', 'x'.repeat(20_000))).revision, revision + 1);
});

test('on a full disk writes are refused and nothing is lost; when there is room again they go on', async (t) => {
  const folder = temporaryFolder(t);
  if (!mountTmpfs(t, folder)) return;
  const ballast = join(folder, 'ballast');
  writeFileSync(ballast, Buffer.alloc(3 * 1024 * 1024));
  const file = join(folder, 'naru.db');
  const store = await openStore(t, file);
  await untilWorkerWrites();
  const { error } = await fill(store, store.revision);
  assert.match(error.message, /There is no room for the state file .* the disk is full.* Free some space/);
  const full = store.revision;
  await assert.rejects(put(store, 'more', 'x'.repeat(20_000)), StoreUnavailable);
  assert.equal(store.revision, full);
  rmSync(ballast);
  assert.equal((await put(store, 'more', 'x'.repeat(20_000))).revision, full + 1);
  await store.close();
  const again = await openStore(t, file);
  assert.equal(again.revision, full + 1);
  assert.equal(again.list('configmaps').entries.length, full);
});

test('a start on a full disk is refused with the way out, and nothing is lost', async (t) => {
  const folder = temporaryFolder(t);
  if (!mountTmpfs(t, folder)) return;
  const file = join(folder, 'naru.db');
  const store = await openStore(t, file);
  await put(store, 'a');
  await store.close();
  fillDisk(join(folder, 'ballast'));
  await assertRefused(t, file, /no room on the disk for the state file|cannot be opened/);
  rmSync(join(folder, 'ballast'));
  assert.equal((await openStore(t, file)).revision, 2);
});

test('a file that is moved away stops writes, and they go on when it is put back', async (t) => {
  const file = join(temporaryFolder(t), 'naru.db');
  const store = await openStore(t, file);
  await put(store, 'a');
  renameSync(file, `${file}.moved`);
  await assert.rejects(put(store, 'b'), (error: Error) => {
    assert.ok(error instanceof StoreUnavailable);
    assert.match(error.message, /was moved or deleted while naru was running\. Put it back/);
    return true;
  });
  assert.equal(store.get(key('b')), undefined);
  renameSync(`${file}.moved`, file);
  assert.equal((await put(store, 'b')).revision, 3);
});

test("another program's row is not overwritten", async (t) => {
  const file = join(temporaryFolder(t), 'naru.db');
  const store = await openStore(t, file);
  await put(store, 'a');
  const database = new DatabaseSync(file);
  database.exec(
    `INSERT INTO log SELECT 3, kind, collection, namespace, name, checksum, value FROM log WHERE revision=2`,
  );
  database.close();
  await assert.rejects(put(store, 'b'), /was changed by another program.*Restart naru/);
  await assert.rejects(put(store, 'b'), /was changed by another program/);
  assert.equal(store.revision, 2);
  await store.close();
  assert.equal((await openStore(t, file)).revision, 3);
});

/** A store whose worker writes, and that worker. */
async function openWithWorker(t: TestContext, file: string): Promise<{ store: SqliteStore; worker: Worker }> {
  const workers: Worker[] = [];
  const keep = (worker: Worker): unknown => workers.push(worker);
  process.on('worker', keep);
  atEnd(t, () => process.off('worker', keep));
  const store = await openStore(t, file);
  await untilWorkerWrites();
  return { store, worker: workers[0]! };
}

async function assertKept(t: TestContext, file: string, store: Store): Promise<void> {
  const [revision, names] = [store.revision, store.list('configmaps').entries.map((entry) => entry.key.name)];
  await store.close();
  const again = await openStore(t, file);
  assert.equal(again.revision, revision);
  assert.deepEqual(
    again.list('configmaps').entries.map((entry) => entry.key.name),
    names,
  );
}

test('the worker keeps nothing of what it has written', async (t) => {
  const path = join(temporaryFolder(t), 'naru.db');
  SqliteFile.create(path);
  const worker = new WorkerFile({ path, bytesMax: 1 << 30, sealing: [] });
  atEnd(t, () => worker.destroy());
  await worker.ready;
  const json = new Uint8Array(1 << 20);
  const before = process.memoryUsage().arrayBuffers;
  for (let revision = 2; revision < 34; revision++)
    await worker.commit(pack({ records: [{ kind: 'put', key: key('a'), revision, json }], compaction: undefined }));
  const kept = process.memoryUsage().arrayBuffers - before;
  assert.ok(kept < 8 << 20, `${kept} bytes are kept`);
});

test('when the worker dies at work, its batch is refused or kept as a whole, and the main thread goes on', async (t) => {
  for (const writeAfterwards of [true, false]) {
    const file = join(temporaryFolder(t), 'naru.db');
    const { store, worker } = await openWithWorker(t, file);
    const acknowledged = await put(store, 'a');
    const inFlight = Array.from({ length: 20 }, (_, i) => put(store, `b${i}`));
    await new Promise((resolve) => setImmediate(resolve));
    const ended = worker.terminate();
    const outcomes = await Promise.allSettled(inFlight);
    await ended;
    for (const outcome of outcomes)
      if (outcome.status === 'rejected') assert.ok(outcome.reason instanceof StoreUnavailable);
    const kept = outcomes.filter(({ status }) => status === 'fulfilled').length;
    assert.ok(kept === 0 || kept === 20);
    assert.equal(store.revision, acknowledged.revision + kept);
    if (writeAfterwards) assert.equal((await put(store, 'c')).revision, acknowledged.revision + kept + 1);
    await assertKept(t, file, store);
  }
});

test('when the worker dies while it is idle, no write is refused', async (t) => {
  const file = join(temporaryFolder(t), 'naru.db');
  const { store, worker } = await openWithWorker(t, file);
  await put(store, 'a');
  await worker.terminate();
  assert.equal((await put(store, 'b')).revision, 3);
  await assertKept(t, file, store);
});

test('what a doubtful commit left in the file is removed by the next one, and only that', async (t) => {
  const file = await makeFile(t, 3);
  const batch = (...names: string[]): ReturnType<typeof pack> =>
    pack({
      records: names.map((name, i) => ({ kind: 'put', key: key(name), revision: 5 + i, json: Buffer.from('{}') })),
      compaction: undefined,
    });
  const [first, second] = [new SqliteFile(file, 2 ** 30), new SqliteFile(file, 2 ** 30)];
  first.commit(batch('doubtful', 'doubtful too'));
  second.distrust();
  second.commit(batch('certain'));
  assert.throws(() => second.commit(batch('taken')), /constraint/);
  assert.deepEqual(
    [...second.records()].map((record) => `${record.key.name}@${record.revision}`),
    ['c0@2', 'c1@3', 'c2@4', 'certain@5'],
  );
  first.close();
  second.close();
});

test('what a doubtful commit left in the file is removed by an orderly close', async (t) => {
  const file = await makeFile(t, 3);
  const [first, second] = [new SqliteFile(file, 2 ** 30), new SqliteFile(file, 2 ** 30)];
  const record = { kind: 'put', key: key('doubtful'), revision: 5, json: Buffer.from('{}') } as const;
  first.commit(pack({ records: [record], compaction: undefined }));
  first.close();
  second.distrust();
  second.closeInOrder(4);
  assert.equal((await openStore(t, file)).revision, 4);
});

test('after kill -9 in the middle of writes, every acknowledged write is there, in one sequence', async (t) => {
  const file = join(temporaryFolder(t), 'naru.db');
  let acknowledged = 0;
  for (let round = 0; round < 3; round++) {
    acknowledged = await writeUntilKilled(file, 150 + round * 150);
    const store = await openStore(t, file);
    const entries = store.list('configmaps').entries;
    // Each writer replaces its own objects in turn; the revision that was acknowledged last must be reached, without a gap.
    assert.ok(store.revision >= acknowledged, `${store.revision} after ${acknowledged} was acknowledged`);
    const seen: number[] = [];
    const watch = store.watch(
      { collection: 'configmaps', afterRevision: 1 },
      { event: ({ revision }) => seen.push(revision) },
    );
    watch.cancel();
    assert.deepEqual(
      seen,
      Array.from({ length: store.revision - 1 }, (_, i) => i + 2),
    );
    for (const entry of entries) assert.equal(entry.object.metadata?.resourceVersion, String(entry.revision));
    await store.close();
  }
  assert.ok(acknowledged > 100, `only ${acknowledged} writes were acknowledged`);
});

/** Writes 20 KB objects until one is refused. */
async function fill(store: Store, start: number): Promise<{ count: number; error: Error }> {
  for (let count = 0; count < 10_000; count++) {
    try {
      await put(store, `f${start}-${count}`, 'x'.repeat(20_000));
    } catch (error) {
      assert.ok(error instanceof StoreUnavailable);
      return { count, error };
    }
  }
  assert.fail('the disk never got full');
}

function mountTmpfs(t: TestContext, folder: string, mode: 'rw' | 'ro' = 'rw'): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=6m,${mode}`, 'naru-test', folder], { stdio: 'ignore' });
  } catch {
    t.skip('cannot mount a small disk here (needs root)');
    return false;
  }
  atEnd(t, () => execFileSync('umount', [folder]));
  return true;
}

function fillDisk(file: string): void {
  for (const bytes of [1024 * 1024, 4096]) {
    try {
      for (;;) writeFileSync(file, Buffer.alloc(bytes), { flag: 'a' });
    } catch (error) {
      assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
    }
  }
}

const preamble = `
  import { SqliteStore } from '${import.meta.resolve('../sqlite-store.ts')}';
  import { RealClock } from '${import.meta.resolve('../../lib/clock.ts')}';
  import { silentLogger } from '${import.meta.resolve('../../lib/log.ts')}';
  const store = new SqliteStore({ file: process.argv[1], clock: new RealClock(), log: silentLogger });
`;

const nodeArguments = (script: string, file: string): string[] => [
  '--input-type=module',
  '--eval',
  preamble + script,
  file,
];

/** Starts and closes a store on `file` in another process; rejects with what it says. */
async function startElsewhere(file: string): Promise<void> {
  const script =
    'await store.start().catch((error) => { console.error(error.message); process.exit(1); }); await store.close();';
  await promisify(execFile)(process.execPath, nodeArguments(script, file), { cwd: '/' });
}

/**
 * Gives back the last revision that was acknowledged before the process was killed, `ms` after its start. The writers note
 * each in a file: what was handed to the kernel outlives them, and, unlike a pipe, a file never says "try again".
 */
async function writeUntilKilled(file: string, ms: number): Promise<number> {
  const script = `
    import { openSync, writeSync } from 'node:fs';
    const acknowledgements = openSync(process.argv[1] + '.acknowledged', 'w');
    await store.start();
    console.log('started');
    const work = async (writer) => {
      for (let i = 0; ; i++) {
        const key = { collection: 'configmaps', namespace: 'a', name: writer + '-' + (i % 10) };
        const object = { metadata: { name: key.name }, data: { text: 'x'.repeat(500) } };
        const expectedRevision = store.get(key)?.revision ?? 0;
        writeSync(acknowledgements, (await store.write({ kind: 'put', key, object, expectedRevision })).revision + '\\n');
      }
    };
    await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map(work));
  `;
  const child = spawn(process.execPath, nodeArguments(script, file), { stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout.once('data', () => clock.after(ms, () => child.kill('SIGKILL')));
  const signal = await new Promise((resolve) => child.once('close', (_code, signal) => resolve(signal)));
  assert.equal(signal, 'SIGKILL');
  return Math.max(...readFileSync(`${file}.acknowledged`, 'utf8').split('\n').slice(0, -1).map(Number));
}

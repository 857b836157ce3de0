/** The life of keys over a real state file: made, rotated, stopped half-way, lost, wrong; and values that somebody tampered with. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { RealClock, settle, VirtualClock } from '../../lib/clock.ts';
import { JsonLogger, type Logger, silentLogger } from '../../lib/log.ts';
import { holdsSealed, surveyState } from '../sqlite/state-survey.ts';
import { SqliteStore } from '../sqlite-store.ts';
import { RevisionConflict, type Store, type StoreEvent, type StoreKey, UnreadableObject } from '../store.ts';
import { EncryptionKeys } from './encryption-keys.ts';
import { addFreshKey, openKeyFile, readKeyFile } from './key-file.ts';
import { formOf, Sealer } from './sealing.ts';

const marker = 'aHVudGVyMi1pcy1teS1wYXNzd29yZA==';
const secretKey = (name: string): StoreKey => ({ collection: 'secrets', namespace: 'team', name });

interface Lab {
  readonly state: string;
  readonly keys: string;
}

function lab(t: TestContext): Lab {
  const folder = mkdtempSync(join(tmpdir(), 'naru-sealed-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return { state: join(folder, 'state.db'), keys: join(folder, 'encryption.yaml') };
}

interface Running {
  readonly store: SqliteStore;
  readonly keys: EncryptionKeys;
  readonly clock: VirtualClock;
  close(): Promise<void>;
}

/** A store and its keys as `cluster.ts` puts them together; `isOwn`: naru made the file. */
async function start(
  { state, keys: file }: Lab,
  { isOwn = true, log = silentLogger }: { isOwn?: boolean; log?: Logger } = {},
): Promise<Running> {
  const clock = new VirtualClock();
  const place = { file, isOwn };
  const { sealing } = openKeyFile(place, () => holdsSealed(state));
  const store = new SqliteStore({ file: state, clock, log, sealing: { rules: sealing, file } });
  await store.start();
  const keys = new EncryptionKeys({ place, sealing, store: store.sealed, clock, log });
  await keys.start();
  const close = async (): Promise<void> => {
    await keys.close();
    await store.close();
  };
  return { store, keys, clock, close };
}

/** Before there was any sealing. */
async function startPlain({ state }: Lab): Promise<SqliteStore> {
  const store = new SqliteStore({ file: state, clock: new VirtualClock(), log: silentLogger });
  await store.start();
  return store;
}

const put = (store: Store, key: StoreKey, value = marker, expectedRevision = 0) =>
  store.write({
    kind: 'put',
    key,
    object: { metadata: { name: key.name, namespace: key.namespace }, data: { password: value } } as object,
    expectedRevision,
  });

const passwordOf = (store: Store, name: string): unknown =>
  (store.get(secretKey(name))?.object as { data?: { password?: string } } | undefined)?.data?.password;

/** In whichever file of the folder. */
function holders({ state }: Lab, text: string): string[] {
  const folder = join(state, '..');
  return readdirSync(folder).filter((name) => readFileSync(join(folder, name)).includes(text));
}

/** The poll that notices a changed file, and all that comes of it. */
async function look(running: Running): Promise<void> {
  await running.clock.advance(5_000);
  await running.keys.settled();
  await settle();
}

const formsIn = ({ state }: Lab): string[] => Object.keys(surveyState(state)['secrets'] ?? {}).sort();
const keyForms = ({ keys }: Lab): string[] => new Sealer(readKeyFile(keys).sealing).keys().map(formOf);

test('a first start makes a key of mode 0600; no secret of the journal, its history or its WAL is ever plain', async (t) => {
  const place = lab(t);
  const running = await start(place);
  assert.equal(statSync(place.keys).mode & 0o777, 0o600);
  await put(running.store, secretKey('a'));
  const { revision } = await put(running.store, secretKey('b'));
  await put(running.store, secretKey('b'), `${marker}2`, revision);
  await running.store.write({ kind: 'delete', key: secretKey('a'), expectedRevision: 2 });
  await put(running.store, { ...secretKey('plain'), collection: 'configmaps' }, 'configuration-stays-plain');
  assert.deepEqual(holders(place, marker), []);
  assert.ok(holders(place, 'configuration-stays-plain').length > 0, 'the search finds what is plain');
  await running.close();
  assert.deepEqual(holders(place, marker), []);
  const again = await start(place);
  assert.equal(passwordOf(again.store, 'b'), `${marker}2`);
  assert.equal(again.store.get(secretKey('a')), undefined);
  const seen: string[] = [];
  again.store.watch({ collection: 'secrets', afterRevision: 1 }, { event: ({ type }) => seen.push(type) });
  assert.deepEqual(seen, ['added', 'added', 'modified', 'deleted']);
  await again.close();
});

test('a home of before is sealed in the background, and nothing plain is left in any of its files', async (t) => {
  const place = lab(t);
  const before = await startPlain(place);
  await Promise.all(
    Array.from({ length: 300 }, (_, i) => put(before, secretKey(`s${i}`), `${marker}${'x'.repeat(i * 40)}`)),
  );
  for (let i = 0; i < 50; i++) {
    const key = secretKey(`s${i}`);
    await before.write({ kind: 'delete', key, expectedRevision: before.get(key)?.revision ?? 0 });
  }
  await before.close();
  const old = new DatabaseSync(place.state);
  old.exec(`DROP TABLE keys; DELETE FROM meta WHERE name='stale'; DELETE FROM log WHERE kind=1; PRAGMA user_version=1`);
  old.exec(`UPDATE meta SET value=(SELECT max(revision) FROM log) WHERE name='compacted'`);
  old.close();
  assert.ok(holders(place, marker).length > 0);
  const running = await start(place);
  await running.keys.settled();
  assert.deepEqual(holders(place, marker), []);
  assert.equal(passwordOf(running.store, 's60'), `${marker}${'x'.repeat(2400)}`);
  await put(running.store, secretKey('new'));
  await running.close();
  assert.deepEqual(holders(place, marker), []);
  const again = await start(place);
  assert.equal(passwordOf(again.store, 's299'), `${marker}${'x'.repeat(299 * 40)}`);
  await again.close();
});

test('a new key in front is taken over while writes go on; then the old one is gone from file and state', async (t) => {
  const place = lab(t);
  const running = await start(place);
  const [oldForm = ''] = keyForms(place);
  await Promise.all(Array.from({ length: 200 }, (_, i) => put(running.store, secretKey(`s${i}`))));
  const newForm = addFreshKey(place.keys);
  assert.deepEqual(keyForms(place), [newForm, oldForm]);
  const writing = Promise.all(Array.from({ length: 50 }, (_, i) => put(running.store, secretKey(`w${i}`))));
  await look(running);
  await writing;
  assert.deepEqual(keyForms(place), [newForm]);
  assert.deepEqual(formsIn(place), [newForm]);
  assert.deepEqual(holders(place, oldForm.split(':')[1] ?? ''), [], 'what the old key sealed was erased');
  await look(running);
  await put(running.store, secretKey('after'));
  await running.close();
  const again = await start(place);
  for (const name of ['s0', 's199', 'w0', 'w49', 'after']) assert.equal(passwordOf(again.store, name), marker, name);
  await again.close();
});

test('a rotation that is cut off at any point goes on at the next start', async (t) => {
  for (const cutAfter of ['the new key', 'taking it over', 'some rows', 'all rows', 'forgetting the old key']) {
    const place = lab(t);
    const first = await start(place);
    await Promise.all(Array.from({ length: 150 }, (_, i) => put(first.store, secretKey(`s${i}`))));
    const newForm = addFreshKey(place.keys);
    await first.keys.close();
    const { sealed } = first.store;
    if (cutAfter !== 'the new key') await sealed.setSealing(readKeyFile(place.keys).sealing);
    if (cutAfter === 'some rows') await put(first.store, secretKey('between'));
    if (cutAfter === 'all rows' || cutAfter === 'forgetting the old key') await sealed.reseal();
    if (cutAfter === 'forgetting the old key') await sealed.forgetKeys(keyForms(place).slice(1));
    await first.store.close();
    const again = await start(place);
    await again.keys.settled();
    assert.deepEqual(keyForms(place), [newForm], cutAfter);
    assert.deepEqual(formsIn(place), [newForm], cutAfter);
    assert.equal(passwordOf(again.store, 's149'), marker, cutAfter);
    await again.close();
    const last = await start(place);
    assert.equal(passwordOf(last.store, 's0'), marker, cutAfter);
    await last.close();
  }
});

test('a lost, a missing or a wrong key stops the start, names both files and the way out, and changes neither', async (t) => {
  const place = lab(t);
  const first = await start(place);
  await put(first.store, secretKey('a'));
  await first.close();
  const good = readFileSync(place.keys, 'utf8');
  const state = readFileSync(place.state);
  const refused = async (what: string, message: RegExp): Promise<void> => {
    await assert.rejects(start(place), (error: Error) => {
      assert.match(error.message, message, what);
      assert.ok(error.message.includes(place.keys), `${what}: ${error.message}`);
      return true;
    });
    assert.ok(readFileSync(place.state).equals(state), `${what}: the state file was changed`);
  };
  renameSync(place.keys, `${place.keys}.away`);
  await refused(
    'lost',
    /is missing, and the state beside it holds values that were sealed.*restore the file from a backup/,
  );
  assert.ok(!readdirSync(join(place.keys, '..')).includes('encryption.yaml'), 'no new key is made');
  const other = Buffer.alloc(32, 9).toString('base64');
  writeFileSync(place.keys, good.replace(/secret: \S+/, `secret: ${other}`));
  await refused('wrong', /is sealed with another key of the name key-.*Restore the encryption configuration/);
  writeFileSync(place.keys, good.replace(/name: \S+/, 'name: another'));
  await refused('missing', /holds secrets that are sealed with the aesgcm key key-\w+, which is not listed for them/);
  writeFileSync(place.keys, 'kind: [');
  await refused('no YAML', /is neither YAML nor JSON/);
  writeFileSync(place.keys, good);
  chmodSync(place.keys, 0o644);
  const again = await start(place);
  assert.equal(passwordOf(again.store, 'a'), marker);
  assert.equal(statSync(place.keys).mode & 0o777, 0o600);
  await again.close();
});

test('without any configuration a sealed state is not taken for an empty one', async (t) => {
  const place = lab(t);
  const first = await start(place);
  await put(first.store, secretKey('a'));
  await first.close();
  await assert.rejects(startPlain(place), /sealed with the aesgcm key.*Start with the encryption configuration/);
});

test('a value that was tampered with is unreadable alone, is told without its content, and can be deleted', async (t) => {
  const place = lab(t);
  const first = await start(place);
  for (const name of ['good', 'bad', 'cut']) await put(first.store, secretKey(name));
  await first.close();
  const database = new DatabaseSync(place.state);
  const row = database.prepare(`SELECT value FROM log WHERE name='bad'`).get() as { value: Uint8Array };
  row.value[row.value.length - 1] = (row.value.at(-1) as number) ^ 1;
  database.prepare(`UPDATE log SET value=? WHERE name='bad'`).run(row.value);
  database.exec(`UPDATE log SET value=x'00112233' WHERE name='cut'`);
  database.close();
  const lines: string[] = [];
  const log = new JsonLogger({ clock: new VirtualClock(), write: (line) => lines.push(line) });
  const running = await start(place, { log });
  const { store } = running;
  assert.equal(passwordOf(store, 'good'), marker);
  const message = 'unable to transform key "/registry/secrets/team/bad": cipher: message authentication failed';
  assert.throws(
    () => passwordOf(store, 'bad'),
    new UnreadableObject(secretKey('bad'), 'cipher: message authentication failed'),
  );
  assert.throws(() => store.get(secretKey('bad'))?.json(), { message });
  assert.throws(() => passwordOf(store, 'cut'), /no matching prefix found/);
  assert.deepEqual(
    store.list('secrets').entries.map(({ key }) => key.name),
    ['good'],
  );
  const events: StoreEvent[] = [];
  store.watch({ collection: 'secrets', afterRevision: 1 }, { event: (event) => events.push(event) });
  assert.deepEqual(
    events.map(({ entry }) => entry.key.name),
    ['good'],
  );
  await assert.rejects(put(store, secretKey('bad')), RevisionConflict);
  const told = lines.filter((line) => line.includes('an object cannot be read'));
  assert.equal(told.length, 2);
  assert.ok(told.some((line) => line.includes('"name":"bad"') && line.includes('message authentication failed')));
  assert.ok(!lines.join('').includes('k8s:enc'));
  const { revision = 0 } = store.get(secretKey('bad')) ?? {};
  await store.write({ kind: 'delete', key: secretKey('bad'), expectedRevision: revision });
  assert.equal(store.get(secretKey('bad')), undefined);
  assert.equal(events.length, 1, 'nobody is told of the end of what nobody saw');
  await put(store, secretKey('bad'), 'anew');
  assert.deepEqual(
    events.map(({ type }) => type),
    ['added', 'added'],
  );
  await running.close();
  const again = await start(place);
  assert.equal(passwordOf(again.store, 'bad'), 'anew');
  await again.close();
});

test("somebody's own file is never changed, and a change that would lose values is not taken over", async (t) => {
  const place = lab(t);
  const secret = (fill: number): string => Buffer.alloc(32, fill).toString('base64');
  const write = (resources: string, ...keys: [name: string, fill: number][]): void => {
    const list = keys.map(([name, fill]) => `{name: ${name}, secret: ${secret(fill)}}`).join(', ');
    writeFileSync(
      place.keys,
      `{apiVersion: apiserver.config.k8s.io/v1, kind: EncryptionConfiguration, resources: [{resources: ${resources}, providers: [{aesgcm: {keys: [${list}]}}, {identity: {}}]}]}`,
    );
  };
  write('[secrets]', ['one', 1]);
  const lines: string[] = [];
  const log = new JsonLogger({ clock: new VirtualClock(), write: (line) => lines.push(line) });
  const running = await start(place, { isOwn: false, log });
  await put(running.store, secretKey('a'));
  await put(running.store, { ...secretKey('c'), collection: 'configmaps' }, 'in-a-config-map');
  write('[secrets]', ['two', 2]);
  await look(running);
  assert.ok(lines.at(-1)?.includes('the key aesgcm:one is not listed for secrets'), lines.join(''));
  assert.deepEqual(formsIn(place), ['aesgcm:one']);
  write('[secrets, configmaps]', ['two', 2], ['one', 1]);
  const given = readFileSync(place.keys, 'utf8');
  await look(running);
  assert.deepEqual(formsIn(place), ['aesgcm:two']);
  assert.deepEqual(Object.keys(surveyState(place.state)['configmaps'] ?? {}), ['aesgcm:two']);
  assert.deepEqual(holders(place, 'in-a-config-map'), []);
  assert.equal(readFileSync(place.keys, 'utf8'), given);
  await running.close();
});

test('a worn key of naru is replaced by itself', async (t) => {
  const place = lab(t);
  const running = await start(place);
  const [oldForm] = keyForms(place);
  await put(running.store, secretKey('a'));
  const database = new DatabaseSync(place.state, { timeout: 5_000 });
  assert.equal(database.prepare('SELECT writes FROM keys').get()?.['writes'], 1);
  database.exec(`UPDATE keys SET writes=${2 ** 30}`);
  database.close();
  await running.clock.advance(60 * 60_000);
  for (let i = 0; i < 3; i++) await look(running);
  assert.notEqual(keyForms(place)[0], oldForm);
  assert.equal(keyForms(place).length, 1);
  assert.deepEqual(formsIn(place), keyForms(place));
  await running.close();
});

test('the worker seals as the main thread does', async (t) => {
  const place = lab(t);
  const running = await start(place);
  await put(running.store, secretKey('main'));
  await new RealClock({ keepsAlive: true }).sleep(300);
  await put(running.store, secretKey('worker'));
  addFreshKey(place.keys);
  await look(running);
  assert.deepEqual(formsIn(place), keyForms(place));
  assert.deepEqual(holders(place, marker), []);
  await running.close();
});

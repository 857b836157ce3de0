import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { KubeObject } from '../api/object.ts';
import { VirtualClock } from '../lib/clock.ts';
import { limits } from '../lib/limits.ts';
import { silentLogger } from '../lib/log.ts';
import { MemoryStore } from './memory-store.ts';

const text = 'x'.repeat(limits.packedObjectBytesMin);

function put(store: MemoryStore, name: string, data: object): Promise<unknown> {
  const key = { collection: 'configmaps', namespace: 'n', name };
  const object = { metadata: { name, namespace: 'n' }, data } as KubeObject;
  return store.write({ kind: 'put', key, object, expectedRevision: 0 });
}

test('large objects are packed a while after they came, and read as before; small ones are left alone', async () => {
  const clock = new VirtualClock();
  const store = new MemoryStore({ clock, log: silentLogger });
  await store.start();
  await put(store, 'small', { text: 'short' });
  await clock.advance(limits.packAfterMs);
  const bytesOf = (name: string): Buffer | undefined =>
    store.get({ collection: 'configmaps', namespace: 'n', name })?.json();
  // One buffer for all readers: not packed.
  assert.equal(bytesOf('small'), bytesOf('small'));
  const names = Array.from({ length: 40 }, (_, index) => `large-${index}`);
  for (const name of names) await put(store, name, { text });
  const before = names.map((name) => String(bytesOf(name)));
  assert.equal(bytesOf('large-0'), bytesOf('large-0'));
  await clock.advance(limits.packAfterMs + 1_000);
  for (const [index, name] of names.entries()) {
    assert.notEqual(bytesOf(name), bytesOf(name));
    assert.equal(String(bytesOf(name)), before[index]);
  }
  await store.close();
});

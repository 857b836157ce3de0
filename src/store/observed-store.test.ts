import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/log.ts';
import { MetricRegistry } from '../lib/metrics.ts';
import { MemoryStore } from './memory-store.ts';
import { ObservedStore } from './observed-store.ts';
import { type Entry, type Store, StoreUnavailable, type WriteOperation } from './store.ts';

const key = { collection: 'deployments.apps', namespace: 'default', name: 'web' };
const put: WriteOperation = { kind: 'put', key, object: { metadata: { name: 'web' } }, expectedRevision: 0 };

function makeWorld() {
  const clock = new VirtualClock();
  const metrics = new MetricRegistry();
  const inner = new MemoryStore({ clock, log: silentLogger });
  let fault: (() => Promise<Entry>) | undefined;
  const faulty = new Proxy(inner, {
    get: (target, name: keyof Store) => {
      if (name === 'write' && fault !== undefined) return fault;
      const value = target[name];
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const store = new ObservedStore(faulty, { metrics, clock, sizeBytes: () => 4096 });
  return {
    clock,
    store,
    metrics,
    set fault(value: (() => Promise<Entry>) | undefined) {
      fault = value;
    },
  };
}

test('writes are counted by what they do, objects by their resource', async () => {
  const { store, metrics } = makeWorld();
  await store.start();
  await store.write(put);
  await assert.rejects(store.write(put));
  const text = metrics.text();
  assert.match(text, /etcd_requests_total\{operation="create",group="apps",resource="deployments"\} 2\n/);
  assert.match(text, /etcd_request_errors_total\{operation="create",group="apps",resource="deployments"\} 1\n/);
  assert.match(
    text,
    /etcd_request_duration_seconds_count\{operation="create",group="apps",resource="deployments"\} 2\n/,
  );
  assert.match(text, /apiserver_storage_objects\{resource="deployments.apps"\} 1\n/);
  assert.match(text, /apiserver_resource_objects\{group="apps",resource="deployments"\} 1\n/);
  assert.match(text, /apiserver_storage_size_bytes\{storage_cluster_id="naru"\} 4096\n/);
  assert.equal(store.problem(), undefined);
  await store.close();
});

test('a store that refuses writes is not well, until one succeeds or some time has passed', async () => {
  const world = makeWorld();
  const { store, clock } = world;
  await store.start();
  world.fault = () => Promise.reject(new StoreUnavailable('the disk is full'));
  await assert.rejects(store.write(put));
  assert.equal(store.problem(), 'the disk is full');
  world.fault = undefined;
  await store.write(put);
  assert.equal(store.problem(), undefined);
  world.fault = () => Promise.reject(new StoreUnavailable('the disk is full'));
  await assert.rejects(store.write(put));
  await clock.advance(31_000);
  assert.equal(store.problem(), undefined);
  await store.close();
});

test('a store whose writes hang is not well', async () => {
  const world = makeWorld();
  const { store, clock } = world;
  await store.start();
  let finish!: () => void;
  world.fault = () =>
    new Promise((_resolve, reject) => {
      finish = () => reject(new Error('over'));
    });
  const hanging = store.write(put);
  hanging.catch(() => {});
  await clock.advance(5_000);
  assert.equal(store.problem(), undefined);
  await clock.advance(6_000);
  assert.equal(store.problem(), 'a write has waited for 11 s');
  finish();
  await assert.rejects(hanging);
  assert.equal(store.problem(), undefined);
  await store.close();
});

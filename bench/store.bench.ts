/**
 * What the store costs: acknowledged writes, lists, fan-out, memory, start. Baseline of the writes: one-row commits with the
 * same durability on SQLite itself, in this thread, as fast as it goes.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { DatabaseSync } from 'node:sqlite';
import type { KubeObject } from '../src/api/object.ts';
import { RealClock, settle } from '../src/lib/clock.ts';
import { silentLogger } from '../src/lib/log.ts';
import { SqliteStore } from '../src/store/sqlite-store.ts';
import type { Entry, Store, WatchOptions } from '../src/store/store.ts';
import type { Benchmark, Figure } from './figure.ts';
import { collectGarbage } from './memory.ts';

const clock = new RealClock();
const nodeCount = 5_000;

function makeLease(name: string, renewals: number): KubeObject {
  return {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: {
      name,
      namespace: 'kube-node-lease',
      uid: '0b7f4d5e-36ac-4b0c-9d0e-5a3a7f1c2d44',
      creationTimestamp: '2026-01-01T00:00:00Z',
    },
    spec: {
      holderIdentity: name,
      leaseDurationSeconds: 40,
      renewTime: `2026-01-01T00:00:00.${String(renewals).padStart(6, '0')}Z`,
    },
  } as KubeObject;
}

/** About 2.4 KB of JSON. */
function makePod(i: number): KubeObject {
  const times = (count: number, item: (index: number) => object): object[] =>
    Array.from({ length: count }, (_, index) => item(index));
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `web-5d8f7c9b6d-${i}`,
      namespace: `team-${i % 20}`,
      uid: `9c4e1f6a-7d2b-4c3e-8f10-${String(i).padStart(12, '0')}`,
      creationTimestamp: '2026-01-01T00:00:00Z',
      labels: { app: 'web', 'pod-template-hash': '5d8f7c9b6d' },
      ownerReferences: [
        { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web-5d8f7c9b6d', uid: '1', controller: true },
      ],
    },
    spec: {
      nodeName: `node-${i % 1000}`,
      containers: [
        {
          name: 'main',
          image: 'registry.example.com/team/web:1.2.3',
          ports: times(2, (port) => ({ name: `port-${port}`, containerPort: 8080 + port, protocol: 'TCP' })),
          env: times(12, (variable) => ({ name: `VARIABLE_${variable}`, value: `value of ${variable}` })),
          resources: { limits: { cpu: '500m', memory: '256Mi' }, requests: { cpu: '100m', memory: '64Mi' } },
          volumeMounts: times(2, (mount) => ({
            name: `volume-${mount}`,
            mountPath: `/var/run/volume-${mount}`,
            readOnly: true,
          })),
        },
      ],
      volumes: times(2, (volume) => ({
        name: `volume-${volume}`,
        configMap: { name: `config-${volume}`, defaultMode: 420 },
      })),
      tolerations: times(2, (key) => ({
        key: `node.kubernetes.io/${key}`,
        operator: 'Exists',
        effect: 'NoExecute',
        tolerationSeconds: 300,
      })),
    },
    status: {
      phase: 'Running',
      podIP: '10.244.1.17',
      conditions: times(4, (type) => ({
        type: `Condition${type}`,
        status: 'True',
        lastTransitionTime: '2026-01-01T00:00:00Z',
      })),
      containerStatuses: times(1, () => ({
        name: 'main',
        ready: true,
        restartCount: 0,
        containerID: `containerd://${'a'.repeat(64)}`,
        state: { running: { startedAt: '2026-01-01T00:00:00Z' } },
      })),
    },
  } as KubeObject;
}

function putPod(store: Store, i: number): Promise<Entry> {
  const object = makePod(i);
  const { namespace = '', name = '' } = object.metadata ?? {};
  return store.write({ kind: 'put', key: { collection: 'pods', namespace, name }, object, expectedRevision: 0 });
}

/** Renews Leases of distinct nodes, `concurrency` at a time, for `ms`; gives the writes acknowledged in a second. */
async function leaseWritesPerSecond(store: Store, concurrency: number, ms: number): Promise<number> {
  const start = clock.monotonic();
  let count = 0;
  const renew = async (): Promise<void> => {
    while (clock.monotonic() - start < ms) {
      const name = `node-${count++ % nodeCount}`;
      const key = { collection: 'leases.coordination.k8s.io', namespace: 'kube-node-lease', name };
      const object = makeLease(name, count);
      await store.write({ kind: 'put', key, object, expectedRevision: store.get(key)?.revision ?? 0 });
    }
  };
  await Promise.all(Array.from({ length: concurrency }, renew));
  return (count * 1000) / (clock.monotonic() - start);
}

/** The same rows, one commit each, with nothing around it. */
function rawCommitsPerSecond(file: string, ms: number): number {
  const database = new DatabaseSync(file);
  database.exec(
    'PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE log (revision INTEGER PRIMARY KEY, name TEXT, value BLOB)',
  );
  const insert = database.prepare('INSERT INTO log (name, value) VALUES (?, ?)');
  const start = clock.monotonic();
  let count = 0;
  while (clock.monotonic() - start < ms) {
    const name = `node-${count++ % nodeCount}`;
    insert.run(name, Buffer.from(JSON.stringify(makeLease(name, count))));
  }
  const perSecond = (count * 1000) / (clock.monotonic() - start);
  database.close();
  return perSecond;
}

/** How long (µs) one write of a watched object takes beyond one that nobody watches, over `rounds`. */
async function fanOutMicroseconds(
  store: Store,
  options: (i: number) => WatchOptions,
  rounds: number,
): Promise<{ us: number; events: number }> {
  let events = 0;
  let firstMs = 0;
  let lastMs = 0;
  const first = store.watch(
    { collection: 'watched' },
    {
      event: () => {
        firstMs = clock.monotonic();
      },
    },
  );
  const watches = Array.from({ length: 1000 }, (_, i) =>
    store.watch(options(i), {
      event: () => {
        events++;
        lastMs = clock.monotonic();
      },
    }),
  );
  let totalMs = 0;
  for (let round = 0; round < rounds; round++) {
    const key = { collection: 'watched', namespace: '', name: `o${round % 10}` };
    const object = { metadata: { name: key.name }, spec: { nodeName: `node-${round % 10}` } } as KubeObject;
    await store.write({ kind: 'put', key, object, expectedRevision: store.get(key)?.revision ?? 0 });
    totalMs += lastMs - firstMs;
  }
  for (const watch of [first, ...watches]) watch.cancel();
  return { us: (totalMs * 1000) / rounds, events: events / rounds };
}

/** What is reachable. Buffers are given back by another thread, some time after the collection. */
async function memoryMiB(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    collectGarbage();
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 30);
    await settle();
  }
  const { heapUsed, external } = process.memoryUsage();
  return (heapUsed + external) / 2 ** 20;
}

async function openStore(file: string): Promise<SqliteStore> {
  const store = new SqliteStore({ file, clock, log: silentLogger });
  await store.start();
  return store;
}

async function timedMs(work: () => unknown): Promise<number> {
  const start = clock.monotonic();
  await work();
  return clock.monotonic() - start;
}

function figure(name: string, value: number, unit: string, baseline?: number): Figure {
  const rounded = round(value);
  if (baseline === undefined) return { bench: 'store', figure: name, value: rounded, unit };
  return {
    bench: 'store',
    figure: name,
    value: rounded,
    unit,
    baseline: round(baseline),
    ratio: round(value / baseline),
  };
}

function round(value: number): number {
  return value >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}

async function writeFigures(folder: string, ms: number): Promise<Figure[]> {
  const store = await openStore(path.join(folder, 'writes.db'));
  // Until the worker writes, and the code is warm.
  await leaseWritesPerSecond(store, 64, Math.max(300, ms / 2));
  const raw = rawCommitsPerSecond(path.join(folder, 'raw.db'), ms);
  const figures: Figure[] = [];
  for (const concurrency of [1, 64, 512]) {
    const perSecond = await leaseWritesPerSecond(store, concurrency, ms);
    const label = concurrency === 1 ? 'one at a time' : `${concurrency} at a time`;
    figures.push(figure(`acknowledged Lease writes, ${label}`, perSecond, '1/s', raw));
  }
  await store.close();
  return figures;
}

/** Fills `file` with `podCount` Pods. */
async function fillFigures(file: string, podCount: number): Promise<Figure[]> {
  const store = await openStore(file);
  const emptyMiB = await memoryMiB();
  for (let start = 0; start < podCount; start += 1000) {
    await Promise.all(Array.from({ length: 1000 }, (_, i) => putPod(store, start + i)));
  }
  const fullMiB = (await memoryMiB()) - emptyMiB;
  const listMs: number[] = [];
  for (let i = 0; i < 10; i++) {
    await putPod(store, podCount + i);
    listMs.push(await timedMs(() => store.list('pods')));
  }
  await store.close();
  return [
    figure(`list ${podCount} Pods after a change`, (listMs.toSorted((a, b) => a - b)[5] ?? 0) * 1000, 'µs'),
    figure('memory for 10,000 Pods, decoded', (fullMiB * 10_000) / podCount, 'MiB'),
  ];
}

/** Starts on what `fillFigures` left in `file`. */
async function startFigures(file: string, podCount: number): Promise<Figure[]> {
  const before = await memoryMiB();
  const start = clock.monotonic();
  const store = await openStore(file);
  const startMs = clock.monotonic() - start;
  const startedMiB = (await memoryMiB()) - before;
  const decodeMs = await timedMs(() => store.list('pods').entries.forEach((entry) => entry.object));
  await store.close();
  return [
    figure(`start with ${podCount} Pods`, startMs, 'ms'),
    figure('memory for 10,000 Pods, as started', (startedMiB * 10_000) / podCount, 'MiB'),
    figure('decode a Pod on first use', (decodeMs * 1000) / podCount, 'µs'),
  ];
}

async function watchFigures(folder: string, rounds: number): Promise<Figure[]> {
  const store = await openStore(path.join(folder, 'watches.db'));
  const everybody = await fanOutMicroseconds(store, () => ({ collection: 'watched' }), rounds);
  const field = (i: number) => ({ path: ['spec', 'nodeName'], value: `node-${i}` });
  const few = await fanOutMicroseconds(store, (i) => ({ collection: 'watched', field: field(i) }), rounds);
  await store.close();
  return [
    figure('one event to 1,000 watchers', everybody.us, 'µs'),
    figure('one event past 1,000 watchers of other nodes', few.us, 'µs'),
  ];
}

const benchmark: Benchmark = {
  name: 'store',
  async run({ small }) {
    const folder = mkdtempSync(path.join(tmpdir(), 'naru-bench-'));
    const [pods, podCount] = [path.join(folder, 'pods.db'), small ? 10_000 : 100_000];
    try {
      const newMs = await timedMs(async () => (await openStore(path.join(folder, 'new.db'))).close());
      return [
        figure('create and close an empty store', newMs, 'ms'),
        ...(await fillFigures(pods, podCount)),
        ...(await startFigures(pods, podCount)),
        ...(await writeFigures(folder, small ? 500 : 5_000)),
        ...(await watchFigures(folder, small ? 100 : 1_000)),
      ];
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
};

export default benchmark;

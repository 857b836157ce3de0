/** A node's folders for tests of volumes: in a temporary place, with a mounter that notes what it is asked for, and objects in memory. */
import { mkdtemp, readlink, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import type {
  Container,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  PodSpec,
} from '../../../api/schema/types/core-v1.ts';
import { silentLogger as log } from '../../../lib/log.ts';
import type { ClaimSource, ObjectSource } from '../../object-source.ts';
import { noFeatures, type RuntimeFeatures } from '../../runtime.ts';
import { make, nowMs } from '../../testing.ts';
import type { Mounter } from './mounter.ts';
import { PodFolders } from './pod-folders.ts';
import type { ContainerVolumes } from './pod-storage.ts';

/** What is mounted where, in order; `busy` refuses to go unless lazily. */
export interface NotedMounts extends Mounter {
  readonly mounted: Map<string, string>;
  readonly shared: Set<string>;
  readonly busy: Set<string>;
}

export function notedMounts(): NotedMounts {
  const mounted = new Map<string, string>();
  const shared = new Set<string>();
  const busy = new Set<string>();
  const below = (folder: string) => [...mounted.keys()].filter((at) => at === folder || at.startsWith(`${folder}/`));
  const note = (folder: string, what: string): void => {
    if (!mounted.has(folder)) mounted.set(folder, what);
  };
  const root = (mode: number, gid = 0) => `${mode.toString(8)}:${gid}`;
  return {
    mounted,
    shared,
    busy,
    mountMemory: async (folder, { sizeBytes, mode, gid }) => note(folder, `tmpfs ${sizeBytes} ${root(mode, gid)}`),
    mountHugePages: async (folder, size, { sizeBytes, mode, gid }) =>
      note(folder, `hugetlbfs ${size} ${sizeBytes} ${root(mode, gid)}`),
    bind: async (source, target) => void mounted.set(target, await readlink(source)),
    share: async (folder) => void shared.add(folder),
    unmountBelow: async (folder, lazily) => {
      for (const at of below(folder).toReversed()) {
        if (busy.has(at) && !lazily) throw new Error(`cannot unmount ${at}: target is busy`);
        mounted.delete(at);
      }
    },
    mountsAt: async (folder) => below(folder),
  };
}

export interface StorageFixture {
  /** Where volumes lie that naru makes. */
  readonly local: string;
  readonly root: string;
  readonly folders: PodFolders;
  readonly mounter: NotedMounts;
  readonly data: Record<string, string>;
  /** What the agent's clock says, and whether the server answers. */
  readonly clock: { nowMs: number; isDown: boolean };
  readonly claims: Map<string, PersistentVolumeClaim>;
  readonly volumes: Map<string, PersistentVolume>;
  readonly prepare: (spec: Partial<PodSpec>, uid?: string) => Promise<number>;
  readonly container: (
    spec: Partial<PodSpec>,
    container?: Partial<Container>,
    features?: Partial<RuntimeFeatures>,
  ) => Promise<ContainerVolumes>;
  /** As after a restart of the agent: what lies on the disk is there, and nothing is remembered. */
  readonly restart: () => void;
  /** The path of the first pod's volumes. */
  readonly at: (...parts: string[]) => string;
  /** Of those that lie in memory. */
  readonly inMemory: (...parts: string[]) => string;
}

const node: Node = { metadata: { name: 'node-1', labels: { 'kubernetes.io/hostname': 'node-1' } } };

export async function storageFixture(context: TestContext): Promise<StorageFixture> {
  const root = await mkdtemp(path.join(os.tmpdir(), 'naru-volumes-'));
  const memory = `${root}-memory`;
  const local = `${root}-local`;
  context.after(async () => {
    for (const folder of [root, memory, local]) await rm(folder, { recursive: true, force: true });
  });
  const mounter = notedMounts();
  const newFolders = () => new PodFolders({ root, memory, volumes: local, mounter, log });
  let folders = newFolders();
  const data: Record<string, string> = { key: 'value' };
  const clock = { nowMs, isDown: false };
  const claims: StorageFixture['claims'] = new Map();
  const volumes: StorageFixture['volumes'] = new Map();
  let tokens = 0;
  const source: ObjectSource & ClaimSource = {
    configMap: async ({ name }) => (name === 'settings' ? { data: { ...data } } : undefined),
    secret: async ({ name }) =>
      name === 'password' ? { data: { pw: Buffer.from('s3cret').toString('base64') } } : undefined,
    trustBundle: async () => undefined,
    trustBundlesOf: async () => [],
    token: async (_pod, { expirationSeconds = 3600 }) => {
      if (clock.isDown) throw new Error('the server is down');
      return { token: `token-${++tokens}`, expiresAtMs: clock.nowMs + expirationSeconds * 1000 };
    },
    claim: async ({ name }) => claims.get(name),
    volume: async (name) => volumes.get(name),
    node: async () => node,
  };
  const facts = {
    podIps: ['10.42.0.5'],
    hostIps: ['192.0.2.1'],
    allocatable: { milliCpu: 4000, memoryBytes: 2 ** 30 },
  };
  return {
    root,
    local,
    get folders() {
      return folders;
    },
    mounter,
    data,
    clock,
    claims,
    volumes,
    prepare: (spec, uid = 'u-1') =>
      folders.prepare({
        ...facts,
        pod: make.pod(spec, { uid, labels: { b: '2', a: '1' } }),
        source,
        nowMs: clock.nowMs,
      }),
    container: (spec, container = {}, features = {}) =>
      folders.containerVolumes({
        pod: make.pod(spec),
        container: make.container('app', container),
        attempt: 3,
        podIps: ['10.42.0.5'],
        env: new Map([['DIR', 'sub']]),
        clusterDomain: 'cluster.local',
        features: { ...noFeatures, ...features },
      }),
    restart: () => {
      folders = newFolders();
    },
    at: (...parts) => path.join(root, 'u-1', 'volumes', ...parts),
    inMemory: (...parts) => path.join(memory, 'u-1', ...parts),
  };
}

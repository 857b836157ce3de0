import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { bindCompleted, selectedNode } from '../../api/persistent-volumes.ts';
import type {
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  PersistentVolumeClaimSpec,
  PersistentVolumeSpec,
  Pod,
} from '../../api/schema/types/core-v1.ts';
import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  StorageClass,
  VolumeAttachment,
} from '../../api/schema/types/storage-v1.ts';
import type { Plugin } from '../framework/plugin.ts';
import { PodFacts } from '../pod-facts.ts';
import { makeNode, makePod, makeSnapshot, makeWorld } from '../testing.ts';
import type { VolumeReader } from '../volumes/volume-reader.ts';
import { nodeVolumeLimits } from './node-volume-limits.ts';
import { volumeBinding } from './volume-binding.ts';
import { volumeRestrictions } from './volume-restrictions.ts';
import { volumeZone } from './volume-zone.ts';

interface Storage {
  readonly claims?: readonly PersistentVolumeClaim[];
  readonly volumes?: readonly PersistentVolume[];
  readonly classes?: readonly StorageClass[];
  readonly drivers?: readonly CSIDriver[];
  readonly csiNodes?: readonly CSINode[];
  readonly capacities?: readonly CSIStorageCapacity[];
  readonly attachments?: readonly VolumeAttachment[];
}

function readerOf(storage: Storage): VolumeReader {
  const { claims = [], volumes = [], classes = [], drivers = [], csiNodes = [] } = storage;
  const named = <T extends { readonly metadata?: { readonly name?: string } }>(all: readonly T[], name: string) =>
    all.find(({ metadata }) => metadata?.name === name);
  return {
    claim: (_namespace, name) => named(claims, name),
    volume: (name) => named(volumes, name),
    volumesOfClass: (name) => volumes.filter(({ spec }) => (spec?.storageClassName ?? '') === name),
    storageClass: (name) => named(classes, name),
    driver: (name) => named(drivers, name),
    csiNode: (name) => named(csiNodes, name),
    capacitiesOfClass: (name) => (storage.capacities ?? []).filter((one) => one.storageClassName === name),
    attachmentsOn: (node) => (storage.attachments ?? []).filter(({ spec }) => spec.nodeName === node),
    assume: () => ({ undo: () => {} }),
  };
}

const using = (...claims: readonly string[]): Pod =>
  makePod('pod', {
    spec: { volumes: claims.map((claimName) => ({ name: claimName, persistentVolumeClaim: { claimName } })) },
  });

const makeClaim = (
  name: string,
  spec: PersistentVolumeClaimSpec = {},
  more: Partial<PersistentVolumeClaim> = {},
): PersistentVolumeClaim => ({
  metadata: {
    namespace: 'default',
    name,
    uid: `uid-${name}`,
    annotations: spec.volumeName ? { [bindCompleted]: 'yes' } : {},
    ...more.metadata,
  },
  spec: {
    accessModes: ['ReadWriteOnce'],
    storageClassName: 'late',
    resources: { requests: { storage: '5Gi' } },
    ...spec,
  },
  ...(more.status && { status: more.status }),
});

const makeVolume = (
  name: string,
  spec: PersistentVolumeSpec = {},
  labels: Record<string, string> = {},
): PersistentVolume => ({
  metadata: { name, labels },
  spec: { capacity: { storage: '5Gi' }, accessModes: ['ReadWriteOnce'], storageClassName: 'late', ...spec },
  status: { phase: 'Available' },
});

const makeClass = (name: string, more: Partial<StorageClass> = {}): StorageClass => ({
  metadata: { name },
  provisioner: 'csi.example.com',
  volumeBindingMode: 'WaitForFirstConsumer',
  ...more,
});

const inZone = (...values: string[]): PersistentVolumeSpec => ({
  nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values }] }] } },
});

const late = makeClass('late');
const static_ = makeClass('late', { provisioner: 'kubernetes.io/no-provisioner' });
const node = makeNode('a', { labels: { zone: '1' } });
const driver: CSIDriver = { metadata: { name: 'csi.example.com' }, spec: { storageCapacity: true } };
const capacity = (more: Partial<CSIStorageCapacity>): CSIStorageCapacity => ({
  storageClassName: 'late',
  nodeTopology: { matchLabels: { zone: '1' } },
  ...more,
});

/** Why the plugin refuses the node, or the pod as a whole; undefined where it does not. */
function refusalOf(
  plugin: Plugin,
  pod: Pod,
  storage: Storage,
  { on = node, placed = [] }: { on?: Node; placed?: readonly Pod[] } = {},
): string | undefined {
  const name = on.metadata?.name ?? '';
  const snapshot = makeSnapshot(
    [on],
    placed.map((one) => [one, name] as const),
  );
  const world = makeWorld(snapshot, { volumes: readerOf(storage) });
  const plan = plugin.filter?.(new PodFacts(pod), world);
  if (plan === undefined || plan === 'skip') return undefined;
  if ('refused' in plan) return plan.refused.reasons.join();
  const [info] = snapshot.nodes;
  assert.ok(info);
  return plan.refuse(info)?.reasons.join();
}

describe('VolumeBinding', () => {
  const plugin = volumeBinding({ bindTimeoutSeconds: 600 });
  const noVolume = "node(s) didn't find available persistent volumes to bind";
  const noSpace = 'node(s) did not have enough free storage';
  const promised = (name: string, to: string) =>
    makeClaim(name, {}, { metadata: { namespace: 'default', name, annotations: { [selectedNode]: to } } });
  const cases: readonly (readonly [name: string, storage: Storage, why: string | undefined, claims?: string[]])[] = [
    ['a claim that is not there', {}, 'persistentvolumeclaim "c" not found'],
    [
      'a claim that is lost',
      { claims: [makeClaim('c', { volumeName: 'v' }, { status: { phase: 'Lost' } })] },
      'persistentvolumeclaim "c" bound to non-existent persistentvolume "v"',
    ],
    [
      'a claim that should have its volume',
      { claims: [makeClaim('c')], classes: [makeClass('late', { volumeBindingMode: 'Immediate' })] },
      'pod has unbound immediate PersistentVolumeClaims',
    ],
    [
      'a claim that was given a volume by hand, and is not bound',
      { claims: [makeClaim('c', { volumeName: 'v' }, { metadata: { name: 'c', annotations: {} } })], classes: [late] },
      'pod has unbound immediate PersistentVolumeClaims',
    ],
    [
      'a volume that is gone',
      { claims: [makeClaim('c', { volumeName: 'v' })] },
      'node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)',
    ],
    [
      'a volume on another node',
      { claims: [makeClaim('c', { volumeName: 'v' })], volumes: [makeVolume('v', inZone('2'))] },
      "node(s) didn't match PersistentVolume's node affinity",
    ],
    ['no volume for what is not made', { claims: [makeClaim('c')], classes: [static_] }, noVolume],
    [
      'a volume that is free here',
      { claims: [makeClaim('c')], classes: [static_], volumes: [makeVolume('v', inZone('1'))] },
      undefined,
    ],
    [
      'one volume for two claims',
      { claims: [makeClaim('c'), makeClaim('d')], classes: [static_], volumes: [makeVolume('v')] },
      noVolume,
      ['c', 'd'],
    ],
    [
      'one reserved elsewhere, where another is free',
      {
        claims: [makeClaim('c')],
        classes: [static_],
        volumes: [
          makeVolume('free'),
          makeVolume('mine', { ...inZone('2'), claimRef: { namespace: 'default', name: 'c' } }),
        ],
      },
      noVolume,
    ],
    ['one is made', { claims: [makeClaim('c')], classes: [late] }, undefined],
    ['one is made where it was promised', { claims: [promised('c', 'a')], classes: [late] }, undefined],
    ['one was promised elsewhere', { claims: [promised('c', 'b')], classes: [late] }, noVolume],
    [
      'that comes before what else is missing',
      { claims: [makeClaim('c', {}, {}), promised('d', 'b')], classes: [late], drivers: [driver] },
      noVolume,
      ['c', 'd'],
    ],
    [
      'a class that makes none here',
      {
        claims: [makeClaim('c')],
        classes: [
          makeClass('late', { allowedTopologies: [{ matchLabelExpressions: [{ key: 'zone', values: ['2'] }] }] }),
        ],
      },
      noVolume,
    ],
    [
      'a driver that says nothing of its space',
      { claims: [makeClaim('c')], classes: [late], drivers: [{ ...driver, spec: { storageCapacity: false } }] },
      undefined,
    ],
    ['a driver that has told of none', { claims: [makeClaim('c')], classes: [late], drivers: [driver] }, noSpace],
    [
      'enough space',
      { claims: [makeClaim('c')], classes: [late], drivers: [driver], capacities: [capacity({ capacity: '5Gi' })] },
      undefined,
    ],
    [
      'enough space, but no volume may be so large',
      {
        claims: [makeClaim('c')],
        classes: [late],
        drivers: [driver],
        capacities: [capacity({ capacity: '9Gi', maximumVolumeSize: '4Gi' })],
      },
      noSpace,
    ],
    [
      'enough space elsewhere',
      {
        claims: [makeClaim('c')],
        classes: [late],
        drivers: [driver],
        capacities: [capacity({ capacity: '9Gi', nodeTopology: { matchLabels: { zone: '2' } } })],
      },
      noSpace,
    ],
    [
      'space that can be reached from nowhere',
      {
        claims: [makeClaim('c')],
        classes: [late],
        drivers: [driver],
        capacities: [{ storageClassName: 'late', capacity: '9Gi' }],
      },
      noSpace,
    ],
  ];
  for (const [name, storage, why, claims = ['c']] of cases) {
    test(name, () => assert.equal(refusalOf(plugin, using(...claims), storage), why));
  }

  test('more space wakes a pod, less does not', () => {
    const hint = plugin.hints?.CSIStorageCapacityUpdate;
    const change = (before: Partial<CSIStorageCapacity>, after: Partial<CSIStorageCapacity>) =>
      hint?.(using('c'), { kinds: ['CSIStorageCapacityUpdate'], before: capacity(before), after: capacity(after) });
    assert.equal(change({ capacity: '1Gi' }, { capacity: '2Gi' }), true);
    assert.equal(change({}, { capacity: '0' }), true);
    assert.equal(change({ capacity: '2Gi' }, { capacity: '1Gi' }), false);
    assert.equal(change({ maximumVolumeSize: '1Gi', capacity: '1Gi' }, { maximumVolumeSize: '1Gi' }), false);
  });
});

describe('VolumeZone', () => {
  const key = 'topology.kubernetes.io/zone';
  const old = 'failure-domain.beta.kubernetes.io/zone';
  const refused = 'node(s) had no available volume zone';
  const cases: readonly (readonly [string, Record<string, string>, Record<string, string>, string | undefined])[] = [
    ['a node that says nothing is everywhere', { [key]: 'x' }, {}, undefined],
    ['the same zone', { [key]: 'x' }, { [key]: 'x' }, undefined],
    ['another zone', { [key]: 'x' }, { [key]: 'y' }, refused],
    ['one of several', { [key]: 'x__y' }, { [key]: 'y' }, undefined],
    ['the old name on the volume', { [old]: 'x' }, { [key]: 'x' }, undefined],
    ['the old name on the node alone', { [key]: 'x' }, { [old]: 'x' }, refused],
    ['a node that has only a region', { [key]: 'x' }, { 'topology.kubernetes.io/region': 'r' }, refused],
  ];
  for (const [name, labels, ofNode, why] of cases) {
    test(name, () => {
      const storage = { claims: [makeClaim('c', { volumeName: 'v' })], volumes: [makeVolume('v', {}, labels)] };
      assert.equal(refusalOf(volumeZone, using('c'), storage, { on: makeNode('a', { labels: ofNode }) }), why);
    });
  }
});

describe('VolumeRestrictions', () => {
  const taken = 'node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode';
  const other = (claimName: string, namespace = 'default'): Pod =>
    makePod('other', { namespace, spec: { volumes: [{ name: 'd', persistentVolumeClaim: { claimName } }] } });
  const exclusive = { claims: [makeClaim('c', { accessModes: ['ReadWriteOncePod'] })] };
  const cases: readonly (readonly [string, Storage, readonly Pod[], string | undefined])[] = [
    ['a claim for one pod that another has', exclusive, [other('c')], taken],
    ['a claim for one pod that nobody has', exclusive, [other('d')], undefined],
    ['a claim of that name in another namespace', exclusive, [other('c', 'far')], undefined],
    ['a claim for one node', { claims: [makeClaim('c')] }, [other('c')], undefined],
  ];
  for (const [name, storage, placed, why] of cases) {
    test(name, () => assert.equal(refusalOf(volumeRestrictions, using('c'), storage, { placed }), why));
  }
});

describe('NodeVolumeLimits', () => {
  const full = 'node(s) exceed max volume count';
  const csi = (volumeHandle: string) => ({ csi: { driver: 'csi.example.com', volumeHandle } });
  const names = ['c', 'd', 'e'];
  const limited = (count: number): Storage => ({
    claims: names.map((name) => makeClaim(name, { volumeName: name })),
    volumes: names.map((name) => makeVolume(name, csi(name))),
    csiNodes: [
      {
        metadata: { name: 'a' },
        spec: { drivers: [{ name: 'csi.example.com', nodeID: 'a', allocatable: { count } }] },
      },
    ],
  });
  const placed = (...claims: string[]): Pod[] => [{ ...using(...claims), metadata: { ...makePod('other').metadata } }];
  const attachment = (volume: string): VolumeAttachment => ({
    spec: { attacher: 'csi.example.com', nodeName: 'a', source: { persistentVolumeName: volume } },
  });
  const unbound = { claims: [makeClaim('c')], classes: [late] };
  const cases: readonly (readonly [string, Storage, readonly Pod[], string | undefined])[] = [
    ['room', limited(2), placed('d'), undefined],
    ['no room', limited(1), placed('d'), full],
    ['a volume that is there for another pod needs none', limited(1), placed('c'), undefined],
    ['what still hangs on the node counts', { ...limited(1), attachments: [attachment('d')] }, [], full],
    ['but once', { ...limited(2), attachments: [attachment('d')] }, placed('d'), undefined],
    ['no limit', { ...limited(1), csiNodes: [] }, placed('d', 'e'), undefined],
    ['a claim whose volume is to be made counts for its class', { ...limited(0), ...unbound }, [], full],
  ];
  for (const [name, storage, others, why] of cases) {
    test(name, () => assert.equal(refusalOf(nodeVolumeLimits, using('c'), storage, { placed: others }), why));
  }
});

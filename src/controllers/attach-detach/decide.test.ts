import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Node, PersistentVolumeAccessMode, Pod, PodStatus } from '../../api/schema/types/core-v1.ts';
import type { VolumeAttachment } from '../../api/schema/types/storage-v1.ts';
import { makeCsiVolume } from '../persistent-volume/testing.ts';
import { decideVolume, wantedByNode } from './decide.ts';
import { attachmentName, hasEnded } from './facts.ts';
import { managed } from './testing.ts';
import { VolumeMemory } from './volume-memory.ts';

const csi = { driver: 'csi.example.com', volumeHandle: 'v' };
const uniqueName = 'kubernetes.io/csi/csi.example.com^v';

const makePod = (name: string, nodeName: string, status: PodStatus = {}, deleted = false): Pod => ({
  metadata: {
    namespace: name.includes('/') ? (name.split('/')[0] ?? '') : 'default',
    name: name.split('/').at(-1) ?? '',
    uid: name,
    ...(deleted && { deletionTimestamp: '2026-01-01T00:00:00Z' }),
  },
  spec: { nodeName, containers: [] },
  status,
});

/** `a`: attached; `a?`: not yet; `a-`: on its way out. */
function makeAttachment(text: string): VolumeAttachment {
  const nodeName = text.replace(/[?-]$/, '');
  const deletionTimestamp = '2026-01-01T00:00:00Z';
  return {
    metadata: { name: attachmentName(csi, nodeName), ...(text.endsWith('-') && { deletionTimestamp }) },
    spec: { attacher: csi.driver, nodeName, source: { persistentVolumeName: 'v' } },
    status: { attached: !text.endsWith('?') },
  };
}

interface NodeForm {
  readonly inUse?: boolean;
  readonly ready?: boolean;
  readonly outOfService?: boolean;
}

const makeNode = (name: string, { inUse = false, ready = true, outOfService = false }: NodeForm = {}): Node => ({
  metadata: { name, annotations: managed },
  spec: {
    ...(outOfService && { taints: [{ key: 'node.kubernetes.io/out-of-service', effect: 'NoExecute' as const }] }),
  },
  status: {
    volumesInUse: inUse ? [uniqueName] : [],
    conditions: [{ type: 'Ready', status: ready ? 'True' : 'Unknown' }],
  },
});

interface Case {
  readonly name: string;
  /** `pod@node` */
  readonly pods?: readonly string[];
  readonly attachments?: readonly string[];
  /** What differs from nodes that are ready and have nothing mounted; undefined: there is no such node. */
  readonly nodes?: Readonly<Record<string, NodeForm | undefined>>;
  readonly modes?: readonly PersistentVolumeAccessMode[];
  readonly minutes?: number;
  readonly attach?: readonly string[];
  /** `node`, or `node!` by force. */
  readonly detach?: readonly string[];
  readonly refused?: readonly string[];
}

const many = ['ReadWriteMany'] as const;

const cases: readonly Case[] = [
  { name: 'nobody wants it' },
  { name: 'a pod wants it', pods: ['p@a'], attach: ['a'] },
  { name: 'it is there', pods: ['p@a'], attachments: ['a'] },
  { name: 'it is on its way', pods: ['p@a'], attachments: ['a?'] },
  { name: 'it is on its way out and wanted again: one after the other', pods: ['p@a'], attachments: ['a-'] },
  { name: 'on a node that is not there', pods: ['p@x'], nodes: { x: undefined } },
  { name: 'two nodes want what is for one', pods: ['p@b', 'q@a'], attach: ['a'] },
  { name: 'two nodes want what is for many', pods: ['p@a', 'q@b'], modes: many, attach: ['a', 'b'] },
  { name: 'nobody knows for how many it is', pods: ['p@a', 'q@b'], modes: [], attach: ['a', 'b'] },
  {
    name: 'what is for many is attached elsewhere',
    pods: ['p@a', 'q@b'],
    modes: many,
    attachments: ['a'],
    attach: ['b'],
  },
  {
    name: 'another node has it, whose pods stand in several namespaces',
    pods: ['p@a', 'far/p@a', 'far/q@a', 'new@b'],
    attachments: ['a'],
    refused: ['Volume is already used by pod(s) p and 2 pod(s) in different namespaces'],
  },
  {
    name: 'only pods of other namespaces have it',
    pods: ['far/p@a', 'new@b'],
    attachments: ['a'],
    refused: ['Volume is already used by 1 pod(s) in different namespaces'],
  },
  {
    name: 'a node has it mounted still, for nobody',
    pods: ['new@b'],
    attachments: ['a'],
    nodes: { a: { inUse: true } },
    refused: ["Volume is already exclusively attached to one node and can't be attached to another"],
  },
  { name: 'another node lets go of it: first that', pods: ['new@b'], attachments: ['a'], detach: ['a'] },
  { name: 'another node is letting go of it', pods: ['new@b'], attachments: ['a-'] },
  { name: 'it is on its way to another node', pods: ['p@a', 'new@b'], attachments: ['a?'] },
  {
    name: 'not mounted, even where the node is not ready',
    attachments: ['a'],
    nodes: { a: { ready: false } },
    detach: ['a'],
  },
  { name: 'an attachment that never came about', attachments: ['a?'], detach: ['a'] },
  { name: 'mounted for long on a node that is ready', attachments: ['a'], nodes: { a: { inUse: true } }, minutes: 9 },
  {
    name: 'mounted on a node that is not ready, not for long',
    attachments: ['a'],
    nodes: { a: { inUse: true, ready: false } },
    minutes: 6,
  },
  {
    name: 'mounted for long on a node that is not ready',
    attachments: ['a'],
    nodes: { a: { inUse: true, ready: false } },
    minutes: 6.1,
    detach: ['a!'],
  },
  { name: 'a node that is gone, not for long', attachments: ['a'], nodes: { a: undefined }, minutes: 5 },
  { name: 'a node that is gone, for long', attachments: ['a'], nodes: { a: undefined }, minutes: 7, detach: ['a!'] },
  {
    name: 'a node that is out of service',
    attachments: ['a'],
    nodes: { a: { inUse: true, ready: false, outOfService: true } },
    detach: ['a!'],
  },
  {
    name: 'a pod wants it on a node that is out of service',
    pods: ['p@a'],
    attachments: ['a'],
    nodes: { a: { outOfService: true } },
  },
];

describe('what becomes of a volume', () => {
  for (const one of cases) {
    const { name, pods = [], attachments = [], nodes = {}, modes = ['ReadWriteOnce'], minutes = 0 } = one;
    test(name, () => {
      const node = (named: string) => (named in nodes && !nodes[named] ? undefined : makeNode(named, nodes[named]));
      const users = pods.map((text) => makePod(text.split('@')[0] ?? '', text.split('@')[1] ?? ''));
      const plan = decideVolume({
        volume: makeCsiVolume('v', { accessModes: modes }),
        uniqueName,
        wanted: wantedByNode(users, node),
        attachments: attachments.map(makeAttachment),
        node,
        unwantedMs: () => minutes * 60_000,
      });
      assert.deepEqual(plan.attach, one.attach ?? []);
      const detach = plan.detach.map(({ attachment, force }) => `${attachment.spec.nodeName}${force ? '!' : ''}`);
      assert.deepEqual(detach, one.detach ?? []);
      const refused = (one.refused ?? []).map((why) => `Multi-Attach error for volume "v" ${why}`);
      assert.deepEqual(
        plan.refused.map(({ message }) => message),
        refused,
      );
    });
  }
});

describe('a pod has ended', () => {
  const state = (name: 'running' | 'waiting' | 'terminated') => ({
    containerStatuses: [{ name: 'main', image: '', imageID: '', ready: false, restartCount: 0, state: { [name]: {} } }],
  });
  const endings: readonly (readonly [name: string, pod: Pod, ended: boolean])[] = [
    ['when it succeeded', makePod('p', 'a', { phase: 'Succeeded' }), true],
    ['not while it is wanted, whatever its containers do', makePod('p', 'a', state('terminated')), false],
    ['not while it ends and something runs', makePod('p', 'a', state('running'), true), false],
    ['when it ends and nothing runs any more', makePod('p', 'a', state('terminated'), true), true],
    ['when it ends and nothing ran yet', makePod('p', 'a', state('waiting'), true), true],
    ['when it ends and no container is known', makePod('p', 'a', {}, true), true],
  ];
  for (const [name, pod, ended] of endings) test(name, () => assert.equal(hasEnded(pod), ended));
});

describe('what was made and is not listed yet', () => {
  test('counts until it was seen once', () => {
    const memory = new VolumeMemory();
    const made = makeAttachment('a?');
    memory.made(made, 0);
    assert.deepEqual(memory.unseen([]), [made]);
    assert.deepEqual(memory.unseen([made]), []);
    assert.deepEqual(memory.unseen([]), []);
  });
});

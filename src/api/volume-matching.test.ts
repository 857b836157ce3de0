import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type {
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  PersistentVolumeClaimSpec,
  PersistentVolumeSpec,
} from './schema/types/core-v1.ts';
import { matchingVolume } from './volume-matching.ts';

const makeClaim = (name: string, spec: PersistentVolumeClaimSpec): PersistentVolumeClaim => ({
  metadata: { namespace: 'default', name },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, storageClassName: '', ...spec },
});

const available = (
  name: string,
  storage: string,
  spec: PersistentVolumeSpec = {},
  labels: Record<string, string> = {},
): PersistentVolume => ({
  metadata: { name, labels },
  spec: { capacity: { storage }, accessModes: ['ReadWriteOnce'], ...spec },
  status: { phase: 'Available' },
});

const reservation = (name: string, uid?: string) => ({ namespace: 'default', name, ...(uid && { uid }) });
const asking = (storage: string): PersistentVolumeClaimSpec => ({ resources: { requests: { storage } } });

const on = (...values: string[]): PersistentVolumeSpec => ({
  nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values }] }] } },
});
const makeNode = (zone: string): Node => ({ metadata: { name: zone, labels: { zone } } });

describe('the volume for a claim', () => {
  const cases: readonly {
    name: string;
    spec?: PersistentVolumeClaimSpec;
    volumes: readonly PersistentVolume[];
    expected: string | undefined;
    onlyReserved?: boolean;
    node?: string;
    taken?: readonly string[];
  }[] = [
    {
      name: 'the smallest that is enough',
      spec: asking('3Gi'),
      volumes: [available('l', '20Gi'), available('m', '5Gi'), available('s', '2Gi')],
      expected: 'm',
    },
    { name: 'none is large enough', spec: asking('3Gi'), volumes: [available('s', '2Gi')], expected: undefined },
    {
      name: 'fewer access modes before smaller size',
      volumes: [
        available('rich', '1Gi', { accessModes: ['ReadWriteOnce', 'ReadWriteMany'] }),
        available('plain', '2Gi'),
      ],
      expected: 'plain',
    },
    {
      name: 'all access modes are needed',
      spec: { accessModes: ['ReadWriteOnce', 'ReadOnlyMany'] },
      volumes: [available('a', '1Gi')],
      expected: undefined,
    },
    {
      name: 'of its class',
      spec: { storageClassName: 'fast' },
      volumes: [
        available('slow', '1Gi', { storageClassName: 'slow' }),
        available('none', '1Gi'),
        available('fast', '2Gi', { storageClassName: 'fast' }),
      ],
      expected: 'fast',
    },
    {
      name: 'of its mode',
      spec: { volumeMode: 'Block' },
      volumes: [available('files', '1Gi'), available('block', '1Gi', { volumeMode: 'Block' })],
      expected: 'block',
    },
    {
      name: 'of its attributes class',
      spec: { volumeAttributesClassName: 'gold' },
      volumes: [available('plain', '1Gi'), available('gold', '1Gi', { volumeAttributesClassName: 'gold' })],
      expected: 'gold',
    },
    {
      name: 'that its selector matches',
      spec: { selector: { matchLabels: { a: 'b' } } },
      volumes: [available('other', '1Gi', {}, { a: 'c' }), available('mine', '2Gi', {}, { a: 'b' })],
      expected: 'mine',
    },
    {
      name: 'that is available',
      volumes: [{ ...available('released', '1Gi'), status: { phase: 'Released' } }],
      expected: undefined,
    },
    {
      name: 'that is not for another',
      volumes: [available('theirs', '1Gi', { claimRef: reservation('other') })],
      expected: undefined,
    },
    {
      name: 'that is not for one that had its name before',
      volumes: [available('old', '1Gi', { claimRef: reservation('data', 'other') })],
      expected: undefined,
    },
    {
      name: 'the reserved one before a better one, whatever its class',
      volumes: [
        available('better', '1Gi'),
        available('mine', '9Gi', { storageClassName: 'x', claimRef: reservation('data') }),
      ],
      expected: 'mine',
    },
    {
      name: 'but not where it is too small',
      spec: asking('3Gi'),
      volumes: [available('better', '5Gi'), available('mine', '1Gi', { claimRef: reservation('data') })],
      expected: 'better',
    },
    { name: 'only a reserved one', onlyReserved: true, volumes: [available('free', '1Gi')], expected: undefined },
    {
      name: 'the reserved one also where only such will do',
      onlyReserved: true,
      volumes: [available('free', '1Gi'), available('mine', '9Gi', { claimRef: reservation('data') })],
      expected: 'mine',
    },
    {
      name: 'not one of other attributes, although it is reserved',
      volumes: [available('mine', '1Gi', { volumeAttributesClassName: 'gold', claimRef: reservation('data') })],
      expected: undefined,
    },
    {
      name: 'one that can be used on the node',
      node: 'b',
      volumes: [available('a', '1Gi', on('a')), available('b', '2Gi', on('b'))],
      expected: 'b',
    },
    {
      name: 'on a node the smallest, whatever else it can do',
      node: 'a',
      volumes: [
        available('rich', '1Gi', { accessModes: ['ReadWriteOnce', 'ReadWriteMany'] }),
        available('plain', '2Gi'),
      ],
      expected: 'rich',
    },
    {
      name: 'none on another node than that of the reserved one',
      node: 'b',
      volumes: [available('free', '1Gi'), available('mine', '1Gi', { ...on('a'), claimRef: reservation('data') })],
      expected: undefined,
    },
    {
      name: 'not one that another claim of the pod gets',
      node: 'a',
      taken: ['s'],
      volumes: [available('s', '1Gi'), available('m', '2Gi')],
      expected: 'm',
    },
    {
      name: 'not one that goes',
      volumes: [{ ...available('goes', '1Gi'), metadata: { name: 'goes', deletionTimestamp: '2026-01-01T00:00:00Z' } }],
      expected: undefined,
    },
  ];
  for (const { name, spec = {}, volumes, expected, onlyReserved = false, node, taken = [] } of cases) {
    test(name, () => {
      const choice = { onlyReserved, taken: new Set(taken), ...(node !== undefined && { node: makeNode(node) }) };
      assert.equal(matchingVolume(makeClaim('data', spec), volumes, choice)?.metadata?.name, expected);
    });
  }
});

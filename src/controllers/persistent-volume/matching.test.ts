import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type {
  PersistentVolume,
  PersistentVolumeClaimSpec,
  PersistentVolumeSpec,
} from '../../api/schema/types/core-v1.ts';
import { matchingVolume } from './matching.ts';
import { makeClaim, makeVolume } from './testing.ts';

const available = (
  name: string,
  storage: string,
  spec: PersistentVolumeSpec = {},
  labels: Record<string, string> = {},
): PersistentVolume => ({
  ...makeVolume(name, { capacity: { storage }, ...spec }, labels),
  status: { phase: 'Available' },
});

const reservation = (name: string, uid?: string) => ({ namespace: 'default', name, ...(uid && { uid }) });
const asking = (storage: string): PersistentVolumeClaimSpec => ({ resources: { requests: { storage } } });

describe('the volume for a claim', () => {
  const cases: readonly {
    name: string;
    spec?: PersistentVolumeClaimSpec;
    volumes: readonly PersistentVolume[];
    expected: string | undefined;
    onlyReserved?: boolean;
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
      name: 'not one that goes',
      volumes: [{ ...available('goes', '1Gi'), metadata: { name: 'goes', deletionTimestamp: '2026-01-01T00:00:00Z' } }],
      expected: undefined,
    },
  ];
  for (const { name, spec = {}, volumes, expected, onlyReserved = false } of cases) {
    test(name, () =>
      assert.equal(matchingVolume(makeClaim('data', spec), volumes, onlyReserved)?.metadata?.name, expected),
    );
  }
});

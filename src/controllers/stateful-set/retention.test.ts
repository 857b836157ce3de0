import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PersistentVolumeClaim, Pod } from '../../api/schema/types/core-v1.ts';
import type { OwnerReference } from '../../api/schema/types/meta-v1.ts';
import { isClaimStaleFor, ownersToSet } from './retention.ts';
import { makeSet } from './testing.ts';

type Policy = 'Retain' | 'Delete';

const setWith = (whenScaled: Policy, whenDeleted: Policy) => {
  const set = makeSet({ persistentVolumeClaimRetentionPolicy: { whenScaled, whenDeleted } });
  return { ...set, metadata: { ...set.metadata, uid: 'set-uid' } };
};
const pod: Pod = { metadata: { namespace: 'default', name: 'db-2', uid: 'pod-uid' }, spec: { containers: [] } };

const reference = (kind: string, name: string, uid: string, controller = true): OwnerReference => ({
  apiVersion: kind === 'Pod' ? 'v1' : 'apps/v1',
  kind,
  name,
  uid,
  ...(controller && { controller: true, blockOwnerDeletion: true }),
});
const ofSet = reference('StatefulSet', 'db', 'set-uid');
const ofPod = reference('Pod', 'db-2', 'pod-uid');
const foreign = reference('Backup', 'nightly', 'other-uid');

const claimOf = (...ownerReferences: readonly OwnerReference[]): PersistentVolumeClaim => ({
  metadata: { namespace: 'default', name: 'data-db-2', ownerReferences },
});

describe('the owners of a claim', () => {
  const cases: readonly [Policy, Policy, boolean, readonly OwnerReference[]][] = [
    ['Retain', 'Retain', false, []],
    ['Retain', 'Retain', true, []],
    ['Retain', 'Delete', false, [ofSet]],
    ['Retain', 'Delete', true, [ofSet]],
    ['Delete', 'Retain', false, []],
    ['Delete', 'Retain', true, [ofPod]],
    ['Delete', 'Delete', false, [ofSet]],
    ['Delete', 'Delete', true, [ofPod]],
  ];
  for (const [whenScaled, whenDeleted, isScaledAway, wanted] of cases) {
    const where = isScaledAway ? 'scaled away' : 'in range';
    test(`scaled: ${whenScaled}, deleted: ${whenDeleted}, ${where}`, () => {
      const set = setWith(whenScaled, whenDeleted);
      for (const standing of [[], [ofSet], [ofPod], [ofSet, ofPod]]) {
        const result = ownersToSet(set, pod, claimOf(...standing), isScaledAway);
        const isRight = JSON.stringify(standing) === JSON.stringify(wanted);
        assert.deepEqual(result, isRight ? undefined : wanted);
      }
    });
  }

  test('an owner that is no controller becomes one', () => {
    const claim = claimOf(reference('StatefulSet', 'db', 'set-uid', false));
    assert.deepEqual(ownersToSet(setWith('Retain', 'Delete'), pod, claim, false), [ofSet]);
  });

  test('another controller keeps the claim for itself, and its reference stands where nothing is deleted, too', () => {
    assert.equal(ownersToSet(setWith('Delete', 'Delete'), pod, claimOf(foreign), false), undefined);
    assert.deepEqual(ownersToSet(setWith('Delete', 'Delete'), pod, claimOf(foreign, ofSet), false), [foreign]);
    assert.equal(ownersToSet(setWith('Retain', 'Retain'), pod, claimOf(foreign), false), undefined);
  });

  test('a claim of an earlier set or pod of the same name is left to the garbage collector', () => {
    for (const earlier of [reference('StatefulSet', 'db', 'earlier'), reference('Pod', 'db-2', 'earlier')]) {
      assert.equal(ownersToSet(setWith('Delete', 'Delete'), pod, claimOf(earlier), false), undefined);
    }
  });

  test('only where scaling deletes claims, one of an earlier pod holds up the next pod of its name', () => {
    const claim = claimOf(reference('Pod', 'db-2', 'earlier'));
    assert.equal(isClaimStaleFor(setWith('Delete', 'Retain'), pod, claim), true);
    assert.equal(isClaimStaleFor(setWith('Retain', 'Delete'), pod, claim), false);
    assert.equal(isClaimStaleFor(setWith('Delete', 'Retain'), pod, claimOf(ofPod)), false);
  });
});

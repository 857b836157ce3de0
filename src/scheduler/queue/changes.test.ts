import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventOf } from './changes.ts';

test('changes have upstream’s labels where they are counted', () => {
  assert.deepEqual(
    (
      ['NodeAdd', 'NodeTaint', 'AssignedPodDelete', 'CSINodeUpdate', 'ResourceClaimAdd', 'PersistentVolumeAdd'] as const
    ).map(eventOf),
    [
      'NodeAdd',
      'NodeUpdateNodeTaint',
      'AssignedPodDelete',
      'storage.k8s.io/CSINodeUpdate',
      'resource.k8s.io/ResourceClaimAdd',
      'PersistentVolumeAdd',
    ],
  );
});

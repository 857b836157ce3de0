import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decidePod } from '../pod/decide-pod.ts';
import { make, nowMs } from '../testing.ts';
import { isPullFailure } from './pull-errors.ts';

/** What a container waits for whose image could not be had ten seconds ago. */
function waitingAfter(reason: string, image?: string) {
  const failed = {
    kind: 'failed',
    reason,
    message: 'no',
    failedAtMs: nowMs - 10_000,
    retryAtMs: nowMs + 10_000,
  } as const;
  const images = new Map([['app', { ...failed, ...(image !== undefined && { image }) }]]);
  const plan = decidePod(make.observation({ sandboxes: [make.sandbox()], images }));
  const reasons = plan.steps.flatMap((step) => (step.kind === 'event' ? [step.reason] : []));
  return { ...plan.status.containerStatuses?.[0]?.state?.waiting, events: reasons };
}

test('failures of pulls become a back-off that says why; other problems stay what they are', () => {
  for (const reason of ['ErrImagePull', 'RegistryUnavailable', 'SignatureValidationFailed']) {
    assert.equal(isPullFailure(reason), true);
    const message = `Back-off pulling image "app:1": ${reason}: no`;
    assert.deepEqual(waitingAfter(reason), { reason: 'ImagePullBackOff', message, events: ['BackOff', 'Failed'] });
  }
  for (const reason of ['ErrImageNeverPull', 'InvalidImageName', 'ImageInspectError']) {
    assert.deepEqual(waitingAfter(reason), { reason, message: 'no', events: [] });
  }
});

test('the back-off names the image of a volume where that one is missing', () => {
  assert.equal(waitingAfter('ErrImagePull', 'data:1').message, 'Back-off pulling image "data:1": ErrImagePull: no');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containerName, jobOf } from './create.ts';

test('a container is called by the last part of its image', () => {
  for (const [image, name] of [
    ['nginx', 'nginx'],
    ['registry.example.com:5000/team/My_Web:1.2', 'my-web'],
    [`web@sha256:${'0'.repeat(64)}`, 'web'],
    ['', 'main'],
  ] as const) {
    assert.equal(containerName(image), name);
  }
});

test('a job of a CronJob is as that would make it, says that somebody asked for it, and goes with it', () => {
  const template = { spec: { containers: [{ name: 'report', image: 'report:1' }] } };
  const job = jobOf(
    {
      metadata: { name: 'report', uid: 'u1' },
      spec: { schedule: '@daily', jobTemplate: { metadata: { labels: { app: 'report' } }, spec: { template } } },
    },
    'now',
  );
  assert.deepEqual(job.spec, { template });
  assert.deepEqual(job.metadata?.labels, { app: 'report' });
  assert.equal(job.metadata?.annotations?.['cronjob.kubernetes.io/instantiate'], 'manual');
  assert.deepEqual(
    job.metadata?.ownerReferences?.map(({ kind, uid, controller }) => ({ kind, uid, controller })),
    [{ kind: 'CronJob', uid: 'u1', controller: true }],
  );
});

/** Jobs that sleep and wake up: what their status says, what may change meanwhile, and what ends them all the same. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JobSpec } from '../../api/schema/types/batch-v1.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { events, jobs, pods } from '../../client/resources.ts';
import { isActive } from '../shared/pods.ts';
import { inDefault } from '../testing.ts';
import { completionIndexOf } from './marks.ts';
import { type Exit, type JobWorld, makeJob, runsOn, startJobWorld, succeeds } from './testing.ts';

/** Runs for three seconds. */
async function startRunning(exit: Exit, spec: Partial<JobSpec>): Promise<JobWorld> {
  const world = await startJobWorld(exit);
  await world.client.create(jobs, makeJob(spec));
  await world.clock.advance(3000);
  return world;
}

/** `type=status` of all conditions, in their order. */
const allConditions = async (world: JobWorld): Promise<readonly string[]> =>
  ((await world.job()).status?.conditions ?? []).map(({ type, status }) => `${type}=${status}`);

const times = (told: readonly string[], text: string): number => told.filter((one) => one === text).length;

describe('a job that falls asleep', () => {
  test('has not begun until it wakes up, and tells of each change once', async () => {
    const world = await startRunning(runsOn, { parallelism: 2, completions: 2 });
    assert.equal((await world.job()).status?.startTime, '2026-01-01T00:00:00Z');
    assert.deepEqual(await allConditions(world), [], 'what never slept need not say so');
    for (const suspend of [true, false, true]) {
      await world.edit({ suspend });
      await world.clock.advance(5000);
      assert.deepEqual(await allConditions(world), [`Suspended=${suspend ? 'True' : 'False'}`]);
      const { startTime, active = 0, terminating } = (await world.job()).status ?? {};
      assert.equal(startTime !== undefined, !suspend);
      assert.deepEqual([active, terminating], [suspend ? 0 : 2, 0]);
    }
    const condition = (await world.job()).status?.conditions?.[0];
    assert.deepEqual([condition?.reason, condition?.message], ['JobSuspended', 'Job suspended']);
    const told = await world.eventsOf();
    const count = (await world.list(events)).find(({ reason }) => reason === 'Suspended')?.count;
    assert.deepEqual([times(told, 'Suspended: Job suspended'), count], [1, 2], 'one event, counted twice');
    assert.equal(times(told, 'Resumed: Job resumed'), 1);
    await world.close();
  });

  test('may be sent elsewhere, and asks for other resources when it wakes up', async () => {
    const world = await startRunning(runsOn, { completions: 1 });
    const template = { spec: { nodeSelector: { disk: 'ssd' } } };
    const elsewhere = { type: 'strategic', body: { spec: { template } } } as const;
    await assert.rejects(() => world.client.patch(jobs, inDefault('job'), elsewhere), /immutable/, 'it runs');
    await world.edit({ suspend: true });
    await world.clock.advance(5000);
    await world.client.patch(jobs, inDefault('job'), elsewhere);
    const containers = [{ name: 'main', resources: { requests: { cpu: '250m' } } }];
    const resized = {
      type: 'strategic',
      body: { spec: { suspend: false, template: { spec: { containers } } } },
    } as const;
    await world.client.patch(jobs, inDefault('job'), resized);
    await world.clock.advance(5000);
    const [pod] = await world.list(pods);
    assert.equal(pod?.spec?.nodeSelector?.disk, 'ssd');
    assert.equal(pod.spec.containers[0]?.resources?.requests?.cpu, '250m');
    await world.close();
  });

  test('keeps what it has done, and does the rest when it wakes up', async () => {
    const world = await startRunning((pod) => ((completionIndexOf(pod) ?? 0) < 2 ? 0 : undefined), {
      completionMode: 'Indexed',
      completions: 4,
      parallelism: 4,
    });
    await world.edit({ suspend: true });
    await world.clock.advance(5000);
    const asleep = (await world.job()).status;
    assert.deepEqual([asleep?.completedIndexes, asleep?.failed, asleep?.active], ['0,1', undefined, undefined]);
    world.exit = succeeds;
    await world.edit({ suspend: false });
    await world.clock.advance(10_000);
    assert.equal((await world.job()).status?.completedIndexes, '0-3');
    assert.deepEqual(await allConditions(world), ['Suspended=False', 'SuccessCriteriaMet=True', 'Complete=True']);
    await world.close();
  });

  for (const [exitCode, last] of [
    [0, 'Complete: CompletionsReached'],
    [1, 'Failed: BackoffLimitExceeded'],
  ] as const) {
    test(`ends where a pod that was ending already ends it with ${exitCode}`, async () => {
      const world = await startJobWorld(runsOn);
      world.kubelet.endMs = 600_000;
      await world.client.create(jobs, makeJob({ completions: 1, backoffLimit: 0, podReplacementPolicy: 'Failed' }));
      await world.clock.advance(3000);
      const [pod] = (await world.list(pods)) as [Pod];
      await world.client.delete(pods, inDefault(pod.metadata?.name ?? ''));
      await world.clock.advance(1000);
      await world.edit({ suspend: true });
      await world.clock.advance(5000);
      assert.deepEqual(await allConditions(world), ['Suspended=True']);
      await world.end(pod, exitCode);
      await world.clock.advance(5000);
      assert.equal((await world.conditions()).at(-1), last);
      assert.equal((await world.job()).status?.startTime, '2026-01-01T00:00:09Z', 'what is over has begun');
      await world.close();
    });
  }

  test('made asleep with nothing to do is complete and never began', async () => {
    const world = await startRunning(runsOn, { suspend: true, completions: 0 });
    assert.equal((await world.conditions()).at(-1), 'Complete: CompletionsReached');
    assert.equal((await world.job()).status?.startTime, undefined);
    await world.close();
  });

  test('that others manage is not put to sleep here', async () => {
    const world = await startRunning(runsOn, { suspend: true, managedBy: 'example.com/other' });
    assert.deepEqual(await allConditions(world), []);
    assert.equal((await world.list(pods)).filter(isActive).length, 0);
    await world.close();
  });
});

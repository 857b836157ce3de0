/** Loops that end between two of their steps, and others that take over with nothing but what is stored. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Job } from '../../api/schema/types/batch-v1.ts';
import { unreachable } from '../../client/errors.ts';
import { intercept } from '../../client/intercept.ts';
import { jobs, pods } from '../../client/resources.ts';
import { inDefault } from '../testing.ts';
import { isTracked } from './marks.ts';
import { type JobWorld, makeJob, runsOn, startJobWorld } from './testing.ts';

/** Which calls of the loops fail. */
type Broken = 'create pods' | 'release pods' | 'count pods' | 'nothing';

interface BreakableWorld extends JobWorld {
  broken: Broken;
}

const isCounting = (object: object): boolean => {
  const { status } = object as Job;
  return (status?.failed ?? 0) > 0 || (status?.succeeded ?? 0) > 0;
};

async function startBreakable(...[exit]: Parameters<typeof startJobWorld>): Promise<BreakableWorld> {
  const state: { broken: Broken } = { broken: 'nothing' };
  const fail = (): never => {
    throw unreachable('the loop has ended');
  };
  const world = await startJobWorld(exit, {
    wrap: (client) =>
      intercept(client, {
        create: (real) => async (resource, object, options) => {
          const created = await real.create(resource, object, options);
          return state.broken === 'create pods' && resource.resource === 'pods' ? fail() : created;
        },
        patch: (real) => async (resource, reference, patch, options) => {
          const releases = JSON.stringify(patch.body).includes('$deleteFromPrimitiveList/finalizers');
          return state.broken === 'release pods' && releases ? fail() : real.patch(resource, reference, patch, options);
        },
        update: (real) => async (resource, object, options) =>
          state.broken === 'count pods' && resource.resource === 'jobs' && isCounting(object)
            ? fail()
            : real.update(resource, object, options),
      }),
  });
  return Object.defineProperty(world, 'broken', {
    get: () => state.broken,
    set: (broken: Broken) => void (state.broken = broken),
  }) as BreakableWorld;
}

describe('after a restart', () => {
  const half = (_: unknown, earlier: number): number => (earlier % 2 === 0 ? 0 : 1);

  test('ends that were named and whose pods still are held count once', async () => {
    const world = await startBreakable(half);
    world.broken = 'release pods';
    await world.client.create(jobs, makeJob({ completions: 2, parallelism: 2, backoffLimit: 0 }));
    await world.clock.advance(10_000);
    const { status: named } = await world.job();
    const { succeeded = [], failed = [] } = named?.uncountedTerminatedPods ?? {};
    assert.deepEqual([succeeded.length, failed.length, named?.failed, named?.succeeded], [1, 1, undefined, undefined]);
    world.broken = 'nothing';
    await world.restart(5000);
    await world.clock.advance(5000);
    const { status } = await world.job();
    assert.deepEqual([status?.succeeded, status?.failed, status?.uncountedTerminatedPods], [1, 1, {}]);
    assert.equal((await world.conditions()).at(-1), 'Failed: BackoffLimitExceeded');
    assert.ok(!(await world.list(pods)).some(isTracked));
    await world.close();
  });

  test('ends that were named count once, although their pods are gone meanwhile', async () => {
    const world = await startBreakable(half);
    world.broken = 'count pods';
    await world.client.create(jobs, makeJob({ completions: 2, parallelism: 2, backoffLimit: 0 }));
    await world.clock.advance(10_000);
    assert.deepEqual(
      [(await world.job()).status?.failed, (await world.list(pods)).some(isTracked)],
      [undefined, false],
    );
    for (const { metadata } of await world.list(pods)) {
      await world.client.delete(pods, inDefault(metadata?.name ?? ''), { gracePeriodSeconds: 0 });
    }
    assert.equal((await world.list(pods)).length, 0);
    world.broken = 'nothing';
    await world.restart(5000);
    await world.clock.advance(5000);
    const { status } = await world.job();
    assert.deepEqual([status?.succeeded, status?.failed, status?.uncountedTerminatedPods], [1, 1, {}]);
    assert.equal((await world.conditions()).at(-1), 'Failed: BackoffLimitExceeded');
    await world.close();
  });

  test('pods whose making nobody heard of are found, not made again', async () => {
    const world = await startBreakable(runsOn);
    world.broken = 'create pods';
    await world.client.create(jobs, makeJob({ completions: 4, parallelism: 4 }));
    await world.clock.advance(0);
    world.broken = 'nothing';
    await world.restart();
    await world.clock.advance(5000);
    assert.equal((await world.list(pods)).length, 4);
    assert.equal((await world.job()).status?.active, 4);
    await world.close();
  });

  test('a pod that failed and was deleted while nobody looked is judged by the policy', async () => {
    const world = await startJobWorld(runsOn);
    const podFailurePolicy = {
      rules: [{ action: 'FailJob' as const, onExitCodes: { operator: 'In' as const, values: [5] } }],
    };
    await world.client.create(jobs, makeJob({ completions: 2, parallelism: 2, podFailurePolicy }));
    await world.clock.advance(3000);
    const [pod] = await world.list(pods);
    assert.ok(pod);
    await world.end(pod, 5);
    await world.client.delete(pods, inDefault(pod.metadata?.name ?? ''));
    await world.restart(60_000);
    await world.clock.advance(5000);
    assert.equal((await world.conditions()).at(-1), 'Failed: PodFailurePolicy');
    assert.equal((await world.job()).status?.failed, 2);
    await world.close();
  });

  test('pods of a job that was deleted while nobody looked are let go', async () => {
    const world = await startJobWorld(runsOn);
    await world.client.create(jobs, makeJob({ completions: 2, parallelism: 2 }));
    await world.clock.advance(3000);
    await world.client.delete(jobs, inDefault('job'), { propagationPolicy: 'Background' });
    await world.restart(10_000);
    await world.clock.advance(30_000);
    assert.equal((await world.list(pods)).length, 0);
    await world.close();
  });

  test('a deadline that passed while nobody looked holds, and one that comes is kept', async () => {
    const world = await startJobWorld(runsOn);
    await world.client.create(jobs, makeJob({ activeDeadlineSeconds: 60 }));
    await world.client.create(jobs, makeJob({ activeDeadlineSeconds: 600 }, 'longer'));
    await world.clock.advance(3000);
    await world.restart(120_000);
    await world.clock.advance(5000);
    assert.equal((await world.conditions()).at(-1), 'Failed: DeadlineExceeded');
    assert.deepEqual(await world.conditions('longer'), []);
    await world.clock.advance(475_000);
    assert.equal((await world.conditions('longer')).at(-1), 'Failed: DeadlineExceeded');
    await world.close();
  });

  test('a job that sleeps goes on sleeping, and wakes up when it is told to', async () => {
    const world = await startJobWorld(runsOn);
    await world.client.create(jobs, makeJob({ completions: 2, parallelism: 2 }));
    await world.clock.advance(3000);
    await world.edit({ suspend: true });
    await world.clock.advance(3000);
    await world.restart(10_000);
    await world.clock.advance(10_000);
    assert.deepEqual(await world.conditions(), ['Suspended: JobSuspended']);
    assert.equal((await world.list(pods)).length, 0);
    await world.edit({ suspend: false });
    await world.restart();
    await world.clock.advance(3000);
    assert.equal((await world.job()).status?.active, 2);
    assert.equal((await world.job()).status?.startTime, '2026-01-01T00:00:26Z');
    await world.close();
  });
});

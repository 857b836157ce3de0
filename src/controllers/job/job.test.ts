import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { forbidden } from '../../api/status-error.ts';
import { unreachable } from '../../client/errors.ts';
import { intercept, interceptCalls } from '../../client/intercept.ts';
import { jobs, pods } from '../../client/resources.ts';
import type { Clock } from '../../lib/clock.ts';
import { SeededPrng } from '../../lib/prng.ts';
import { controllerOf } from '../shared/ownership.ts';
import { isActive } from '../shared/pods.ts';
import { inDefault } from '../testing.ts';
import { isTracked } from './marks.ts';
import { fails, makeJob, runsOn, startJobWorld, succeeds } from './testing.ts';

describe('a job', () => {
  test('runs its pods, so many at once, until all completions are there', async () => {
    const world = await startJobWorld(succeeds);
    await world.client.create(jobs, makeJob({ parallelism: 2, completions: 4 }));
    await world.clock.advance(1500);
    const running = await world.job();
    assert.deepEqual([running.status?.active, running.status?.ready, running.status?.succeeded], [2, 2, undefined]);
    assert.equal(running.status?.startTime, '2026-01-01T00:00:00Z');
    await world.clock.advance(10_000);
    const { status } = await world.job();
    assert.equal(status?.succeeded, 4);
    assert.deepEqual(
      [status.active, status.ready, status.terminating, status.uncountedTerminatedPods],
      [undefined, 0, 0, {}],
    );
    assert.ok(status.completionTime);
    const conditions = ['SuccessCriteriaMet: CompletionsReached', 'Complete: CompletionsReached'];
    assert.deepEqual(await world.conditions(), conditions);
    const all = await world.list(pods);
    assert.equal(all.length, 4);
    assert.ok(!all.some(isTracked), 'nothing holds the pods any more');
    const told = await world.eventsOf();
    assert.equal(told.filter((text) => text.startsWith('SuccessfulCreate: Created pod: job-')).length, 4);
    assert.ok(told.includes('Completed: Job completed'));
    await world.close();
  });

  test('without completions ends when one pod succeeds and the others are done; no more are made', async () => {
    const world = await startJobWorld((_, earlier) => (earlier === 0 ? 0 : undefined));
    await world.client.create(jobs, makeJob({ parallelism: 3 }));
    await world.clock.advance(5000);
    assert.deepEqual([(await world.job()).status?.succeeded, (await world.job()).status?.active], [1, 2]);
    assert.deepEqual(await world.conditions(), []);
    for (const pod of (await world.list(pods)).filter(isActive)) await world.end(pod, 0);
    await world.clock.advance(2000);
    assert.equal((await world.list(pods)).length, 3);
    assert.deepEqual((await world.conditions()).at(-1), 'Complete: CompletionsReached');
    await world.close();
  });

  test('that wants none is complete at once', async () => {
    const world = await startJobWorld(succeeds);
    await world.client.create(jobs, makeJob({ completions: 0 }));
    await world.clock.advance(1000);
    assert.deepEqual((await world.conditions()).at(-1), 'Complete: CompletionsReached');
    assert.equal((await world.list(pods)).length, 0);
    await world.close();
  });

  test('replaces failed pods, each time after twice as long, and fails at its limit', async () => {
    const world = await startJobWorld(fails);
    await world.client.create(jobs, makeJob({ backoffLimit: 2 }));
    await world.clock.advance(120_000);
    const created = (await world.list(pods)).map((pod) => Date.parse(pod.metadata?.creationTimestamp ?? '') / 1000);
    const [first = 0, second = 0, third = 0, ...more] = created.toSorted((a, b) => a - b);
    assert.deepEqual(more, []);
    assert.ok(second - first >= 12 && second - first <= 13, `${second - first} s between the first two`);
    assert.ok(third - second >= 22 && third - second <= 23, `${third - second} s between the next two`);
    assert.equal((await world.job()).status?.failed, 3);
    assert.deepEqual(await world.conditions(), ['FailureTarget: BackoffLimitExceeded', 'Failed: BackoffLimitExceeded']);
    assert.ok((await world.eventsOf()).includes('BackoffLimitExceeded: Job has reached the specified backoff limit'));
    await world.close();
  });

  test('counts restarts where its containers are restarted in place', async () => {
    const world = await startJobWorld(runsOn);
    const job = makeJob({ backoffLimit: 2 });
    const spec = { restartPolicy: 'OnFailure' as const, containers: [{ name: 'main', image: 'image' }] };
    await world.client.create(jobs, { ...job, spec: { ...job.spec, template: { spec } } });
    await world.clock.advance(2000);
    const restarted = async (restartCount: number): Promise<void> => {
      const [pod] = await world.list(pods);
      const containerStatuses = [{ name: 'main', image: '', imageID: '', ready: true, restartCount }];
      const patch = { type: 'strategic', body: { status: { containerStatuses } } } as const;
      await world.client.patch(pods, inDefault(pod?.metadata?.name ?? ''), patch, { subresource: 'status' });
      await world.clock.advance(3000);
    };
    await restarted(1);
    assert.deepEqual(await world.conditions(), []);
    await restarted(2);
    assert.equal((await world.conditions()).at(-1), 'Failed: BackoffLimitExceeded');
    assert.equal((await world.list(pods)).length, 0, 'its pod was deleted');
    await world.close();
  });

  test('ends its pods when its time is over, and fails', async () => {
    const world = await startJobWorld(runsOn);
    await world.client.create(jobs, makeJob({ parallelism: 2, completions: 4, activeDeadlineSeconds: 10 }));
    await world.clock.advance(9900);
    assert.equal((await world.job()).status?.active, 2);
    await world.clock.advance(200);
    const ending = await world.job();
    assert.deepEqual(await world.conditions(), ['FailureTarget: DeadlineExceeded']);
    assert.deepEqual([ending.status?.active, ending.status?.terminating, ending.status?.failed], [undefined, 2, 2]);
    await world.clock.advance(3000);
    assert.deepEqual((await world.conditions()).at(-1), 'Failed: DeadlineExceeded');
    assert.equal((await world.list(pods)).length, 0);
    await world.close();
  });

  test('made asleep has no pods and no beginning; awake it begins, and asleep again its pods end', async () => {
    const world = await startJobWorld(runsOn);
    await world.client.create(
      jobs,
      makeJob({ parallelism: 2, completions: 2, suspend: true, activeDeadlineSeconds: 60 }),
    );
    await world.clock.advance(30_000);
    assert.equal((await world.list(pods)).length, 0);
    assert.deepEqual(await world.conditions(), ['Suspended: JobSuspended']);
    assert.equal((await world.job()).status?.startTime, undefined);
    await world.edit({ suspend: false });
    await world.clock.advance(45_000);
    assert.equal((await world.job()).status?.startTime, '2026-01-01T00:00:30Z');
    assert.equal((await world.job()).status?.active, 2);
    await world.edit({ suspend: true });
    await world.clock.advance(60_000);
    assert.equal((await world.list(pods)).length, 0);
    const asleep = await world.job();
    assert.deepEqual([asleep.status?.active, asleep.status?.failed], [undefined, undefined]);
    world.exit = succeeds;
    await world.edit({ suspend: false });
    await world.clock.advance(1000);
    assert.equal((await world.job()).status?.startTime, '2026-01-01T00:02:15Z', 'it has all its time again');
    await world.clock.advance(5000);
    assert.deepEqual((await world.conditions()).at(-1), 'Complete: CompletionsReached');
    const told = await world.eventsOf();
    assert.ok(told.includes('Suspended: Job suspended') && told.includes('Resumed: Job resumed'));
    await world.close();
  });

  test('follows a change of its parallelism', async () => {
    const world = await startJobWorld(runsOn);
    await world.client.create(jobs, makeJob({ parallelism: 4, completions: 8 }));
    await world.clock.advance(3000);
    await world.edit({ parallelism: 1 });
    await world.clock.advance(3000);
    assert.equal((await world.list(pods)).length, 1);
    assert.deepEqual([(await world.job()).status?.active, (await world.job()).status?.failed], [1, undefined]);
    await world.edit({ parallelism: 2 });
    await world.clock.advance(3000);
    assert.equal((await world.list(pods)).length, 2);
    await world.close();
  });

  test('adopts orphans that match and lets go pods that match no more', async () => {
    const world = await startJobWorld(runsOn);
    await world.client.create(jobs, makeJob({ parallelism: 2, completions: 4 }));
    await world.clock.advance(3000);
    const [pod] = await world.list(pods);
    const reference = inDefault(pod?.metadata?.name ?? '');
    await world.client.patch(pods, reference, { type: 'merge', body: { metadata: { ownerReferences: null } } });
    await world.clock.advance(3000);
    const adopted = (await world.get(pods, reference.name)) as Pod;
    assert.equal(controllerOf(adopted)?.name, 'job');
    assert.ok(isTracked(adopted));
    await world.client.patch(pods, reference, { type: 'merge', body: { metadata: { labels: null } } });
    await world.clock.advance(3000);
    const released = (await world.get(pods, reference.name)) as Pod;
    assert.equal(controllerOf(released), undefined);
    assert.ok(!isTracked(released));
    assert.equal((await world.list(pods)).filter((each) => controllerOf(each) !== undefined).length, 2);
    await world.close();
  });

  for (const propagationPolicy of ['Foreground', 'Background'] as const) {
    test(`that is deleted (${propagationPolicy}) goes with its pods`, async () => {
      const world = await startJobWorld(runsOn);
      await world.client.create(jobs, makeJob({ parallelism: 2, completions: 4 }));
      await world.clock.advance(3000);
      await world.client.delete(jobs, inDefault('job'), { propagationPolicy });
      await world.clock.advance(10_000);
      assert.equal(await world.get(jobs, 'job'), undefined);
      assert.equal((await world.list(pods)).length, 0);
      await world.close();
    });
  }

  test('that is deleted alone leaves its pods, and nothing that holds them', async () => {
    const world = await startJobWorld(runsOn);
    await world.client.create(jobs, makeJob({ parallelism: 2, completions: 4 }));
    await world.clock.advance(3000);
    await world.client.delete(jobs, inDefault('job'), { propagationPolicy: 'Orphan' });
    await world.clock.advance(10_000);
    const left = await world.list(pods);
    assert.equal(left.length, 2);
    assert.ok(!left.some(isTracked));
    await world.close();
  });

  test('that somebody else manages is left alone', async () => {
    const world = await startJobWorld(succeeds);
    await world.client.create(jobs, makeJob({ managedBy: 'example.com/other' }));
    await world.clock.advance(10_000);
    assert.equal((await world.list(pods)).length, 0);
    assert.equal((await world.job()).status?.conditions, undefined);
    await world.close();
  });

  test('with a time to live goes when it is over', async () => {
    const world = await startJobWorld(succeeds);
    await world.client.create(jobs, makeJob({ ttlSecondsAfterFinished: 60 }));
    await world.clock.advance(30_000);
    assert.deepEqual((await world.conditions()).at(-1), 'Complete: CompletionsReached');
    await world.edit({ ttlSecondsAfterFinished: 120 });
    await world.clock.advance(60_000);
    assert.ok(await world.get(jobs, 'job'), 'its time was prolonged');
    await world.clock.advance(60_000);
    assert.equal(await world.get(jobs, 'job'), undefined);
    assert.equal((await world.list(pods)).length, 0);
    await world.close();
  });
});

describe('pods that are deleted', () => {
  test('count as failed and are replaced at once', async () => {
    const world = await startJobWorld(runsOn);
    world.kubelet.endMs = 60_000;
    await world.client.create(jobs, makeJob());
    await world.clock.advance(3000);
    const [pod] = await world.list(pods);
    await world.client.delete(pods, inDefault(pod?.metadata?.name ?? ''));
    await world.clock.advance(15_000);
    const { status } = await world.job();
    assert.deepEqual([status?.active, status?.terminating, status?.failed], [1, 1, 1]);
    await world.clock.advance(60_000);
    assert.equal((await world.job()).status?.terminating, 0);
    assert.equal((await world.list(pods)).length, 1);
    await world.close();
  });

  test('are replaced only when they have ended, where the job says so', async () => {
    const world = await startJobWorld(runsOn);
    world.kubelet.endMs = 30_000;
    await world.client.create(jobs, makeJob({ podReplacementPolicy: 'Failed' }));
    await world.clock.advance(3000);
    const [pod] = await world.list(pods);
    await world.client.delete(pods, inDefault(pod?.metadata?.name ?? ''));
    await world.clock.advance(20_000);
    const ending = (await world.job()).status;
    assert.deepEqual([ending?.active, ending?.terminating, ending?.failed], [undefined, 1, undefined]);
    await world.clock.advance(40_000);
    const { status } = await world.job();
    assert.deepEqual([status?.active, status?.terminating, status?.failed], [1, 0, 1]);
    await world.close();
  });
});

test('a pod that is deleted before it has a node is replaced, also where the job waits for its end', async () => {
  const world = await startJobWorld(runsOn, { services: () => [] });
  await world.client.create(jobs, makeJob({ podReplacementPolicy: 'Failed' }));
  await world.clock.advance(1000);
  const [pod] = await world.list(pods);
  await world.client.delete(pods, inDefault(pod?.metadata?.name ?? ''));
  await world.clock.advance(60_000);
  const { status } = await world.job();
  assert.deepEqual([status?.active, status?.terminating, status?.failed], [1, 0, 1]);
  await world.close();
});

test('a pod whose finalizer somebody took away is replaced: nobody would count its end', async () => {
  const world = await startJobWorld(runsOn);
  await world.client.create(jobs, makeJob());
  await world.clock.advance(3000);
  const [pod] = await world.list(pods);
  const patch = { type: 'merge', body: { metadata: { finalizers: null } } } as const;
  await world.client.patch(pods, inDefault(pod?.metadata?.name ?? ''), patch);
  await world.clock.advance(5000);
  const [other, ...more] = await world.list(pods);
  assert.notEqual(other?.metadata?.uid, pod?.metadata?.uid);
  assert.deepEqual([more.length, other && isTracked(other), (await world.job()).status?.failed], [0, true, undefined]);
  await world.close();
});

describe('when', () => {
  test('pods are refused, an event says so, tries grow rarer, and it comes through when they are let in', async () => {
    let tried = 0;
    let full = true;
    const world = await startJobWorld(succeeds, {
      wrap: (client) =>
        intercept(client, {
          create: (real) => async (resource, object, options) => {
            if (resource.resource !== 'pods' || !full) return real.create(resource, object, options);
            tried++;
            throw forbidden({ group: '', kind: 'pods', name: 'job-x' }, 'exceeded quota: few');
          },
        }),
    });
    await world.client.create(jobs, makeJob({ parallelism: 50, completions: 50 }));
    await world.clock.advance(60_000);
    assert.ok(tried > 3 && tried < 30, `${tried} tries`);
    assert.ok(
      (await world.eventsOf()).some((text) => text.startsWith('FailedCreate: Error creating: pods "job-x" is')),
    );
    full = false;
    await world.clock.advance(120_000);
    assert.equal((await world.job()).status?.succeeded, 50);
    await world.close();
  });

  test('the answer to the making of a pod gets lost, the pod is seen before another is made', async () => {
    let made = 0;
    const late: { clock?: Clock } = {};
    const world = await startJobWorld(runsOn, {
      wrap: (client) =>
        intercept(client, {
          create: (real) => async (resource, object, options) => {
            const created = await real.create(resource, object, options);
            if (resource.resource === 'pods' && ++made === 1) throw unreachable('lost');
            return created;
          },
          watch: (real) => (resource, query, handler) =>
            real.watch(resource, query, {
              event: (event) =>
                void late.clock?.after(resource.resource === 'pods' ? 500 : 0, () => handler.event(event)),
              end: (error) => handler.end(error),
            }),
        }),
    });
    late.clock = world.clock;
    await world.client.create(jobs, makeJob());
    await world.clock.advance(60_000);
    assert.equal(made, 1, 'asked once');
    assert.equal((await world.list(pods)).length, 1);
    await world.close();
  });

  for (let seed = 1; seed <= 4; seed++) {
    test(`calls fail, or their answers get lost, every end counts once all the same (seed ${seed})`, async () => {
      const chance = new SeededPrng(seed);
      let faulty = false;
      const maybe = async (text: string): Promise<void> => {
        if (faulty && chance.next() < 0.1) throw unreachable(text);
      };
      const world = await startJobWorld(succeeds, {
        seed,
        wrap: (client) =>
          interceptCalls(
            client,
            () => maybe('the call got lost'),
            () => maybe('the answer got lost'),
          ),
      });
      const indexed = { completionMode: 'Indexed', completions: 7, parallelism: 3 } as const;
      world.exit = (_, earlier) => (earlier % 4 === 1 ? 1 : 0);
      await world.client.create(jobs, makeJob({ completions: 12, parallelism: 4, backoffLimit: 100 }));
      await world.client.create(jobs, makeJob({ ...indexed, backoffLimit: 100 }, 'indexed'));
      faulty = true;
      await world.clock.advance(90_000);
      faulty = false;
      await world.clock.advance(1_000_000);
      for (const name of ['job', 'indexed']) {
        const { status } = await world.job(name);
        assert.equal((await world.conditions(name)).at(-1), 'Complete: CompletionsReached', name);
        const own = (await world.list(pods)).filter((pod) => controllerOf(pod)?.name === name);
        const ended = (phase: string): number => own.filter((pod) => pod.status?.phase === phase).length;
        assert.equal(status?.failed ?? 0, ended('Failed'), 'each failed pod is counted');
        if (name === 'job') assert.equal(status?.succeeded, ended('Succeeded'), 'each good one, too');
        assert.ok(!own.some(isTracked) && !own.some(isActive));
      }
      assert.equal((await world.job('indexed')).status?.completedIndexes, '0-6');
      await world.close();
    });
  }
});

for (const slow of ['jobs', 'pods', 'both'] as const) {
  test(`where the cache lags (${slow}), no pod is made twice, and no end is counted twice`, async () => {
    const late: { clock?: Clock } = {};
    const world = await startJobWorld(succeeds, {
      wrap: (client) =>
        intercept(client, {
          watch: (real) => (resource, query, handler) => {
            const { resource: name } = resource;
            if (name !== slow && (slow !== 'both' || (name !== 'jobs' && name !== 'pods'))) {
              return real.watch(resource, query, handler);
            }
            const lagMs = name === 'jobs' ? 3000 : 2000;
            return real.watch(resource, query, {
              event: (event) => void late.clock?.after(lagMs, () => handler.event(event)),
              end: (error) => void late.clock?.after(lagMs, () => handler.end(error)),
            });
          },
        }),
    });
    late.clock = world.clock;
    world.exit = (_, earlier) => (earlier === 2 ? 1 : 0);
    await world.client.create(jobs, makeJob({ parallelism: 3, completions: 9 }));
    await world.clock.advance(200_000);
    const { status } = await world.job();
    assert.deepEqual([status?.succeeded, status?.failed, status?.active], [9, 1, undefined]);
    assert.equal((await world.conditions()).at(-1), 'Complete: CompletionsReached');
    const all = await world.list(pods);
    assert.deepEqual([all.length, all.filter(isTracked).length], [10, 0]);
    await world.close();
  });
}

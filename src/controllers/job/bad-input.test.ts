/** Jobs and pods that nobody should have made so: tries are bounded and grow rarer, an event says why, and nothing else is held up. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Job } from '../../api/schema/types/batch-v1.ts';
import type { OwnerReference } from '../../api/schema/types/meta-v1.ts';
import { forbidden } from '../../api/status-error.ts';
import { intercept } from '../../client/intercept.ts';
import { jobs, pods, replicaSets } from '../../client/resources.ts';
import type { Clock } from '../../lib/clock.ts';
import { isActive } from '../shared/pods.ts';
import { inDefault, startWorld } from '../testing.ts';
import { isTracked, trackingFinalizer } from './marks.ts';
import { fails, type JobWorld, makeJob, runsOn, startJobWorld, succeeds } from './testing.ts';

const minuteMs = 60_000;
const template = { spec: { restartPolicy: 'Never' as const, containers: [{ name: 'main', image: 'image' }] } };

/** Puts a Job into the store past all validation. */
async function smuggle(world: JobWorld, change: (job: Job) => Job): Promise<void> {
  const key = { collection: 'jobs.batch', namespace: 'default', name: 'job' };
  const entry = world.store.get(key);
  const object = change(await world.job());
  await world.store.write({ kind: 'put', key, object, expectedRevision: entry?.revision ?? 0 });
}

/** What a good neighbour does meanwhile. */
async function runsBeside(world: JobWorld): Promise<void> {
  world.exit = succeeds;
  await world.client.create(jobs, makeJob({ completions: 2 }, 'neighbour'));
  await world.clock.advance(10_000);
  assert.equal((await world.conditions('neighbour')).at(-1), 'Complete: CompletionsReached');
}

describe('a job', () => {
  test('whose pods always crash, and that never gives up, tries every ten minutes in the end', async () => {
    const world = await startJobWorld(fails);
    await world.client.create(jobs, makeJob({ backoffLimit: 1_000_000 }));
    await world.clock.advance(25 * minuteMs);
    const before = (await world.list(pods)).length;
    assert.equal(before, 8, 'ten seconds, then ever twice as long');
    await world.clock.advance(21 * minuteMs);
    const more = (await world.list(pods)).length - before;
    assert.equal(more, 2, 'in twenty minutes');
    assert.equal((await world.job()).status?.failed, before + more);
    await runsBeside(world);
    await world.close();
  });

  test('whose pods are refused for long begins within a minute after they are let in', async () => {
    let full = true;
    let tried = 0;
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
    await world.client.create(jobs, makeJob({ completions: 3, parallelism: 3 }));
    await world.clock.advance(20 * minuteMs);
    assert.ok(tried > 20 && tried < 40, `${tried} tries, one at a time`);
    full = false;
    await world.clock.advance(70_000);
    assert.equal((await world.job()).status?.succeeded, 3);
    await world.close();
  });

  test('whose pods somebody holds for ever finishes all the same, once they have ended', async () => {
    const world = await startJobWorld(runsOn);
    const held = { ...template, metadata: { finalizers: ['example.com/held'] } };
    await world.client.create(
      jobs,
      makeJob({ template: held, completions: 2, parallelism: 2, activeDeadlineSeconds: 5 }),
    );
    await world.clock.advance(60_000);
    assert.equal((await world.conditions()).at(-1), 'Failed: DeadlineExceeded');
    const { status } = await world.job();
    assert.deepEqual([status?.active, status?.terminating, status?.failed], [undefined, 0, 2]);
    const left = await world.list(pods);
    assert.deepEqual(
      left.map(({ metadata }) => metadata?.finalizers),
      [['example.com/held'], ['example.com/held']],
    );
    await runsBeside(world);
    await world.close();
  });

  test('whose pods cannot end waits for them, and looks at them only when they change', async () => {
    const world = await startJobWorld(runsOn);
    world.kubelet.endMs = 24 * 60 * minuteMs;
    await world.client.create(jobs, makeJob({ activeDeadlineSeconds: 5 }));
    await world.clock.advance(60_000);
    assert.deepEqual(await world.conditions(), ['FailureTarget: DeadlineExceeded']);
    const version = (await world.job()).metadata?.resourceVersion;
    await world.clock.advance(10 * minuteMs);
    assert.equal((await world.job()).metadata?.resourceVersion, version, 'there was nothing to write');
    assert.equal((await world.job()).status?.terminating, 1);
    await runsBeside(world);
    await world.close();
  });

  test('of a mode that nobody knows is left alone, and told so', async () => {
    const world = await startJobWorld(runsOn);
    await world.client.create(jobs, makeJob({ suspend: true }));
    await world.clock.advance(1000);
    await smuggle(world, ({ spec, ...job }) => {
      const completionMode = 'Sideways' as 'Indexed';
      return { ...job, spec: { ...spec, template, suspend: false, completionMode } };
    });
    await world.clock.advance(60_000);
    assert.equal((await world.list(pods)).length, 0);
    const told = (await world.eventsOf()).filter((text) => text.startsWith('UnknownCompletionMode'));
    assert.deepEqual(told, ['UnknownCompletionMode: Skipped Job sync because completion mode is unknown']);
    await runsBeside(world);
    await world.close();
  });

  test('made anew under its name while the loop is busy begins at once, whatever failed before', async () => {
    const late: { clock?: Clock; busy?: boolean } = {};
    const world = await startJobWorld(fails, {
      wrap: (client) =>
        intercept(client, {
          update: (real) => async (resource, object, options) => {
            if (late.busy && resource.resource === 'jobs') await late.clock?.sleep(2000);
            return real.update(resource, object, options);
          },
        }),
    });
    late.clock = world.clock;
    await world.client.create(jobs, makeJob({ backoffLimit: 20 }));
    await world.clock.advance(5 * minuteMs);
    late.busy = true;
    await world.edit({ suspend: true });
    await world.clock.advance(1000);
    late.busy = false;
    world.exit = succeeds;
    await world.client.delete(jobs, inDefault('job'), { propagationPolicy: 'Background' });
    await world.client.create(jobs, makeJob());
    await world.clock.advance(10_000);
    assert.equal((await world.conditions()).at(-1), 'Complete: CompletionsReached');
    await world.close();
  });
});

describe('a pod that is held for a job', () => {
  const owner = (kind: string, apiVersion: string): OwnerReference => ({
    apiVersion,
    kind,
    name: 'nobody',
    uid: '00000000-0000-0000-0000-000000000000',
    controller: true,
  });
  const held = (name: string, reference?: OwnerReference) => ({
    metadata: {
      ...inDefault(name),
      finalizers: [trackingFinalizer],
      ...(reference && { ownerReferences: [reference] }),
    },
    spec: { containers: template.spec.containers },
  });

  test('that does not exist is let go, and goes with its owner', async () => {
    const world = await startWorld();
    await world.client.create(pods, held('lost', owner('Job', 'batch/v1')));
    await world.clock.advance(60_000);
    assert.equal(await world.get(pods, 'lost'), undefined);
    await world.close();
  });

  test('but has no owner is let go, and runs on', async () => {
    const world = await startWorld();
    await world.client.create(pods, held('orphan'));
    await world.clock.advance(10_000);
    const pod = await world.get(pods, 'orphan');
    assert.ok(pod && isActive(pod) && !isTracked(pod));
    await world.close();
  });

  test('while something else controls it keeps what holds it, also when orphans are let go', async () => {
    const world = await startWorld();
    const labels = { app: 'set' };
    const spec = {
      replicas: 1,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: held('').spec },
    };
    const set = await world.client.create(replicaSets, { metadata: inDefault('set'), spec });
    const reference = { ...owner('ReplicaSet', 'apps/v1'), name: 'set', uid: set.metadata?.uid ?? '' };
    const { metadata, ...rest } = held('other', reference);
    await world.client.create(pods, { ...rest, metadata: { ...metadata, labels } });
    await world.client.create(pods, held('orphan'));
    await world.clock.advance(10_000);
    const [other, orphan] = [await world.get(pods, 'other'), await world.get(pods, 'orphan')];
    assert.deepEqual([other && isTracked(other), orphan && isTracked(orphan)], [true, false]);
    await world.close();
  });
});

describe('a finished job with a time to live', () => {
  test('of which nobody said when it finished stays', async () => {
    const world = await startJobWorld(runsOn);
    await world.client.create(jobs, makeJob({ managedBy: 'example.com/other', ttlSecondsAfterFinished: 10 }));
    await world.clock.advance(1000);
    const told = (type: string) => ({ type, status: 'True', reason: 'Done', message: '' });
    await smuggle(world, (job) => ({ ...job, status: { conditions: [told('SuccessCriteriaMet'), told('Complete')] } }));
    await world.clock.advance(10 * minuteMs);
    assert.ok(await world.get(jobs, 'job'));
    const dated = { ...told('Complete'), lastTransitionTime: '2026-01-01T00:05:00Z' };
    await smuggle(world, (job) => ({ ...job, status: { conditions: [told('SuccessCriteriaMet'), dated] } }));
    await world.clock.advance(5000);
    assert.equal(await world.get(jobs, 'job'), undefined, 'said later, it goes');
    await world.close();
  });
});

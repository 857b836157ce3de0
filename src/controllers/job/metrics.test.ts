/** What is counted about Jobs while they run. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { forbidden } from '../../api/status-error.ts';
import type { Client } from '../../client/client.ts';
import { intercept } from '../../client/intercept.ts';
import { jobs } from '../../client/resources.ts';
import { MetricRegistry } from '../../lib/metrics.ts';
import { byIndex, type Exit, fails, type JobWorld, makeJob, runsOn, startJobWorld, succeeds } from './testing.ts';

interface CountingWorld extends JobWorld {
  /** The numbers of one counter, by their labels. */
  counted(name: string): Readonly<Record<string, number>>;
}

async function startCounting(exit: Exit, wrap?: (client: Client) => Client): Promise<CountingWorld> {
  const metrics = new MetricRegistry();
  const world = await startJobWorld(exit, { metrics, ...(wrap && { wrap }) });
  const counted = (name: string): Record<string, number> => {
    const found: Record<string, number> = {};
    for (const [, labels = '', value] of metrics.text().matchAll(new RegExp(`^${name}(?:\\{(.*)\\})? (.*)$`, 'gm'))) {
      found[labels] = Number(value);
    }
    return found;
  };
  return Object.assign(world, { counted });
}

const plain = 'completion_mode="NonIndexed"';
const indexed = 'completion_mode="Indexed"';

describe('counted are', () => {
  test('pods that ended, jobs that finished, and pods that were held and let go', async () => {
    const world = await startCounting((_, earlier) => (earlier === 0 ? 1 : 0));
    await world.client.create(jobs, makeJob({ completions: 3, parallelism: 3 }));
    await world.clock.advance(60_000);
    assert.deepEqual(world.counted('job_controller_job_pods_finished_total'), {
      [`${plain},result="succeeded"`]: 3,
      [`${plain},result="failed"`]: 1,
    });
    assert.deepEqual(world.counted('job_controller_jobs_finished_total'), {
      [`${plain},result="succeeded",reason="CompletionsReached"`]: 1,
    });
    const held = world.counted('job_controller_terminated_pods_tracking_finalizer_total');
    assert.deepEqual(held, { 'event="add"': 4, 'event="delete"': 4 });
    assert.deepEqual(world.counted('job_controller_job_pods_creation_total'), {
      'reason="new",status="succeeded"': 3,
      'reason="recreate_terminating_or_failed",status="succeeded"': 1,
    });
    const syncs = world.counted('job_controller_job_syncs_total');
    assert.equal(syncs[`${plain},result="success",action="pods_created"`], 2, 'the first pods, and the one after them');
    assert.ok((syncs[`${plain},result="success",action="tracking"`] ?? 0) > 0);
    const looks = Object.values(syncs).reduce((sum, count) => sum + count, 0);
    const timed = Object.values(world.counted('job_controller_job_sync_duration_seconds_count'));
    assert.equal(
      timed.reduce((sum, count) => sum + count, 0),
      looks,
      'each look is timed',
    );
    await world.close();
  });

  test('indexes, by the kind of their limit, and what failed for good', async () => {
    const world = await startCounting(byIndex([0, 1, 0]));
    const spec = { completionMode: 'Indexed', completions: 3, parallelism: 3 } as const;
    await world.client.create(jobs, makeJob({ ...spec, backoffLimitPerIndex: 0 }));
    await world.clock.advance(30_000);
    assert.deepEqual(world.counted('job_controller_job_finished_indexes_total'), {
      'status="succeeded",backoffLimit="perIndex"': 2,
      'status="failed",backoffLimit="perIndex"': 1,
    });
    assert.deepEqual(world.counted('job_controller_job_pods_finished_total'), {
      [`${indexed},result="succeeded"`]: 2,
      [`${indexed},result="failed"`]: 1,
    });
    assert.deepEqual(world.counted('job_controller_jobs_finished_total'), {
      [`${indexed},result="failed",reason="FailedIndexes"`]: 1,
    });
    world.exit = succeeds;
    await world.client.create(jobs, makeJob(spec, 'global'));
    await world.clock.advance(30_000);
    const indexes = world.counted('job_controller_job_finished_indexes_total');
    assert.equal(indexes['status="succeeded",backoffLimit="global"'], 3);
    await world.close();
  });

  test('indexes once, although the job forgets them and does them again', async () => {
    const world = await startCounting(byIndex([undefined, 0, 0]));
    await world.client.create(jobs, makeJob({ completionMode: 'Indexed', completions: 3, parallelism: 3 }));
    await world.clock.advance(5000);
    await world.edit({ completions: 1, parallelism: 1 });
    await world.clock.advance(5000);
    const indexes = world.counted('job_controller_job_finished_indexes_total');
    assert.deepEqual(indexes, { 'status="succeeded",backoffLimit="global"': 2 });
    await world.close();
  });

  test('decisions of the policy of failures, each failed pod once', async () => {
    const world = await startCounting((_, earlier) => [7, 8, 9, 3][earlier]);
    const rule = (action: 'Ignore' | 'Count' | 'FailJob', value: number) =>
      ({ action, onExitCodes: { operator: 'In', values: [value] } }) as const;
    const podFailurePolicy = { rules: [rule('Ignore', 7), rule('Count', 8), rule('FailJob', 3)] };
    await world.client.create(jobs, makeJob({ podFailurePolicy }));
    await world.clock.advance(300_000);
    assert.equal((await world.conditions()).at(-1), 'Failed: PodFailurePolicy');
    assert.deepEqual(world.counted('job_controller_pod_failures_handled_by_failure_policy_total'), {
      'action="Ignore"': 1,
      'action="Count"': 1,
      'action="FailJob"': 1,
    });
    const created = world.counted('job_controller_job_pods_creation_total');
    assert.equal(created['reason="recreate_failed",status="succeeded"'], 2, 'of the ignored one it knows nothing');
    await world.close();
  });

  test('looks that put pods away, jobs of others, and how late a job was deleted', async () => {
    const world = await startCounting(runsOn);
    await world.client.create(jobs, makeJob({ managedBy: 'example.com/other' }, 'other'));
    await world.client.create(jobs, makeJob({ ttlSecondsAfterFinished: 10, backoffLimit: 0 }));
    await world.clock.advance(3000);
    await world.edit({ suspend: true });
    await world.clock.advance(3000);
    assert.equal(world.counted('job_controller_job_syncs_total')[`${plain},result="success",action="pods_deleted"`], 1);
    assert.deepEqual(world.counted('job_controller_jobs_by_external_controller_total'), {
      'controller_name="example.com/other"': 1,
    });
    world.exit = fails;
    await world.edit({ suspend: false });
    await world.clock.advance(30_000);
    assert.equal(await world.get(jobs, 'job'), undefined);
    assert.deepEqual(world.counted('ttl_after_finished_controller_job_deletion_duration_seconds_count'), { '': 1 });
    await world.close();
  });

  test('pods that were refused', async () => {
    const world = await startCounting(runsOn, (client) =>
      intercept(client, {
        create: (real) => async (resource, object, options) => {
          if (resource.resource !== 'pods') return real.create(resource, object, options);
          throw forbidden({ group: '', kind: 'pods', name: 'job-x' }, 'exceeded quota: none');
        },
      }),
    );
    await world.client.create(jobs, makeJob());
    await world.clock.advance(2000);
    const tries = world.counted('job_controller_job_pods_creation_total')['reason="new",status="failed"'] ?? 0;
    const errors = world.counted('job_controller_job_syncs_total')[`${plain},result="error",action="pods_created"`];
    assert.ok(tries > 1);
    assert.equal(errors, tries, 'one pod is tried at each look');
    await world.close();
  });
});

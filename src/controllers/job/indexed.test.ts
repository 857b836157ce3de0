import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { JobSpec } from '../../api/schema/types/batch-v1.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { jobs, pods } from '../../client/resources.ts';
import { formatTime } from '../../lib/clock.ts';
import { inDefault } from '../testing.ts';
import { Indexes } from './indexes.ts';
import { completionIndexOf, failureCountOf } from './marks.ts';
import { byIndex, fails, type JobWorld, makeJob, runsOn, startJobWorld, succeeds } from './testing.ts';

const indexed = (completions: number, more: Partial<JobSpec> = {}) =>
  makeJob({ completionMode: 'Indexed', completions, parallelism: completions, ...more });

const indexesOf = async (world: JobWorld, phase: string): Promise<readonly (number | undefined)[]> =>
  (await world.list(pods))
    .filter((pod) => pod.status?.phase === phase)
    .map(completionIndexOf)
    .toSorted((a = -1, b = -1) => a - b);

describe('sets of indexes', () => {
  const read = (text: string): Indexes => Indexes.read(text, 100);

  test('are written with ranges from three on', () => {
    assert.equal(Indexes.of([7, 1, 3, 4, 5]).toString(), '1,3-5,7');
    assert.equal(Indexes.of([1, 2]).toString(), '1,2');
    assert.equal(Indexes.none.toString(), '');
  });

  test('are read as far as they can be, and no further than there are completions', () => {
    assert.equal(read('1,2,x,4-6,9-y').toString(), '1,2,4-6');
    assert.equal(Indexes.read('1,3-9,12', 5).toString(), '1,3,4');
    assert.equal(Indexes.read('0-4', 5).total, 5);
  });

  test('are joined, compared and completed', () => {
    assert.equal(read('1-3').with(read('4,8,2')).toString(), '1-4,8');
    assert.equal(read('0-5,9').inCommon(read('4-9')), 3);
    assert.deepEqual(
      [3, 4, 7].map((index) => read('1-3,7').has(index)),
      [true, false, true],
    );
    assert.deepEqual(read('0,2-3').missing(3, 6), [1, 4, 5]);
    assert.deepEqual(read('0-5').missing(3, 6), []);
    assert.deepEqual(read('').missing(2, 6), [0, 1]);
  });
});

describe('an indexed job', () => {
  test('gives each pod an index, by annotation, label, host name, name and variable', async () => {
    const world = await startJobWorld(succeeds);
    await world.client.create(jobs, { ...indexed(4, { parallelism: 2 }) });
    await world.clock.advance(10_000);
    assert.deepEqual(await indexesOf(world, 'Succeeded'), [0, 1, 2, 3]);
    assert.deepEqual([(await world.job()).status?.completedIndexes, (await world.job()).status?.succeeded], ['0-3', 4]);
    for (const pod of await world.list(pods)) {
      const index = completionIndexOf(pod);
      assert.equal(pod.spec?.hostname, `job-${index}`);
      assert.equal(pod.metadata?.labels?.['batch.kubernetes.io/job-completion-index'], `${index}`);
      assert.match(pod.metadata?.name ?? '', new RegExp(`^job-${index}-.{5}$`));
      const variable = pod.spec?.containers[0]?.env?.find(({ name }) => name === 'JOB_COMPLETION_INDEX');
      const fieldPath = variable?.valueFrom?.fieldRef?.fieldPath;
      assert.equal(fieldPath, "metadata.labels['batch.kubernetes.io/job-completion-index']");
    }
    await world.close();
  });

  test('tells of all indexes that end at once', async () => {
    const world = await startJobWorld(succeeds);
    await world.client.create(jobs, indexed(60));
    await world.clock.advance(20_000);
    const { status } = await world.job();
    assert.deepEqual([status?.completedIndexes, status?.succeeded], ['0-59', 60]);
    await world.close();
  });

  test('replaces what failed under the same index', async () => {
    const world = await startJobWorld((pod, earlier) => (completionIndexOf(pod) === 1 && earlier < 3 ? 1 : 0));
    await world.client.create(jobs, indexed(3));
    await world.clock.advance(20_000);
    assert.equal((await world.job()).status?.completedIndexes, '0-2');
    assert.deepEqual(await indexesOf(world, 'Failed'), [1]);
    await world.close();
  });

  test('grows and shrinks, and forgets what it no longer wants', async () => {
    const world = await startJobWorld(byIndex([0, 0, 0, undefined]));
    await world.client.create(jobs, indexed(4));
    await world.clock.advance(5000);
    assert.equal((await world.job()).status?.completedIndexes, '0-2');
    await world.edit({ completions: 6, parallelism: 6 });
    await world.clock.advance(5000);
    assert.deepEqual(await indexesOf(world, 'Running'), [3, 4, 5]);
    await world.edit({ completions: 2, parallelism: 2 });
    await world.clock.advance(5000);
    const { status } = await world.job();
    assert.deepEqual([status?.completedIndexes, status?.succeeded, status?.active], ['0,1', 2, undefined]);
    assert.deepEqual((await world.conditions()).at(-1), 'Complete: CompletionsReached');
    assert.deepEqual(await indexesOf(world, 'Running'), []);
    await world.close();
  });

  test('made to want nothing is complete', async () => {
    const world = await startJobWorld(byIndex([0, undefined, undefined]));
    await world.client.create(jobs, indexed(3));
    await world.clock.advance(5000);
    await world.edit({ completions: 0, parallelism: 0 });
    await world.clock.advance(5000);
    const { status } = await world.job();
    assert.deepEqual([status?.completedIndexes, status?.succeeded, status?.active], [undefined, undefined, undefined]);
    assert.deepEqual((await world.conditions()).at(-1), 'Complete: CompletionsReached');
    await world.close();
  });

  test('deletes a pod whose index another has, or that has none', async () => {
    const world = await startJobWorld(runsOn);
    await world.client.create(jobs, indexed(2));
    await world.clock.advance(3000);
    const [first] = await world.list(pods);
    const index = completionIndexOf(first as Pod) === 0 ? '1' : '0';
    const annotations = { 'batch.kubernetes.io/job-completion-index': index };
    await world.client.patch(pods, inDefault(first?.metadata?.name ?? ''), {
      type: 'merge',
      body: { metadata: { annotations } },
    });
    await world.clock.advance(5000);
    assert.deepEqual(await indexesOf(world, 'Running'), [0, 1]);
    const [second] = await world.list(pods);
    const none = { 'batch.kubernetes.io/job-completion-index': null };
    const patch = { type: 'merge', body: { metadata: { annotations: none } } } as const;
    await world.client.patch(pods, inDefault(second?.metadata?.name ?? ''), patch);
    await world.clock.advance(5000);
    assert.deepEqual(await indexesOf(world, 'Running'), [0, 1]);
    assert.equal((await world.job()).status?.failed, undefined, 'what was too much counts for nothing');
    await world.close();
  });
});

describe('with a limit per index', () => {
  test('all indexes are tried although some fail', async () => {
    const world = await startJobWorld(byIndex([1, 0, 1, 0]));
    await world.client.create(jobs, indexed(4, { parallelism: 2, backoffLimitPerIndex: 1 }));
    await world.clock.advance(100_000);
    const { status } = await world.job();
    assert.deepEqual([status?.completedIndexes, status?.failedIndexes], ['1,3', '0,2']);
    assert.deepEqual([status?.succeeded, status?.failed], [2, 4]);
    assert.deepEqual(await world.conditions(), ['FailureTarget: FailedIndexes', 'Failed: FailedIndexes']);
    assert.ok((await world.eventsOf()).includes('FailedIndexes: Job has failed indexes'));
    await world.close();
  });

  test('each index waits for itself, and hands its count on', async () => {
    const world = await startJobWorld(byIndex([1, undefined]));
    await world.client.create(jobs, indexed(2, { backoffLimitPerIndex: 5 }));
    await world.clock.advance(50_000);
    const failed = (await world.list(pods)).filter((pod) => completionIndexOf(pod) === 0);
    assert.deepEqual(failed.map(failureCountOf).toSorted(), [0, 1, 2]);
    const made = failed
      .map((pod) => Date.parse(pod.metadata?.creationTimestamp ?? '') / 1000)
      .toSorted((a, b) => a - b);
    const [first = 0, second = 0, third = 0] = made;
    assert.ok(
      second - first >= 12 && second - first <= 13 && third - second >= 22 && third - second <= 23,
      made.join(),
    );
    assert.deepEqual([(await world.job()).status?.active, (await world.job()).status?.failedIndexes], [1, '']);
    await world.close();
  });

  test('too many failed indexes end the job', async () => {
    const world = await startJobWorld((pod) => (completionIndexOf(pod) === 3 ? undefined : 1));
    await world.client.create(jobs, indexed(4, { backoffLimitPerIndex: 0, maxFailedIndexes: 2 }));
    await world.clock.advance(10_000);
    const { status } = await world.job();
    assert.deepEqual([status?.failedIndexes, status?.failed, status?.active], ['0-2', 4, undefined]);
    assert.deepEqual((await world.conditions()).at(-1), 'Failed: MaxFailedIndexesExceeded');
    await world.close();
  });
});

describe('by its policy of failures a job', () => {
  const onExitCodes = (action: 'FailJob' | 'FailIndex' | 'Ignore' | 'Count', ...values: number[]) =>
    ({ action, onExitCodes: { operator: 'In', values } }) as const;

  test('fails at once, and says by which rule', async () => {
    const world = await startJobWorld((_, earlier) => (earlier === 0 ? 42 : undefined));
    const rules = [onExitCodes('Ignore', 7), onExitCodes('FailJob', 3, 42)];
    await world.client.create(jobs, makeJob({ parallelism: 2, completions: 2, podFailurePolicy: { rules } }));
    await world.clock.advance(6000);
    const { status } = await world.job();
    const last = status?.conditions?.find(({ type }) => type === 'Failed');
    assert.equal(last?.reason, 'PodFailurePolicy');
    assert.match(
      last?.message ?? '',
      /^Container main for pod default\/job-.{5} failed with exit code 42 matching FailJob rule at index 1$/,
    );
    assert.equal(status?.failed, 2);
    await world.close();
  });

  test('does not count what it ignores', async () => {
    const world = await startJobWorld((_, earlier) => (earlier < 2 ? 7 : 0));
    const podFailurePolicy = { rules: [onExitCodes('Ignore', 7)] };
    await world.client.create(jobs, makeJob({ backoffLimit: 0, podFailurePolicy }));
    await world.clock.advance(120_000);
    assert.deepEqual((await world.conditions()).at(-1), 'Complete: CompletionsReached');
    assert.equal((await world.job()).status?.failed, undefined);
    assert.equal((await world.list(pods)).length, 3);
    await world.close();
  });

  test('ignores pods that a disruption took', async () => {
    const world = await startJobWorld(runsOn);
    const podFailurePolicy = {
      rules: [{ action: 'Ignore' as const, onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] }],
    };
    await world.client.create(jobs, makeJob({ backoffLimit: 0, podFailurePolicy }));
    await world.clock.advance(3000);
    const [pod] = await world.list(pods);
    const reference = inDefault(pod?.metadata?.name ?? '');
    const lastTransitionTime = formatTime(world.clock.now());
    const condition = { type: 'DisruptionTarget', status: 'True', reason: 'EvictionByEvictionAPI', lastTransitionTime };
    const body = { status: { conditions: [condition] } };
    await world.client.patch(pods, reference, { type: 'strategic', body }, { subresource: 'status' });
    await world.client.delete(pods, reference);
    await world.clock.advance(20_000);
    const { status } = await world.job();
    assert.deepEqual([status?.active, status?.failed], [1, undefined]);
    await world.close();
  });

  test('gives an index up', async () => {
    const world = await startJobWorld(byIndex([42, 0]));
    const podFailurePolicy = { rules: [onExitCodes('FailIndex', 42)] };
    await world.client.create(jobs, indexed(2, { backoffLimitPerIndex: 3, podFailurePolicy }));
    await world.clock.advance(10_000);
    const { status } = await world.job();
    assert.deepEqual([status?.failedIndexes, status?.completedIndexes, status?.failed], ['0', '1', 1]);
    assert.deepEqual((await world.conditions()).at(-1), 'Failed: FailedIndexes');
    await world.close();
  });
});

describe('by its policy of success a job', () => {
  const met = ['SuccessCriteriaMet: SuccessPolicy', 'Complete: SuccessPolicy'];

  test('is complete when these indexes are, and ends the others', async () => {
    const world = await startJobWorld(byIndex([0, undefined]));
    await world.client.create(jobs, indexed(2, { successPolicy: { rules: [{ succeededIndexes: '0' }] } }));
    await world.clock.advance(10_000);
    assert.deepEqual(await world.conditions(), met);
    const { status } = await world.job();
    assert.deepEqual(
      [status?.completedIndexes, status?.succeeded, status?.active, status?.failed],
      ['0', 1, undefined, undefined],
    );
    const condition = status?.conditions?.at(-1);
    assert.equal(condition?.message, 'Matched rules at index 0');
    assert.deepEqual(await indexesOf(world, 'Running'), []);
    await world.close();
  });

  test('says so at once, and is complete when the others have ended', async () => {
    const world = await startJobWorld(byIndex([0, undefined]));
    world.kubelet.endMs = 30_000;
    await world.client.create(jobs, indexed(2, { successPolicy: { rules: [{ succeededCount: 1 }] } }));
    await world.clock.advance(10_000);
    assert.deepEqual(await world.conditions(), met.slice(0, 1));
    const { status: ending } = await world.job();
    assert.deepEqual([ending?.terminating, ending?.active, ending?.completionTime], [1, undefined, undefined]);
    await world.clock.advance(40_000);
    assert.deepEqual(await world.conditions(), met);
    const { status } = await world.job();
    assert.deepEqual([status?.terminating, status?.failed, status?.succeeded], [0, undefined, 1]);
    assert.ok(status?.completionTime);
    await world.close();
  });

  test('is complete when so many are, of all or of some', async () => {
    const world = await startJobWorld(byIndex([undefined, undefined, 0, undefined, 0]));
    const rules = [{ succeededIndexes: '0-2', succeededCount: 2 }, { succeededCount: 2 }];
    await world.client.create(jobs, indexed(5, { successPolicy: { rules } }));
    await world.clock.advance(10_000);
    assert.deepEqual(await world.conditions(), met);
    assert.equal((await world.job()).status?.conditions?.at(-1)?.message, 'Matched rules at index 1');
    await world.close();
  });

  test('without a rule that is met goes the usual way', async () => {
    const world = await startJobWorld(fails);
    const successPolicy = { rules: [{ succeededIndexes: '0' }] };
    await world.client.create(jobs, indexed(2, { successPolicy, backoffLimit: 1 }));
    await world.clock.advance(30_000);
    assert.deepEqual((await world.conditions()).at(-1), 'Failed: BackoffLimitExceeded');
    await world.close();
  });
});

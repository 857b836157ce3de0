/** Canaries of the checkers for each kind of workload: a history that breaks the promise is told, and one that just keeps it is not. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KubeObject } from '../../../api/object.ts';
import type { ObjectMeta } from '../../../api/schema/types/meta-v1.ts';
import { budgetPromise, daemonSetPromise, keptAvailable, statefulSetPromise } from './available.ts';
import { budgetBooks, keptApart, quotaLimits, serviceAddresses } from './bounds.ts';
import type { Checker } from './checker.ts';
import { cronRuns } from './cron-jobs.ts';
import { jobBooks } from './jobs.ts';
import { generations, namespaceLives, rolloutRevisions } from './lifetimes.ts';
import { oneOfEachName, statefulOrder } from './stateful-sets.ts';
import { claimBinding, claimProtection } from './storage.ts';
import { judged, last, ownedBy, put, remove, type Step } from './testing.ts';

const minute = 60_000;
const ending = { deletionTimestamp: '2026-01-01T00:00:00Z' };

/** Whatever a test says of an object, with a name of which its uid is made. */
function step(collection: string, name: string, body: object = {}, metadata: Partial<ObjectMeta> = {}): Step {
  return put(collection, { ...body, metadata: { namespace: 'default', name, uid: name, ...metadata } });
}

const pod = (name: string, body: object = {}, metadata: Partial<ObjectMeta> = {}): Step =>
  step('pods', name, { spec: { nodeName: 'n1' }, ...body }, metadata);

const ready = { conditions: [{ type: 'Ready', status: 'True' }] };

/** Every step but the last is fine, and the last is told. */
async function tells(checker: () => Checker, steps: readonly Step[], message: RegExp): Promise<void> {
  const problems = await judged(checker(), steps);
  assert.deepEqual(new Set(problems.slice(0, -1)), new Set(steps.length > 1 ? [''] : []));
  assert.match(problems.at(-1) ?? '', message);
}

async function accepts(checker: () => Checker, steps: readonly Step[]): Promise<void> {
  assert.deepEqual(new Set(await judged(checker(), steps)), new Set(['']));
}

describe('what holds for jobs', () => {
  const job = (status: object = {}, spec: object = {}): Step =>
    step('jobs.batch', 'job', { spec: { parallelism: 1, ...spec }, status });
  const own = (name: string, phase = 'Running', index?: number): Step =>
    pod(
      name,
      { status: { phase } },
      {
        ownerReferences: ownedBy('Job', 'job') ?? [],
        ...(index !== undefined && { annotations: { 'batch.kubernetes.io/job-completion-index': String(index) } }),
      },
    );
  const ended = { conditions: [{ type: 'Complete', status: 'True' }] };

  test('one pod too many is told, and so is one after the end', async () => {
    await accepts(jobBooks, [job(), own('a'), own('a', 'Failed'), own('b')]);
    await tells(jobBooks, [job(), own('a'), own('b')], /one of 2 active pods of a job that wants 1/);
    await tells(jobBooks, [job(ended), own('a')], /that has ended/);
  });

  test('a pod whose maker was told that making it failed may have another beside it, but not two', async () => {
    const books = (): Checker => jobBooks((uid) => uid === 'a');
    await accepts(books, [job(), own('a'), own('b')]);
    await tells(books, [job(), own('a'), own('b'), own('c')], /one of 2 active pods of a job that wants 1/);
    await tells(books, [job(), own('b'), own('a')], /one of 2 active pods of a job that wants 1/);
  });

  test('a pod that is counted twice, or did not end so, is told', async () => {
    await accepts(jobBooks, [job(), own('a'), own('a', 'Succeeded'), job({ succeeded: 1 })]);
    await tells(
      jobBooks,
      [job(), own('a'), own('a', 'Succeeded'), job({ succeeded: 2 })],
      /counts 2 pods that succeeded/,
    );
    await tells(jobBooks, [job(), own('a'), job({ failed: 1 })], /counts 1 pods that failed, and there were 0/);
  });

  test('a pod that was told to go after it succeeded counts either way, and once', async () => {
    const metadata = { ownerReferences: ownedBy('Job', 'job') ?? [], deletionTimestamp: '2026-01-01T00:00:44Z' };
    const going = pod('a', { status: { phase: 'Succeeded' } }, metadata);
    const steps = [job(), own('a'), own('a', 'Succeeded'), going];
    await accepts(jobBooks, [...steps, job({ failed: 1 })]);
    await accepts(jobBooks, [...steps, job({ succeeded: 1 })]);
    await tells(jobBooks, [...steps, job({ failed: 1, succeeded: 1 })], /counts 2 pods that ended, and there were 1/);
  });

  test('counts that fall and an end that is taken back are told', async () => {
    const one = [job(), own('a'), own('a', 'Failed'), job({ failed: 1 })];
    await tells(jobBooks, [...one, job({ failed: 0 })], /failed fell from 1 to 0/);
    await tells(jobBooks, [job(ended), job()], /had ended, and goes on/);
  });

  test('an index that completes twice, or without a pod, is told', async () => {
    const done = [
      job(),
      own('a', 'Running', 1),
      own('a', 'Succeeded', 1),
      job({ succeeded: 1, completedIndexes: '1' }),
    ];
    await accepts(jobBooks, [...done, own('b', 'Running', 0)]);
    await tells(jobBooks, [...done, own('b', 'Running', 1)], /index 1, which is complete/);
    await tells(
      jobBooks,
      [...done, job({ succeeded: 1, completedIndexes: '0-1' })],
      /index 0, and no pod of it succeeded/,
    );
    await tells(jobBooks, [...done, job({ succeeded: 1 })], /no longer knows that index 1 is complete/);
  });

  test('a run beside another where that is forbidden, and a second one of a time, are told', async () => {
    const cronJob = (concurrencyPolicy: string, status: object = {}): Step =>
      step('cronjobs.batch', 'cron', { spec: { concurrencyPolicy }, status });
    const run = (name: string, status: object = {}, time = name): Step =>
      step(
        'jobs.batch',
        name,
        { status },
        {
          ownerReferences: ownedBy('CronJob', 'cron') ?? [],
          annotations: { 'batch.kubernetes.io/cronjob-scheduled-timestamp': time },
        },
      );
    await accepts(cronRuns, [cronJob('Allow'), run('a'), run('b')]);
    await accepts(cronRuns, [cronJob('Forbid'), run('a'), run('a', ended), run('b')]);
    await tells(cronRuns, [cronJob('Forbid'), run('a'), run('b')], /began while a \(a\) ran, which is forbidden/);
    await tells(
      cronRuns,
      [cronJob('Allow'), run('a'), remove('jobs.batch', 'a'), run('b', {}, 'a')],
      /second run of one time/,
    );
    const at = (second: number): Step => cronJob('Allow', { lastScheduleTime: `2026-01-01T00:00:0${second}Z` });
    await tells(cronRuns, [at(5), at(4)], /lastScheduleTime went from/);
  });
});

describe('what holds for stateful sets', () => {
  const set = (spec: object = {}, status: object = {}): Step => step('statefulsets.apps', 'set', { spec, status });
  const own = (ordinal: number, status: object = {}, revision = 'old'): Step =>
    pod(
      `set-${ordinal}`,
      { status },
      {
        uid: `set-${ordinal}-${revision}`,
        ownerReferences: ownedBy('StatefulSet', 'set') ?? [],
        labels: { 'controller-revision-hash': revision },
      },
    );

  test('a pod that does not wait for the one before it is told', async () => {
    await accepts(statefulOrder, [set(), own(0), own(0, ready), own(1)]);
    await accepts(statefulOrder, [set({ podManagementPolicy: 'Parallel' }), own(0), own(1)]);
    await tells(statefulOrder, [set(), own(0), own(1)], /made before pod 0 had been ready/);
    const again = [set(), own(0), own(0, ready), remove('pods', 'set-0'), own(0)];
    await tells(statefulOrder, [...again, own(1)], /made before pod 0 had been ready/);
  });

  test('a new revision below the partition is told', async () => {
    const updating = set(
      { updateStrategy: { rollingUpdate: { partition: 1 } } },
      { currentRevision: 'old', updateRevision: 'new' },
    );
    await accepts(statefulOrder, [updating, own(0), own(0, ready), own(1, {}, 'new')]);
    await tells(statefulOrder, [updating, own(0, {}, 'new')], /below the partition 1/);
  });

  test('a name that runs in two places is told', async () => {
    const second = pod('set-0', { spec: { nodeName: 'n2' } }, { uid: 'second' });
    const steps = [pod('set-0', {}, { uid: 'first' }), remove('pods', 'set-0'), second];
    await accepts(() => oneOfEachName({ runs: () => false }), steps);
    await tells(
      () => oneOfEachName({ runs: (node, uid) => node === 'n1' && uid === 'first' }),
      steps,
      /first of the same name ran on n1/,
    );
  });
});

describe('what holds for storage', () => {
  const claim = (name: string, volumeName?: string, phase = 'Bound', metadata: Partial<ObjectMeta> = {}): Step =>
    step('persistentvolumeclaims', name, { spec: { volumeName }, status: { phase } }, metadata);
  const volume = (name: string, uid?: string): Step =>
    step('persistentvolumes', name, { spec: uid === undefined ? {} : { claimRef: { uid } } }, { namespace: '' });
  const bound = [claim('c', undefined, 'Pending'), volume('v', 'c'), claim('c', 'v')];

  test('a claim whose volume is not its own is told', async () => {
    await accepts(claimBinding, [...bound, claim('c', 'v')]);
    await tells(claimBinding, [volume('v', 'other'), claim('c', 'v')], /bound to v, which is kept for other/);
    await tells(claimBinding, [volume('v'), claim('c', 'v')], /kept for undefined/);
    await tells(claimBinding, [...bound, claim('c', 'w')], /went from volume v to w/);
  });

  test('a volume that leaves its claim is told', async () => {
    await accepts(claimBinding, [...bound, remove('persistentvolumeclaims', 'c'), volume('v', 'next')]);
    await tells(claimBinding, [...bound, volume('v', 'next')], /kept for next, and c is bound to it/);
    await tells(claimBinding, [...bound, remove('persistentvolumes', 'v')], /is gone, and c is bound to it/);
  });

  test('a claim that goes while a pod uses it is told', async () => {
    const volumes = [{ name: 'data', persistentVolumeClaim: { claimName: 'c' } }];
    const user = (phase: string): Step => pod('user', { spec: { nodeName: 'n1', volumes }, status: { phase } });
    const going = [claim('c'), user('Running'), claim('c', 'v', 'Bound', ending)];
    const gone = remove('persistentvolumeclaims', 'c');
    await tells(claimProtection, [...going, gone], /is gone, and the pod user uses it/);
    await accepts(claimProtection, [...going, user('Succeeded'), gone]);
    await accepts(claimProtection, [claim('c'), claim('c', 'v', 'Bound', ending), user('Running'), gone]);
  });
});

describe('what holds for bounds', () => {
  const books = (): Checker => budgetBooks(() => minute);
  const budget = (status: object): Step => step('poddisruptionbudgets.policy', 'budget', { status });
  const allowed = (disruptionsAllowed: number, disruptedPods: object = {}): Step =>
    budget({ disruptionsAllowed, currentHealthy: 3, desiredHealthy: 2, disruptedPods });
  const granted = { a: new Date(minute / 2).toISOString() };
  const a = (metadata: Partial<ObjectMeta> = {}): Step =>
    pod('a', {}, { creationTimestamp: '1970-01-01T00:00:00Z', ...metadata });

  test('a disruption that nobody allowed is told', async () => {
    await accepts(books, [a(), allowed(1), allowed(0, granted)]);
    await tells(books, [a(), allowed(0), allowed(0, granted)], /let a go, and allowed 0/);
    await tells(books, [allowed(2)], /allows 2 disruptions with 3 healthy pods, and wants 2/);
    await tells(books, [budget({ disruptionsAllowed: -1 })], /allows -1/);
  });

  test('a budget that forgets a pod that is about to go is told', async () => {
    await accepts(books, [a(), allowed(1), allowed(0, granted), a(ending), allowed(0)]);
    await accepts(() => budgetBooks(() => 3 * minute), [a(), allowed(1), allowed(0, granted), allowed(0)]);
    await tells(books, [a(), allowed(1), allowed(0, granted), allowed(0)], /forgot that a may go/);
  });

  test('a quota that is passed is told, in its books and outside', async () => {
    const quota = (used: number, pods = '1'): Step =>
      step('resourcequotas', 'quota', { status: { hard: { pods }, used: { pods: String(used) } } });
    await accepts(quotaLimits, [quota(0), pod('a'), quota(1), pod('a', { status: { phase: 'Failed' } }), pod('b')]);
    await accepts(quotaLimits, [quota(0), pod('a'), pod('a', {}, ending), pod('b')]);
    await tells(quotaLimits, [quota(0), pod('a'), pod('b')], /is number 2, and the quota is 1/);
    await tells(quotaLimits, [quota(0), quota(2)], /counts 2 pods, and has 1/);
    await accepts(quotaLimits, [quota(2, '5'), quota(2)]);
    const missed = [pod('a'), pod('b'), quota(1), pod('c')];
    await tells(quotaLimits, [pod('a'), quota(1), pod('b')], /is number 2, and the quota is 1/);
    await accepts(quotaLimits, [pod('a'), pod('b'), quota(1)]);
    await accepts(quotaLimits, [...missed.slice(0, 3), quota(2)]);
    await tells(quotaLimits, [...missed.slice(0, 3), quota(3)], /counts 3 pods, and has 1/);
    await tells(quotaLimits, missed, /is number 3, and the quota is 1/);
    const over = [pod('a'), pod('b'), pod('c'), quota(2)];
    await accepts(quotaLimits, [...over, quota(3)]);
    await tells(quotaLimits, [...over, quota(4)], /counts 4 pods, and has 1/);
    await accepts(quotaLimits, [pod('a'), quota(0), pod('b')]);
    await tells(quotaLimits, [pod('a'), quota(0), pod('b'), pod('c')], /is number 3, and the quota is 1/);
  });

  test('an address, or a port, of two services is told', async () => {
    const service = (name: string, clusterIP: string, nodePort?: number): Step =>
      step('services', name, { spec: { clusterIP, clusterIPs: [clusterIP], ports: [{ port: 80, nodePort }] } });
    await accepts(serviceAddresses, [service('a', 'None'), service('b', 'None'), service('c', '10.0.0.1', 30_000)]);
    await tells(serviceAddresses, [service('a', '10.0.0.1'), service('b', '10.0.0.1')], /shares an address .* with a/);
    await tells(serviceAddresses, [service('a', '10.0.0.1', 30_000), service('b', '10.0.0.2', 30_000)], /with a/);
    await tells(serviceAddresses, [service('a', '10.0.0.1'), service('a', '10.0.0.2')], /went from address/);
  });

  test('pods side by side that must keep apart are told, at the binding', async () => {
    const web = (name: string, spec: object): Step => pod(name, { spec }, { labels: { app: 'web' } });
    const ports = (node: string): object => ({
      nodeName: node,
      containers: [{ name: 'main', ports: [{ hostPort: 80 }] }],
    });
    await accepts(keptApart, [web('a', ports('n1')), web('b', ports('n2'))]);
    await tells(keptApart, [web('a', ports('n1')), web('b', ports('n1'))], /has a host port on n1 that a has/);
    const term = { labelSelector: { matchLabels: { app: 'web' } }, topologyKey: 'kubernetes.io/hostname' };
    const affinity = { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } };
    await tells(keptApart, [web('a', { nodeName: 'n1' }), web('b', { nodeName: 'n1', affinity })], /beside a/);
    await tells(keptApart, [web('a', { nodeName: 'n1', affinity }), web('b', { nodeName: 'n1' })], /beside a/);
    await accepts(keptApart, [web('a', { nodeName: 'n1' }), web('b', { nodeName: 'n2', affinity })]);
  });
});

describe('what holds for lifetimes', () => {
  test('a generation that falls, or stays while the spec changes, is told', async () => {
    const set = (generation: number, replicas: number, observedGeneration = 0): Step =>
      step('replicasets.apps', 'set', { spec: { replicas }, status: { observedGeneration } }, { generation });
    await accepts(generations, [set(1, 1), set(1, 1, 1), set(2, 2, 1)]);
    await tells(generations, [set(2, 1), set(1, 1)], /generation fell from 2 to 1/);
    await tells(generations, [set(2, 1, 2), set(2, 1, 1)], /observedGeneration fell/);
    await tells(generations, [set(1, 1), set(1, 2)], /changed within one generation/);
    await tells(generations, [set(1, 1), set(1, 1, 2)], /observed what nobody has written/);
  });

  test('a revision that falls is told', async () => {
    const revision = (number: number): Step => step('controllerrevisions.apps', 'one', { revision: number });
    await tells(generations, [revision(2), revision(1)], /the revision fell from 2 to 1/);
    const deployment = (number: string): Step =>
      step('deployments.apps', 'web', {}, { annotations: { 'deployment.kubernetes.io/revision': number } });
    await tells(rolloutRevisions, [deployment('10'), deployment('9')], /the revision fell from 10 to 9/);
    const set = (number: string): Step =>
      step(
        'replicasets.apps',
        `web-${number}`,
        {},
        {
          annotations: { 'deployment.kubernetes.io/revision': number },
          ownerReferences: ownedBy('Deployment', 'web') ?? [],
        },
      );
    const gone = [deployment('2'), set('1'), set('2'), remove('replicasets.apps', 'web-2')];
    await accepts(rolloutRevisions, [...gone, deployment('1')]);
    const older = [deployment('2'), set('1'), set('2'), remove('replicasets.apps', 'web-1')];
    await tells(rolloutRevisions, [...older, deployment('1')], /the revision fell from 2 to 1/);
  });

  test('a revision falls only to that of the replica set with its template', async () => {
    const revision = (number: string): Partial<ObjectMeta> => ({
      annotations: { 'deployment.kubernetes.io/revision': number },
    });
    const running = (image: string): object => ({ spec: { template: { spec: { containers: [{ image }] } } } });
    const deployment = (image: string, number: string): Step =>
      step('deployments.apps', 'web', running(image), revision(number));
    const set = (image: string, number: string): Step =>
      step('replicasets.apps', image, running(image), {
        ...revision(number),
        ownerReferences: ownedBy('Deployment', 'web') ?? [],
      });
    const rolled = [set('old', '1'), deployment('old', '1'), set('new', '2'), deployment('new', '2')];
    await accepts(rolloutRevisions, [...rolled, deployment('old', '2'), deployment('old', '1')]);
    await tells(rolloutRevisions, [...rolled, deployment('new', '1')], /the revision fell from 2 to 1/);
    await tells(rolloutRevisions, [...rolled, deployment('old', '0')], /the revision fell from 2 to 0/);
  });

  test('a namespace that goes before what stands in it, or comes after, is told', async () => {
    const namespace = put('namespaces', { metadata: { name: 'default', uid: 'default' } });
    const gone = remove('namespaces', 'default');
    await accepts(namespaceLives, [namespace, pod('a'), remove('pods', 'a'), gone]);
    await tells(namespaceLives, [namespace, pod('a'), gone], /is gone, and pods\/a stands in it/);
    await tells(namespaceLives, [namespace, gone, pod('a')], /in a namespace that is not there/);
  });
});

describe('what is promised where nothing else happens', () => {
  const of = (kind: string, uid: string): Partial<ObjectMeta> => ({ ownerReferences: ownedBy(kind, uid) ?? [] });
  const up = (name: string, node: string, metadata: Partial<ObjectMeta>): Step =>
    pod(name, { spec: { nodeName: node }, status: ready }, metadata);

  test('a stateful set that takes two pods at once is told', async () => {
    const set = step(
      'statefulsets.apps',
      's',
      { spec: { replicas: 2 }, status: { availableReplicas: 2, observedGeneration: 1 } },
      { generation: 1 },
    );
    const own = of('StatefulSet', 's');
    const complete = [up('s-0', 'n1', own), up('s-1', 'n2', own), set, remove('pods', 's-1')];
    await accepts(() => keptAvailable(statefulSetPromise), complete);
    await tells(
      () => keptAvailable(statefulSetPromise),
      [...complete, remove('pods', 's-0')],
      /has 0 pods available, and must have 1/,
    );
  });

  test('a daemon set that leaves a node without is told', async () => {
    const rollingUpdate = { maxSurge: 1, maxUnavailable: 0 };
    const status = { desiredNumberScheduled: 2, numberAvailable: 2, observedGeneration: 1 };
    const set = step(
      'daemonsets.apps',
      'd',
      { spec: { updateStrategy: { rollingUpdate } }, status },
      { generation: 1 },
    );
    const own = of('DaemonSet', 'd');
    const surging = [up('a', 'n1', own), up('b', 'n2', own), set, up('a2', 'n1', own), remove('pods', 'a')];
    await accepts(() => keptAvailable(daemonSetPromise), surging);
    await tells(
      () => keptAvailable(daemonSetPromise),
      [...surging, remove('pods', 'b')],
      /has 1 pods available, and must have 2/,
    );
    const node = (taints: readonly object[]): Step =>
      put('nodes', {
        metadata: { name: 'n2' },
        spec: { taints },
        status: { conditions: [{ type: 'Ready', status: 'True' }] },
      } as KubeObject);
    const backAndTainted = node([{ key: 'node.kubernetes.io/unreachable', effect: 'NoSchedule' }]);
    await accepts(() => keptAvailable(daemonSetPromise), [...surging, backAndTainted, remove('pods', 'b')]);
    await tells(
      () => keptAvailable(daemonSetPromise),
      [...surging, backAndTainted, node([]), set, remove('pods', 'b')],
      /has 1 pods available, and must have 2/,
    );
  });

  test('evictions beyond what a budget allows are told, but not while a node is silent', async () => {
    const status = { expectedPods: 2, currentHealthy: 2, desiredHealthy: 1, observedGeneration: 1 };
    const spec = { selector: { matchLabels: { app: 'web' } } };
    const budget = step('poddisruptionbudgets.policy', 'b', { spec, status }, { generation: 1 });
    const labels = { labels: { app: 'web' } };
    const complete = [up('a', 'n1', labels), up('b', 'n2', labels), budget, up('a', 'n1', { ...labels, ...ending })];
    const more = up('b', 'n2', { ...labels, ...ending });
    await tells(() => keptAvailable(budgetPromise), [...complete, more], /has 0 pods available, and must have 1/);
    const early = { expectedPods: 1, currentHealthy: 1, desiredHealthy: 2, observedGeneration: 1 };
    const wanting = step('poddisruptionbudgets.policy', 'b', { spec, status: early }, { generation: 1 });
    await accepts(() => keptAvailable(budgetPromise), [up('a', 'n1', labels), wanting]);
    const silent = put('nodes', {
      metadata: { name: 'n1' },
      status: { conditions: [{ type: 'Ready', status: 'Unknown' }] },
    } as KubeObject);
    assert.equal(await last(keptAvailable(budgetPromise), [...complete, silent, more]), '');
  });
});

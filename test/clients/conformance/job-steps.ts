/** What the tests of Jobs have in common: a Job of one name in a namespace of its own, and the ends of its pods as the test tells them. */
import { eventually } from '../../harness.ts';
import { type ResourceClient, typed } from './client.ts';
import type { ConformanceCluster } from './cluster.ts';
import { isLive, isTrue, type PodParts, podTemplate, until, untilAll } from './steps.ts';
import type { Sent } from './wire.ts';

export const indexKey = 'batch.kubernetes.io/job-completion-index';

export interface Jobs {
  readonly jobs: ResourceClient;
  readonly pods: ResourceClient;
}

export async function jobsIn(cluster: ConformanceCluster): Promise<Jobs> {
  const namespace = await cluster.namespace('job');
  return { jobs: typed(cluster.wire, 'batch/v1', 'Job', namespace), pods: typed(cluster.wire, 'v1', 'Pod', namespace) };
}

export const job = (spec: object, pod: PodParts = {}): Sent => ({
  metadata: { name: 'j' },
  spec: { ...spec, template: podTemplate({ ...pod, spec: { restartPolicy: 'Never', ...pod.spec } }) },
});

export const indexed = (completions: number, spec: object, pod: PodParts = {}): Sent =>
  job({ completions, parallelism: completions, completionMode: 'Indexed', ...spec }, pod);

/** For pods that only the test moves. */
export const byHand: PodParts = { spec: { schedulerName: 'by-hand' } };

export const complete = (jobs: ResourceClient): Promise<Sent> =>
  until(jobs, 'j', 'it is complete', (each) => isTrue(each, 'Complete'));

export const failed = (jobs: ResourceClient): Promise<Sent> =>
  until(jobs, 'j', 'it has failed', (each) => isTrue(each, 'Failed'));

export const podOfIndex = (pods: ResourceClient, index: number): Promise<Sent> =>
  eventually(`the pod of index ${index}`, async () => {
    const { items } = await pods.list({ labelSelector: `job-name=j,${indexKey}=${index}` });
    return items.find(isLive);
  });

/** As a node would tell it. */
export async function ends(
  pods: ResourceClient,
  { metadata }: Sent,
  exitCode: number,
  conditions: readonly object[] = [],
): Promise<void> {
  const terminated = { exitCode, reason: exitCode === 0 ? 'Completed' : 'Error' };
  const containerStatuses = [
    { name: 'c', image: 'i', imageID: '', ready: false, restartCount: 0, state: { terminated } },
  ];
  const phase = exitCode === 0 ? 'Succeeded' : 'Failed';
  await pods.patch(metadata.name, 'strategic', { status: { phase, conditions, containerStatuses } }, 'status');
}

export const livePods = (pods: ResourceClient, count: number): Promise<readonly Sent[]> =>
  untilAll(pods, 'job-name=j', `${count} live`, (items) => items.filter(isLive).length === count);

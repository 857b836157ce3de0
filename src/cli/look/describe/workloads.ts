/** Workloads: what they are to do, how far they are, the template of their pods. Pure but for what is asked. */
import type { KubeObject } from '../../../api/object.ts';
import type { DaemonSet, Deployment, ReplicaSet, StatefulSet } from '../../../api/schema/types/apps-v1.ts';
import type { HorizontalPodAutoscaler, MetricSpec, MetricStatus } from '../../../api/schema/types/autoscaling-v2.ts';
import type { CronJob, Job } from '../../../api/schema/types/batch-v1.ts';
import type { Pod } from '../../../api/schema/types/core-v1.ts';
import type { PodDisruptionBudget } from '../../../api/schema/types/policy-v1.ts';
import { type Asker, conditionsOf, type Describer, phasesText, selectorText, timeText, yesNo } from './common.ts';
import type { Entry } from './layout.ts';
import { describePod, templateOf } from './pod.ts';

const isOwnedBy =
  (uid: string | undefined) =>
  (object: KubeObject): boolean =>
    object.metadata?.ownerReferences?.some((owner) => owner.uid === uid && owner.controller === true) === true;

async function podsOf({ metadata }: KubeObject, ask: Asker): Promise<readonly Pod[]> {
  const pods = await ask.list<Pod>(`/api/v1/namespaces/${metadata?.namespace ?? ''}/pods`);
  return pods.filter(isOwnedBy(metadata?.uid));
}

const describeDeployment: Describer<Deployment> = async (deployment, ask) => {
  const { metadata, spec, status = {} } = deployment;
  const { strategy } = spec ?? {};
  const rolling = strategy?.rollingUpdate;
  const sets = (await ask.list<ReplicaSet>(`/apis/apps/v1/namespaces/${metadata?.namespace ?? ''}/replicasets`))
    .filter(isOwnedBy(metadata?.uid))
    .toSorted((a, b) => revisionOf(b) - revisionOf(a));
  const current = sets[0];
  const old = sets.slice(1).filter((set) => (set.status?.replicas ?? 0) > 0 || (set.spec?.replicas ?? 0) > 0);
  const setText = (set: ReplicaSet): string =>
    `${set.metadata?.name ?? ''} (${set.status?.replicas ?? 0}/${set.spec?.replicas ?? 0} replicas created)`;
  return [
    ['Selector', selectorText(spec?.selector)],
    [
      'Replicas',
      `${spec?.replicas ?? 1} desired | ${status.updatedReplicas ?? 0} updated | ${status.replicas ?? 0} total | ` +
        `${status.availableReplicas ?? 0} available | ${status.unavailableReplicas ?? 0} unavailable`,
    ],
    ['Paused', spec?.paused === true ? 'true: changes wait for naru rollout resume' : undefined],
    ['Strategy', strategy?.type],
    [
      'Rolling Update',
      rolling && `${rolling.maxUnavailable ?? '25%'} max unavailable, ${rolling.maxSurge ?? '25%'} max surge`,
    ],
    ['Min Ready Seconds', spec?.minReadySeconds],
    ['Pod Template', spec && templateOf(spec.template, ask)],
    conditionsOf(status.conditions, ask),
    ['Old ReplicaSets', old.map(setText)],
    ['New ReplicaSet', current === undefined ? '<none>' : setText(current)],
  ];
};

const revisionOf = ({ metadata }: KubeObject): number =>
  Number(metadata?.annotations?.['deployment.kubernetes.io/revision'] ?? 0);

const describeReplicaSet: Describer<ReplicaSet> = async (set, ask) => [
  ['Selector', selectorText(set.spec?.selector)],
  ['Replicas', `${set.status?.replicas ?? 0} current / ${set.spec?.replicas ?? 1} desired`],
  ['Pods Status', phasesText(await podsOf(set, ask))],
  ['Pod Template', set.spec?.template && templateOf(set.spec.template, ask)],
  conditionsOf(set.status?.conditions, ask),
];

const describeStatefulSet: Describer<StatefulSet> = async (set, ask) => {
  const { spec, status } = set;
  const rolling = spec?.updateStrategy?.rollingUpdate;
  return [
    ['Selector', selectorText(spec?.selector)],
    ['Service', spec?.serviceName],
    [
      'Replicas',
      `${spec?.replicas ?? 1} desired | ${status?.replicas ?? 0} total | ${status?.readyReplicas ?? 0} ready`,
    ],
    [
      'Revisions',
      `current ${status?.currentRevision ?? '<none>'}, update ${status?.updateRevision ?? '<none>'} (${status?.updatedReplicas ?? 0} pods)`,
    ],
    ['Update Strategy', spec?.updateStrategy?.type],
    ['Partition', rolling?.partition],
    ['Pods Status', phasesText(await podsOf(set, ask))],
    ['Pod Template', spec && templateOf(spec.template, ask)],
    [
      'Volume Claims',
      spec?.volumeClaimTemplates?.map(
        ({ metadata, spec: claim }) =>
          `${metadata?.name ?? ''}: ${claim?.resources?.requests?.['storage'] ?? ''} of ${claim?.storageClassName ?? 'the default class'} (${(claim?.accessModes ?? []).join(', ')})`,
      ),
    ],
    conditionsOf(status?.conditions, ask),
  ];
};

const describeDaemonSet: Describer<DaemonSet> = async (set, ask) => {
  const { spec, status } = set;
  return [
    ['Selector', selectorText(spec?.selector)],
    ['Node-Selector', selectorText(spec?.template.spec?.nodeSelector)],
    ['Desired Number of Nodes', status?.desiredNumberScheduled],
    ['Current Number of Nodes', status?.currentNumberScheduled],
    ['Nodes with Up-to-date Pods', status?.updatedNumberScheduled ?? 0],
    ['Nodes with Available Pods', status?.numberAvailable ?? 0],
    ['Nodes Misscheduled', status?.numberMisscheduled],
    ['Pods Status', phasesText(await podsOf(set, ask))],
    ['Pod Template', spec && templateOf(spec.template, ask)],
    conditionsOf(status?.conditions, ask),
  ];
};

const describeJob: Describer<Job> = ({ spec, status }, ask) => [
  ['Selector', selectorText(spec?.selector)],
  ['Parallelism', spec?.parallelism],
  ['Completions', spec?.completions ?? '<unset>'],
  ['Completion Mode', spec?.completionMode],
  ['Suspend', yesNo(spec?.suspend)],
  ['Backoff Limit', spec?.backoffLimit],
  ['Active Deadline', spec?.activeDeadlineSeconds === undefined ? undefined : `${spec.activeDeadlineSeconds}s`],
  ['Start Time', timeText(status?.startTime, ask.nowMs)],
  ['Completed At', timeText(status?.completionTime, ask.nowMs)],
  [
    'Pods Statuses',
    `${status?.active ?? 0} active (${status?.ready ?? 0} ready) / ${status?.succeeded ?? 0} succeeded / ${status?.failed ?? 0} failed`,
  ],
  ['Pod Template', spec && templateOf(spec.template, ask)],
  conditionsOf(status?.conditions, ask),
];

const describeCronJob: Describer<CronJob> = ({ spec, status }, ask) => [
  ['Schedule', spec?.schedule],
  ['Time Zone', spec?.timeZone],
  ['Concurrency Policy', spec?.concurrencyPolicy],
  ['Suspend', yesNo(spec?.suspend)],
  ['Successful Jobs Kept', spec?.successfulJobsHistoryLimit],
  ['Failed Jobs Kept', spec?.failedJobsHistoryLimit],
  ['Starting Deadline', spec?.startingDeadlineSeconds === undefined ? undefined : `${spec.startingDeadlineSeconds}s`],
  ['Last Schedule Time', timeText(status?.lastScheduleTime, ask.nowMs) ?? '<unset>'],
  ['Last Successful Time', timeText(status?.lastSuccessfulTime, ask.nowMs)],
  ['Active Jobs', (status?.active ?? []).map(({ name }) => name ?? '')],
  ['Pod Template', spec?.jobTemplate.spec && templateOf(spec.jobTemplate.spec.template, ask)],
];

const describeAutoscaler: Describer<HorizontalPodAutoscaler> = ({ spec, status }, ask) => [
  ['Reference', spec && `${spec.scaleTargetRef.kind}/${spec.scaleTargetRef.name}`],
  [
    'Metrics (current / target)',
    { entries: (spec?.metrics ?? []).map((metric) => metricEntry(metric, status?.currentMetrics ?? [])) },
  ],
  ['Min Replicas', spec?.minReplicas ?? 1],
  ['Max Replicas', spec?.maxReplicas],
  ['Replicas', `${status?.currentReplicas ?? 0} current / ${status?.desiredReplicas ?? 0} desired`],
  ['Last Scale', timeText(status?.lastScaleTime, ask.nowMs)],
  conditionsOf(status?.conditions, ask),
];

interface MetricTarget {
  readonly averageUtilization?: number;
  readonly averageValue?: string;
  readonly value?: string;
}

const amountText = (target: MetricTarget | undefined): string =>
  target?.averageUtilization === undefined
    ? (target?.averageValue ?? target?.value ?? '<unknown>')
    : `${target.averageUtilization}%`;

interface AnyMetric {
  readonly name?: string;
  readonly container?: string;
  readonly metric?: { readonly name: string };
  readonly target?: MetricTarget;
  readonly current?: MetricTarget;
}

/** A metric's member is named as its type, with a small letter. */
const metricOf = (metric: MetricSpec | MetricStatus): AnyMetric =>
  (metric as unknown as Record<string, AnyMetric>)[metric.type.charAt(0).toLowerCase() + metric.type.slice(1)] ?? {};

function metricEntry(spec: MetricSpec, current: readonly MetricStatus[]): Entry {
  const wanted = metricOf(spec);
  const nameOf = ({ name, metric }: AnyMetric): string => name ?? metric?.name ?? '';
  const now = current
    .filter(({ type }) => type === spec.type)
    .map(metricOf)
    .find((each) => nameOf(each) === nameOf(wanted));
  const of = wanted.container === undefined ? '' : ` of container ${wanted.container}`;
  return [`${spec.type} ${nameOf(wanted)}${of}`, `${amountText(now?.current)} / ${amountText(wanted.target)}`];
}

const describeBudget: Describer<PodDisruptionBudget> = ({ spec, status }, ask) => [
  ['Selector', selectorText(spec?.selector)],
  ['Min Available', spec?.minAvailable],
  ['Max Unavailable', spec?.maxUnavailable],
  ['Allowed Disruptions', status?.disruptionsAllowed],
  ['Current', status?.currentHealthy],
  ['Desired', status?.desiredHealthy],
  ['Total', status?.expectedPods],
  conditionsOf(status?.conditions, ask),
];

export const workloadDescribers: Readonly<Record<string, Describer<never>>> = {
  'Pod.': describePod,
  'Deployment.apps': describeDeployment,
  'ReplicaSet.apps': describeReplicaSet,
  'ReplicationController.': describeReplicaSet,
  'StatefulSet.apps': describeStatefulSet,
  'DaemonSet.apps': describeDaemonSet,
  'Job.batch': describeJob,
  'CronJob.batch': describeCronJob,
  'HorizontalPodAutoscaler.autoscaling': describeAutoscaler,
  'PodDisruptionBudget.policy': describeBudget,
};

/** How workload controllers are printed: apps, batch, autoscaling, policy and replication controllers. */
import type { ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet } from '../schema/types/apps-v1.ts';
import type { HorizontalPodAutoscaler as HorizontalPodAutoscalerV1, Scale } from '../schema/types/autoscaling-v1.ts';
import type {
  HorizontalPodAutoscaler,
  MetricSpec,
  MetricStatus,
  MetricTarget,
  MetricValueStatus,
} from '../schema/types/autoscaling-v2.ts';
import type { CronJob, Job } from '../schema/types/batch-v1.ts';
import type { ReplicationController } from '../schema/types/core-v1.ts';
import type { LabelSelector } from '../schema/types/meta-v1.ts';
import type { PodDisruptionBudget } from '../schema/types/policy-v1.ts';
import {
  ageColumn,
  boolean,
  containerColumns,
  integer,
  labelsText,
  nameColumn,
  nameOf,
  type Printer,
  printer,
  selectorText,
  shortList,
  text,
  wide,
} from './column.ts';
import { ageSince, humanDuration } from './duration.ts';

/** Unlike all others, a Deployment shows nothing for an empty selector, and has another word for a broken one. */
function deploymentSelector(selector: LabelSelector | undefined): string {
  const found = selectorText(selector);
  return found === '<none>' ? '' : found === '<error>' ? '<invalid>' : found;
}

const deployments = printer<Deployment>(
  nameColumn,
  text('Ready', ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`),
  { ...integer<Deployment>('Up-to-date', ({ status }) => status?.updatedReplicas), type: 'string' },
  { ...integer<Deployment>('Available', ({ status }) => status?.availableReplicas), type: 'string' },
  ageColumn,
  ...containerColumns<Deployment>(({ spec }) => spec),
  wide(text('Selector', ({ spec }) => deploymentSelector(spec?.selector))),
);

const replicaSets = printer<ReplicaSet>(
  nameColumn,
  integer('Desired', ({ spec }) => spec?.replicas),
  integer('Current', ({ status }) => status?.replicas),
  integer('Ready', ({ status }) => status?.readyReplicas),
  ageColumn,
  ...containerColumns<ReplicaSet>(({ spec }) => spec),
  wide(text('Selector', ({ spec }) => selectorText(spec?.selector))),
);

const replicationControllers = printer<ReplicationController>(
  nameColumn,
  integer('Desired', ({ spec }) => spec?.replicas),
  integer('Current', ({ status }) => status?.replicas),
  integer('Ready', ({ status }) => status?.readyReplicas),
  ageColumn,
  ...containerColumns<ReplicationController>(({ spec }) => spec),
  wide(text('Selector', ({ spec }) => labelsText(spec?.selector))),
);

const statefulSets = printer<StatefulSet>(
  nameColumn,
  text('Ready', ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 0}`),
  ageColumn,
  ...containerColumns<StatefulSet>(({ spec }) => spec),
);

const daemonSets = printer<DaemonSet>(
  nameColumn,
  integer('Desired', ({ status }) => status?.desiredNumberScheduled),
  integer('Current', ({ status }) => status?.currentNumberScheduled),
  integer('Ready', ({ status }) => status?.numberReady),
  integer('Up-to-date', ({ status }) => status?.updatedNumberScheduled),
  integer('Available', ({ status }) => status?.numberAvailable),
  text('Node Selector', ({ spec }) => labelsText(spec?.template.spec?.nodeSelector)),
  ageColumn,
  ...containerColumns<DaemonSet>(({ spec }) => spec),
  wide(text('Selector', ({ spec }) => selectorText(spec?.selector))),
);

const controllerRevisions = printer<ControllerRevision>(
  nameColumn,
  text('Controller', ({ metadata }) => {
    const owner = metadata?.ownerReferences?.find(({ controller }) => controller);
    if (owner === undefined) return '<none>';
    const [group = ''] = owner.apiVersion.includes('/') ? owner.apiVersion.split('/') : [];
    return `${(group === '' ? owner.kind : `${owner.kind}.${group}`).toLowerCase()}/${owner.name}`;
  }),
  { ...integer<ControllerRevision>('Revision', ({ revision }) => revision), type: 'string' },
  ageColumn,
);

function jobStatus({ metadata, status }: Job): string {
  const has = (type: string): boolean =>
    status?.conditions?.find((condition) => condition.type === type)?.status === 'True';
  if (has('Complete')) return 'Complete';
  if (has('Failed')) return 'Failed';
  if (metadata?.deletionTimestamp !== undefined) return 'Terminating';
  if (has('Suspended')) return 'Suspended';
  return ['FailureTarget', 'SuccessCriteriaMet'].find(has) ?? 'Running';
}

function completions({ spec, status }: Job): string {
  const succeeded = status?.succeeded ?? 0;
  if (spec?.completions !== undefined) return `${succeeded}/${spec.completions}`;
  const parallelism = spec?.parallelism ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function jobDuration({ status }: Job, nowMs: number): string {
  if (status?.startTime === undefined) return '';
  const endMs = status.completionTime === undefined ? nowMs : Date.parse(status.completionTime);
  return humanDuration(endMs - Date.parse(status.startTime));
}

const jobs = printer<Job>(
  nameColumn,
  text('Status', jobStatus),
  text('Completions', completions),
  text('Duration', (job, { nowMs }) => jobDuration(job, nowMs)),
  ageColumn,
  ...containerColumns<Job>(({ spec }) => spec),
  wide(text('Selector', ({ spec }) => selectorText(spec?.selector))),
);

const cronJobs = printer<CronJob>(
  nameColumn,
  text('Schedule', ({ spec }) => spec?.schedule ?? ''),
  text('Timezone', ({ spec }) => spec?.timeZone ?? '<none>'),
  { ...boolean<CronJob>('Suspend', () => undefined), cell: ({ spec }) => booleanText(spec?.suspend) },
  integer('Active', ({ status }) => status?.active?.length),
  text('Last Schedule', ({ status }, { nowMs }) =>
    status?.lastScheduleTime === undefined ? '<none>' : ageSince(status.lastScheduleTime, nowMs),
  ),
  ageColumn,
  ...containerColumns<CronJob>(({ spec }) => spec?.jobTemplate.spec),
  wide(text('Selector', ({ spec }) => selectorText(spec?.jobTemplate.spec?.selector))),
);

function booleanText(value: boolean | undefined): string {
  if (value === undefined) return '<unset>';
  return value ? 'True' : 'False';
}

const unknown = '<unknown>';
const metricsShownMax = 2;

function metricsText(specs: readonly MetricSpec[], statuses: readonly MetricStatus[]): string {
  if (specs.length === 0) return '<none>';
  return shortList(
    specs.map((spec, index) => metricText(spec, statuses[index])),
    metricsShownMax,
    ', ',
  );
}

function metricText(spec: MetricSpec, status: MetricStatus | undefined): string {
  switch (spec.type) {
    case 'External':
      return amountText(spec.external?.target, status?.external?.current);
    case 'Object':
      return amountText(spec.object?.target, status?.object?.current);
    case 'Pods':
      return averageText(spec.pods?.target, status?.pods?.current);
    case 'Resource':
      return `${spec.resource?.name}: ${usageText(spec.resource?.target, status?.resource?.current)}`;
    case 'ContainerResource':
      return `${spec.containerResource?.name}: ${usageText(spec.containerResource?.target, status?.containerResource?.current)}`;
    default:
      return '<unknown type>';
  }
}

/** How Go prints an amount that nobody gave. */
const noAmount = '<nil>';

function amountText(target: MetricTarget | undefined, current: MetricValueStatus | undefined): string {
  if (target?.averageValue !== undefined) return `${current?.averageValue ?? unknown}/${target.averageValue} (avg)`;
  return `${current === undefined ? unknown : (current.value ?? noAmount)}/${target?.value ?? noAmount}`;
}

function averageText(target: MetricTarget | undefined, current: MetricValueStatus | undefined): string {
  return `${current === undefined ? unknown : (current.averageValue ?? noAmount)}/${target?.averageValue ?? noAmount}`;
}

function usageText(target: MetricTarget | undefined, current: MetricValueStatus | undefined): string {
  if (target?.averageValue !== undefined) return averageText(target, current);
  return `${percent(current?.averageUtilization, unknown)}/${percent(target?.averageUtilization, '<auto>')}`;
}

function percent(value: number | undefined, otherwise: string): string {
  return value === undefined ? otherwise : `${value}%`;
}

/** Both versions come here; v1 knows only the CPU. */
function targets(scaler: HorizontalPodAutoscaler | HorizontalPodAutoscalerV1): string {
  const { spec, status } = scaler as HorizontalPodAutoscaler & HorizontalPodAutoscalerV1;
  if (spec?.targetCPUUtilizationPercentage === undefined)
    return metricsText(spec?.metrics ?? [], status?.currentMetrics ?? []);
  return `cpu: ${percent(status?.currentCPUUtilizationPercentage, unknown)}/${spec.targetCPUUtilizationPercentage}%`;
}

const horizontalPodAutoscalers = printer<HorizontalPodAutoscaler>(
  nameColumn,
  text('Reference', ({ spec }) => `${spec?.scaleTargetRef.kind}/${spec?.scaleTargetRef.name}`),
  text('Targets', targets),
  text('MinPods', ({ spec }) => (spec?.minReplicas === undefined ? '<unset>' : String(spec.minReplicas))),
  { ...integer<HorizontalPodAutoscaler>('MaxPods', ({ spec }) => spec?.maxReplicas), type: 'string' },
  { ...integer<HorizontalPodAutoscaler>('Replicas', ({ status }) => status?.currentReplicas), type: 'string' },
  ageColumn,
);

const podDisruptionBudgets = printer<PodDisruptionBudget>(
  nameColumn,
  text('Min Available', ({ spec }) => String(spec?.minAvailable ?? 'N/A')),
  text('Max Unavailable', ({ spec }) => String(spec?.maxUnavailable ?? 'N/A')),
  integer('Allowed Disruptions', ({ status }) => status?.disruptionsAllowed),
  ageColumn,
);

/** What the `scale` subresource answers. */
export const scalePrinter: Printer = printer<Scale>(
  text('Name', nameOf),
  integer('Desired', ({ spec }) => spec?.replicas),
  integer('Available', ({ status }) => status?.replicas),
  ageColumn,
);

export const workloadPrinters: Readonly<Record<string, Printer>> = {
  'deployments.apps': deployments,
  'replicasets.apps': replicaSets,
  replicationcontrollers: replicationControllers,
  'statefulsets.apps': statefulSets,
  'daemonsets.apps': daemonSets,
  'controllerrevisions.apps': controllerRevisions,
  'jobs.batch': jobs,
  'cronjobs.batch': cronJobs,
  'horizontalpodautoscalers.autoscaling': horizontalPodAutoscalers,
  'poddisruptionbudgets.policy': podDisruptionBudgets,
};

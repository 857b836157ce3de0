/**
 * How a pod is printed. STATUS tells the one thing that a person must know: the pod's reason or phase, unless a container has
 * something worse to say; of several, the first init container that is not done, else the first container that is not running.
 */
import type { KubeObject } from '../object.ts';
import type { ContainerState, ContainerStatus, Pod, PodTemplate } from '../schema/types/core-v1.ts';
import type { TableRowCondition } from '../schema/types/meta-v1.ts';
import {
  ageColumn,
  type Column,
  labelsText,
  nameColumn,
  type Printer,
  printer,
  printerWithView,
  text,
  wide,
} from './column.ts';
import { ageSince } from './duration.ts';

interface PodView {
  readonly pod: Pod;
  readonly ready: number;
  readonly total: number;
  readonly status: string;
  readonly restarts: number;
  /** When the last container to restart had ended. */
  readonly restartedAt: string | undefined;
}

/** What the walk over a group of containers finds. */
interface Tally {
  ready: number;
  restarts: number;
  restartedAt: string | undefined;
  /** Undefined where the containers change nothing about the pod's reason. */
  reason: string | undefined;
}

/** Init containers, up to the first that is not done; of those, the sidecars count on when the pod runs. */
interface InitTally extends Tally {
  readonly sidecars: Tally;
}

function viewPod(pod: Pod): PodView {
  const sidecars = new Set(
    (pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always').map(({ name }) => name),
  );
  const init = tallyInit(pod, sidecars);
  const initializing = init.reason !== undefined && !hasCondition(pod, 'Initialized');
  const running = initializing ? undefined : tallyRunning(pod, init);
  const found = running ?? init;
  return {
    pod,
    ready: found.ready,
    total: (pod.spec?.containers.length ?? 0) + sidecars.size,
    status: statusOf(pod, found.reason),
    restarts: found.restarts,
    restartedAt: found.restartedAt,
  };
}

const nothing: Tally = { ready: 0, restarts: 0, restartedAt: undefined, reason: undefined };

function tallyInit(pod: Pod, sidecars: ReadonlySet<string>): InitTally {
  const tally: InitTally = { ...nothing, sidecars: { ...nothing } };
  for (const [index, status] of (pod.status?.initContainerStatuses ?? []).entries()) {
    countRestarts(tally, status);
    if (sidecars.has(status.name)) countRestarts(tally.sidecars, status);
    if (status.state?.terminated?.exitCode === 0) continue;
    if (sidecars.has(status.name) && status.started === true) {
      if (status.ready) tally.ready++;
      continue;
    }
    tally.reason = `Init:${initProblem(status.state) ?? `${index}/${pod.spec?.initContainers?.length ?? 0}`}`;
    break;
  }
  return tally;
}

function initProblem({ terminated, waiting }: ContainerState = {}): string | undefined {
  if (terminated !== undefined) return terminationText(terminated);
  return waiting?.reason && waiting.reason !== 'PodInitializing' ? waiting.reason : undefined;
}

function terminationText({ reason, signal, exitCode }: NonNullable<ContainerState['terminated']>): string {
  if (reason) return reason;
  return signal ? `Signal:${signal}` : `ExitCode:${exitCode}`;
}

/** Once the pod is initialized, of the init containers only the sidecars count. */
function tallyRunning(pod: Pod, init: InitTally): Tally {
  const tally: Tally = { ...init.sidecars, ready: init.ready, reason: init.reason };
  let isRunning = false;
  let failure: string | undefined;
  for (const status of (pod.status?.containerStatuses ?? []).toReversed()) {
    countRestarts(tally, status);
    const { waiting, terminated, running } = status.state ?? {};
    if (waiting?.reason) tally.reason = waiting.reason;
    else if (terminated !== undefined) {
      tally.reason = terminationText(terminated);
      if (terminated.exitCode !== 0) failure = tally.reason;
    } else if (status.ready && running !== undefined) {
      isRunning = true;
      tally.ready++;
    }
  }
  const reason = tally.reason ?? podReason(pod);
  if (reason === 'Completed')
    tally.reason = completedReason(isRunning && hasCondition(pod, 'Ready'), isRunning, failure);
  return tally;
}

/** Of a pod whose first container has ended well: the others may still run, or have failed. */
function completedReason(isReady: boolean, isRunning: boolean, failure: string | undefined): string {
  if (isReady) return 'Running';
  return failure ?? (isRunning ? 'NotReady' : 'Completed');
}

function countRestarts(tally: Tally, status: ContainerStatus): void {
  tally.restarts += status.restartCount;
  const endedAt = status.lastState?.terminated?.finishedAt;
  if (endedAt === undefined) return;
  if (tally.restartedAt === undefined || Date.parse(endedAt) > Date.parse(tally.restartedAt))
    tally.restartedAt = endedAt;
}

function hasCondition(pod: Pod, type: string): boolean {
  return pod.status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false;
}

function podReason(pod: Pod): string {
  const gated = pod.status?.conditions?.some(
    ({ type, reason }) => type === 'PodScheduled' && reason === 'SchedulingGated',
  );
  if (gated) return 'SchedulingGated';
  return pod.status?.reason || pod.status?.phase || '';
}

function statusOf(pod: Pod, containerReason: string | undefined): string {
  if (pod.metadata?.deletionTimestamp !== undefined) {
    if (pod.status?.reason === 'NodeLost') return 'Unknown';
    if (pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed') return 'Terminating';
  }
  return containerReason ?? podReason(pod);
}

function restartsText({ restarts, restartedAt }: PodView, nowMs: number): string {
  if (restarts === 0 || restartedAt === undefined) return String(restarts);
  return `${restarts} (${ageSince(restartedAt, nowMs)} ago)`;
}

function readinessGates(pod: Pod): string {
  const gates = pod.spec?.readinessGates ?? [];
  if (gates.length === 0) return '<none>';
  return `${gates.filter(({ conditionType }) => hasCondition(pod, conditionType)).length}/${gates.length}`;
}

/** A column of the object itself, for a view that holds it. */
const ofPod = (column: Column<KubeObject>): Column<PodView> => ({
  ...column,
  cell: ({ pod }, context) => column.cell(pod, context),
});

function podConditions(object: KubeObject): readonly TableRowCondition[] | undefined {
  const phase = (object as Pod).status?.phase;
  if (phase !== 'Succeeded' && phase !== 'Failed') return undefined;
  const message = phase === 'Succeeded' ? 'The pod has completed successfully.' : 'The pod failed.';
  return [{ type: 'Completed', status: 'True', reason: phase, message }];
}

const pods: Printer = {
  ...printerWithView<PodView>(
    viewPod,
    ofPod(nameColumn),
    text('Ready', ({ ready, total }) => `${ready}/${total}`),
    text('Status', ({ status }) => status),
    text('Restarts', (view, { nowMs }) => restartsText(view, nowMs)),
    ofPod(ageColumn),
    wide(text('IP', ({ pod }) => pod.status?.podIPs?.[0]?.ip || '<none>')),
    wide(text('Node', ({ pod }) => pod.spec?.nodeName || '<none>')),
    wide(text('Nominated Node', ({ pod }) => pod.status?.nominatedNodeName || '<none>')),
    wide(text('Readiness Gates', ({ pod }) => readinessGates(pod))),
  ),
  conditions: podConditions,
};

const podTemplates = printer<PodTemplate>(
  nameColumn,
  text('Containers', ({ template }) => (template?.spec?.containers ?? []).map(({ name }) => name).join(',')),
  text('Images', ({ template }) => (template?.spec?.containers ?? []).map(({ image }) => image ?? '').join(',')),
  text('Pod Labels', ({ template }) => labelsText(template?.metadata?.labels)),
);

export const podPrinters: Readonly<Record<string, Printer>> = { pods, podtemplates: podTemplates };

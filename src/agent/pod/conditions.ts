/** The conditions of a pod that its node decides; those of others are kept as they are. Upstream's reasons and messages. Pure. */
import type { Container, ContainerStatus, Pod, PodCondition, PodPhase } from '../../api/schema/types/core-v1.ts';
import { formatTime } from '../../lib/clock.ts';
import { appContainers, initContainers } from './containers.ts';
import type { PodObservation } from './plan.ts';
import { type resizeConditions, resizeConditionTypes } from './resize-view.ts';
import { isSidecar, mayRestartAll } from './restart.ts';
import { allContainersRestarting } from './restart-all.ts';

export interface ConditionFacts {
  readonly pod: Pod;
  readonly phase: PodPhase;
  readonly initStatuses: readonly ContainerStatus[];
  readonly statuses: readonly ContainerStatus[];
  readonly hasNetwork: boolean;
  /** All containers are being taken back to the beginning. */
  readonly isRestartingAll: boolean;
  /** Of a resize that waits or is under way. */
  readonly resize: ReturnType<typeof resizeConditions>;
  /** Those of the last status. */
  readonly known: readonly PodCondition[];
  readonly nowMs: number;
}

type Verdict = Pick<PodCondition, 'status' | 'reason' | 'message'>;

const isTrue: Verdict = { status: 'True' };

export function podConditions(facts: ConditionFacts): readonly PodCondition[] {
  const containersReady = containersReadyVerdict(facts);
  const own: readonly (readonly [string, Verdict])[] = [
    ['PodReadyToStartContainers', { status: facts.hasNetwork ? 'True' : 'False' }],
    ['Initialized', initializedVerdict(facts)],
    ['Ready', readyVerdict(facts, containersReady)],
    ['ContainersReady', containersReady],
    ['PodScheduled', isTrue],
    ...restartingAllVerdict(facts),
  ];
  const names = new Set([...own.map(([type]) => type), ...resizeConditionTypes]);
  return [
    ...facts.known.filter(({ type }) => !names.has(type)),
    ...own.map(([type, verdict]) => condition(facts, type, verdict)),
    ...facts.resize.map(({ type, ...told }) => condition(facts, type, told)),
  ];
}

/** Says so where the node ends the pod for its own sake. */
export function withDisruption(
  known: readonly PodCondition[],
  pod: Pod,
  { failed, nowMs }: Pick<PodObservation, 'failed' | 'nowMs'>,
): readonly PodCondition[] {
  const type = 'DisruptionTarget';
  const reason = 'TerminationByKubelet';
  if (!failed?.isDisruption || known.some((one) => one.type === type && one.reason === reason)) return known;
  const { generation } = pod.metadata ?? {};
  const told: PodCondition = {
    type,
    ...(generation !== undefined && { observedGeneration: generation }),
    status: 'True',
    reason,
    message: failed.message,
    lastTransitionTime: formatTime(nowMs),
  };
  return [...known.filter((one) => one.type !== type), told];
}

/** The time changes only with the status. */
function condition({ pod, known, nowMs }: ConditionFacts, type: string, verdict: Verdict): PodCondition {
  const before = known.find((candidate) => candidate.type === type);
  const unchanged = before?.status === verdict.status && before.lastTransitionTime !== undefined;
  const { generation } = pod.metadata ?? {};
  return {
    type,
    ...(generation !== undefined && { observedGeneration: generation }),
    ...verdict,
    lastTransitionTime: unchanged ? before.lastTransitionTime : formatTime(nowMs),
  };
}

function restartingAllVerdict({
  pod,
  phase,
  isRestartingAll,
}: ConditionFacts): readonly (readonly [string, Verdict])[] {
  if (!mayRestartAll(pod)) return [];
  const verdict = (): Verdict => {
    if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' };
    if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' };
    if (!isRestartingAll) return { status: 'False' };
    const message = 'container exited with restart policy rule';
    return { status: 'True', reason: 'RestartAllContainersStarted', message };
  };
  return [[allContainersRestarting, verdict()]];
}

function initializedVerdict({ pod, phase, initStatuses, statuses, known }: ConditionFacts): Verdict {
  if (phase === 'Succeeded') return { status: 'True', reason: 'PodCompleted' };
  if (statuses.some(({ state, lastState }) => state?.running ?? state?.terminated ?? lastState?.terminated))
    return isTrue;
  const isDone = (container: Container, status: ContainerStatus): boolean =>
    isSidecar(container) ? status.started === true : status.ready;
  // Once it was initialized, it stays so while all containers restart.
  if (mayRestartAll(pod) && known.some(({ type, status }) => type === 'Initialized' && status === 'True'))
    return isTrue;
  return verdictOn(initContainers(pod), initStatuses, isDone, 'incomplete', 'ContainersNotInitialized');
}

function containersReadyVerdict({ pod, phase, initStatuses, statuses }: ConditionFacts): Verdict {
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' };
  const containers = [...initContainers(pod).filter(isSidecar), ...appContainers(pod)];
  const all = [...initStatuses, ...statuses];
  return verdictOn(containers, all, (_, { ready }) => ready, 'unready', 'ContainersNotReady');
}

function verdictOn(
  containers: readonly Container[],
  statuses: readonly ContainerStatus[],
  isGood: (container: Container, status: ContainerStatus) => boolean,
  adjective: string,
  reason: string,
): Verdict {
  const statusOf = ({ name }: Container): ContainerStatus | undefined =>
    statuses.find((status) => status.name === name);
  const unknown = containers.filter((container) => statusOf(container) === undefined);
  const bad = containers.filter((container) => {
    const status = statusOf(container);
    return status !== undefined && !isGood(container, status);
  });
  if (unknown.length === 0 && bad.length === 0) return isTrue;
  const texts = [
    ...(unknown.length > 0 ? [`containers with unknown status: [${unknown.map(({ name }) => name).join(' ')}]`] : []),
    ...(bad.length > 0 ? [`containers with ${adjective} status: [${bad.map(({ name }) => name).join(' ')}]`] : []),
  ];
  return { status: 'False', reason, message: texts.join(', ') };
}

function readyVerdict({ pod, known }: ConditionFacts, containersReady: Verdict): Verdict {
  if (containersReady.status !== 'True') return containersReady;
  const texts: string[] = [];
  for (const { conditionType } of pod.spec?.readinessGates ?? []) {
    const gate = known.find(({ type }) => type === conditionType);
    if (gate === undefined)
      texts.push(`corresponding condition of pod readiness gate "${conditionType}" does not exist.`);
    else if (gate.status !== 'True') {
      texts.push(`the status of pod readiness gate "${conditionType}" is not "True", but ${gate.status}`);
    }
  }
  return texts.length === 0 ? isTrue : { status: 'False', reason: 'ReadinessGatesNotReady', message: texts.join(', ') };
}

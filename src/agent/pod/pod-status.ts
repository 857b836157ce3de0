/** The status that the API should show for a pod, from what the worker observes. Pure. */

import { qualityOfService } from '../../api/pod-quality.ts';
import type { Container, ContainerStatus, Pod, PodPhase, PodStatus } from '../../api/schema/types/core-v1.ts';
import { formatTime } from '../../lib/clock.ts';
import { podConditions, withDisruption } from './conditions.ts';
import { containerStatus } from './container-status.ts';
import { appContainers, ephemeralContainers, initContainers, newestSandbox, runsOf } from './containers.ts';
import type { Ending } from './decide-ending.ts';
import { podPhase } from './phase.ts';
import type { PodObservation, Waiting } from './plan.ts';
import { podIpsOf } from './pod-ips.ts';
import { resizeConditions } from './resize-view.ts';
import { isSidecar } from './restart.ts';
import { isRestartingAll } from './restart-all.ts';

export interface StatusFacts {
  readonly waiting: Waiting;
  /** Nothing of it runs, and nothing will. */
  readonly isOver: boolean;
  readonly ending?: Ending;
}

export function isTerminal(phase: PodPhase | undefined): boolean {
  return phase === 'Succeeded' || phase === 'Failed';
}

export function podStatus(observation: PodObservation, facts: StatusFacts): PodStatus {
  const { status: known, nowMs } = observation;
  const pod = observation.pod ?? observation.lastPod;
  if (pod === undefined) return known;
  const lists = wasRefused(observation) ? noLists : containerLists(observation, pod, facts);
  const { init, apps, ephemeral } = lists;
  const isRestarting = facts.ending === undefined && isRestartingAll(observation, pod);
  const phase = phaseOf(observation, pod, lists, facts);
  const failure = failureOf(known, facts.ending);
  const { generation } = pod.metadata ?? {};
  const network = addressesOf(observation, pod);
  const { nominatedNodeName, resourceClaimStatuses } = known;
  return {
    ...(generation !== undefined && { observedGeneration: generation }),
    phase,
    conditions: podConditions({
      pod,
      phase,
      initStatuses: init,
      statuses: apps,
      hasNetwork: newestSandbox(observation.sandboxes)?.ready === true,
      isRestartingAll: isRestarting,
      resize: resizeConditions(observation.resize),
      known: withDisruption(known.conditions ?? [], pod, observation),
      nowMs,
    }),
    ...failure,
    ...(nominatedNodeName !== undefined && { nominatedNodeName }),
    ...(resourceClaimStatuses !== undefined && { resourceClaimStatuses }),
    ...network,
    startTime: known.startTime ?? formatTime(nowMs),
    ...(init.length > 0 && { initContainerStatuses: init }),
    ...(apps.length > 0 && { containerStatuses: apps }),
    ...(ephemeral.length > 0 && { ephemeralContainerStatuses: ephemeral }),
    ...(!wasRefused(observation) && wholeResources(observation, pod)),
    qosClass: known.qosClass ?? qualityOfService(pod.spec),
  };
}

/** Of a pod that asks as a whole: what was given to it, and what holds; while a resize is under way, what held before. */
function wholeResources(
  { resize, status: known }: PodObservation,
  { spec }: Pod,
): Pick<PodStatus, 'resources' | 'allocatedResources'> {
  const resources = spec?.resources;
  if (resources === undefined) return {};
  const holds = resize?.wanted === undefined ? resources : (known.resources ?? resources);
  return { resources: holds, ...(resources.requests !== undefined && { allocatedResources: resources.requests }) };
}

interface Lists {
  readonly init: readonly ContainerStatus[];
  readonly apps: readonly ContainerStatus[];
  readonly ephemeral: readonly ContainerStatus[];
}

const noLists: Lists = { init: [], apps: [], ephemeral: [] };

/** Of a pod that its node refused nothing is told container by container, also after a restart of the agent: none ever was. */
function wasRefused({ failed, status, containers }: PodObservation): boolean {
  if (failed?.isRefused) return true;
  return status.phase === 'Failed' && !status.containerStatuses?.length && containers.length === 0;
}

function containerLists(observation: PodObservation, pod: Pod, { waiting, isOver }: StatusFacts): Lists {
  const hasInit = initContainers(pod).length > 0;
  const defaultWaiting = hasInit ? 'PodInitializing' : 'ContainerCreating';
  const list = (
    containers: readonly Container[],
    known: Known,
    hadTurn: (index: number) => boolean,
    kind: 'init' | 'app' | 'ephemeral',
  ) =>
    containers.map((container, index) => {
      const isLost = isOver && hadTurn(index);
      const runsToEnd = kind === 'init' && !isSidecar(container);
      return containerStatus(observation, container, statusFor(container, known), {
        waiting,
        defaultWaiting,
        isLost,
        runsToEnd,
        isEphemeral: kind === 'ephemeral',
      });
    });
  const { initContainerStatuses, containerStatuses, ephemeralContainerStatuses } = observation.status;
  const turns = turnsOf(observation, pod);
  return {
    init: list(initContainers(pod), initContainerStatuses, (index) => index <= turns.lastInit, 'init'),
    apps: list(appContainers(pod), containerStatuses, () => turns.apps, 'app'),
    ephemeral: list(ephemeralContainers(pod), ephemeralContainerStatuses, () => turns.apps, 'ephemeral'),
  };
}

type Known = readonly ContainerStatus[] | undefined;

function statusFor({ name }: Container, known: Known): ContainerStatus | undefined {
  return known?.find((status) => status.name === name);
}

/**
 * Whose turn came, by what there is evidence of. When a pod is over, a container that should have run and did not counts as lost; one
 * whose turn never came still waits, and shows that it never ran. The first init container always had its turn.
 */
function turnsOf(observation: PodObservation, pod: Pod): { readonly lastInit: number; readonly apps: boolean } {
  const { initContainerStatuses, containerStatuses } = observation.status;
  const inits = initContainers(pod);
  const last = inits.at(-1);
  const lastInit = inits.findLastIndex((container) =>
    hasBegun(observation, container, statusFor(container, initContainerStatuses)),
  );
  const isThrough = last === undefined || hasSucceeded(observation, last, statusFor(last, initContainerStatuses));
  const someApp = appContainers(pod).some((container) =>
    hasBegun(observation, container, statusFor(container, containerStatuses)),
  );
  return { lastInit: Math.max(0, lastInit), apps: isThrough || someApp };
}

function hasBegun(observation: PodObservation, { name }: Container, known: ContainerStatus | undefined): boolean {
  const { state, lastState } = known ?? {};
  const isKnown = (state?.running ?? state?.terminated ?? lastState?.terminated) !== undefined;
  return isKnown || runsOf(observation, name).some((run) => run.state !== 'created');
}

/** A sidecar has done its part when it has started. */
function hasSucceeded(observation: PodObservation, container: Container, known: ContainerStatus | undefined): boolean {
  if (isSidecar(container)) return known?.started === true;
  const runs = runsOf(observation, container.name);
  return known?.state?.terminated?.exitCode === 0 || runs.some((run) => run.state === 'exited' && run.exitCode === 0);
}

/**
 * A pod that has ended has ended for good. So it has not ended while one of its containers still runs: whoever waits for its end may
 * take its place then.
 */
function phaseOf(
  observation: PodObservation,
  pod: Pod,
  { init, apps }: Lists,
  { isOver, ending }: StatusFacts,
): PodPhase {
  const { status: known } = observation;
  if (isTerminal(known.phase)) return known.phase ?? 'Failed';
  if (ending?.kind === 'failed' && isOver) return 'Failed';
  const phase = podPhase(pod, { initStatuses: init, statuses: apps, isOver, renewed: renewedOf(observation) });
  if (ending !== undefined && !isOver && isTerminal(phase)) return known.phase ?? 'Pending';
  return isOver && !isTerminal(phase) ? 'Failed' : phase;
}

/** Those that have ended, and have not begun anew yet. */
function renewedOf(observation: PodObservation): ReadonlySet<string> {
  const { renewals, containers } = observation;
  if (renewals.size === 0) return noNames;
  const names = containers.filter(({ id }) => renewals.has(id)).map(({ name }) => name);
  return new Set(names.filter((name) => renewals.has(runsOf(observation, name)[0]?.id ?? '')));
}

const noNames: ReadonlySet<string> = new Set();

function failureOf(known: PodStatus, ending: Ending | undefined): Pick<PodStatus, 'reason' | 'message'> {
  if (ending?.kind === 'failed') {
    return {
      ...(ending.reason !== undefined && { reason: ending.reason }),
      ...(ending.message !== undefined && { message: ending.message }),
    };
  }
  return {
    ...(known.reason !== undefined && { reason: known.reason }),
    ...(known.message !== undefined && { message: known.message }),
  };
}

/** The addresses of a pod that lost its sandbox stay until it gets new ones, as upstream's do. */
function addressesOf(observation: PodObservation, pod: Pod): Partial<PodStatus> {
  const { hostIps, status: known, sandboxes } = observation;
  const sandbox = newestSandbox(sandboxes);
  const current = podIpsOf(pod, sandbox?.ips ?? [], hostIps);
  const hasNone = sandbox === undefined || !sandbox.ready || current.length === 0;
  const podIps = hasNone ? (known.podIPs ?? []).map(({ ip }) => ip ?? '') : current;
  return {
    ...(hostIps[0] !== undefined && { hostIP: hostIps[0], hostIPs: hostIps.map((ip) => ({ ip })) }),
    ...(podIps[0] !== undefined && { podIP: podIps[0], podIPs: podIps.map((ip) => ({ ip })) }),
  };
}

/**
 * The `containerStatuses` entry of one container: what the runtime knows of its runs, over what the last status knew. Pure.
 *
 * The runtime forgets what is removed, and after a power cut everything: then the last status stands, and what ran by it is
 * said to have ended in an unknown way.
 */
import type {
  ContainerStatus as ApiContainerStatus,
  Container,
  ContainerState,
  ContainerStateTerminated,
  ContainerUser,
  VolumeMountStatus,
} from '../../api/schema/types/core-v1.ts';
import { formatTime } from '../../lib/clock.ts';
import type { ContainerStatus } from '../runtime.ts';
import { runsOf } from './containers.ts';
import type { PodObservation, Waiting } from './plan.ts';
import { actualResources } from './resize-view.ts';
import { restartingAllContainers } from './restart.ts';
import { isCause, isRestartingAll } from './restart-all.ts';
import { isReady, isStarted } from './verdicts.ts';
import { recursiveMounts } from './volumes/with-volumes.ts';

export interface ContainerStatusOptions {
  readonly waiting: Waiting;
  /** What a container waits for that nothing else is known of: `ContainerCreating` or `PodInitializing`. */
  readonly defaultWaiting: string;
  /** Nobody waits for it to be ready. */
  readonly isEphemeral?: boolean;
  /** An init container that is no sidecar: its success makes it ready. */
  readonly runsToEnd: boolean;
  /** Nothing will run any more, and it should have run. */
  readonly isLost: boolean;
}

export function containerStatus(
  observation: PodObservation,
  container: Container,
  known: ApiContainerStatus | undefined,
  options: ContainerStatusOptions,
): ApiContainerStatus {
  const [newest, previous] = runsOf(observation, container.name);
  const observed = newest === undefined ? undefined : stateOfRun(observation, newest, options.defaultWaiting);
  const actual = observed ?? stateWithoutRun(known, options);
  const wait = options.waiting.get(container.name);
  const state = wait !== undefined && actual.running === undefined ? { waiting: wait } : actual;
  const last = lastState(observation, { actual, state, previous, known, newest });
  const running = newest !== undefined && state.running !== undefined;
  const stopSignal = container.lifecycle?.stopSignal;
  const devices = observation.devices?.get(container.name);
  const id = newest === undefined ? known?.containerID : containerId(observation, newest);
  return {
    name: container.name,
    state,
    lastState: last,
    ready: readyOf(observation, container, { newest, state, options }),
    // A run that was made, counted, and removed before it ran leaves the one before as the newest.
    restartCount: Math.max(newest?.attempt ?? 0, known?.restartCount ?? 0),
    image: newest?.image || known?.image || container.image || '',
    imageID: newest?.imageRef ?? known?.imageID ?? '',
    ...(id !== undefined && { containerID: id }),
    ...(!options.isEphemeral && {
      started: options.runsToEnd ? running : running && isStarted(observation, container, newest),
    }),
    ...(running && resourcesOf(observation, container, newest)),
    ...((newest ?? known?.volumeMounts) !== undefined && mountsOf(container, newest)),
    ...(newest !== undefined && stopSignal !== undefined && { stopSignal }),
    ...(newest?.user !== undefined && { user: userOf(newest.user) }),
    ...(devices !== undefined && { allocatedResourcesStatus: devices }),
  };
}

function readyOf(
  observation: PodObservation,
  container: Container,
  facts: {
    readonly newest: ContainerStatus | undefined;
    readonly state: ContainerState;
    readonly options: ContainerStatusOptions;
  },
): boolean {
  const { newest, state, options } = facts;
  if (options.isEphemeral) return false;
  if (options.runsToEnd) return state.terminated?.exitCode === 0;
  return newest !== undefined && state.running !== undefined && isReady(observation, container, newest);
}

function containerId({ runtimeName }: PodObservation, run: ContainerStatus): string {
  return `${runtimeName}://${run.id}`;
}

function stateOfRun(observation: PodObservation, run: ContainerStatus, defaultWaiting: string): ContainerState {
  switch (run.state) {
    case 'created':
      return { waiting: { reason: defaultWaiting } };
    case 'running':
      if (observation.postStarts.has(run.id)) return { waiting: { reason: defaultWaiting } };
      return { running: { startedAt: formatTime(run.startedAtMs) } };
    case 'exited':
    case 'unknown':
      return { terminated: terminatedRun(observation, run) };
  }
}

function terminatedRun(observation: PodObservation, run: ContainerStatus): ContainerStateTerminated {
  const isUnknown = run.state === 'unknown';
  const exitCode = isUnknown ? 137 : run.exitCode;
  const message = shortened(observation, observation.messages.get(run.id) || run.message);
  const plainReason = isUnknown ? 'ContainerStatusUnknown' : run.reason || (exitCode === 0 ? 'Completed' : 'Error');
  const reason = isVictim(observation, run) ? restartingAllContainers : plainReason;
  return {
    exitCode,
    reason,
    ...(message !== '' && { message }),
    ...(run.startedAtMs > 0 && { startedAt: formatTime(run.startedAtMs) }),
    ...(run.finishedAtMs > 0 && { finishedAt: formatTime(run.finishedAtMs) }),
    containerID: containerId(observation, run),
  };
}

/** All messages of one pod together, in bytes: each of its containers has an equal part. */
const messageBytesMax = 12 * 1024;

function shortened({ pod, lastPod }: PodObservation, message: string): string {
  const { spec } = pod ?? lastPod ?? {};
  const count =
    (spec?.containers.length ?? 0) + (spec?.initContainers?.length ?? 0) + (spec?.ephemeralContainers?.length ?? 0);
  const bytesMax = Math.floor(messageBytesMax / Math.max(1, count));
  if (Buffer.byteLength(message) <= bytesMax) return message;
  // A character that was cut through shows as a replacement, which is left out.
  return Buffer.from(message)
    .subarray(0, bytesMax)
    .toString()
    .replace(/\uFFFD+$/, '');
}

/** It ended, or was ended, and starts from the beginning because another container asked for it. */
function isVictim(observation: PodObservation, run: ContainerStatus): boolean {
  const { pod } = observation;
  return pod !== undefined && isRestartingAll(observation, pod) && !isCause(pod, run);
}

function stateWithoutRun(known: ApiContainerStatus | undefined, options: ContainerStatusOptions): ContainerState {
  if (known?.state?.terminated !== undefined) return { terminated: known.state.terminated };
  if (known?.state?.running !== undefined) return { terminated: lost(usedToRun) };
  if (options.isLost) return { terminated: lost('The container could not be located when the pod was terminated') };
  return { waiting: { reason: options.defaultWaiting } };
}

const usedToRun = 'The container could not be located when the pod was deleted.  The container used to be Running';

function lost(message: string): ContainerStateTerminated {
  return { exitCode: 137, reason: 'ContainerStatusUnknown', message };
}

interface LastStateFacts {
  readonly actual: ContainerState;
  readonly state: ContainerState;
  readonly newest: ContainerStatus | undefined;
  readonly previous: ContainerStatus | undefined;
  readonly known: ApiContainerStatus | undefined;
}

/** How the run before ended; where the newest ended and now waits to run again, how that one did. */
function lastState(observation: PodObservation, facts: LastStateFacts): ContainerState {
  const { actual, state, newest, previous, known } = facts;
  if (state.waiting !== undefined && actual.terminated !== undefined) return { terminated: actual.terminated };
  if (previous?.state === 'exited') return { terminated: terminatedRun(observation, previous) };
  if (newest === undefined || known === undefined) return known?.lastState ?? {};
  if (newest.attempt === known.restartCount) return known.lastState ?? {};
  return known.state?.terminated === undefined ? (known.lastState ?? {}) : { terminated: known.state.terminated };
}

/** What was given to it, and what holds of that. */
function resourcesOf(
  { resize }: PodObservation,
  { name, resources = {} }: Container,
  run: ContainerStatus,
): Partial<ApiContainerStatus> {
  const { requests, limits } = actualResources(resources, run.resources, resize?.wanted?.get(name));
  return {
    ...(resources.requests !== undefined && { allocatedResources: resources.requests }),
    resources: { ...(limits !== undefined && { limits }), ...(requests !== undefined && { requests }) },
  };
}

function mountsOf(
  { volumeMounts = [] }: Container,
  run: ContainerStatus | undefined,
): { readonly volumeMounts?: readonly VolumeMountStatus[] } {
  if (volumeMounts.length === 0) return {};
  const recursive = recursiveMounts(run?.annotations);
  return {
    volumeMounts: volumeMounts.map(({ name, mountPath, readOnly }) => ({
      name,
      mountPath,
      ...(readOnly && { readOnly, recursiveReadOnly: recursive.has(mountPath) ? 'Enabled' : 'Disabled' }),
    })),
  };
}

function userOf({ uid, gid, supplementalGroups }: NonNullable<ContainerStatus['user']>): ContainerUser {
  return { linux: { uid, gid, ...(supplementalGroups.length > 0 && { supplementalGroups }) } };
}

/** For tests of Jobs: a world in which pods end, each as it is told. */
import type { Job, JobSpec } from '../../api/schema/types/batch-v1.ts';
import type { Pod, PodStatus } from '../../api/schema/types/core-v1.ts';
import { events, jobs, pods } from '../../client/resources.ts';
import { formatTime } from '../../lib/clock.ts';
import { inDefault, startWorld, type World } from '../testing.ts';
import {
  completionIndexMark,
  completionIndexOf,
  failureCountAnnotation,
  ignoredFailureCountAnnotation,
  trackingFinalizer,
} from './marks.ts';

/** The exit code of the pod's container, or undefined where it runs on; `earlier`: how many pods ran before it. */
export type Exit = (pod: Pod, earlier: number) => number | undefined;

export interface JobWorld extends World {
  /** May be changed while the world goes on. */
  exit: Exit;
  /** How long a container runs before it ends. */
  runMs: number;
  job(name?: string): Promise<Job>;
  /** `type: reason` of the conditions that hold. */
  conditions(name?: string): Promise<readonly string[]>;
  /** `reason: message` of the events of one Job. */
  eventsOf(name?: string): Promise<readonly string[]>;
  edit(spec: Partial<JobSpec>, name?: string): Promise<void>;
  /** Ends one pod. */
  end(pod: Pod, exitCode: number): Promise<void>;
}

export async function startJobWorld(exit: Exit, options: Parameters<typeof startWorld>[0] = {}): Promise<JobWorld> {
  const world = await startWorld(options);
  const jobWorld: JobWorld = {
    ...world,
    exit,
    runMs: 1000,
    async job(name = 'job') {
      return world.client.get(jobs, inDefault(name));
    },
    async conditions(name) {
      const { status } = await jobWorld.job(name);
      const holding = (status?.conditions ?? []).filter((condition) => condition.status === 'True');
      return holding.map(({ type, reason }) => `${type}: ${reason}`);
    },
    async eventsOf(name = 'job') {
      const about = (await world.list(events)).filter(({ involvedObject }) => involvedObject.name === name);
      return about.map(({ reason, message }) => `${reason}: ${message}`);
    },
    async edit(spec, name = 'job') {
      await world.client.patch(jobs, inDefault(name), { type: 'merge', body: { spec } });
    },
    async end(pod, exitCode) {
      const { namespace = '', name = '', uid } = pod.metadata ?? {};
      const finishedAt = formatTime(world.clock.now());
      const state = { terminated: { exitCode, finishedAt } };
      const body = {
        metadata: { uid },
        status: {
          phase: exitCode === 0 ? 'Succeeded' : 'Failed',
          conditions: [{ type: 'Ready', status: 'False', lastTransitionTime: finishedAt }],
          containerStatuses: [{ name: 'main', image: '', imageID: '', ready: false, restartCount: 0, state }],
        },
      };
      const patch = { type: 'strategic', body } as const;
      await world.client.patch(pods, { namespace, name }, patch, { subresource: 'status' });
    },
  };
  // Insists, as a kubelet does: also where the player of the kubelet, which insists, too, has said "Running" once more.
  const exits = new Map<string, number | undefined>();
  const ending = new Set<string>();
  const look = (pod: Pod): void => {
    const uid = pod.metadata?.uid ?? '';
    if (pod.status?.phase !== 'Running' || pod.metadata?.deletionTimestamp !== undefined || ending.has(uid)) return;
    if (!exits.has(uid)) exits.set(uid, jobWorld.exit(pod, exits.size));
    const exitCode = exits.get(uid);
    if (exitCode === undefined) return;
    ending.add(uid);
    const tryToEnd = (): void => {
      jobWorld.end(pod, exitCode).then(
        () => ending.delete(uid),
        (error: { code?: number }) => void ((error.code ?? 0) >= 500 && world.clock.after(1000, tryToEnd)),
      );
    };
    world.clock.after(jobWorld.runMs, tryToEnd);
  };
  world.informers.informer(pods).addHandler({ added: look, updated: look });
  return jobWorld;
}

/** What a row of a table says of a pod. */
export interface PodFacts {
  readonly uid?: string;
  readonly tracked?: boolean;
  readonly deleting?: boolean;
  readonly ready?: boolean;
  readonly index?: number | string;
  /** Of its index, before it. */
  readonly failures?: number;
  readonly ignoredFailures?: number;
  readonly status?: Partial<PodStatus>;
}

let rowPods = 0;

/** A pod of a Job for rows, tracked unless they say otherwise. */
export function makeJobPod(phase: NonNullable<PodStatus['phase']>, facts: PodFacts = {}): Pod {
  const { uid = `pod-${++rowPods}`, tracked = true, deleting, ready, index, failures, ignoredFailures } = facts;
  const annotations = {
    ...(index !== undefined && { [completionIndexMark]: `${index}` }),
    ...(failures !== undefined && { [failureCountAnnotation]: `${failures}` }),
    ...(ignoredFailures !== undefined && { [ignoredFailureCountAnnotation]: `${ignoredFailures}` }),
  };
  return {
    metadata: {
      ...inDefault(uid),
      uid,
      annotations,
      creationTimestamp: '2026-01-01T00:00:00Z',
      finalizers: tracked ? [trackingFinalizer] : [],
      ...(deleting && { deletionTimestamp: '2026-01-01T00:00:00Z' }),
    },
    status: { phase, ...(ready && { conditions: [{ type: 'Ready', status: 'True' }] }), ...facts.status },
  };
}

export const succeeds: Exit = () => 0;
export const runsOn: Exit = () => undefined;
export const fails: Exit = () => 1;
/** By completion index. */
export const byIndex =
  (codes: readonly (number | undefined)[]): Exit =>
  (pod) =>
    codes[completionIndexOf(pod) ?? -1];

export function makeJob(spec: Partial<JobSpec> = {}, name = 'job'): Job {
  const containers = [{ name: 'main', image: 'image' }];
  const template = { spec: { restartPolicy: 'Never' as const, containers } };
  return { metadata: inDefault(name), spec: { template, ...spec } };
}

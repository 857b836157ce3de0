/** What authors of workloads are told beside the result: names that make bad host names, and what their pods' templates warn of. */
import { isDns1123Label } from '../../api/names.ts';
import type { DaemonSet, StatefulSet } from '../../api/schema/types/apps-v1.ts';
import type { CronJob, Job, JobSpec } from '../../api/schema/types/batch-v1.ts';
import type { PodTemplateSpec, ReplicationController } from '../../api/schema/types/core-v1.ts';
import type { ObjectMeta } from '../../api/schema/types/meta-v1.ts';

interface PodOwner {
  readonly metadata?: ObjectMeta;
  readonly spec?: { readonly template?: PodTemplateSpec };
}

const advice =
  'metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended';

function nameWarnings({ name = '' }: ObjectMeta = {}): string[] {
  const errors = isDns1123Label(name);
  return errors.length === 0 ? [] : [`${advice}: [${errors.join(' ')}]`];
}

const isNew = (old: unknown): boolean => old === undefined;

/** Deployments and ReplicaSets. */
export function podOwnerWarnings(owner: PodOwner, old?: PodOwner): string[] {
  return isNew(old) ? nameWarnings(owner.metadata) : [];
}

export function replicationControllerWarnings(owner: ReplicationController, old?: ReplicationController): string[] {
  return podOwnerWarnings(owner, old);
}

export function daemonSetWarnings(_owner: DaemonSet): string[] {
  return [];
}

export function statefulSetWarnings({ spec }: StatefulSet): string[] {
  if ((spec?.revisionHistoryLimit ?? 0) >= 0) return [];
  return ['spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended'];
}

const manyCompletions = 100_000;
const manyAtOnce = 10_000;

function jobSpecWarnings(path: string, spec: JobSpec | undefined): string[] {
  const { completionMode, completions = 0, parallelism = 0 } = spec ?? {};
  if (completionMode !== 'Indexed' || completions <= manyCompletions || parallelism <= manyAtOnce) return [];
  return [
    `${path}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, ` +
      'Kubernetes might not be able to track completedIndexes when a big number of indexes fail',
  ];
}

export function jobWarnings(job: Job, old?: Job): string[] {
  const changed = old === undefined || job.metadata?.generation !== old.metadata?.generation;
  return [...(isNew(old) ? nameWarnings(job.metadata) : []), ...(changed ? jobSpecWarnings('spec', job.spec) : [])];
}

export function cronJobWarnings(job: CronJob, old?: CronJob): string[] {
  return [
    ...(isNew(old) ? nameWarnings(job.metadata) : []),
    ...jobSpecWarnings('spec.jobTemplate.spec', job.spec?.jobTemplate?.spec),
  ];
}

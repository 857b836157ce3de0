/** What authors of workloads are told beside the result: names that make bad host names, and what their pods' templates warn of. */
import { isDns1123Label } from '../../api/names.ts';
import type { StatefulSet } from '../../api/schema/types/apps-v1.ts';
import type { CronJob, Job, JobSpec } from '../../api/schema/types/batch-v1.ts';
import type { PodTemplateSpec } from '../../api/schema/types/core-v1.ts';
import type { ObjectMeta } from '../../api/schema/types/meta-v1.ts';
import { podTemplateWarnings } from './pod-warnings.ts';
import { fractionWarnings } from './volume-warnings.ts';

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

/** What does not say anew how its pods look is not told again. */
function changed(owner: PodOwner, old: PodOwner | undefined): boolean {
  return old === undefined || owner.metadata?.generation !== old.metadata?.generation;
}

/** DaemonSets. */
export function templateWarnings(owner: PodOwner, old?: PodOwner): string[] {
  return changed(owner, old) ? podTemplateWarnings('spec.template', owner.spec?.template) : [];
}

/** Deployments, ReplicaSets and ReplicationControllers. */
export function podOwnerWarnings(owner: PodOwner, old?: PodOwner): string[] {
  return [...(old === undefined ? nameWarnings(owner.metadata) : []), ...templateWarnings(owner, old)];
}

function claimWarnings({ spec }: StatefulSet): string[] {
  return (spec?.volumeClaimTemplates ?? []).flatMap((claim, index) => {
    const size = claim.spec?.resources?.requests?.['storage'];
    const path = `spec.volumeClaimTemplates[${index}].resources.requests[storage]`;
    return size === undefined ? [] : fractionWarnings(path, size);
  });
}

export function statefulSetWarnings(owner: StatefulSet, old?: StatefulSet): string[] {
  const keepsAll = (owner.spec?.revisionHistoryLimit ?? 0) < 0;
  const history =
    'spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended';
  const asked = changed(owner, old) ? claimWarnings(owner) : [];
  return [...templateWarnings(owner, old), ...asked, ...(keepsAll ? [history] : [])];
}

const manyCompletions = 100_000;
const manyAtOnce = 10_000;

function jobSpecWarnings(path: string, spec: JobSpec | undefined): string[] {
  const { completionMode, completions = 0, parallelism = 0 } = spec ?? {};
  const isHuge = completionMode === 'Indexed' && completions > manyCompletions && parallelism > manyAtOnce;
  const huge =
    `${path}: In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, ` +
    'Kubernetes might not be able to track completedIndexes when a big number of indexes fail';
  return [...(isHuge ? [huge] : []), ...podTemplateWarnings(`${path}.template`, spec?.template)];
}

export function jobWarnings(job: Job, old?: Job): string[] {
  const names = old === undefined ? nameWarnings(job.metadata) : [];
  return [...names, ...(changed(job, old) ? jobSpecWarnings('spec', job.spec) : [])];
}

export function cronJobWarnings(job: CronJob, old?: CronJob): string[] {
  const isChanged = old === undefined || job.metadata?.generation !== old.metadata?.generation;
  const names = old === undefined ? nameWarnings(job.metadata) : [];
  return [...names, ...(isChanged ? jobSpecWarnings('spec.jobTemplate.spec', job.spec?.jobTemplate?.spec) : [])];
}

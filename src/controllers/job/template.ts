/** The pods that a Job makes of its template. Pure. */
import type { Job } from '../../api/schema/types/batch-v1.ts';
import type { Container, Pod, PodSpec } from '../../api/schema/types/core-v1.ts';
import { jobs } from '../../client/resources.ts';
import { nameOf, namespaceOf } from '../shared/context.ts';
import { controllerReference } from '../shared/ownership.ts';
import {
  completionIndexMark,
  failureCountAnnotation,
  failureCountOf,
  ignoredFailureCountAnnotation,
  ignoredFailureCountOf,
  trackingFinalizer,
} from './marks.ts';
import { judgeFailure } from './policies.ts';

/** What the server adds to a generated name leaves so much room for the prefix. */
const generatedPrefixMax = 58;

/** `replaced` is the failed pod of the same index that hands its count on. */
export function podOf(job: Job, index?: number, replaced?: Pod): Pod {
  const { metadata = {}, spec } = job.spec?.template ?? {};
  const { labels, annotations, finalizers = [] } = metadata;
  const pod: Pod = {
    metadata: {
      namespace: namespaceOf(job),
      generateName: `${nameOf(job)}-`,
      ...(labels && { labels }),
      ...(annotations && { annotations }),
      finalizers: finalizers.includes(trackingFinalizer) ? finalizers : [...finalizers, trackingFinalizer],
      ownerReferences: [controllerReference(jobs, job)],
    },
    ...(spec && { spec }),
  };
  return index === undefined ? pod : withIndex(pod, job, index, replaced);
}

function withIndex(pod: Pod, job: Job, index: number, replaced: Pod | undefined): Pod {
  const mark = { [completionIndexMark]: `${index}` };
  return {
    metadata: {
      ...pod.metadata,
      generateName: prefixOf(nameOf(job), index),
      labels: { ...pod.metadata?.labels, ...mark },
      annotations: { ...pod.metadata?.annotations, ...mark, ...countsOf(job, replaced) },
    },
    ...(pod.spec && { spec: withIndexInEnvironment({ ...pod.spec, hostname: `${nameOf(job)}-${index}` }) }),
  };
}

/** The index is never cut off. */
function prefixOf(name: string, index: number): string {
  const end = `-${index}-`;
  return `${name.slice(0, generatedPrefixMax - end.length)}${end}`;
}

/** Only for a limit per index, which is counted in the pods themselves. */
function countsOf(job: Job, replaced: Pod | undefined): Readonly<Record<string, string>> {
  if (job.spec?.backoffLimitPerIndex === undefined) return {};
  if (replaced === undefined) return { [failureCountAnnotation]: '0' };
  const counts = judgeFailure(job, replaced).counts;
  const ignored = ignoredFailureCountOf(replaced) + (counts ? 0 : 1);
  return {
    [failureCountAnnotation]: `${failureCountOf(replaced) + (counts ? 1 : 0)}`,
    ...(ignored > 0 && { [ignoredFailureCountAnnotation]: `${ignored}` }),
  };
}

const indexVariable = 'JOB_COMPLETION_INDEX';

function withIndexInEnvironment(spec: PodSpec): PodSpec {
  const { containers, initContainers } = spec;
  return {
    ...spec,
    containers: containers.map(withIndexVariable),
    ...(initContainers && { initContainers: initContainers.map(withIndexVariable) }),
  };
}

/** A variable of that name that the author set stays. */
function withIndexVariable(container: Container): Container {
  const { env = [] } = container;
  if (env.some(({ name }) => name === indexVariable)) return container;
  const fieldRef = { fieldPath: `metadata.labels['${completionIndexMark}']` };
  return { ...container, env: [...env, { name: indexVariable, valueFrom: { fieldRef } }] };
}

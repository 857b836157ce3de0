/**
 * Pods that carry the tracking finalizer although nobody counts them any more: their Job is gone or finished, or they have none. Nothing may hold
 * such a pod.
 */
import { parseObjectKey } from '../../api/object.ts';
import type { Job } from '../../api/schema/types/batch-v1.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { labelMatcher } from '../../api/selector.ts';
import { hasReason } from '../../api/status-error.ts';
import type { ReadonlyCache } from '../../client/object-cache.ts';
import { jobs as jobsResource, pods as podsResource } from '../../client/resources.ts';
import { isDeleting, type LoopContext, namespaceOf, referenceOf, uidOf } from '../shared/context.ts';
import { controllerOf } from '../shared/ownership.ts';
import { isActive } from '../shared/pods.ts';
import type { PodActions } from './actions.ts';
import { finishedConditionOf } from './conditions.ts';
import { isElsewhereManaged, isTracked } from './marks.ts';
import type { Releases } from './releases.ts';

/** The key of the Job that controls `pod`. */
export function ownerKey(pod: Pod): string | undefined {
  const controller = controllerOf(pod);
  if (controller?.kind !== 'Job' || !controller.apiVersion.startsWith('batch/')) return undefined;
  return `${namespaceOf(pod)}/${controller.name}`;
}

/** Stands for the pods of a namespace that no Job controls. */
export const orphansKey = (pod: Pod): string => `${namespaceOf(pod)}/`;

/** Pods that carry the finalizer, under the key of the Job that controls them, or of orphans. What something else controls is not ours. */
export const trackedIndex = 'jobTracked';
export const trackedIndexValues = (pod: Pod): readonly string[] => {
  const key = ownerKey(pod) ?? (controllerOf(pod) === undefined ? orphansKey(pod) : undefined);
  return key !== undefined && isTracked(pod) ? [key] : [];
};

export interface LeftoversOptions {
  readonly context: LoopContext;
  readonly jobs: ReadonlyCache<Job>;
  readonly pods: ReadonlyCache<Pod>;
  readonly releases: Releases;
  readonly actions: PodActions;
}

export class Leftovers {
  readonly #options: LeftoversOptions;

  constructor(options: LeftoversOptions) {
    this.#options = options;
  }

  /** Jobs that would adopt `pod`, had it no controller. */
  adopters(pod: Pod): readonly Job[] {
    const labels = pod.metadata?.labels ?? {};
    return this.#options.jobs.list(namespaceOf(pod)).filter((job) => {
      if (isDeleting(job) || isElsewhereManaged(job) || finishedConditionOf(job) !== undefined) return false;
      return labelMatcher(job.spec?.selector).matches(labels);
    });
  }

  /** Lets go those of `key` whose Job is gone, or that have none and will get none. `job`: what stands under that key by the cache. */
  async letGo(key: string, job: Job | undefined): Promise<void> {
    const lost = this.#tracked(key).filter((pod) => {
      const controller = controllerOf(pod);
      return controller === undefined ? this.adopters(pod).length === 0 : controller.uid !== job?.metadata?.uid;
    });
    if (lost.length === 0) return;
    // The cache may show a pod before its Job: the server decides.
    const current = parseObjectKey(key).name === '' ? undefined : await this.#currentUid(key);
    const gone = lost.filter((pod) => current === undefined || controllerOf(pod)?.uid !== current);
    await this.#release(key, gone);
  }

  /** Of a finished Job: a pod whose creation seemed to have failed may turn up late. It is ended, if it is what the cache shows. */
  async clearAway(key: string, job: Job): Promise<void> {
    const late = this.#tracked(key).filter((pod) => controllerOf(pod)?.uid === uidOf(job));
    for (const pod of late.filter(isActive)) {
      const options = { uid: uidOf(pod), resourceVersion: pod.metadata?.resourceVersion ?? '' };
      await this.#options.context.client.delete(podsResource, referenceOf(pod), options).catch(unlessGone);
    }
    await this.#release(key, late);
  }

  /** Without those whose finalizer is known to be gone. */
  #tracked(key: string): readonly Pod[] {
    const { pods, releases } = this.#options;
    const released = releases.of(key);
    return pods.byIndex(trackedIndex, key).filter((pod) => !released.has(uidOf(pod)));
  }

  async #release(key: string, pods: readonly Pod[]): Promise<void> {
    const { error } = await this.#options.actions.release(key, pods);
    if (error !== undefined) throw error;
  }

  async #currentUid(key: string): Promise<string | undefined> {
    try {
      return uidOf(await this.#options.context.client.get(jobsResource, parseObjectKey(key)));
    } catch (error) {
      if (hasReason(error, 'NotFound')) return undefined;
      throw error;
    }
  }
}

function unlessGone(error: unknown): void {
  if (!hasReason(error, 'NotFound', 'Conflict')) throw error;
}

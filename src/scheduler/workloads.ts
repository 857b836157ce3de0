/** Which pods belong with a pod: those that the same Service or owner means. For the default constraints of spreading. */
import type { ReplicaSet, StatefulSet } from '../api/schema/types/apps-v1.ts';
import type { Pod, ReplicationController, Service } from '../api/schema/types/core-v1.ts';
import { type LabelMatcher, labelMatcher } from '../api/selector.ts';
import type { InformerSet } from '../client/informer.ts';
import type { ReadonlyCache } from '../client/object-cache.ts';
import { replicaSets, replicationControllers, services, statefulSets } from '../client/resources.ts';
import { matcherOf } from './snapshot/terms.ts';

export interface WorkloadReader {
  /** Undefined where the pod belongs with none. */
  selectorFor(pod: Pod): LabelMatcher | undefined;
}

export const noWorkloads: WorkloadReader = { selectorFor: () => undefined };

interface Caches {
  readonly services: ReadonlyCache<Service>;
  readonly controllers: ReadonlyCache<ReplicationController>;
  readonly replicaSets: ReadonlyCache<ReplicaSet>;
  readonly statefulSets: ReadonlyCache<StatefulSet>;
}

export function workloadCaches(informers: InformerSet): Caches {
  return {
    services: informers.informer(services).cache,
    controllers: informers.informer(replicationControllers).cache,
    replicaSets: informers.informer(replicaSets).cache,
    statefulSets: informers.informer(statefulSets).cache,
  };
}

export class Workloads implements WorkloadReader {
  readonly #caches: Caches;

  constructor(caches: Caches) {
    this.#caches = caches;
  }

  /** All that the selectors of its Services and of its owner ask for, together. */
  selectorFor({ metadata }: Pod): LabelMatcher | undefined {
    const namespace = metadata?.namespace ?? '';
    const labels = metadata?.labels ?? {};
    const matchLabels: Record<string, string> = {};
    for (const { spec } of this.#caches.services.size === 0 ? [] : this.#caches.services.list(namespace)) {
      const selector = spec?.selector;
      if (selector === undefined || Object.keys(selector).length === 0) continue;
      if (Object.entries(selector).every(([key, value]) => labels[key] === value)) Object.assign(matchLabels, selector);
    }
    if (metadata?.ownerReferences === undefined && Object.keys(matchLabels).length === 0) return undefined;
    const owner = metadata?.ownerReferences?.find(({ controller }) => controller === true);
    const reference = { namespace, name: owner?.name ?? '' };
    if (owner?.kind === 'ReplicationController' && owner.apiVersion === 'v1') {
      Object.assign(matchLabels, this.#caches.controllers.get(reference)?.spec?.selector);
    }
    const ofOwner = owner?.apiVersion === 'apps/v1' ? this.#selectorOf(owner.kind, reference) : undefined;
    const matcher = matcherOf({
      matchLabels: { ...matchLabels, ...ofOwner?.matchLabels },
      matchExpressions: ofOwner?.matchExpressions ?? [],
    });
    return matcher.kind === 'requirements' ? matcher : undefined;
  }

  #selectorOf(kind: string, reference: { namespace: string; name: string }): Parameters<typeof labelMatcher>[0] {
    if (kind === 'ReplicaSet') return this.#caches.replicaSets.get(reference)?.spec?.selector;
    if (kind === 'StatefulSet') return this.#caches.statefulSets.get(reference)?.spec?.selector;
    return undefined;
  }
}

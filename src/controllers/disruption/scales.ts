/**
 * What the controllers of some pods want together: the denominator of a budget's percentages. Deployments, ReplicaSets, StatefulSets and
 * ReplicationControllers are read from caches; any other controller is asked for its `scale`.
 *
 * Kept true: a controller counts once, however many of its pods match. A pod whose controller has no scale is an error, since
 * nobody can say then how many there should be; a pod without a controller is left out and named.
 */
import type { KubeObject } from '../../api/object.ts';
import type { ReplicaSet } from '../../api/schema/types/apps-v1.ts';
import type { Scale } from '../../api/schema/types/autoscaling-v1.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { OwnerReference } from '../../api/schema/types/meta-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import type { Informer, InformerSet } from '../../client/informer.ts';
import { deployments, replicaSets, replicationControllers, resourceOf, statefulSets } from '../../client/resources.ts';
import { type LoopContext, nameOf, namespaceOf, uidOf } from '../shared/context.ts';
import { controllerOf } from '../shared/ownership.ts';

interface Replicated extends KubeObject {
  readonly spec?: { readonly replicas?: number };
}

export interface ScaleSum {
  readonly scale: number;
  /** Names of pods that no controller makes. */
  readonly unmanaged: readonly string[];
}

export class Scales {
  readonly informers: readonly Informer<KubeObject>[];
  readonly #context: Pick<LoopContext, 'client' | 'resources'>;
  readonly #byKind: ReadonlyMap<string, Informer<Replicated>>;

  constructor(context: Pick<LoopContext, 'client' | 'resources'> & { readonly informers: InformerSet }) {
    this.#context = context;
    const cached = <T extends Replicated>(informer: Informer<T>) => informer as unknown as Informer<Replicated>;
    this.#byKind = new Map([
      ['apps/Deployment', cached(context.informers.informer(deployments))],
      ['apps/ReplicaSet', cached(context.informers.informer(replicaSets))],
      ['apps/StatefulSet', cached(context.informers.informer(statefulSets))],
      ['/ReplicationController', cached(context.informers.informer(replicationControllers))],
    ]);
    this.informers = [...this.#byKind.values()];
  }

  /** @throws Error where a pod's controller cannot be asked */
  async sumOf(pods: readonly Pod[]): Promise<ScaleSum> {
    const scales = new Map<string, number>();
    const asked = new Set<string>();
    const unmanaged: string[] = [];
    for (const pod of pods) {
      const controller = controllerOf(pod);
      if (controller === undefined) unmanaged.push(nameOf(pod));
      if (controller === undefined || asked.has(controller.uid)) continue;
      asked.add(controller.uid);
      const found = await this.#scaleOf(controller, pod);
      scales.set(found.uid, found.replicas);
    }
    return { scale: [...scales.values()].reduce((sum, replicas) => sum + replicas, 0), unmanaged };
  }

  async #scaleOf(controller: OwnerReference, pod: Pod): Promise<{ readonly uid: string; readonly replicas: number }> {
    const cached = this.#cached(controller, namespaceOf(pod));
    if (cached === undefined) return this.#asked(controller, pod);
    const above = controllerOf(cached);
    // A ReplicaSet of a Deployment counts for what the Deployment wants: during a rollout there are several.
    const top = cached.kind === 'ReplicaSet' && above !== undefined ? this.#cached(above, namespaceOf(pod)) : undefined;
    const counted = top ?? cached;
    return { uid: uidOf(counted), replicas: counted.spec?.replicas ?? 1 };
  }

  #cached({ apiVersion, kind, name, uid }: OwnerReference, namespace: string): ReplicaSet | Replicated | undefined {
    const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
    const found = this.#byKind.get(`${group}/${kind}`)?.cache.get({ namespace, name });
    return found !== undefined && uidOf(found) === uid ? found : undefined;
  }

  async #asked({ apiVersion, kind, name, uid }: OwnerReference, pod: Pod) {
    const info = [...this.#context.resources.all].find(
      (each) =>
        (each.group === '' ? each.version : `${each.group}/${each.version}`) === apiVersion && each.kind === kind,
    );
    if (info === undefined) throw new Error(`no matches for kind "${kind}" in version "${apiVersion}"`);
    if (!info.subresources.some((each) => each.name === 'scale')) {
      throw new Error(
        `${info.group === '' ? info.resource : `${info.resource}.${info.group}`} does not implement the scale subresource`,
      );
    }
    try {
      const reference = { namespace: namespaceOf(pod), name };
      const scale: Scale = await this.#context.client.get(resourceOf(info), reference, { subresource: 'scale' });
      if (scale.metadata?.uid === uid) return { uid, replicas: scale.spec?.replicas ?? 0 };
    } catch (error) {
      if (!hasReason(error, 'NotFound')) throw error;
    }
    throw notScalable(pod);
  }
}

const notScalable = (pod: Pod): Error => new Error(`found no controllers for pod ${JSON.stringify(nameOf(pod))}`);

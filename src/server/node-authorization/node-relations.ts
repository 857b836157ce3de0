/**
 * What concerns which node: the paths by which a pod that is bound to a node leads it to other objects.
 *
 * ```
 *  node ◀── pod ◀─┬─ secret, config map, service account, resource claim
 *                 └─ claim ◀── volume ◀── secret
 *  node ◀── volume attachment, resource slice
 *  node ◀── what its gateway needs (gateway-relations.ts)
 * ```
 * Upstream keeps this as a graph of everything. Here the store is the graph, since it tells each object's references for nothing; two
 * indexes lead back against its arrows: which pods are on a node, and which volumes need a secret. A check walks the few pods of one node
 * in one namespace. So a pod's status, the most frequent write of all, costs one entry put in the place of another.
 *
 * Kept true: the indexes change in the same turn in which a write becomes visible, so the next request sees it. A mirror pod leads
 * nowhere: a node makes these itself.
 */
import {
  persistentVolumeSecrets,
  type SecretKey,
  someConfigMap,
  someResourceClaim,
  someSecret,
  someVolumeClaim,
} from '../../api/object-references.ts';
import type { PersistentVolume, Pod } from '../../api/schema/types/core-v1.ts';
import type { ResourceSlice } from '../../api/schema/types/resource-v1.ts';
import type { VolumeAttachment } from '../../api/schema/types/storage-v1.ts';
import type { Service } from '../../lib/service.ts';
import { mirrorAnnotation } from '../../registry/validation/pod-annotations.ts';
import type { Entry, Store, StoreEvent, StoreWatch } from '../../store/store.ts';
import { GatewayRelations } from './gateway-relations.ts';

export type Related =
  | 'configmap'
  | 'persistentvolume'
  | 'persistentvolumeclaim'
  | 'pod'
  | 'resourceclaim'
  | 'resourceslice'
  | 'secret'
  | 'serviceaccount'
  | 'volumeattachment';

type Refers = (pod: Pod, name: string) => boolean;

/** How a pod comes to an object in its namespace. */
const references = {
  configmap: ({ spec }, wanted) => spec !== undefined && someConfigMap(spec, (name) => name === wanted),
  persistentvolumeclaim: (pod, wanted) => someVolumeClaim(pod, (name) => name === wanted),
  resourceclaim: (pod, wanted) => someResourceClaim(pod, (name) => name === wanted),
  secret: ({ spec }, wanted) => spec !== undefined && someSecret(spec, (name) => name === wanted),
  serviceaccount: ({ spec }, wanted) => spec?.serviceAccountName === wanted,
} as const satisfies Partial<Record<Related, Refers>>;

export class NodeRelations implements Service {
  readonly name = 'node relations';
  readonly #store: Store;
  /** Node, namespace, name. */
  readonly #pods = new Map<string, Map<string, Map<string, Entry>>>();
  /** `namespace/name` of a secret, names of volumes. */
  readonly #volumes = new Map<string, Set<string>>();
  readonly #gateway: GatewayRelations;
  #watches: StoreWatch[] = [];

  constructor(store: Store) {
    this.#store = store;
    this.#gateway = new GatewayRelations(store);
  }

  async start(): Promise<void> {
    this.#gateway.start();
    this.#follow('pods', (event) => this.#podChanged(event));
    this.#follow('persistentvolumes', (event) => this.#volumeChanged(event));
  }

  async close(): Promise<void> {
    this.#gateway.close();
    for (const watch of this.#watches) watch.cancel();
    this.#watches = [];
    this.#pods.clear();
    this.#volumes.clear();
  }

  /** Does a path lead from the object to `node`? */
  leadsTo(node: string, kind: Related, namespace: string, name: string): boolean {
    switch (kind) {
      case 'pod':
        return this.#pods.get(node)?.get(namespace)?.has(name) ?? false;
      case 'persistentvolume':
        return this.#volumeLeadsTo(node, name);
      case 'volumeattachment':
        return this.#find<VolumeAttachment>('volumeattachments.storage.k8s.io', name)?.spec.nodeName === node;
      case 'resourceslice':
        return this.#find<ResourceSlice>('resourceslices.resource.k8s.io', name)?.spec.nodeName === node;
      case 'secret':
        return (
          this.#podRefers(node, namespace, name, references.secret) ||
          this.#volumeNeeds(node, namespace, name) ||
          this.#gateway.leadsTo(node, 'Secret', namespace, name)
        );
      case 'configmap':
        return (
          this.#podRefers(node, namespace, name, references.configmap) ||
          this.#gateway.leadsTo(node, 'ConfigMap', namespace, name)
        );
      case 'persistentvolumeclaim':
      case 'resourceclaim':
      case 'serviceaccount':
        return this.#podRefers(node, namespace, name, references[kind]);
    }
  }

  #podRefers(node: string, namespace: string, wanted: string, refers: Refers): boolean {
    for (const { object: pod } of this.#pods.get(node)?.get(namespace)?.values() ?? []) {
      if (!isMirror(pod) && refers(pod, wanted)) return true;
    }
    return false;
  }

  #volumeLeadsTo(node: string, name: string): boolean {
    const claim = this.#find<PersistentVolume>('persistentvolumes', name)?.spec?.claimRef;
    if (!claim?.namespace || !claim.name) return false;
    return this.#podRefers(node, claim.namespace, claim.name, references.persistentvolumeclaim);
  }

  #volumeNeeds(node: string, namespace: string, secret: string): boolean {
    for (const volume of this.#volumes.get(`${namespace}/${secret}`) ?? []) {
      if (this.#volumeLeadsTo(node, volume)) return true;
    }
    return false;
  }

  #find<T>(collection: string, name: string): T | undefined {
    return this.#store.get({ collection, namespace: '', name })?.object as T | undefined;
  }

  /** From what is there now on. */
  #follow(collection: string, changed: (event: Pick<StoreEvent, 'type' | 'entry' | 'previous'>) => void): void {
    const { entries, revision } = this.#store.list(collection);
    for (const entry of entries) changed({ type: 'added', entry });
    this.#watches.push(this.#store.watch({ collection, afterRevision: revision }, { event: changed }));
  }

  #podChanged({ type, entry, previous }: Pick<StoreEvent, 'type' | 'entry' | 'previous'>): void {
    const node = type === 'deleted' ? '' : nodeOf(entry);
    const before = previous === undefined ? '' : nodeOf(previous);
    const { namespace, name } = entry.key;
    if (before !== '' && before !== node) this.#withdraw(before, namespace, name);
    if (node === '') return;
    const byNamespace = this.#pods.get(node) ?? new Map<string, Map<string, Entry>>();
    this.#pods.set(node, byNamespace);
    const pods = byNamespace.get(namespace);
    if (pods === undefined) byNamespace.set(namespace, new Map([[name, entry]]));
    else pods.set(name, entry);
  }

  #withdraw(node: string, namespace: string, name: string): void {
    const byNamespace = this.#pods.get(node);
    const pods = byNamespace?.get(namespace);
    pods?.delete(name);
    if (pods?.size === 0) byNamespace?.delete(namespace);
    if (byNamespace?.size === 0) this.#pods.delete(node);
  }

  #volumeChanged({ type, entry, previous }: Pick<StoreEvent, 'type' | 'entry' | 'previous'>): void {
    const { name } = entry.key;
    for (const key of previous === undefined ? [] : persistentVolumeSecrets(previous.object)) {
      const volumes = this.#volumes.get(textOf(key));
      if (volumes?.delete(name) && volumes.size === 0) this.#volumes.delete(textOf(key));
    }
    if (type === 'deleted') return;
    for (const key of persistentVolumeSecrets(entry.object)) {
      const volumes = this.#volumes.get(textOf(key));
      if (volumes === undefined) this.#volumes.set(textOf(key), new Set([name]));
      else volumes.add(name);
    }
  }
}

function textOf({ namespace, name }: SecretKey): string {
  return `${namespace}/${name}`;
}

function nodeOf({ object }: Entry): string {
  return (object as Pod).spec?.nodeName ?? '';
}

function isMirror({ metadata }: Pod): boolean {
  return metadata?.annotations?.[mirrorAnnotation] !== undefined;
}

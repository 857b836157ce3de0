/**
 * The children of one controller's objects: applied server-side where the wish or the child changed, deleted where they are wanted no more.
 *
 * Kept true: a child lies where the garbage collector finds its owner (in the owner's namespace, or under an owner of the cluster); two wishes
 * never fight over one child; nothing is deleted but what the object controls in the state that we saw; no write begins once `signal` has aborted.
 */
import { type KubeObject, objectKey } from '../api/object.ts';
import { apiVersionOf } from '../api/resources.ts';
import type { OwnerReference } from '../api/schema/types/meta-v1.ts';
import { hasReason } from '../api/status-error.ts';
import type { Client, Resource } from '../client/client.ts';
import type { Informer } from '../client/informer.ts';

export interface ChildrenOptions {
  readonly client: Client;
  /** Names the field manager. */
  readonly controller: string;
  readonly owner: Resource<KubeObject>;
  readonly owns: readonly Resource<KubeObject>[];
  readonly cacheOf: (resource: Resource<KubeObject>) => Informer<KubeObject>['cache'];
}

interface Child {
  /** Unlike all others of its owner. */
  readonly id: string;
  readonly resource: Resource<KubeObject>;
  readonly object: KubeObject;
}

/** What was applied last, so that it is not applied again while neither the wish nor the child changed. */
interface Applied {
  readonly wish: string;
  readonly state: string;
}

/** The index of the caches in `owns` that finds children by the UID of who controls them. */
export const controllerIndex = 'controller';
export const controllerUid = (object: KubeObject): readonly string[] => {
  const owner = object.metadata?.ownerReferences?.find(({ controller }) => controller);
  return owner === undefined ? [] : [owner.uid];
};

export class Children {
  readonly #options: ChildrenOptions;
  /** By the owner's key, then by the child's id. */
  readonly #applied = new Map<string, ReadonlyMap<string, Applied>>();

  constructor(options: ChildrenOptions) {
    this.#options = options;
  }

  /** The owner is gone. */
  forget(key: string): void {
    this.#applied.delete(key);
  }

  /** @throws Error where a wish cannot be a child of `owner`: then nothing was written */
  async bringTo(owner: KubeObject, wishes: readonly KubeObject[], signal: AbortSignal): Promise<void> {
    const wanted = new Map<string, Child>();
    for (const wish of wishes) {
      const child = this.#childOf(owner, wish);
      if (wanted.has(child.id)) throw this.#refusal(child.object, 'twice: one of the two would undo the other');
      wanted.set(child.id, child);
    }
    const key = objectKey(owner);
    const before = this.#applied.get(key);
    const applied = new Map<string, Applied>();
    for (const child of wanted.values()) {
      const known = before?.get(child.id);
      if (known !== undefined) applied.set(child.id, known);
    }
    this.#applied.set(key, applied);
    for (const child of wanted.values()) {
      signal.throwIfAborted();
      applied.set(child.id, await this.#apply(child, applied.get(child.id)));
    }
    await this.#prune(owner, wanted, signal);
  }

  #childOf(owner: KubeObject, wish: KubeObject): Child {
    const { owner: own, owns } = this.#options;
    const resource = owns.find((each) => apiVersionOf(each) === wish.apiVersion && each.kind === wish.kind);
    if (resource === undefined) throw this.#refusal(wish, 'and does not own this kind: add it to "owns"');
    const { namespace: asked, ...rest } = wish.metadata ?? {};
    if (!rest.name) throw this.#refusal(wish, 'without a name');
    const home = owner.metadata?.namespace;
    const namespace = resource.namespaced ? (asked ?? home) : undefined;
    if (resource.namespaced && !namespace)
      throw this.#refusal(wish, 'without a namespace, and its owner has none either');
    if (own.namespaced && namespace !== home) {
      const place = namespace === undefined ? 'in no namespace' : `in namespace ${namespace}`;
      throw this.#refusal(
        wish,
        `${place} for an owner in ${home}: the garbage collector would delete it; only owners of the whole cluster have children there`,
      );
    }
    const reference: OwnerReference = {
      apiVersion: apiVersionOf(own),
      kind: own.kind,
      name: owner.metadata?.name ?? '',
      uid: owner.metadata?.uid ?? '',
      controller: true,
      blockOwnerDeletion: true,
    };
    const metadata = { ...rest, ...(namespace !== undefined && { namespace }), ownerReferences: [reference] };
    const object = { ...wish, metadata };
    return { id: idOf(resource, object), resource, object };
  }

  #refusal({ kind = '?', metadata }: KubeObject, why: string): Error {
    return new Error(`controller ${this.#options.controller} wants ${kind} "${metadata?.name ?? ''}" ${why}`);
  }

  async #apply({ resource, object }: Child, known: Applied | undefined): Promise<Applied> {
    const { client, cacheOf, controller } = this.#options;
    const wish = JSON.stringify(object);
    const there = cacheOf(resource).get(referenceTo(object));
    if (there !== undefined && known?.wish === wish && known.state === stateOf(there)) return known;
    const patch = { type: 'apply', body: object, force: true } as const;
    const result = await client.patch(resource, referenceTo(object), patch, { fieldManager: controller });
    return { wish, state: stateOf(result) };
  }

  /** The version is sent along: who is not as we saw it may have another owner by now, and the change wakes the loop again. */
  async #prune(owner: KubeObject, wanted: ReadonlyMap<string, Child>, signal: AbortSignal): Promise<void> {
    const { client, cacheOf, owns } = this.#options;
    for (const resource of owns) {
      for (const child of cacheOf(resource).byIndex(controllerIndex, owner.metadata?.uid ?? '')) {
        const { uid, resourceVersion, deletionTimestamp } = child.metadata ?? {};
        if (wanted.has(idOf(resource, child)) || deletionTimestamp !== undefined) continue;
        signal.throwIfAborted();
        const seen = { ...(uid !== undefined && { uid }), ...(resourceVersion !== undefined && { resourceVersion }) };
        const options = { propagationPolicy: 'Background', ...seen } as const;
        await client.delete(resource, referenceTo(child), options).catch((error: unknown) => {
          if (!hasReason(error, 'NotFound', 'Conflict')) throw error;
        });
      }
    }
  }
}

export const nameOf = ({ group, resource }: Resource<KubeObject>): string => `${resource}.${group}`;

export const referenceTo = ({ metadata }: KubeObject): { namespace: string; name: string } => ({
  namespace: metadata?.namespace ?? '',
  name: metadata?.name ?? '',
});

const idOf = (resource: Resource<KubeObject>, object: KubeObject): string => `${nameOf(resource)}/${objectKey(object)}`;

/** Of a kind with generations, what a wish can speak of: its status does not count, or every turn of a pod would be followed by an apply. */
function stateOf({ metadata = {} }: KubeObject): string {
  const { uid, generation, resourceVersion, labels, annotations, ownerReferences } = metadata;
  if (generation === undefined) return resourceVersion ?? '';
  return JSON.stringify([uid, generation, labels, annotations, ownerReferences]);
}

/**
 * Which objects a controller manages: those whose controller reference names it. Orphans that match its selector are adopted,
 * objects that match no more are released, as upstream's `ControllerRefManager` does.
 */
import type { KubeObject } from '../../api/object.ts';
import { apiVersionOf } from '../../api/resources.ts';
import type { OwnerReference } from '../../api/schema/types/meta-v1.ts';
import type { LabelMatcher } from '../../api/selector.ts';
import { hasReason } from '../../api/status-error.ts';
import type { Client, Resource } from '../../client/client.ts';
import { isDeleting, nameOf, namespaceOf, referenceOf, uidOf } from './context.ts';

export const controllerOf = (object: KubeObject): OwnerReference | undefined =>
  object.metadata?.ownerReferences?.find((reference) => reference.controller === true);

/** The reference by which `owner` controls. */
export function controllerReference(resource: Resource<KubeObject>, owner: KubeObject): OwnerReference {
  return {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    name: nameOf(owner),
    uid: uidOf(owner),
    controller: true,
    blockOwnerDeletion: true,
  };
}

/** For an informer's index: under its controller's uid, or, where it has none, under its namespace as an orphan. */
export const controllerIndex = 'controller';
export const orphansOf = (namespace: string): string => `orphans/${namespace}`;
export const controllerIndexValues = (object: KubeObject): readonly string[] => [
  controllerOf(object)?.uid ?? orphansOf(namespaceOf(object)),
];

export interface Claim<T> {
  /** Controlled already, and still matching. */
  readonly owned: readonly T[];
  readonly adopt: readonly T[];
  readonly release: readonly T[];
}

/** Sorts `candidates` (its own and orphans) for one owner. An owner that is being deleted adopts and releases nothing. */
export function claim<T extends KubeObject>(
  owner: KubeObject,
  selector: LabelMatcher,
  candidates: readonly T[],
): Claim<T> {
  const owned: T[] = [];
  const adopt: T[] = [];
  const release: T[] = [];
  for (const candidate of candidates) {
    const controller = controllerOf(candidate);
    const matches = selector.matches(candidate.metadata?.labels ?? {});
    if (controller === undefined) {
      if (matches && !isDeleting(owner) && !isDeleting(candidate)) adopt.push(candidate);
    } else if (controller.uid === uidOf(owner)) {
      if (matches) owned.push(candidate);
      else if (!isDeleting(owner)) release.push(candidate);
    }
  }
  return { owned, adopt, release };
}

/**
 * Carries out a claim, and resolves with what is controlled afterwards. Before the first adoption the owner is read from the server:
 * a cache may still show one that was deleted, or that was made anew under the same name.
 */
export async function carryOutClaim<O extends KubeObject, T extends KubeObject>(
  client: Client,
  owner: { readonly resource: Resource<O>; readonly object: O },
  dependents: {
    readonly resource: Resource<T>;
    readonly claim: Claim<T>;
    /** Put on what is adopted, and taken off what is released. */
    readonly finalizer?: string;
  },
): Promise<readonly T[]> {
  const { owned, adopt, release } = dependents.claim;
  const finalizers = dependents.finalizer === undefined ? undefined : [dependents.finalizer];
  if (adopt.length > 0) await checkMayAdopt(client, owner);
  const reference = controllerReference(owner.resource, owner.object);
  const adopted: T[] = [];
  for (const object of adopt) {
    const added = { ownerReferences: [reference], ...(finalizers && { finalizers }) };
    const body = { metadata: { uid: uidOf(object), ...added } };
    const patched = await patchUnlessGone(client, dependents.resource, object, body);
    if (patched !== undefined) adopted.push(patched);
  }
  for (const object of release) {
    const gone = { $patch: 'delete', uid: uidOf(owner.object) };
    const removed = {
      ownerReferences: [gone],
      ...(finalizers && { '$deleteFromPrimitiveList/finalizers': finalizers }),
    };
    await patchUnlessGone(client, dependents.resource, object, { metadata: { uid: uidOf(object), ...removed } });
  }
  return [...owned, ...adopted];
}

async function checkMayAdopt<O extends KubeObject>(
  client: Client,
  { resource, object }: { readonly resource: Resource<O>; readonly object: O },
): Promise<void> {
  const fresh = await client.get(resource, referenceOf(object));
  if (uidOf(fresh) !== uidOf(object)) throw new Error(`${nameOf(object)} was made anew: its cache lags`);
  if (isDeleting(fresh)) throw new Error(`${nameOf(object)} is being deleted: its cache lags`);
}

/** Undefined where the object is gone, or another of the same name stands there. */
async function patchUnlessGone<T extends KubeObject>(
  client: Client,
  resource: Resource<T>,
  object: T,
  body: object,
): Promise<T | undefined> {
  try {
    return await client.patch(resource, referenceOf(object), { type: 'strategic', body });
  } catch (error) {
    if (hasReason(error, 'NotFound', 'Invalid', 'Conflict')) return undefined;
    throw error;
  }
}

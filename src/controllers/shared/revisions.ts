/**
 * What a template once was, kept as ControllerRevisions: what StatefulSets and DaemonSets roll towards, and back to
 * (`kubectl rollout history`, `undo`).
 *
 * A revision's data is a strategic merge patch that puts the template in place whole, as kubectl expects it. Kept true: one template has one
 * revision, whose number is the highest while it is the wanted one; coming back to an earlier template renumbers its revision. The name
 * ends in a hash of the data; where that name is taken, the collision is counted and the next hash is another.
 */
import type { ControllerRevision, DaemonSet, StatefulSet } from '../../api/schema/types/apps-v1.ts';
import type { PodTemplateSpec } from '../../api/schema/types/core-v1.ts';
import { labelMatcher } from '../../api/selector.ts';
import { alreadyExists, conflict, hasReason, objectModified } from '../../api/status-error.ts';
import type { Client, Resource } from '../../client/client.ts';
import type { Informer } from '../../client/informer.ts';
import { controllerRevisions } from '../../client/resources.ts';
import { createdMs, isDeleting, type LoopContext, nameOf, namespaceOf, referenceOf, uidOf } from './context.ts';
import { semanticallyEqual } from './equality.ts';
import { keyOfController } from './follow.ts';
import { contentHash, sortedByName } from './hash.ts';
import {
  carryOutClaim,
  claim,
  controllerIndex,
  controllerIndexValues,
  controllerOf,
  controllerReference,
  orphansOf,
} from './ownership.ts';
import { unlessGone } from './refusals.ts';

/** On pods: the revision that they were made from. On a DaemonSet's revisions: their own hash. */
export const revisionLabel = 'controller-revision-hash';

type RevisionData = NonNullable<ControllerRevision['data']>;

/** In the order of names, as upstream writes it: clients compare the bytes to find the revision of a template. */
export const snapshotOf = (template: PodTemplateSpec): RevisionData =>
  sortedByName({ spec: { template: { ...template, $patch: 'replace' } } }) as RevisionData;

/** The template that a revision remembers; `otherwise` where somebody wrote something else into it. */
export function templateOf({ data }: ControllerRevision, otherwise: PodTemplateSpec): PodTemplateSpec {
  const { spec } = (data ?? {}) as { spec?: { template?: PodTemplateSpec & { $patch?: string } } };
  if (typeof spec?.template !== 'object') return otherwise;
  const { $patch: _patch, ...template } = spec.template;
  return template;
}

export const byRevision = (a: ControllerRevision, b: ControllerRevision): number =>
  a.revision - b.revision || createdMs(a) - createdMs(b) || (nameOf(a) < nameOf(b) ? -1 : 1);

export interface RevisionChoice {
  /** The one that remembers the wanted template. */
  readonly standing: ControllerRevision | undefined;
  /** Others that remember the same. */
  readonly duplicates: readonly ControllerRevision[];
  /** Of other templates, the oldest first. */
  readonly others: readonly ControllerRevision[];
  /** What the wanted one's number must be. */
  readonly number: number;
}

export function chooseRevision(revisions: readonly ControllerRevision[], template: PodTemplateSpec): RevisionChoice {
  const wanted = snapshotOf(template);
  const sorted = revisions.toSorted(byRevision);
  const equal = sorted.filter(({ data }) => semanticallyEqual(data, wanted));
  const others = sorted.filter((revision) => !equal.includes(revision));
  const standing = equal.at(-1);
  const isNewest = standing !== undefined && standing === sorted.at(-1);
  return {
    standing,
    duplicates: equal.slice(0, -1),
    others,
    number: isNewest ? standing.revision : (sorted.at(-1)?.revision ?? 0) + 1,
  };
}

/** Whose template is remembered. */
type Revisioned = StatefulSet | DaemonSet;

export interface RevisionedKind<O extends Revisioned> {
  readonly resource: Resource<O>;
  /** The label of its revisions that holds the hash. */
  readonly hashLabel: string;
  /** Wakes the loop for an owner. */
  readonly wake: (key: string) => void;
}

export interface WantedRevision {
  readonly revision: ControllerRevision;
  /** How often names were taken. */
  readonly collisionCount: number;
}

/** Names tried in one go: a hash of 32 bits does not collide so often by chance. */
const namesMax = 20;

/** The revisions of one kind: which are an owner's, and the one of its template. */
export class RevisionHistory<O extends Revisioned> {
  readonly informer: Informer<ControllerRevision>;
  readonly #client: Client;
  readonly #kind: RevisionedKind<O>;

  /**
   * One that was deleted is made again, so its owner is woken. Nobody is woken for one that somebody else makes: it may be looked at as it
   * is until there is a reason to merge it with its like (upstream's conformance tests do).
   */
  constructor({ client, informers }: LoopContext, kind: RevisionedKind<O>) {
    this.#client = client;
    this.#kind = kind;
    this.informer = informers.informer(controllerRevisions).addIndex(controllerIndex, controllerIndexValues);
    this.informer.addHandler({
      deleted(gone) {
        const key = keyOfController(kind.resource, gone);
        if (key !== undefined) kind.wake(key);
      },
    });
  }

  claim(owner: O): Promise<readonly ControllerRevision[]> {
    const { cache } = this.informer;
    const candidates = [
      ...cache.byIndex(controllerIndex, uidOf(owner)),
      ...cache.byIndex(controllerIndex, orphansOf(namespaceOf(owner))),
    ];
    return carryOutClaim(
      this.#client,
      { resource: this.#kind.resource, object: owner },
      { resource: controllerRevisions, claim: claim(owner, labelMatcher(owner.spec?.selector), candidates) },
    );
  }

  /** The revision of the wanted template, made or renumbered where it must be. */
  async ensure(owner: O, { standing, number }: RevisionChoice): Promise<WantedRevision> {
    let collisionCount = owner.status?.collisionCount ?? 0;
    if (standing !== undefined) {
      if (standing.revision === number) return { revision: standing, collisionCount };
      const revision = await this.#client.update(controllerRevisions, { ...standing, revision: number });
      return { revision, collisionCount };
    }
    const last = collisionCount + namesMax;
    for (; collisionCount < last; collisionCount++) {
      const revision = await this.#create(owner, newRevision(this.#kind, owner, number, collisionCount));
      if (revision !== undefined) return { revision, collisionCount };
    }
    throw alreadyExists({ group: 'apps', kind: 'controllerrevisions', name: nameOf(owner) });
  }

  /** Undefined where the name is taken by another revision. */
  async #create(owner: O, wanted: ControllerRevision): Promise<ControllerRevision | undefined> {
    try {
      return await this.#client.create(controllerRevisions, wanted);
    } catch (error) {
      if (!hasReason(error, 'AlreadyExists')) throw error;
    }
    const standing = await this.#client.get(controllerRevisions, referenceOf(wanted));
    if (!semanticallyEqual(standing.data, wanted.data)) return undefined;
    const controller = controllerOf(standing);
    if (controller !== undefined) return controller.uid === uidOf(owner) ? standing : undefined;
    const isAdoptable = labelMatcher(owner.spec?.selector).matches(standing.metadata?.labels ?? {});
    // An orphan that the cache has not shown: it will be adopted. One that cannot be serves as it is, as upstream's loops have it.
    if (isAdoptable && !isDeleting(standing))
      throw conflict({ group: 'apps', kind: 'controllerrevisions', name: nameOf(wanted) }, objectModified);
    return standing;
  }
}

function newRevision<O extends Revisioned>(
  { resource, hashLabel }: RevisionedKind<O>,
  owner: O,
  number: number,
  collisionCount: number,
): ControllerRevision {
  const template = owner.spec?.template ?? {};
  const data = snapshotOf(template);
  const hash = contentHash(data, collisionCount);
  const { annotations } = owner.metadata ?? {};
  return {
    metadata: {
      namespace: namespaceOf(owner),
      name: `${nameOf(owner).slice(0, prefixLengthMax)}-${hash}`,
      labels: { ...template.metadata?.labels, [hashLabel]: hash },
      ...(annotations && { annotations }),
      ownerReferences: [controllerReference(resource, owner)],
    },
    data,
    revision: number,
  };
}

/** Leaves room for the hash in a name of 253 characters. */
const prefixLengthMax = 223;

/** All but the last `keep` of revisions that nothing runs by, the oldest first. */
export const surplusRevisions = (history: readonly ControllerRevision[], keep: number): readonly ControllerRevision[] =>
  history.slice(0, Math.max(0, history.length - Math.max(0, keep)));

export async function removeRevisions(client: Client, revisions: readonly ControllerRevision[]): Promise<void> {
  for (const revision of revisions) {
    await client.delete(controllerRevisions, referenceOf(revision), { uid: uidOf(revision) }).catch(unlessGone);
  }
}

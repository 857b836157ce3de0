/**
 * What a template once was, kept as ControllerRevisions: what StatefulSets and DaemonSets roll towards, and back to
 * (`kubectl rollout history`, `undo`).
 *
 * A revision's data is a strategic merge patch that puts the template in place whole, as kubectl expects it. Kept true: one template has one
 * revision, whose number is the highest while it is the wanted one; coming back to an earlier template renumbers its revision. The name
 * ends in a hash of the data; where that name is taken, the collision is counted and the next hash is another.
 */
import type { KubeObject } from '../../api/object.ts';
import type { ControllerRevision } from '../../api/schema/types/apps-v1.ts';
import type { PodTemplateSpec } from '../../api/schema/types/core-v1.ts';
import { alreadyExists, conflict, hasReason, objectModified } from '../../api/status-error.ts';
import type { Client, Resource } from '../../client/client.ts';
import { controllerRevisions } from '../../client/resources.ts';
import { createdMs, nameOf, namespaceOf, referenceOf, uidOf } from './context.ts';
import { semanticallyEqual } from './equality.ts';
import { contentHash, sortedByName } from './hash.ts';
import { controllerOf, controllerReference } from './ownership.ts';
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

export interface RevisionedOwner<O extends KubeObject> {
  readonly resource: Resource<O>;
  readonly object: O;
  readonly template: PodTemplateSpec;
  /** How often names were taken already. */
  readonly collisionCount: number;
  /** The label of its revisions that holds the hash. */
  readonly hashLabel: string;
}

export interface WantedRevision {
  readonly revision: ControllerRevision;
  readonly collisionCount: number;
}

/** Names tried in one go: a hash of 32 bits does not collide so often by chance. */
const namesMax = 20;

/** The revision of the wanted template, made or renumbered where it must be. */
export async function ensureRevision<O extends KubeObject>(
  client: Client,
  owner: RevisionedOwner<O>,
  { standing, number }: RevisionChoice,
): Promise<WantedRevision> {
  let { collisionCount } = owner;
  if (standing !== undefined) {
    if (standing.revision === number) return { revision: standing, collisionCount };
    const revision = await client.update(controllerRevisions, { ...standing, revision: number });
    return { revision, collisionCount };
  }
  const last = collisionCount + namesMax;
  for (; collisionCount < last; collisionCount++) {
    const revision = await createRevision(client, newRevision({ ...owner, collisionCount }, number));
    if (revision !== undefined) return { revision, collisionCount };
  }
  throw alreadyExists({ group: 'apps', kind: 'controllerrevisions', name: nameOf(owner.object) });
}

/** Undefined where the name is taken by another revision. */
async function createRevision(client: Client, wanted: ControllerRevision): Promise<ControllerRevision | undefined> {
  try {
    return await client.create(controllerRevisions, wanted);
  } catch (error) {
    if (!hasReason(error, 'AlreadyExists')) throw error;
  }
  const standing = await client.get(controllerRevisions, referenceOf(wanted));
  if (!semanticallyEqual(standing.data, wanted.data)) return undefined;
  const owner = controllerOf(standing)?.uid;
  if (owner === controllerOf(wanted)?.uid) return standing;
  // An orphan that the cache has not shown: it will be adopted.
  if (owner === undefined)
    throw conflict({ group: 'apps', kind: 'controllerrevisions', name: nameOf(wanted) }, objectModified);
  return undefined;
}

function newRevision<O extends KubeObject>(owner: RevisionedOwner<O>, number: number): ControllerRevision {
  const { object, template, hashLabel } = owner;
  const data = snapshotOf(template);
  const hash = contentHash(data, owner.collisionCount);
  const { annotations } = object.metadata ?? {};
  return {
    metadata: {
      namespace: namespaceOf(object),
      name: `${nameOf(object).slice(0, prefixLengthMax)}-${hash}`,
      labels: { ...template.metadata?.labels, [hashLabel]: hash },
      ...(annotations && { annotations }),
      ownerReferences: [controllerReference(owner.resource, object)],
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

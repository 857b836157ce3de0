/**
 * Two applications that give an object the same name in the same namespace would take it from each other at every deployment, and each time break
 * the other one. So what belongs to another application is refused before anything is written, with the way out.
 *
 * Namespaces and definitions of kinds are shared: each may bring them. What belonged to an application that is not remembered any more is anybody's.
 */
import { hasReason } from '../api/status-error.ts';
import { configMaps } from '../client/resources.ts';
import { ManifestError } from '../manifests/source-object.ts';
import type { SourceObject } from './application.ts';
import { existing, partOfLabel } from './apply-object.ts';
import { idLabel } from './apply-set.ts';
import { type Cluster, type Deployed, inParallel, locate, shownName } from './target.ts';

const sharedKinds: ReadonlySet<string> = new Set(['Namespace', 'CustomResourceDefinition']);

interface Foreign {
  readonly target: Deployed;
  readonly setId: string;
}

/** @param ownId the application's own set @throws ManifestError that names the objects, the other application and the ways out */
export async function refuseForeign(cluster: Cluster, objects: readonly SourceObject[], ownId: string): Promise<void> {
  const looked = await inParallel(objects, (source) => foreignOf(cluster, source, ownId));
  const foreign = looked.filter((one) => one !== undefined);
  if (foreign.length === 0) return;
  const names = await applicationNames(cluster);
  const owned = foreign.filter(({ setId }) => names === undefined || names.has(setId));
  const [first] = owned;
  if (first === undefined) return;
  const shown = owned.slice(0, shownMax).map(({ target }) => shownName(target));
  if (owned.length > shown.length) shown.push(`${owned.length - shown.length} more`);
  const owner = names?.get(first.setId);
  throw new ManifestError(
    `${shown.join(', ')}: there already, and of another application${owner === undefined ? '' : ` (${owner})`}, which this one would break; nothing was changed. Give this one a namespace of its own (-n NAME), or, where it is the same one under a new name, add --take-over`,
  );
}

const shownMax = 4;

async function foreignOf(cluster: Cluster, source: SourceObject, ownId: string): Promise<Foreign | undefined> {
  const { kind = '', metadata } = source.object;
  if (sharedKinds.has(kind) || metadata?.name === undefined) return undefined;
  const target = await located(cluster, source);
  const setId = target && (await existing(cluster, target))?.metadata?.labels?.[partOfLabel];
  return target === undefined || setId === undefined || setId === ownId ? undefined : { target, setId };
}

/** Undefined for a kind that is still to come: nothing of it is there. */
async function located(cluster: Cluster, source: SourceObject): Promise<Deployed | undefined> {
  try {
    return await locate(cluster, source);
  } catch (error) {
    if (error instanceof ManifestError) return undefined;
    throw error;
  }
}

/** By the id of their sets; undefined for who may not read them. */
async function applicationNames({ client }: Cluster): Promise<ReadonlyMap<string, string> | undefined> {
  try {
    const { items } = await client.list(configMaps, { labelSelector: idLabel });
    return new Map(
      items.map(({ metadata }) => [metadata?.labels?.[idLabel] ?? '', (metadata?.name ?? '').replace(/^naru-/, '')]),
    );
  } catch (error) {
    if (hasReason(error, 'Forbidden')) return undefined;
    throw error;
  }
}

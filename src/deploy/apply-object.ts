/**
 * One object by server-side apply under naru's field manager: what became of it, and in words why it could not be.
 *
 * Kept true: an object that is as wanted is not written to; fields that somebody else owns are taken over only where that was asked for, and
 * then it is told.
 */
import type { KubeObject } from '../api/object.ts';
import { hasReason, StatusError } from '../api/status-error.ts';
import { ManifestError } from '../manifests/source-object.ts';
import { withGenerated } from './generated-secret.ts';
import type { Cluster, Deployed } from './target.ts';
import { shownName } from './target.ts';

export const fieldManager = 'naru';

/** A member of an ApplySet (`apply-set.ts`). */
export const partOfLabel = 'applyset.kubernetes.io/part-of';

export type Outcome = 'created' | 'configured' | 'unchanged';

export interface Applied extends Deployed {
  readonly outcome: Outcome;
  readonly object: KubeObject;
  /** Whose fields were taken over, and which: `spec.replicas of kubectl-scale`. */
  readonly taken: readonly string[];
}

export interface ApplyOptions {
  readonly dryRun?: boolean;
  /** Fields of other managers are taken over. */
  readonly force?: boolean;
}

/** @throws ManifestError, one sentence with the place in the file; StatusError where the way to the server is the trouble */
export async function applyObject(cluster: Cluster, target: Deployed, options: ApplyOptions = {}): Promise<Applied> {
  const body = bodyOf(target);
  try {
    if (target.reference.name === '') return await create(cluster, target, body, options);
    const before = await existing(cluster, target);
    const { object, taken } = await apply(cluster, target, withGenerated(keepsSet(body, before), before), options);
    return { ...target, object, taken, outcome: outcomeOf(before, object, options) };
  } catch (error) {
    throw inWords(error, target);
  }
}

/** The object as it is now; undefined where there is none. */
export async function existing(
  { client }: Cluster,
  { resource, reference }: Deployed,
): Promise<KubeObject | undefined> {
  try {
    return await client.get(resource, reference);
  } catch (error) {
    // A namespace that is still to come has nothing in it.
    if (hasReason(error, 'NotFound')) return undefined;
    throw error;
  }
}

/** What the server makes up is left to it. */
function bodyOf({ source: { object }, resource, reference }: Deployed): KubeObject {
  const { status: _, ...rest } = object as KubeObject & { status?: unknown };
  const { managedFields: _fields, resourceVersion: _version, uid: _uid, ...metadata } = rest.metadata ?? {};
  const { namespace: _namespace, ...named } = metadata;
  return { ...rest, metadata: resource.namespaced ? { ...named, namespace: reference.namespace } : named };
}

/** What belongs to an application still does when it is applied alone. */
function keepsSet(body: KubeObject, before: KubeObject | undefined): KubeObject {
  const set = before?.metadata?.labels?.[partOfLabel];
  const { metadata } = body;
  if (set === undefined || metadata?.labels?.[partOfLabel] !== undefined) return body;
  return { ...body, metadata: { ...metadata, labels: { ...metadata?.labels, [partOfLabel]: set } } };
}

/** With `generateName` every time makes another object. */
async function create(
  { client }: Cluster,
  target: Deployed,
  body: KubeObject,
  { dryRun }: ApplyOptions,
): Promise<Applied> {
  const object = await client.create(target.resource, body, { fieldManager, ...(dryRun === true && { dryRun }) });
  const reference = { ...target.reference, name: object.metadata?.name ?? '' };
  return { ...target, reference, object, taken: [], outcome: 'created' };
}

async function apply(
  { client }: Cluster,
  { resource, reference }: Deployed,
  body: KubeObject,
  { dryRun = false, force = false }: ApplyOptions,
): Promise<{ readonly object: KubeObject; readonly taken: readonly string[] }> {
  const send = (forced: boolean): Promise<KubeObject> =>
    client.patch(resource, reference, { type: 'apply', body, force: forced }, { fieldManager, dryRun });
  try {
    return { object: await send(false), taken: [] };
  } catch (error) {
    const taken = conflictsOf(error);
    if (!force || taken.length === 0) throw error;
    return { object: await send(true), taken };
  }
}

/** `spec.replicas of kubectl`, one for each field; empty where the error is another one. */
export function conflictsOf(error: unknown): readonly string[] {
  if (!(error instanceof StatusError) || error.reason !== 'Conflict') return [];
  const causes = error.details?.causes ?? [];
  return causes
    .filter(({ reason }) => reason === 'FieldManagerConflict')
    .map(
      ({ field = '', message = '' }) =>
        `${field.replace(/^\./, '')} of ${/"([^"]*)"/.exec(message)?.[1] ?? 'another manager'}`,
    );
}

function inWords(error: unknown, target: Deployed): unknown {
  if (!(error instanceof StatusError)) return error;
  const { from } = target.source;
  const name = shownName(target);
  const conflicts = conflictsOf(error);
  if (conflicts.length > 0) {
    return new ManifestError(
      `${from}: ${name} has fields that others set to other values: ${conflicts.join(', ')}; take them out of the file, or take them over with --force-conflicts`,
      { cause: error },
    );
  }
  if (isOfTheWay(error)) return error;
  if (error.code === 404 && /namespaces?\b/i.test(error.message)) {
    return new ManifestError(
      `${from}: ${name} is for the namespace ${target.reference.namespace}, which does not exist; make it: naru create namespace ${target.reference.namespace}`,
      { cause: error },
    );
  }
  return new ManifestError(`${from}: ${name} is refused: ${error.message}`, { cause: error });
}

/** Not about this object: who speaks to the cluster knows better words. */
const isOfTheWay = (error: StatusError): boolean =>
  error.code === 401 || error.reason === 'ServiceUnavailable' || error.reason === 'Timeout';

function outcomeOf(before: KubeObject | undefined, now: KubeObject, { dryRun = false }: ApplyOptions): Outcome {
  if (before === undefined) return 'created';
  // What was not written has the old version, whatever it says.
  if (!dryRun && before.metadata?.resourceVersion === now.metadata?.resourceVersion) return 'unchanged';
  return JSON.stringify(meaningOf(before)) === JSON.stringify(meaningOf(now)) ? 'unchanged' : 'configured';
}

/** Without what changes by itself. */
export function meaningOf(object: KubeObject): object {
  const { status: _, ...rest } = object as KubeObject & { status?: unknown };
  const {
    managedFields: _fields,
    resourceVersion: _version,
    generation: _generation,
    ...metadata
  } = rest.metadata ?? {};
  return sorted({ ...rest, metadata }) as object;
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, child]) => [key, sorted(child)]),
  );
}

/** Objects of an application, each with the resource of the cluster that it is one of. */

import type { KubeObject, ObjectReference } from '../api/object.ts';
import type { Client, Resource } from '../client/client.ts';
import { harmless } from '../lib/harmless.ts';
import { ManifestError, type SourceObject } from '../manifests/source-object.ts';

export type ServedResource = Resource<KubeObject> & { readonly singular: string };

/** Finds what a manifest names among what the cluster serves. */
export interface KindFinder {
  byKind(apiVersion: string, kind: string): Promise<ServedResource | undefined>;
  /** `Deployment.apps`, in the version that its group prefers. */
  byGroupKind(groupKind: string): Promise<ServedResource | undefined>;
  /** After a definition was applied. */
  forget(): void;
}

export interface Deployed {
  readonly resource: ServedResource;
  readonly reference: ObjectReference;
  readonly source: SourceObject;
}

/** Calls to the cluster that one deployment makes at a time. */
const callsMax = 12;

export interface Cluster {
  readonly client: Client;
  readonly finder: KindFinder;
  /** Where what names no namespace goes. */
  readonly namespace: string;
}

/** @throws ManifestError for a kind that the cluster does not serve */
export async function locate({ finder, namespace }: Cluster, source: SourceObject): Promise<Deployed> {
  const { apiVersion = '', kind = '', metadata = {} } = source.object;
  const resource = await finder.byKind(apiVersion, kind);
  if (resource === undefined) {
    throw new ManifestError(
      `${source.from}: this cluster has no ${kind} in ${apiVersion}; apply the definition that brings it first (naru api-resources lists what there is)`,
    );
  }
  const own = resource.namespaced ? (metadata.namespace ?? namespace) : '';
  return { resource, source, reference: { namespace: own, name: metadata.name ?? '' } };
}

/** `deployment.apps/web`, as kubectl says it. */
export function shownName({ resource, reference }: Pick<Deployed, 'resource' | 'reference'>): string {
  const { singular, kind, group } = resource;
  return harmless(`${singular || kind.toLowerCase()}${group === '' ? '' : `.${group}`}/${reference.name}`);
}

/** Some at a time. All are tried: errors come together, one sentence a line. */
export async function inParallel<T, R>(items: readonly T[], act: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  const failures: unknown[] = [];
  const queue = items.entries();
  const worker = async (): Promise<void> => {
    for (const [index, item] of queue) {
      try {
        results[index] = await act(item);
      } catch (error) {
        // Where the cluster cannot be reached, the others need not try.
        if (!(error instanceof ManifestError)) throw error;
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(callsMax, items.length) }, worker));
  if (failures.length === 0) return results;
  throw new ManifestError(failures.map((error) => (error as Error).message).join('\n'), { cause: failures[0] });
}

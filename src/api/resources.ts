/**
 * What the API serves: one row for each resource, as discovery reports it. The rows stand in `schema/tables/resources.json`;
 * everything that routes, stores or prints a resource reads them, so that a new kind is a row and not an `if`.
 */

export type Verb = 'create' | 'get' | 'list' | 'watch' | 'update' | 'patch' | 'delete' | 'deletecollection';

export interface SubresourceInfo {
  /** `status`, `scale`, `log`, `binding`, … */
  readonly name: string;
  readonly verbs: readonly Verb[];
  /** What it reads and writes; the parent's kind where absent. */
  readonly kind?: { readonly group: string; readonly version: string; readonly kind: string };
}

export interface ResourceInfo {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** Plural, as in URLs. */
  readonly resource: string;
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly namespaced: boolean;
  readonly verbs: readonly Verb[];
  readonly subresources: readonly SubresourceInfo[];
  /** The version that is stored; `version` itself where a resource has one version only. */
  readonly storageVersion: string;
  /** The resource that holds the objects where two groups show the same ones: `events` of the core group for `events.events.k8s.io`. */
  readonly storedAs?: { readonly group: string; readonly resource: string };
}

/** `pods`, `deployments.apps`: how upstream writes a resource with its group. */
export function groupResource(info: { readonly group: string; readonly resource: string }): string {
  return info.group === '' ? info.resource : `${info.resource}.${info.group}`;
}

/** `v1`, `apps/v1`. */
export function apiVersionOf(info: { readonly group: string; readonly version: string }): string {
  return info.group === '' ? info.version : `${info.group}/${info.version}`;
}

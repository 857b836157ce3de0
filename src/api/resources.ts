/**
 * What the API serves: one row for each resource, as discovery reports it. The rows stand in `schema/tables/resources.json`;
 * everything that routes, stores or prints a resource reads them, so that a new kind is a row and not an `if`.
 */

import type { CustomDefinition } from './custom-definition.ts';

export type Verb = 'create' | 'get' | 'list' | 'watch' | 'update' | 'patch' | 'delete' | 'deletecollection';

export interface SubresourceInfo {
  /** `status`, `scale`, `log`, `binding`, … */
  readonly name: string;
  readonly verbs: readonly Verb[];
  /** What it reads and writes; the parent's kind where absent. */
  readonly kind?: { readonly group: string; readonly version: string; readonly kind: string };
}

/** Of an API that is served and will not be for ever. Releases as `1.33`. */
export interface Deprecation {
  readonly since: string;
  readonly removedIn?: string;
  /** What to use instead: `discovery.k8s.io/v1 EndpointSlice`. */
  readonly replacement?: string;
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
  readonly deprecated?: Deprecation;
  /** Upstream declares it by a CustomResourceDefinition, and it behaves as one, though it is served from the start: finalizers, patches, statuses. */
  readonly custom?: true;
  /** Of a row that a CustomResourceDefinition in this cluster made. */
  readonly definition?: CustomDefinition;
}

/** `pods`, `deployments.apps`: how upstream writes a resource with its group. */
export function groupResource(info: { readonly group: string; readonly resource: string }): string {
  return info.group === '' ? info.resource : `${info.resource}.${info.group}`;
}

/** `v1`, `apps/v1`. */
export function apiVersionOf(info: { readonly group: string; readonly version: string }): string {
  return info.group === '' ? info.version : `${info.group}/${info.version}`;
}

/** What clients are told of a deprecated API, in upstream's words; undefined for all others. */
export function deprecationWarning(info: ResourceInfo): string | undefined {
  if (info.definition !== undefined) return info.definition.deprecationWarning;
  if (info.deprecated === undefined) return undefined;
  const { since, removedIn, replacement } = info.deprecated;
  const unavailable = removedIn === undefined ? '' : `, unavailable in v${removedIn}+`;
  const instead = replacement === undefined ? '' : `; use ${replacement}`;
  return `${apiVersionOf(info)} ${info.kind} is deprecated in v${since}+${unavailable}${instead}`;
}

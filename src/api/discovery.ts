/**
 * Discovery documents: what a client asks first, to learn which resources there are. Pure functions of the resource table.
 *
 *   /api, /apis                 APIVersions, APIGroupList; with `as=APIGroupDiscoveryList` in Accept, the aggregated form
 *   /apis/GROUP                 APIGroup
 *   /api/v1, /apis/GROUP/V      APIResourceList
 *
 * The aggregated form (KEP-3352) tells all in two requests and carries an ETag; both of its versions have the same content.
 * HTTP, content negotiation and 304 are the server's.
 */
import { createHash } from 'node:crypto';
import type { GroupInfo, ResourceTable } from './resource-table.ts';
import { apiVersionOf, type ResourceInfo, type SubresourceInfo, type Verb } from './resources.ts';
import type { GroupVersionKind } from './schema/schema.ts';
import type {
  APIGroupDiscovery,
  APIGroupDiscoveryList,
  APIResourceDiscovery,
  APISubresourceDiscovery,
} from './schema/types/apidiscovery-v2.ts';
import type {
  APIGroup,
  APIGroupList,
  APIResource,
  APIResourceList,
  APIVersions,
  GroupVersionForDiscovery,
} from './schema/types/meta-v1.ts';

/** `/api`. `serverAddress` is `host:port` as clients reach it. */
export function apiVersions(table: ResourceTable, serverAddress: string): APIVersions {
  const core = table.groups().find(({ group }) => group === '');
  return {
    kind: 'APIVersions',
    versions: core?.versions ?? [],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
  };
}

/** `/apis`. */
export function apiGroupList(table: ResourceTable): APIGroupList {
  const named = table.groups().filter(({ group }) => group !== '');
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: named.map(groupEntry) };
}

/** `/apis/GROUP`; undefined where the group is not served. */
export function apiGroup(table: ResourceTable, group: string): APIGroup | undefined {
  const info = group === '' ? undefined : table.groups().find((candidate) => candidate.group === group);
  return info && { kind: 'APIGroup', apiVersion: 'v1', ...groupEntry(info) };
}

function groupEntry({ group, versions, preferredVersion }: GroupInfo): APIGroup {
  const entry = (version: string): GroupVersionForDiscovery => ({
    groupVersion: apiVersionOf({ group, version }),
    version,
  });
  return { name: group, versions: versions.map(entry), preferredVersion: entry(preferredVersion) };
}

/** `/api/v1` and `/apis/GROUP/VERSION`; undefined where it is not served. */
export function apiResourceList(table: ResourceTable, group: string, version: string): APIResourceList | undefined {
  const rows = table.inGroupVersion(group, version);
  if (rows.length === 0) return undefined;
  return {
    kind: 'APIResourceList',
    // Upstream's core group, which is older, leaves it out.
    ...(group !== '' && { apiVersion: 'v1' }),
    groupVersion: apiVersionOf({ group, version }),
    resources: rows.flatMap((row) => [
      resourceEntry(row),
      ...row.subresources.map((sub) => subresourceEntry(row, sub)),
    ]),
  };
}

function resourceEntry(row: ResourceInfo): APIResource {
  return {
    name: row.resource,
    singularName: row.singular,
    namespaced: row.namespaced,
    kind: row.kind,
    verbs: verbsOf(row),
    ...(row.shortNames.length > 0 && { shortNames: row.shortNames }),
    ...(row.categories.length > 0 && { categories: row.categories }),
    ...(row.verbs.includes('watch') && { storageVersionHash: storageVersionHash(row) }),
  };
}

function subresourceEntry(row: ResourceInfo, { name, verbs, kind }: SubresourceInfo): APIResource {
  const foreign = kind !== undefined && (kind.group !== row.group || kind.version !== row.version);
  return {
    name: `${row.resource}/${name}`,
    singularName: '',
    namespaced: row.namespaced,
    ...(foreign && { group: kind.group, version: kind.version }),
    kind: kind?.kind ?? row.kind,
    verbs,
  };
}

/** Changes when the stored form does; clients compare it and read nothing into it. Upstream's own formula. */
export function storageVersionHash({ group, storageVersion, kind, storedAs }: ResourceInfo): string {
  const text = `${storedAs?.group ?? group}/${storageVersion}/${kind}`;
  return createHash('sha256').update(text).digest().subarray(0, 8).toString('base64');
}

export type AggregatedVersion = 'v2' | 'v2beta1';

/** `/api` (only the core group) or `/apis` (all others), aggregated. */
export function aggregatedDiscovery(
  table: ResourceTable,
  path: '/api' | '/apis',
  version: AggregatedVersion = 'v2',
): APIGroupDiscoveryList {
  const groups = table.groups().filter(({ group }) => (group === '') === (path === '/api'));
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groups.map((info) => groupDiscovery(table, info)),
  };
}

function groupDiscovery(table: ResourceTable, { group, versions }: GroupInfo): APIGroupDiscovery {
  return {
    metadata: group === '' ? {} : { name: group },
    versions: versions.map((version) => ({
      version,
      ...(table.remote?.(group, version) ?? {
        resources: table.inGroupVersion(group, version).map(resourceDiscovery),
        freshness: 'Current' as const,
      }),
    })),
  };
}

function resourceDiscovery(row: ResourceInfo): APIResourceDiscovery {
  return {
    resource: row.resource,
    responseKind: responseKind(row, row),
    scope: row.namespaced ? 'Namespaced' : 'Cluster',
    singularResource: row.singular,
    verbs: verbsOf(row),
    ...(row.shortNames.length > 0 && { shortNames: row.shortNames }),
    ...(row.categories.length > 0 && { categories: row.categories }),
    ...(row.subresources.length > 0 && { subresources: row.subresources.map((sub) => subresourceDiscovery(row, sub)) }),
  };
}

function subresourceDiscovery(row: ResourceInfo, { name, verbs, kind }: SubresourceInfo): APISubresourceDiscovery {
  return { subresource: name, responseKind: responseKind(row, kind ?? row), verbs };
}

/** In the order in which upstream tells those of custom kinds. */
const customVerbs: readonly Verb[] = [
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'create',
  'update',
  'watch',
];
const verbsOfTerminating = customVerbs.filter((verb) => verb !== 'patch' && verb !== 'create' && verb !== 'update');

/** Of a kind whose definition is being deleted nothing new is made. */
function verbsOf({ definition, verbs }: ResourceInfo): readonly Verb[] {
  if (definition === undefined) return verbs;
  return definition.isTerminating ? verbsOfTerminating : customVerbs;
}

/** Upstream leaves group and version of built-in kinds empty where they are those of the list. */
function responseKind(row: ResourceInfo, { group, version, kind }: GroupVersionKind): GroupVersionKind {
  const isOwn = row.definition === undefined && group === row.group && version === row.version;
  return isOwn ? { group: '', version: '', kind } : { group, version, kind };
}

/** The ETag header for a document: upper-case hex in quotes, as upstream's. */
export function etagOf(document: object): string {
  return `"${createHash('sha512').update(JSON.stringify(document)).digest('hex').toUpperCase()}"`;
}

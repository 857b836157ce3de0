/**
 * The table of what the API serves: the built-in rows of `schema/tables/resources.json`, and those that CustomResourceDefinitions
 * add while the server runs.
 *
 * A row of the file leaves out what is usual: all verbs, namespaced, the singular that is the kind in lower case, `get patch
 * update` on a subresource. Groups stand in the order in which discovery lists them, which is the order in which clients
 * look for a short name; the first version of a group is the preferred one. Which kind has which fields is the
 * schema's to say.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Deprecation, ResourceInfo, SubresourceInfo, Verb } from './resources.ts';
import type { GroupVersionKind } from './schema/schema.ts';
import type { APIResourceDiscovery } from './schema/types/apidiscovery-v2.ts';

export interface GroupInfo {
  /** Empty for the core group. */
  readonly group: string;
  /** The preferred version first. */
  readonly versions: readonly string[];
  readonly preferredVersion: string;
}

/** A group-version of a server that extends this one, as the aggregated form of discovery has it. */
export interface RemoteVersion {
  readonly resources: readonly APIResourceDiscovery[];
  readonly freshness: 'Current' | 'Stale';
}

/** Immutable: `withResources` makes another one. */
export interface ResourceTable {
  /** This table at this moment: itself, but for the live one (`live-api.ts`). What is made of a table is kept by this. */
  readonly current: ResourceTable;
  readonly all: readonly ResourceInfo[];
  find(group: string, version: string, resource: string): ResourceInfo | undefined;
  byKind(gvk: GroupVersionKind): ResourceInfo | undefined;
  /** In upstream's priority order; the core group first. */
  groups(): readonly GroupInfo[];
  /** The rows of one group and version, in upstream's order. */
  inGroupVersion(group: string, version: string): readonly ResourceInfo[];
  /** What another server says of a group-version that it answers for; absent, or undefined: this server answers for it. */
  remote?(group: string, version: string): RemoteVersion | undefined;
  /** This table with `added` after its rows; an added row takes the place of one with the same name. */
  withResources(added: readonly ResourceInfo[]): ResourceTable;
}

const allVerbs: readonly Verb[] = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];
const subresourceVerbs: readonly Verb[] = ['get', 'patch', 'update'];

interface Row {
  readonly kind: string;
  readonly resource: string;
  readonly singular?: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly namespaced?: false;
  readonly verbs?: readonly Verb[];
  readonly subresources?: readonly SubresourceRow[];
  readonly storageVersion?: string;
  readonly storedAs?: NonNullable<ResourceInfo['storedAs']>;
  readonly deprecated?: Deprecation;
}

interface SubresourceRow {
  readonly name: string;
  readonly verbs?: readonly Verb[];
  /** `group/version/kind`; the core group is empty. */
  readonly kind?: string;
}

interface TableFile {
  readonly groupVersions: readonly {
    readonly group: string;
    readonly version: string;
    readonly custom?: true;
    readonly resources: readonly Row[];
  }[];
}

let builtin: ResourceTable | undefined;

/** The built-in resources of Kubernetes 1.36, as it serves them by default. Read once. */
export function resourceTable(): ResourceTable {
  builtin ??= makeResourceTable(readRows());
  return builtin;
}

export function makeResourceTable(rows: readonly ResourceInfo[]): ResourceTable {
  return new Table(rows);
}

function readRows(): ResourceInfo[] {
  const path = join(import.meta.dirname, 'schema', 'tables', 'resources.json');
  const file = JSON.parse(readFileSync(path, 'utf8')) as TableFile;
  return file.groupVersions.flatMap(({ group, version, custom, resources }) =>
    resources.map((row) => ({ ...expand(group, version, row), ...(custom && { custom }) })),
  );
}

function expand(group: string, version: string, row: Row): ResourceInfo {
  return {
    group,
    version,
    kind: row.kind,
    resource: row.resource,
    singular: row.singular ?? row.kind.toLowerCase(),
    shortNames: row.shortNames ?? [],
    categories: row.categories ?? [],
    namespaced: row.namespaced ?? true,
    verbs: row.verbs ?? allVerbs,
    subresources: (row.subresources ?? []).map(expandSubresource),
    storageVersion: row.storageVersion ?? version,
    ...(row.storedAs && { storedAs: row.storedAs }),
    ...(row.deprecated && { deprecated: row.deprecated }),
  };
}

function expandSubresource({ name, verbs = subresourceVerbs, kind }: SubresourceRow): SubresourceInfo {
  if (kind === undefined) return { name, verbs };
  const [group = '', version = '', kindName = ''] = kind.split('/');
  return { name, verbs, kind: { group, version, kind: kindName } };
}

function resourceKey(group: string, version: string, resource: string): string {
  return `${group}/${version}/${resource}`;
}

class Table implements ResourceTable {
  readonly all: readonly ResourceInfo[];
  readonly #byName = new Map<string, ResourceInfo>();
  readonly #byKind = new Map<string, ResourceInfo>();
  readonly #byGroupVersion = new Map<string, ResourceInfo[]>();
  readonly #groups: readonly GroupInfo[];

  constructor(rows: readonly ResourceInfo[]) {
    this.all = rows;
    for (const row of rows) {
      this.#byName.set(resourceKey(row.group, row.version, row.resource), row);
      const kind = resourceKey(row.group, row.version, row.kind);
      if (!this.#byKind.has(kind)) this.#byKind.set(kind, row);
      const groupVersion = `${row.group}/${row.version}`;
      const others = this.#byGroupVersion.get(groupVersion);
      if (others === undefined) this.#byGroupVersion.set(groupVersion, [row]);
      else others.push(row);
    }
    this.#groups = groupsOf(rows);
  }

  get current(): ResourceTable {
    return this;
  }

  find(group: string, version: string, resource: string): ResourceInfo | undefined {
    return this.#byName.get(resourceKey(group, version, resource));
  }

  byKind({ group, version, kind }: GroupVersionKind): ResourceInfo | undefined {
    return this.#byKind.get(resourceKey(group, version, kind));
  }

  groups(): readonly GroupInfo[] {
    return this.#groups;
  }

  inGroupVersion(group: string, version: string): readonly ResourceInfo[] {
    return this.#byGroupVersion.get(`${group}/${version}`) ?? [];
  }

  withResources(added: readonly ResourceInfo[]): ResourceTable {
    const replaced = new Set(added.map((row) => resourceKey(row.group, row.version, row.resource)));
    const kept = this.all.filter((row) => !replaced.has(resourceKey(row.group, row.version, row.resource)));
    return new Table([...kept, ...added]);
  }
}

/** Built-in groups in the file's order; those of custom kinds follow by name, since upstream gives them all one priority. */
function groupsOf(rows: readonly ResourceInfo[]): GroupInfo[] {
  const versions = new Map<string, Set<string>>();
  const builtin = new Set<string>();
  for (const { group, version, custom } of rows) {
    const known = versions.get(group);
    if (known === undefined) versions.set(group, new Set([version]));
    else known.add(version);
    if (!custom) builtin.add(group);
  }
  const custom = [...versions.keys()].filter((group) => !builtin.has(group)).sort();
  return [...builtin, ...custom].map((group) => {
    const sorted = [...(versions.get(group) ?? [])].sort(compareVersions);
    return { group, versions: sorted, preferredVersion: sorted[0] ?? '' };
  });
}

/** Upstream's order of version names: `v2`, `v1`, `v2beta1`, `v1beta2`, `v1alpha1`, then all others by name. */
export function compareVersions(left: string, right: string): number {
  const [a, b] = [versionRank(left), versionRank(right)];
  if (a === undefined || b === undefined) {
    if (a !== undefined) return -1;
    if (b !== undefined) return 1;
    return left < right ? -1 : left > right ? 1 : 0;
  }
  for (const [index, rank] of a.entries()) {
    const difference = (b[index] ?? 0) - rank;
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Stability, major, minor: greater comes first. */
function versionRank(version: string): [number, number, number] | undefined {
  const match = /^v([1-9][0-9]*)(?:(alpha|beta)([1-9][0-9]*))?$/.exec(version);
  if (match === null) return undefined;
  const [, major, stage, minor = '0'] = match;
  return [stage === undefined ? 2 : stage === 'beta' ? 1 : 0, Number(major), Number(minor)];
}

/**
 * The resource table as discovery tells it: this server's groups and versions, and those of extension servers in the places that their
 * priorities give them. Made for one state of both, and kept as long as they stand. Pure.
 *
 * Among themselves this server's groups stand as they do without the others.
 */
import type { GroupInfo, RemoteVersion, ResourceTable } from '../../api/resource-table.ts';
import type { ResourceInfo } from '../../api/resources.ts';
import type { GroupVersionKind } from '../../api/schema/schema.ts';
import type { RemoteApi } from './api-service-index.ts';
import { priorityOf } from './local-api-services.ts';
import type { RemoteState } from './remote-discovery.ts';

const stale: RemoteVersion = { resources: [], freshness: 'Stale' };

export class MergedTable implements ResourceTable {
  readonly #local: ResourceTable;
  readonly #remotes: ReadonlyMap<string, RemoteApi>;
  readonly #state: RemoteState;
  readonly #groups: readonly GroupInfo[];

  constructor(local: ResourceTable, remotes: readonly RemoteApi[], state: RemoteState) {
    this.#local = local;
    this.#remotes = new Map(remotes.map((api) => [`${api.group}/${api.version}`, api]));
    this.#state = state;
    this.#groups = mergedGroups(local.groups(), remotes);
  }

  get current(): ResourceTable {
    return this;
  }

  get all(): readonly ResourceInfo[] {
    return this.#local.all;
  }

  find(group: string, version: string, resource: string): ResourceInfo | undefined {
    return this.#local.find(group, version, resource);
  }

  byKind(gvk: GroupVersionKind): ResourceInfo | undefined {
    return this.#local.byKind(gvk);
  }

  groups(): readonly GroupInfo[] {
    return this.#groups;
  }

  inGroupVersion(group: string, version: string): readonly ResourceInfo[] {
    return this.#remotes.has(`${group}/${version}`) ? [] : this.#local.inGroupVersion(group, version);
  }

  remote(group: string, version: string): RemoteVersion | undefined {
    const api = this.#remotes.get(`${group}/${version}`);
    return api && (this.#state.get(api.name) ?? stale);
  }

  withResources(added: readonly ResourceInfo[]): ResourceTable {
    return this.#local.withResources(added);
  }
}

interface Placed {
  readonly group: string;
  readonly priority: number;
  readonly versions: readonly string[];
}

export function mergedGroups(local: readonly GroupInfo[], remotes: readonly RemoteApi[]): readonly GroupInfo[] {
  const byGroup = Map.groupBy(remotes, ({ group }) => group);
  const placed: Placed[] = local.map(({ group, versions }) => placedOf(group, versions, byGroup.get(group) ?? []));
  const known = new Set(local.map(({ group }) => group));
  const added = [...byGroup]
    .filter(([group]) => !known.has(group))
    .map(([group, apis]) => placedOf(group, [], apis))
    .toSorted((one, other) => other.priority - one.priority || compareText(one.group, other.group));
  for (const each of added) {
    const at = placed.findIndex(({ priority }) => priority < each.priority);
    placed.splice(at < 0 ? placed.length : at, 0, each);
  }
  return placed.map(({ group, versions }) => ({ group, versions, preferredVersion: versions[0] ?? '' }));
}

function placedOf(group: string, local: readonly string[], remotes: readonly RemoteApi[]): Placed {
  const own = local
    .map((version, index) => ({ name: version, priority: priorityOf(group, version, index) }))
    .filter(({ name }) => !remotes.some(({ version }) => version === name));
  const theirs = remotes.map(({ version, groupPriority, versionPriority }) => ({
    name: version,
    priority: { group: groupPriority, version: versionPriority },
  }));
  const all = [...own, ...theirs];
  // This server's own stand in the order of the table also where their priorities are equal, as those of custom kinds are.
  const sorted =
    remotes.length === 0 ? all : all.toSorted((one, other) => other.priority.version - one.priority.version);
  return {
    group,
    priority: Math.max(0, ...all.map(({ priority }) => priority.group)),
    versions: sorted.map(({ name }) => name),
  };
}

const compareText = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

/**
 * The APIServices of what this server answers for itself, as upstream registers them: one for each group-version, without a Service. Pure.
 *
 * The priorities are upstream's; where groups of other servers stand in discovery hangs on them.
 */
import type { ResourceTable } from '../../api/resource-table.ts';
import type { APIService, APIServiceSpec } from '../../api/schema/types/apiregistration-v1.ts';

export const managedLabel = 'kube-aggregator.kubernetes.io/automanaged';

/** `onstart`: put right when the server starts, and the administrator's until then. `true`: comes and goes with its CRDs. */
export type Management = 'onstart' | 'true';

const groupPriorities: Readonly<Record<string, number>> = {
  '': 18000,
  apps: 17800,
  'events.k8s.io': 17750,
  'authentication.k8s.io': 17700,
  'authorization.k8s.io': 17600,
  autoscaling: 17500,
  batch: 17400,
  'certificates.k8s.io': 17300,
  'networking.k8s.io': 17200,
  policy: 17100,
  'rbac.authorization.k8s.io': 17000,
  'storage.k8s.io': 16800,
  'apiextensions.k8s.io': 16700,
  'admissionregistration.k8s.io': 16700,
  'scheduling.k8s.io': 16600,
  'coordination.k8s.io': 16500,
  'node.k8s.io': 16300,
  'discovery.k8s.io': 16200,
  'resource.k8s.io': 16200,
  'flowcontrol.apiserver.k8s.io': 16100,
  'internal.apiserver.k8s.io': 16000,
  'storagemigration.k8s.io': 15800,
};

/** Where versions are not 15, 12, 9 and so on. */
const versionPriorities: Readonly<Record<string, number>> = {
  '/v1': 1,
  'autoscaling/v2': 30,
  'autoscaling/v1': 15,
  'flowcontrol.apiserver.k8s.io/v1': 21,
  'internal.apiserver.k8s.io/v1alpha1': 9,
  'resource.k8s.io/v1': 20,
};

/** Before all others: whoever else names itself so comes after it. */
export const registryGroup = 'apiregistration.k8s.io';
const registryPriority = 20_001;

/** Of groups that are no upstream's: all custom ones. */
const customGroupPriority = 1000;
const customVersionPriority = 100;

export interface Priority {
  readonly group: number;
  readonly version: number;
}

/** `index` is the version's place in its group, the preferred one first. */
export function priorityOf(group: string, version: string, index: number): Priority {
  if (group === registryGroup) return { group: registryPriority, version: 0 };
  const known = Object.hasOwn(groupPriorities, group) ? groupPriorities[group] : undefined;
  if (known === undefined) return { group: customGroupPriority, version: customVersionPriority };
  return { group: known, version: versionPriorities[`${group}/${version}`] ?? Math.max(1, 15 - 3 * index) };
}

export interface LocalApiService {
  readonly name: string;
  readonly management: Management;
  readonly spec: APIServiceSpec;
}

/** Of all groups but the registry's own, in the table's order. */
export function localApiServices(table: ResourceTable): readonly LocalApiService[] {
  return table
    .groups()
    .flatMap(({ group, versions }) =>
      group === registryGroup ? [] : versions.map((version, index) => localApiService(group, version, index)),
    );
}

function localApiService(group: string, version: string, index: number): LocalApiService {
  const priority = priorityOf(group, version, index);
  return {
    name: `${version}.${group}`,
    management: Object.hasOwn(groupPriorities, group) ? 'onstart' : 'true',
    spec: {
      ...(group !== '' && { group }),
      version,
      groupPriorityMinimum: priority.group,
      versionPriority: priority.version,
    },
  };
}

export type Registration =
  | { readonly kind: 'create' | 'update'; readonly wanted: LocalApiService }
  | { readonly kind: 'delete'; readonly name: string };

/**
 * What is to be written. What somebody made by hand, without the label, stays, also where it has the name of one of these. `atStart`: those
 * of built-in kinds are put right, too.
 */
export function decideRegistrations(
  wanted: readonly LocalApiService[],
  standing: ReadonlyMap<string, APIService>,
  atStart: boolean,
): readonly Registration[] {
  const due = wanted.filter(({ management }) => atStart || management === 'true');
  const writes = due.flatMap((each): Registration[] => {
    const present = standing.get(each.name);
    if (present === undefined) return [{ kind: 'create', wanted: each }];
    if (managementOf(present) === undefined || isAsWanted(present, each)) return [];
    return [{ kind: 'update', wanted: each }];
  });
  const names = new Set(wanted.map(({ name }) => name));
  const superfluous = [...standing].filter(([name, object]) => {
    const management = managementOf(object);
    return !names.has(name) && (management === 'true' || (management === 'onstart' && atStart));
  });
  return [...writes, ...superfluous.map(([name]): Registration => ({ kind: 'delete', name }))];
}

function managementOf({ metadata }: APIService): string | undefined {
  return metadata?.labels?.[managedLabel];
}

function isAsWanted({ metadata, spec }: APIService, { management, spec: wanted }: LocalApiService): boolean {
  return (
    metadata?.labels?.[managedLabel] === management &&
    !spec?.service &&
    spec?.groupPriorityMinimum === wanted.groupPriorityMinimum &&
    spec.versionPriority === wanted.versionPriority
  );
}

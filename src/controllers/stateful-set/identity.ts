/**
 * Who a pod of a StatefulSet is: its ordinal, its name, its labels, and the claims that are its storage for as long as its name is used.
 * Pure. Names and labels are upstream's: others (DNS, zone spreading, operators) read them.
 */
import type { StatefulSet } from '../../api/schema/types/apps-v1.ts';
import type { PersistentVolumeClaim, Pod, PodTemplateSpec, Volume } from '../../api/schema/types/core-v1.ts';
import { statefulSets } from '../../client/resources.ts';
import { nameOf, namespaceOf } from '../shared/context.ts';
import { podFromTemplate } from '../shared/pod-template.ts';
import { revisionLabel } from '../shared/revisions.ts';

const podNameLabel = 'statefulset.kubernetes.io/pod-name';
const podIndexLabel = 'apps.kubernetes.io/pod-index';

/** Undefined where the name is not one of the set's: `db-01` is nobody's, or two pods would be one. */
export function ordinalOf(set: StatefulSet, pod: Pod): number | undefined {
  const [, parent, ordinal] = /^(.*)-(0|[1-9][0-9]*)$/.exec(nameOf(pod)) ?? [];
  const value = Number(ordinal);
  return parent === nameOf(set) && value <= ordinalMax ? value : undefined;
}

const ordinalMax = 2 ** 31 - 1;

export const startOf = (set: StatefulSet): number => set.spec?.ordinals?.start ?? 0;
export const replicasOf = (set: StatefulSet): number => set.spec?.replicas ?? 1;

export const isParallel = (set: StatefulSet): boolean => set.spec?.podManagementPolicy === 'Parallel';

export const isInRange = (set: StatefulSet, ordinal: number): boolean =>
  ordinal >= startOf(set) && ordinal < startOf(set) + replicasOf(set);

export const podRevisionOf = (pod: Pod): string => pod.metadata?.labels?.[revisionLabel] ?? '';

export const podNameOf = (set: StatefulSet, ordinal: number): string => `${nameOf(set)}-${ordinal}`;

export const claimNameOf = (set: StatefulSet, template: PersistentVolumeClaim, ordinal: number): string =>
  `${nameOf(template)}-${nameOf(set)}-${ordinal}`;

export interface PodVersion {
  readonly template: PodTemplateSpec;
  /** The name of its revision. */
  readonly revision: string;
}

export function podOf(set: StatefulSet, ordinal: number, version: PodVersion): Pod {
  const pod = podFromTemplate(statefulSets, set, version.template);
  const labels = { ...pod.metadata?.labels, ...identityLabels(set, ordinal), [revisionLabel]: version.revision };
  const { serviceName } = set.spec ?? {};
  return {
    metadata: { ...pod.metadata, name: podNameOf(set, ordinal), labels },
    spec: {
      ...pod.spec,
      containers: pod.spec?.containers ?? [],
      hostname: podNameOf(set, ordinal),
      ...(serviceName && { subdomain: serviceName }),
      ...withClaims(set, ordinal, pod.spec?.volumes),
    },
  };
}

function identityLabels(set: StatefulSet, ordinal: number): Readonly<Record<string, string>> {
  return { [podNameLabel]: podNameOf(set, ordinal), [podIndexLabel]: String(ordinal) };
}

/** The claims' volumes go before those of the template, and instead of those that are called like them. */
function withClaims(
  set: StatefulSet,
  ordinal: number,
  volumes: readonly Volume[] = [],
): { volumes?: readonly Volume[] } {
  const claims = (set.spec?.volumeClaimTemplates ?? []).map((template) => ({
    name: nameOf(template),
    persistentVolumeClaim: { claimName: claimNameOf(set, template, ordinal) },
  }));
  const others = volumes.filter(({ name }) => !claims.some((claim) => claim.name === name));
  return claims.length + others.length === 0 ? {} : { volumes: [...claims, ...others] };
}

/** The claims of one ordinal, as they are created. */
export function claimsOf(set: StatefulSet, ordinal: number): readonly PersistentVolumeClaim[] {
  return (set.spec?.volumeClaimTemplates ?? []).map((template) => {
    const labels = { ...template.metadata?.labels, ...set.spec?.selector.matchLabels };
    const { annotations, finalizers } = template.metadata ?? {};
    return {
      metadata: {
        namespace: namespaceOf(set),
        name: claimNameOf(set, template, ordinal),
        labels,
        ...(annotations && { annotations }),
        ...(finalizers && { finalizers }),
      },
      ...(template.spec && { spec: template.spec }),
    };
  });
}

export const hasIdentity = (set: StatefulSet, pod: Pod): boolean =>
  pod.metadata?.labels?.[podNameLabel] === nameOf(pod) && ordinalOf(set, pod) !== undefined;

export function hasStorage(set: StatefulSet, ordinal: number, pod: Pod): boolean {
  const volumes = new Map((pod.spec?.volumes ?? []).map((volume) => [volume.name, volume]));
  return (set.spec?.volumeClaimTemplates ?? []).every(
    (template) =>
      volumes.get(nameOf(template))?.persistentVolumeClaim?.claimName === claimNameOf(set, template, ordinal),
  );
}

/** The pod with what it lacks. Storage cannot change while a pod lives: where that is what it lacks, the server says so. */
export function withIdentity(set: StatefulSet, ordinal: number, pod: Pod): Pod {
  const labels = { ...pod.metadata?.labels, ...identityLabels(set, ordinal) };
  const metadata = { ...pod.metadata, labels };
  if (hasStorage(set, ordinal, pod) || pod.spec === undefined) return { ...pod, metadata };
  return { ...pod, metadata, spec: { ...pod.spec, ...withClaims(set, ordinal, pod.spec.volumes) } };
}

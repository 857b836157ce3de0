/**
 * What a start puts right in a default role or binding that is there already: what is missing is added, what somebody added stays.
 * An object whose annotation says that it is not to be updated is left alone. Pure.
 */
import type { KubeObject } from '../../api/object.ts';
import type { ObjectMeta } from '../../api/schema/types/meta-v1.ts';
import type { AggregationRule, ClusterRole, RoleBinding, Subject } from '../../api/schema/types/rbac-v1.ts';
import { autoUpdateAnnotation } from './default-policy.ts';
import { uncovered } from './rules.ts';

/** The object to write; undefined where all is well. `recreate`: a binding's role cannot be changed, so it is made anew. */
export interface Repair<T extends KubeObject> {
  readonly object: T;
  readonly recreate: boolean;
}

type AnyRole = Pick<ClusterRole, 'metadata' | 'rules' | 'aggregationRule'>;

export function repairedRole<T extends AnyRole & KubeObject>(wanted: T, standing: T): Repair<T> | undefined {
  if (isProtected(standing)) return undefined;
  const metadata = repairedMetadata(wanted.metadata, standing.metadata);
  const missing = uncovered(standing.rules ?? [], wanted.rules ?? []);
  const aggregationRule = repairedAggregation(wanted.aggregationRule, standing.aggregationRule);
  const isWell = metadata === standing.metadata && aggregationRule === standing.aggregationRule && missing.length === 0;
  if (isWell) return undefined;
  const { aggregationRule: _before, ...rest } = standing;
  const object = {
    ...rest,
    ...(metadata && { metadata }),
    rules: [...(standing.rules ?? []), ...missing],
    ...(aggregationRule && { aggregationRule }),
  } as KubeObject as T;
  return { object, recreate: false };
}

function repairedAggregation(
  wanted: AggregationRule | undefined,
  standing: AggregationRule | undefined,
): AggregationRule | undefined {
  if (wanted === undefined) return undefined;
  const present = standing?.clusterRoleSelectors ?? [];
  const known = new Set(present.map((selector) => JSON.stringify(selector)));
  const missing = (wanted.clusterRoleSelectors ?? []).filter((selector) => !known.has(JSON.stringify(selector)));
  return missing.length === 0 ? standing : { clusterRoleSelectors: [...present, ...missing] };
}

export function repairedBinding<T extends RoleBinding & KubeObject>(wanted: T, standing: T): Repair<T> | undefined {
  if (isProtected(standing)) return undefined;
  if (wanted.roleRef.kind !== standing.roleRef.kind || wanted.roleRef.name !== standing.roleRef.name) {
    return { object: wanted, recreate: true };
  }
  const metadata = repairedMetadata(wanted.metadata, standing.metadata);
  const present = standing.subjects ?? [];
  const missing = (wanted.subjects ?? []).filter((subject) => !present.some((one) => sameSubject(one, subject)));
  if (metadata === standing.metadata && missing.length === 0) return undefined;
  const object = { ...standing, ...(metadata && { metadata }), subjects: [...present, ...missing] };
  return { object, recreate: false };
}

function sameSubject(left: Subject, right: Subject): boolean {
  return left.kind === right.kind && left.name === right.name && (left.namespace ?? '') === (right.namespace ?? '');
}

function isProtected({ metadata }: KubeObject): boolean {
  return metadata?.annotations?.[autoUpdateAnnotation] === 'false';
}

/** The same object where nothing is missing. What stands there counts more than what is wanted. */
function repairedMetadata(wanted: ObjectMeta | undefined, standing: ObjectMeta | undefined): ObjectMeta | undefined {
  const labels = { ...wanted?.labels, ...standing?.labels };
  const annotations = { ...wanted?.annotations, ...standing?.annotations };
  const isWell = sameSize(labels, standing?.labels) && sameSize(annotations, standing?.annotations);
  return isWell ? standing : { ...standing, labels, annotations };
}

function sameSize(left: object, right: object | undefined): boolean {
  return Object.keys(left).length === Object.keys(right ?? {}).length;
}

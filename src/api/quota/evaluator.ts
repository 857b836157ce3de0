/**
 * What quotas count, kind by kind: which resource names a kind of object is measured by, how much one object uses, which scopes it is in.
 * Admission asks about one object that is to be written, the control loop about all that there are; both get the same answer, since both
 * ask here. Pure.
 *
 * A kind that has no evaluator of its own is counted, as `count/RESOURCE.GROUP`: every kind can be.
 */
import type { KubeObject } from '../object.ts';
import type { ResourceQuotaSpec, ScopedResourceSelectorRequirement } from '../schema/types/core-v1.ts';
import { type Amounts, one } from './amounts.ts';
import { deviceClaims } from './device-claims.ts';
import { pods } from './pods.ts';
import { services } from './services.ts';
import { volumeClaims } from './volume-claims.ts';

export type Scope = ScopedResourceSelectorRequirement;

/** A write that admission is asked about. */
export interface QuotaWrite {
  readonly operation: 'CREATE' | 'UPDATE';
  readonly subresource: string;
  readonly object: KubeObject;
  /** Absent for CREATE. */
  readonly old?: KubeObject | undefined;
}

export interface Evaluator<T extends KubeObject = KubeObject> {
  /** Is `name`, as it stands in `spec.hard`, a measure of these objects? */
  measures(name: string): boolean;
  /** Can this write change what is used? */
  handles(write: QuotaWrite): boolean;
  usage(object: T, nowMs: number): Amounts;
  /** Absent: these objects are in no scope, and a quota with scopes does not see them. */
  inScope?(object: T, scope: Scope): boolean;
  /** Does a change from `old` set something free that the object's end would? */
  frees?(object: T, old: T, nowMs: number): boolean;
  /** What an object must say where a quota names `required`, in upstream's words; undefined: nothing is missing. */
  missing?(object: T, required: readonly string[]): string | undefined;
}

/** By group-resource. */
const evaluators: ReadonlyMap<string, Evaluator> = new Map<string, Evaluator>([
  ['pods', pods],
  ['services', services],
  ['persistentvolumeclaims', volumeClaims],
  ['resourceclaims.resource.k8s.io', deviceClaims],
  ...['configmaps', 'resourcequotas', 'replicationcontrollers', 'secrets'].map((name): [string, Evaluator] => [
    name,
    counter(name, name),
  ]),
]);

/** Kinds that never were counted: they store nothing, or nobody could say how many there will be. */
const uncounted: ReadonlySet<string> = new Set([
  'bindings',
  'componentstatuses',
  'events',
  'events.events.k8s.io',
  'tokenreviews.authentication.k8s.io',
  'selfsubjectreviews.authentication.k8s.io',
  'subjectaccessreviews.authorization.k8s.io',
  'selfsubjectaccessreviews.authorization.k8s.io',
  'localsubjectaccessreviews.authorization.k8s.io',
  'selfsubjectrulesreviews.authorization.k8s.io',
]);

/** `collection` is a group-resource: `pods`, `deployments.apps`. Undefined where quotas do not look. */
export function evaluatorFor(collection: string): Evaluator | undefined {
  if (uncounted.has(collection)) return undefined;
  return evaluators.get(collection) ?? counter(collection);
}

/** Counts objects, under their name and, for kinds that quotas always knew, under an older one. */
function counter(collection: string, alias?: string): Evaluator {
  const name = `count/${collection}`;
  const each: Amounts = new Map([[name, one], ...(alias === undefined ? [] : [[alias, one] as const])]);
  return {
    measures: (asked) => each.has(asked),
    handles: ({ operation, subresource }) => operation === 'CREATE' && subresource === '',
    usage: () => each,
  };
}

/** The older form of scopes is the newer one with `Exists`. */
export function scopesOf(spec: ResourceQuotaSpec | undefined): readonly Scope[] {
  const plain = (spec?.scopes ?? []).map((scopeName): Scope => ({ scopeName, operator: 'Exists' }));
  return [...plain, ...(spec?.scopeSelector?.matchExpressions ?? [])];
}

export function inAllScopes(evaluator: Evaluator, object: KubeObject, scopes: readonly Scope[]): boolean {
  return scopes.every((scope) => evaluator.inScope?.(object, scope) ?? false);
}

/**
 * In which order objects are applied: what others stand on first, those that could refuse the others last. Within a step the order is that of
 * the files. Deleting goes the other way round.
 */
import type { KubeObject } from '../api/object.ts';
import type { SourceObject } from './application.ts';

/** Kinds of one step may be applied at the same time. What is not named, custom kinds too, comes in the step before the last. */
const steps: readonly (readonly string[])[] = [
  ['Namespace'],
  ['CustomResourceDefinition', 'PriorityClass', 'StorageClass', 'IngressClass', 'GatewayClass', 'RuntimeClass'],
  ['ResourceQuota', 'LimitRange', 'ServiceAccount', 'NetworkPolicy', 'PersistentVolume'],
  ['Role', 'ClusterRole', 'RoleBinding', 'ClusterRoleBinding'],
  ['ConfigMap', 'Secret', 'PersistentVolumeClaim', 'PodDisruptionBudget'],
  ['Service', 'Endpoints', 'EndpointSlice'],
  ['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'ReplicationController', 'Pod', 'Job', 'CronJob'],
];
const last = [
  'APIService',
  'MutatingWebhookConfiguration',
  'ValidatingWebhookConfiguration',
  'MutatingAdmissionPolicy',
  'ValidatingAdmissionPolicy',
  'MutatingAdmissionPolicyBinding',
  'ValidatingAdmissionPolicyBinding',
];

const stepOf = new Map([
  ...steps.flatMap((kinds, index) => kinds.map((kind) => [kind, index] as const)),
  ...last.map((kind) => [kind, steps.length + 1] as const),
]);

const rankOf = ({ kind = '' }: KubeObject): number => stepOf.get(kind) ?? steps.length;

/** One list for each step that has something, first things first. */
export function inSteps(objects: readonly SourceObject[]): readonly (readonly SourceObject[])[] {
  const byRank = new Map<number, SourceObject[]>();
  for (const object of objects) {
    const rank = rankOf(object.object);
    const step = byRank.get(rank);
    if (step === undefined) byRank.set(rank, [object]);
    else step.push(object);
  }
  return [...byRank].toSorted(([a], [b]) => a - b).map(([, step]) => step);
}

/** What others stand on goes last. */
export const forDeletion = <T extends { readonly kind: string }>(objects: readonly T[]): T[] =>
  objects.toSorted((a, b) => rankOf(b) - rankOf(a));

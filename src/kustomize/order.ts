/** The order of a build's objects: as they were written, or what others stand on first (`sortOptions`, kustomize's "legacy" order). */
import { ManifestError } from '../manifests/source-object.ts';
import type { Kustomization } from './kustomization.ts';
import type { Resource } from './resource.ts';

const orderFirst = [
  'Namespace',
  'ResourceQuota',
  'StorageClass',
  'CustomResourceDefinition',
  'ServiceAccount',
  'PodSecurityPolicy',
  'Role',
  'ClusterRole',
  'RoleBinding',
  'ClusterRoleBinding',
  'ConfigMap',
  'Secret',
  'Endpoints',
  'Service',
  'LimitRange',
  'PriorityClass',
  'PersistentVolume',
  'PersistentVolumeClaim',
  'Deployment',
  'StatefulSet',
  'CronJob',
  'PodDisruptionBudget',
];
const orderLast = ['MutatingWebhookConfiguration', 'ValidatingWebhookConfiguration'];

/** @throws ManifestError */
export function ordered(
  resources: readonly Resource[],
  options: Kustomization['sortOptions'],
  file: string,
): Resource[] {
  if (options === undefined || options.order === undefined || options.order === 'fifo') return [...resources];
  if (options.order !== 'legacy') {
    throw new ManifestError(`${file}: sortOptions.order must be fifo or legacy, not ${options.order}`);
  }
  const first = options.legacySortOptions?.orderFirst ?? orderFirst;
  const last = options.legacySortOptions?.orderLast ?? orderLast;
  const ranks = new Map([
    ...first.map((kind, index) => [kind, index - first.length] as const),
    ...last.map((kind, index) => [kind, index + 1] as const),
  ]);
  const keyed = resources.map((resource) => {
    const { group, version, kind, namespace, name } = resource.id;
    const key = [group || '~G', version || '~V', kind, namespace || '~X', name || '~N'].join('\u0000');
    return { resource, rank: ranks.get(kind) ?? 0, key };
  });
  return keyed
    .toSorted((a, b) => a.rank - b.rank || (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ resource }) => resource);
}

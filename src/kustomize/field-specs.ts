/**
 * Which fields kustomize changes by default: where names of other objects stand, where labels, annotations, images and namespaces belong. The
 * rows are facts of kustomize's built-in configuration; those of pods are the same for every kind that has a pod template.
 */
import type { FieldSpec } from './field-path.ts';

/** Where a pod's spec stands in kinds that have one. */
const podSpecs: readonly (readonly [kind: string, path: string])[] = [
  ['Pod', 'spec'],
  ['PodTemplate', 'template/spec'],
  ['Deployment', 'spec/template/spec'],
  ['ReplicaSet', 'spec/template/spec'],
  ['DaemonSet', 'spec/template/spec'],
  ['StatefulSet', 'spec/template/spec'],
  ['ReplicationController', 'spec/template/spec'],
  ['Job', 'spec/template/spec'],
  ['CronJob', 'spec/jobTemplate/spec/template/spec'],
];

const inPods = (...paths: readonly string[]): FieldSpec[] =>
  podSpecs.flatMap(([kind, base]) => paths.map((path) => ({ kind, path: `${base}/${path}` })));

const inContainers = (path: string): string[] => [`containers/${path}`, `initContainers/${path}`];

const inKind = (kind: string, ...paths: readonly string[]): FieldSpec[] => paths.map((path) => ({ kind, path }));

/** Fields that hold the name of an object of this kind. */
export interface NameReference {
  readonly kind: string;
  readonly group?: string;
  readonly fields: readonly FieldSpec[];
}

const rbac = 'rbac.authorization.k8s.io';
const admission = 'admissionregistration.k8s.io';
const scaled = ['Deployment', 'ReplicationController', 'ReplicaSet', 'StatefulSet'];
const ingressNames = (name: string): string => `metadata/annotations/${name.replaceAll('/', '\\/')}`;

export const nameReferences: readonly NameReference[] = [
  ...scaled.map((kind) => ({ kind, fields: inKind('HorizontalPodAutoscaler', 'spec/scaleTargetRef/name') })),
  {
    kind: 'ConfigMap',
    fields: [
      ...inPods(
        'volumes/configMap/name',
        'volumes/projected/sources/configMap/name',
        ...inContainers('env/valueFrom/configMapKeyRef/name'),
        ...inContainers('envFrom/configMapRef/name'),
      ),
      ...inKind('Node', 'spec/configSource/configMap'),
      ...inKind('Role', 'rules/resourceNames'),
      ...inKind('ClusterRole', 'rules/resourceNames'),
      ...inKind('Ingress', ingressNames('nginx.ingress.kubernetes.io/fastcgi-params-configmap')),
    ],
  },
  {
    kind: 'Secret',
    fields: [
      ...inPods(
        'volumes/secret/secretName',
        'volumes/projected/sources/secret/name',
        'imagePullSecrets/name',
        ...inContainers('env/valueFrom/secretKeyRef/name'),
        ...inContainers('envFrom/secretRef/name'),
      ),
      ...inKind(
        'Ingress',
        'spec/tls/secretName',
        ingressNames('ingress.kubernetes.io/auth-secret'),
        ingressNames('nginx.ingress.kubernetes.io/auth-secret'),
        ingressNames('nginx.ingress.kubernetes.io/auth-tls-secret'),
      ),
      ...inKind('ServiceAccount', 'imagePullSecrets/name'),
      ...inKind(
        'StorageClass',
        'parameters/secretName',
        'parameters/adminSecretName',
        'parameters/userSecretName',
        'parameters/secretRef',
      ),
      ...inKind('Role', 'rules/resourceNames'),
      ...inKind('ClusterRole', 'rules/resourceNames'),
      ...inKind('PersistentVolume', 'spec/azureFile/secretName'),
    ],
  },
  {
    kind: 'Service',
    fields: [
      { kind: 'StatefulSet', group: 'apps', path: 'spec/serviceName' },
      ...inKind(
        'Ingress',
        'spec/rules/http/paths/backend/serviceName',
        'spec/backend/serviceName',
        'spec/rules/http/paths/backend/service/name',
        'spec/defaultBackend/service/name',
      ),
      { kind: 'APIService', group: 'apiregistration.k8s.io', path: 'spec/service/name' },
      { kind: 'ValidatingWebhookConfiguration', group: admission, path: 'webhooks/clientConfig/service' },
      { kind: 'MutatingWebhookConfiguration', group: admission, path: 'webhooks/clientConfig/service' },
      ...inKind('HTTPRoute', 'spec/rules/backendRefs/name'),
    ],
  },
  { kind: 'Role', group: rbac, fields: [{ kind: 'RoleBinding', group: rbac, path: 'roleRef/name' }] },
  {
    kind: 'ClusterRole',
    group: rbac,
    fields: ['RoleBinding', 'ClusterRoleBinding'].map((kind) => ({ kind, group: rbac, path: 'roleRef/name' })),
  },
  {
    kind: 'ServiceAccount',
    fields: [
      ...['RoleBinding', 'ClusterRoleBinding'].map((kind) => ({ kind, group: rbac, path: 'subjects' })),
      ...inPods('serviceAccountName'),
    ],
  },
  { kind: 'PersistentVolumeClaim', fields: inPods('volumes/persistentVolumeClaim/claimName') },
  {
    kind: 'PersistentVolume',
    fields: [...inKind('PersistentVolumeClaim', 'spec/volumeName'), ...inKind('ClusterRole', 'rules/resourceNames')],
  },
  {
    kind: 'StorageClass',
    group: 'storage.k8s.io',
    fields: [
      ...inKind('PersistentVolume', 'spec/storageClassName'),
      ...inKind('PersistentVolumeClaim', 'spec/storageClassName'),
      ...inKind('StatefulSet', 'spec/volumeClaimTemplates/spec/storageClassName'),
    ],
  },
  { kind: 'PriorityClass', group: 'scheduling.k8s.io', fields: inPods('priorityClassName') },
  { kind: 'IngressClass', group: 'networking.k8s.io', fields: inKind('Ingress', 'spec/ingressClassName') },
];

/** Kinds whose names say what they are: they are never changed. */
export const fixedNames: readonly { readonly kind: string; readonly group: string }[] = [
  { kind: 'CustomResourceDefinition', group: 'apiextensions.k8s.io' },
  { kind: 'APIService', group: 'apiregistration.k8s.io' },
  { kind: 'Namespace', group: '' },
];

/** Beside `metadata.namespace` of what is namespaced, and the subjects of bindings. */
export const namespaceFields: readonly FieldSpec[] = [
  { path: 'metadata/name', kind: 'Namespace', create: true },
  { path: 'spec/service/namespace', group: 'apiregistration.k8s.io', kind: 'APIService', create: true },
  {
    path: 'spec/conversion/webhook/clientConfig/service/namespace',
    group: 'apiextensions.k8s.io',
    kind: 'CustomResourceDefinition',
  },
];

export const ownLabels: readonly FieldSpec[] = [{ path: 'metadata/labels', create: true }];

export const claimLabels: readonly FieldSpec[] = [
  { path: 'spec/volumeClaimTemplates[]/metadata/labels', group: 'apps', kind: 'StatefulSet', create: true },
];

/** What `field` has in every kind that makes pods. */
const inTemplates = (field: string): FieldSpec[] => [
  { path: `spec/template/metadata/${field}`, kind: 'ReplicationController', version: 'v1', create: true },
  ...['Deployment', 'ReplicaSet', 'DaemonSet'].map((kind) => ({
    path: `spec/template/metadata/${field}`,
    kind,
    create: true,
  })),
  { path: `spec/template/metadata/${field}`, group: 'apps', kind: 'StatefulSet', create: true },
  { path: `spec/template/metadata/${field}`, group: 'batch', kind: 'Job', create: true },
  { path: `spec/jobTemplate/metadata/${field}`, group: 'batch', kind: 'CronJob', create: true },
  { path: `spec/jobTemplate/spec/template/metadata/${field}`, group: 'batch', kind: 'CronJob', create: true },
];

export const templateLabels: readonly FieldSpec[] = inTemplates('labels');

export const annotationFields: readonly FieldSpec[] = [
  { path: 'metadata/annotations', create: true },
  ...inTemplates('annotations'),
];

const podAffinities = ['podAffinity', 'podAntiAffinity'].flatMap((field) => [
  `spec/template/spec/affinity/${field}/preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/labelSelector/matchLabels`,
  `spec/template/spec/affinity/${field}/requiredDuringSchedulingIgnoredDuringExecution/labelSelector/matchLabels`,
]);
const spread = 'spec/template/spec/topologySpreadConstraints/labelSelector/matchLabels';

export const selectorLabels: readonly FieldSpec[] = [
  { path: 'spec/selector', kind: 'Service', version: 'v1', create: true },
  { path: 'spec/selector', kind: 'ReplicationController', version: 'v1', create: true },
  ...['Deployment', 'ReplicaSet', 'DaemonSet'].map((kind) => ({
    path: 'spec/selector/matchLabels',
    kind,
    create: true,
  })),
  { path: 'spec/selector/matchLabels', group: 'apps', kind: 'StatefulSet', create: true },
  ...['Deployment', 'StatefulSet'].flatMap((kind) =>
    [...podAffinities, spread].map((path) => ({ path, group: 'apps', kind })),
  ),
  { path: 'spec/selector/matchLabels', group: 'batch', kind: 'Job' },
  { path: 'spec/jobTemplate/spec/selector/matchLabels', group: 'batch', kind: 'CronJob' },
  { path: 'spec/selector/matchLabels', group: 'policy', kind: 'PodDisruptionBudget' },
  ...[
    'spec/podSelector/matchLabels',
    'spec/ingress/from/podSelector/matchLabels',
    'spec/egress/to/podSelector/matchLabels',
  ].map((path) => ({ path, group: 'networking.k8s.io', kind: 'NetworkPolicy' })),
];

export const replicaFields: readonly FieldSpec[] = scaled.map((kind) => ({
  path: 'spec/replicas',
  kind,
  create: true,
}));

export const imageVolumeFields: readonly FieldSpec[] = ['spec', 'spec/template/spec'].map((base) => ({
  path: `${base}/volumes[]/image/reference`,
}));

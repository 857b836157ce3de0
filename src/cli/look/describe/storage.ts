/** What holds data: ConfigMaps and Secrets (of these the sizes alone), claims, volumes, classes. Pure but for what is asked. */
import type {
  ConfigMap,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  Secret,
} from '../../../api/schema/types/core-v1.ts';
import type { StorageClass } from '../../../api/schema/types/storage-v1.ts';
import { conditionsOf, type Describer, orNone, pairs, yesNo } from './common.ts';
import type { Entry } from './layout.ts';

const bytesOf = (base64: string): string => {
  const bytes = Buffer.from(base64, 'base64').length;
  return `${bytes} byte${bytes === 1 ? '' : 's'}`;
};

const describeConfigMap: Describer<ConfigMap> = ({ data, binaryData, immutable }) => [
  ['Immutable', immutable],
  ['Data', { entries: Object.entries(data ?? {}).map(([key, value]): Entry => [key, { text: value }]) }],
  [
    'Binary Data',
    binaryData && { entries: Object.entries(binaryData).map(([key, value]): Entry => [key, bytesOf(value)]) },
  ],
];

const describeSecret: Describer<Secret> = ({ type, data, immutable }) => [
  ['Type', type],
  ['Immutable', immutable],
  ['Data', { entries: Object.entries(data ?? {}).map(([key, value]): Entry => [key, bytesOf(value)]) }],
];

const describeClaim: Describer<PersistentVolumeClaim> = async ({ metadata, spec, status }, ask) => {
  const pods = await ask.list<Pod>(`/api/v1/namespaces/${metadata?.namespace ?? ''}/pods`);
  const users = pods.filter(({ spec: pod }) =>
    pod?.volumes?.some(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName === metadata?.name),
  );
  return [
    ['Storage Class', spec?.storageClassName ?? '<none>'],
    ['Phase', status?.phase],
    ['Volume', spec?.volumeName ?? '<none>'],
    ['Requested', spec?.resources?.requests?.['storage']],
    ['Capacity', status?.capacity?.['storage'] ?? '<none>'],
    ['Access Modes', (spec?.accessModes ?? []).join(', ')],
    ['Volume Mode', spec?.volumeMode],
    ['Data Source', spec?.dataSource && `${spec.dataSource.kind}/${spec.dataSource.name}`],
    ['Used By', users.map((pod) => pod.metadata?.name ?? '')],
    conditionsOf(status?.conditions, ask),
  ];
};

const notSources = new Set(
  'accessModes capacity claimRef mountOptions nodeAffinity persistentVolumeReclaimPolicy storageClassName volumeMode volumeAttributesClassName'.split(
    ' ',
  ),
);

const describeVolume: Describer<PersistentVolume> = ({ spec, status }) => {
  const [type = '<none>', source = {}] = Object.entries(spec ?? {}).find(([key]) => !notSources.has(key)) ?? [];
  const terms = spec?.nodeAffinity?.required?.nodeSelectorTerms ?? [];
  const facts = Object.entries(source as Record<string, unknown>).filter(([, value]) => typeof value !== 'object');
  return [
    ['Storage Class', orNone(spec?.storageClassName)],
    ['Phase', status?.phase],
    ['Reason', status?.reason],
    ['Message', status?.message || undefined],
    ['Claim', spec?.claimRef === undefined ? '<none>' : `${spec.claimRef.namespace ?? ''}/${spec.claimRef.name ?? ''}`],
    ['Reclaim Policy', spec?.persistentVolumeReclaimPolicy],
    ['Access Modes', (spec?.accessModes ?? []).join(', ')],
    ['Volume Mode', spec?.volumeMode],
    ['Capacity', spec?.capacity?.['storage']],
    [
      'Nodes',
      terms.length === 0
        ? undefined
        : terms.map(({ matchExpressions }) =>
            (matchExpressions ?? [])
              .map(({ key, operator, values }) => `${key} ${operator} ${(values ?? []).join(',')}`)
              .join(' and '),
          ),
    ],
    ['Source', { entries: [['Type', type], ...facts.map(([key, value]): Entry => [key, String(value)])] }],
  ];
};

const describeClass: Describer<StorageClass> = (storageClass) => [
  ['Default', yesNo(storageClass.metadata?.annotations?.['storageclass.kubernetes.io/is-default-class'] === 'true')],
  ['Provisioner', storageClass.provisioner],
  ['Parameters', pairs(storageClass.parameters)],
  ['Allow Volume Expansion', yesNo(storageClass.allowVolumeExpansion)],
  ['Mount Options', storageClass.mountOptions],
  ['Reclaim Policy', storageClass.reclaimPolicy],
  ['Volume Binding Mode', storageClass.volumeBindingMode],
];

export const storageDescribers: Readonly<Record<string, Describer<never>>> = {
  'ConfigMap.': describeConfigMap,
  'Secret.': describeSecret,
  'PersistentVolumeClaim.': describeClaim,
  'PersistentVolume.': describeVolume,
  'StorageClass.storage.k8s.io': describeClass,
};

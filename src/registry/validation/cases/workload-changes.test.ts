/** Deployments, ReplicaSets, DaemonSets and StatefulSets: what upstream's own tests try on them, where `workloads.test.ts` does not. */
import { make } from '../../testing.ts';
import { type CaseTable, testCases, type ValidationCase } from './testing.ts';

const badKey = 'NoUppercaseOrSpecialCharsLike=Equals';
const notNegative = 'must be greater than or equal to 0';
const mismatch = (labels: string): string =>
  `spec.template.metadata.labels: Invalid value: ${labels}: \`selector\` does not match template \`labels\``;
const named = (path: string): string => `${path}: Invalid value: "${badKey}": name part must consist of alphanumeric…`;
const badSelector = `{"matchLabels":{"${badKey}":"b"}}`;

/** `unreadable` is what is said beside a selector that breaks its own rules. */
function common(unreadable: string[]): ValidationCase[] {
  return [
    {
      name: 'accepts pods on the network of their node',
      changes: {
        'spec.template.spec.hostNetwork': true,
        'spec.template.spec.containers[0].ports': [{ containerPort: 12345, protocol: 'TCP' }],
      },
    },
    {
      name: 'refuses labels and annotations with bad names',
      changes: { 'metadata.labels': { [badKey]: 'bar' }, 'metadata.annotations': { [badKey]: 'bar' } },
      errors: [named('metadata.labels'), `metadata.annotations: Invalid value: "${badKey}": name part must…`],
    },
    {
      name: 'refuses a selector with a bad name',
      changes: { 'spec.selector': { matchLabels: { [badKey]: 'b' } } },
      errors: [named('spec.selector.matchLabels'), ...unreadable],
    },
    {
      name: 'refuses labels of pods with bad names',
      changes: { 'spec.template.metadata.labels': { app: 'web', [badKey]: 'b' } },
      errors: [named('spec.template.labels')],
    },
    {
      name: 'refuses a restart policy that there is not',
      changes: { 'spec.template.spec.restartPolicy': 'Sometimes' },
      errors: [
        'spec.template.spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"',
        'spec.template.spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always"',
      ],
    },
    {
      name: 'refuses ephemeral containers in a template',
      changes: { 'spec.template.spec.ephemeralContainers': [{ name: 'debug', image: 'image' }] },
      errors: ['spec.template.spec.ephemeralContainers: Forbidden: ephemeral containers not allowed in pod template'],
    },
    {
      name: 'refuses two volumes of one name',
      changes: { 'spec.template.spec.volumes': [{ name: 'a' }, { name: 'a' }] },
      errors: ['spec.template.spec.volumes[1].name: Duplicate value: "a"'],
    },
    {
      name: 'accepts a disk that is written to',
      update: {
        'spec.template.spec.volumes': [{ name: 'pd', gcePersistentDisk: { pdName: 'my-PD', fsType: 'ext4' } }],
      },
    },
  ];
}

const unreadable = [`spec.selector: Invalid value: ${badSelector}: invalid label selector`];

const claim = (name: string, fields: object = {}): object => ({
  metadata: { name },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...fields },
});
const mounted: NonNullable<ValidationCase['changes']> = {
  'spec.template.spec.containers[0].volumeMounts': [{ name: 'test', mountPath: '/test' }],
};
const claims = (...templates: object[]): ValidationCase['changes'] & object => ({
  'spec.volumeClaimTemplates': templates as never,
});
const unmounted = 'spec.template.spec.containers[0].volumeMounts[0].name: Not found: "test"';
const forbidden =
  "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";

const statefulSets: CaseTable = {
  resource: 'statefulsets.apps',
  valid: make.statefulSet(),
  cases: [
    ...common([`spec.selector: Invalid value: ${badSelector}`]),
    { name: 'accepts the largest number of pods', changes: { 'spec.replicas': 2_147_483_647 } },
    { name: 'accepts pods that start together', changes: { 'spec.podManagementPolicy': 'Parallel' } },
    { name: 'accepts to count from two', changes: { 'spec.ordinals': { start: 2 } } },
    {
      name: 'accepts pods that go two at a time, down to the third',
      changes: { 'spec.updateStrategy.rollingUpdate': { partition: 2, maxUnavailable: 2 } },
    },
    {
      name: 'refuses a share of none that may be away',
      changes: { 'spec.updateStrategy.rollingUpdate': { maxUnavailable: '0%' } },
      errors: ['spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: "0%": cannot be 0'],
    },
    {
      name: 'accepts to keep what claims hold, and to drop it',
      changes: { 'spec.persistentVolumeClaimRetentionPolicy': { whenDeleted: 'Delete', whenScaled: 'Retain' } },
    },
    {
      name: 'refuses both fates that it does not know',
      changes: { 'spec.persistentVolumeClaimRetentionPolicy': { whenDeleted: 'x', whenScaled: 'x' } },
      errors: ['whenDeleted', 'whenScaled'].map(
        (field) =>
          `spec.persistentVolumeClaimRetentionPolicy.${field}: Unsupported value: "x": supported values: "Retain", "Delete"`,
      ),
    },
    {
      name: 'refuses a name that is too long for a host',
      changes: { 'metadata.name': 'a'.repeat(64) },
      errors: [`metadata.name: Invalid value: "${'a'.repeat(64)}": must be no more than 63 characters`],
    },
    { name: 'accepts what a claim brings', changes: { ...mounted, ...claims(claim('test')) } },
    {
      name: 'accepts a claim in place of a volume',
      changes: {
        ...mounted,
        'spec.template.spec.volumes': [{ name: 'test', emptyDir: {} }],
        ...claims(claim('test'), claim('other')),
      },
    },
    { name: 'refuses a volume that nothing brings', changes: mounted, errors: [unmounted] },
    {
      name: 'refuses a volume that no claim brings',
      changes: { ...mounted, ...claims(claim('test1')) },
      errors: [unmounted],
    },
    {
      name: 'refuses a claim without a way to use it',
      changes: claims(claim('pvc', { accessModes: [] })),
      errors: ['spec.volumeClaimTemplates[0].spec.accessModes: Required value: at least 1 access mode is required'],
    },
    {
      name: 'refuses a claim whose class is no name',
      changes: claims(claim('pvc', { volumeAttributesClassName: 'abc@123' })),
      errors: ['spec.volumeClaimTemplates[0].spec.volumeAttributesClassName: Invalid value: "abc@123": a lowercase…'],
    },
    { name: 'accepts one more container', update: { 'spec.template.spec.containers[1]': { name: 'def', image: 'i' } } },
    {
      name: 'accepts another strategy, other numbers and another fate for claims',
      update: {
        'spec.updateStrategy': { type: 'OnDelete' },
        'spec.ordinals': { start: 3 },
        'spec.persistentVolumeClaimRetentionPolicy': { whenDeleted: 'Delete', whenScaled: 'Delete' },
      },
    },
    { name: 'accepts to mount a claim later', changes: claims(claim('test')), update: mounted },
    {
      name: 'refuses another selector',
      update: { 'spec.selector.matchLabels': { c: 'd' }, 'spec.template.metadata.labels': { c: 'd' } },
      errors: [forbidden],
    },
    {
      name: 'refuses another way to manage pods',
      update: { 'spec.podManagementPolicy': 'Parallel' },
      errors: [forbidden],
    },
    {
      name: 'refuses fewer pods than none, later',
      update: { 'spec.replicas': -1 },
      errors: [`spec.replicas: Invalid value: -1: ${notNegative}`],
    },
    {
      name: 'refuses a claim of another size',
      changes: claims(claim('data')),
      update: { 'spec.volumeClaimTemplates[0].spec.resources.requests.storage': '2Gi' },
      errors: [forbidden],
    },
    {
      name: 'refuses a claim of another class',
      changes: claims(claim('data', { storageClassName: 'storage-class1' })),
      update: { 'spec.volumeClaimTemplates[0].spec.storageClassName': 'storage-class2' },
      errors: [forbidden],
    },
    {
      name: 'refuses one more claim',
      changes: claims(claim('data')),
      update: { 'spec.volumeClaimTemplates[1]': claim('more') as never },
      errors: [forbidden],
    },
    {
      name: 'refuses a bad template in place of a good one',
      update: { 'spec.template': { metadata: { labels: { [badKey]: 'b' } }, spec: { containers: [] } } },
      errors: [
        mismatch(`{"${badKey}":"b"}`),
        named('spec.template.labels'),
        'spec.template.spec.containers: Required value',
      ],
    },
    ...['replicas', 'currentReplicas', 'observedGeneration', 'collisionCount'].map((field) => ({
      name: `refuses a status with a negative ${field}`,
      subresource: 'status',
      update: { [`status.${field}`]: -1 },
      errors: [
        `status.${field}: Invalid value: -1: ${notNegative}`,
        ...(field === 'replicas'
          ? ['readyReplicas', 'currentReplicas', 'updatedReplicas', 'availableReplicas'].map(
              (count) => `status.${count}: Invalid value: 0: cannot be greater than status.replicas`,
            )
          : []),
        ...(field === 'collisionCount' ? ['status.collisionCount: Invalid value: -1: cannot be decremented'] : []),
      ],
    })),
  ],
};

const rolling = 'spec.updateStrategy.rollingUpdate';
const atOnce = (maxUnavailable: number | string, maxSurge: number | string): ValidationCase['changes'] & object => ({
  [rolling]: { maxUnavailable, maxSurge },
});
const templates = 'metadata.annotations[deprecated.daemonset.template.generation]';

const daemonSets: CaseTable = {
  resource: 'daemonsets.apps',
  valid: make.daemonSet(),
  cases: [
    ...common([]),
    ...(
      [
        [1, 0],
        ['1%', 0],
        ['100%', 0],
        [0, 1],
        [0, '1%'],
        [0, '100%'],
      ] as const
    ).map(([away, more]) => ({
      name: `accepts ${away} away and ${more} more`,
      changes: atOnce(away, more),
    })),
    ...(
      [
        ['0%', 0],
        [0, '0%'],
        ['0%', '0%'],
      ] as const
    ).map(([away, more]) => ({
      name: `refuses ${away} away and ${more} more`,
      changes: atOnce(away, more),
      errors: [`${rolling}.maxUnavailable: Required value: cannot be 0 when maxSurge is 0`],
    })),
    {
      name: 'refuses more than as many again',
      changes: atOnce(0, '101%'),
      errors: [`${rolling}.maxSurge: Invalid value: "101%": must not be greater than 100%`],
    },
    {
      name: 'accepts a strategy that leaves the pods alone, and another later',
      changes: { 'spec.updateStrategy': { type: 'OnDelete' } },
      update: { 'spec.updateStrategy': { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1 } } },
    },
    { name: 'accepts another place for its pods', update: { 'spec.template.spec.nodeSelector': { a: 'b' } } },
    { name: 'counts its templates itself, whatever a client says', update: { [templates]: '-1' } },
    {
      name: 'refuses a strategy that there is not, later',
      update: { 'spec.updateStrategy': { type: 'Random' } },
      errors: [
        'spec.updateStrategy: Unsupported value: {"Type":"Random","RollingUpdate":null}: supported values: "RollingUpdate", "OnDelete"',
      ],
    },
    ...(
      [
        'currentNumberScheduled',
        'numberMisscheduled',
        'desiredNumberScheduled',
        'observedGeneration',
        'updatedNumberScheduled',
        'numberAvailable',
        'numberUnavailable',
      ] as const
    ).map((field) => ({
      name: `refuses a status with a negative ${field}`,
      subresource: 'status',
      update: { [`status.${field}`]: -1 },
      errors: [`status.${field}: Invalid value: -1: ${notNegative}`],
    })),
  ],
};

const deployments: CaseTable = {
  resource: 'deployments.apps',
  valid: make.deployment(),
  cases: [
    ...common(unreadable),
    {
      name: 'refuses to go back to before the first',
      changes: { 'metadata.annotations': { 'deprecated.deployment.rollback.to': '-3' } },
      errors: [`spec.rollback.version: Invalid value: -3: ${notNegative}`],
    },
    ...(['updatedReplicas', 'readyReplicas', 'availableReplicas'] as const).map((field) => ({
      name: `refuses a status with more ${field} than pods`,
      subresource: 'status',
      update: { status: { replicas: 3, readyReplicas: 3, [field]: 4 } },
      errors: [
        `status.${field}: Invalid value: 4: cannot be greater than status.replicas`,
        ...(field === 'availableReplicas'
          ? ['status.availableReplicas: Invalid value: 4: cannot be greater than readyReplicas']
          : []),
      ],
    })),
    {
      name: 'accepts pods that end beside those that are there',
      subresource: 'status',
      update: { status: { replicas: 3, readyReplicas: 2, availableReplicas: 1, terminatingReplicas: 5 } },
    },
    {
      name: 'refuses fewer pods that end than none',
      subresource: 'status',
      update: { status: { terminatingReplicas: -1 } },
      errors: [`status.terminatingReplicas: Invalid value: -1: ${notNegative}`],
    },
  ],
};

const replicaSets: CaseTable = {
  resource: 'replicasets.apps',
  valid: make.replicaSet(),
  cases: [
    ...common(unreadable),
    {
      name: 'refuses a status with more of all than pods',
      subresource: 'status',
      update: { status: { replicas: 3, fullyLabeledReplicas: 4, readyReplicas: 4, availableReplicas: 5 } },
      errors: [
        'status.fullyLabeledReplicas: Invalid value: 4: cannot be greater than status.replicas',
        'status.readyReplicas: Invalid value: 4: cannot be greater than status.replicas',
        'status.availableReplicas: Invalid value: 5: cannot be greater than status.replicas',
        'status.availableReplicas: Invalid value: 5: cannot be greater than readyReplicas',
      ],
    },
  ],
};

const revisions: CaseTable = {
  resource: 'controllerrevisions.apps',
  valid: { apiVersion: 'apps/v1', kind: 'ControllerRevision', metadata: { name: 'db-1' }, data: {}, revision: 0 },
  cases: [
    ...([true, 0, 0.5, [], 'test'] as const).map((data) => ({
      name: `refuses ${JSON.stringify(data)} for data`,
      changes: { data: data as never },
      errors: ['data: Required value: data must be a valid JSON object'],
    })),
    {
      name: 'refuses a name that is none',
      changes: { 'metadata.name': badKey },
      errors: [`metadata.name: Invalid value: "${badKey}": a lowercase RFC 1123 subdomain must…`],
    },
  ],
};

testCases([deployments, replicaSets, daemonSets, statefulSets, revisions]);

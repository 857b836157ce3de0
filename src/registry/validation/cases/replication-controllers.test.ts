/** ReplicationControllers: what they are refused beside selector and template, for which see `workloads.test.ts`. */
import { testCases } from './testing.ts';

const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'abc', image: 'image' }] } };
const status = { replicas: 3, fullyLabeledReplicas: 3, readyReplicas: 2, availableReplicas: 1, observedGeneration: 2 };
const negative = 'Invalid value: -1: must be greater than or equal to 0';
const aboveReplicas = 'cannot be greater than status.replicas';

testCases([
  {
    resource: 'replicationcontrollers',
    valid: { metadata: { name: 'abc' }, spec: { replicas: 1, selector: { a: 'b' }, template } },
    cases: [
      {
        name: 'accepts a disk that one node writes',
        changes: {
          'spec.template.spec.volumes': [{ name: 'disk', gcePersistentDisk: { pdName: 'my-pd', fsType: 'ext4' } }],
        },
      },
      {
        name: 'refuses less than nothing',
        changes: { 'spec.replicas': -1, 'spec.minReadySeconds': -1 },
        errors: [`spec.minReadySeconds: ${negative}`, `spec.replicas: ${negative}`],
      },
      ...['OnFailure', 'Never'].map((policy) => ({
        name: `refuses pods that end: ${policy}`,
        changes: { 'spec.template.spec.restartPolicy': policy },
        errors: [`spec.template.spec.restartPolicy: Unsupported value: "${policy}": supported values: "Always"`],
      })),
      {
        name: 'refuses pods that end after a time',
        changes: { 'spec.template.spec.activeDeadlineSeconds': 5 },
        errors: [
          'spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicationController is not Supported',
        ],
      },
      {
        name: 'refuses containers for looking into the others',
        changes: { 'spec.template.spec.ephemeralContainers': [{ name: 'debug', image: 'image' }] },
        errors: ['spec.template.spec.ephemeralContainers: Forbidden: ephemeral containers not allowed in pod template'],
      },
      { name: 'accepts more of them', update: { 'spec.replicas': 3 } },
      {
        name: 'refuses less than nothing later',
        update: { 'spec.replicas': -1 },
        errors: [`spec.replicas: ${negative}`],
      },
      { name: 'accepts a report', subresource: 'status', update: { status } },
      ...['fullyLabeledReplicas', 'availableReplicas', 'observedGeneration'].map((field) => ({
        name: `refuses ${field} below zero`,
        subresource: 'status',
        update: { status: { ...status, [field]: -1 } },
        errors: [`status.${field}: ${negative}`],
      })),
      {
        name: 'refuses fewer ready than none, and that more are available',
        subresource: 'status',
        update: { status: { ...status, readyReplicas: -1 } },
        errors: [
          `status.readyReplicas: ${negative}`,
          'status.availableReplicas: Invalid value: 1: cannot be greater than readyReplicas',
        ],
      },
      ...['fullyLabeledReplicas', 'readyReplicas'].map((field) => ({
        name: `refuses more ${field} than there are`,
        subresource: 'status',
        update: { status: { ...status, [field]: 4 } },
        errors: [`status.${field}: Invalid value: 4: ${aboveReplicas}`],
      })),
      {
        name: 'refuses more that are available than are ready',
        subresource: 'status',
        update: { status: { ...status, availableReplicas: 3 } },
        errors: ['status.availableReplicas: Invalid value: 3: cannot be greater than readyReplicas'],
      },
    ],
  },
]);

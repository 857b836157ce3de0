/** Deployments, ReplicaSets, DaemonSets, StatefulSets, ReplicationControllers, ControllerRevisions. */
import { make } from '../../testing.ts';
import { testCases, type ValidationCase } from './testing.ts';

const mismatch = (labels: string): string =>
  `spec.template.metadata.labels: Invalid value: ${labels}: \`selector\` does not match template \`labels\``;
const notNegative = 'must be greater than or equal to 0';

/** What all kinds with a label selector and a template keep; `kind` as upstream calls it in its messages. */
function common(kind: string, owner: string): ValidationCase[] {
  return [
    {
      name: 'refuses an empty selector',
      changes: { 'spec.selector': {} },
      errors: [`spec.selector: Invalid value: {}: empty selector is invalid for ${kind}`],
    },
    {
      name: 'refuses a template whose labels the selector does not find',
      changes: { 'spec.selector.matchLabels': { other: 'label' } },
      errors: [mismatch('{"app":"web"}')],
    },
    {
      name: 'refuses a template without labels',
      changes: { 'spec.template.metadata': {} },
      errors: [mismatch('null')],
    },
    {
      name: 'refuses a template without containers',
      changes: { 'spec.template.spec.containers': [] },
      errors: ['spec.template.spec.containers: Required value'],
    },
    {
      name: 'refuses pods that end',
      changes: { 'spec.template.spec.restartPolicy': 'OnFailure' },
      errors: ['spec.template.spec.restartPolicy: Unsupported value: "OnFailure": supported values: "Always"'],
    },
    {
      name: 'refuses a deadline for pods',
      changes: { 'spec.template.spec.activeDeadlineSeconds': 10 },
      errors: [
        `spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ${owner} is not Supported`,
      ],
    },
    {
      name: 'refuses a negative time to be ready',
      changes: { 'spec.minReadySeconds': -1 },
      errors: [`spec.minReadySeconds: Invalid value: -1: ${notNegative}`],
    },
    {
      name: 'accepts a new image',
      update: { 'spec.template.spec.containers[0].image': 'other' },
    },
    {
      name: 'accepts expressions in a selector',
      changes: {
        'spec.selector': {
          matchExpressions: [
            { key: 'app', operator: 'In', values: ['web', 'api'] },
            { key: 'legacy', operator: 'DoesNotExist' },
          ],
        },
      },
    },
  ];
}

const fixedSelector: ValidationCase = {
  name: 'refuses another selector',
  update: { 'spec.selector.matchLabels': { app: 'web', tier: 'a' }, 'spec.template.metadata.labels.tier': 'a' },
  errors: ['spec.selector: Invalid value: {"matchLabels":{"app":"web","tier":"a"}}: field is immutable'],
};

const missingSelector: ValidationCase = {
  name: 'refuses an object without a selector, which finds nothing',
  changes: { 'spec.selector': undefined },
  errors: ['spec.selector: Required value', mismatch('{"app":"web"}')],
};

const negativeReplicas: ValidationCase = {
  name: 'refuses fewer pods than none',
  changes: { 'spec.replicas': -1 },
  errors: [`spec.replicas: Invalid value: -1: ${notNegative}`],
};

const unreadableSelector = (detail: string): ValidationCase => ({
  name: 'says nothing of the template where the selector cannot be read',
  changes: { 'spec.selector': { matchExpressions: [{ key: 'a', operator: 'Near', values: ['b'] }] } },
  errors: [
    'spec.selector.matchExpressions[0].operator: Invalid value: "Near": not a valid selector operator',
    `spec.selector: Invalid value: {"matchExpressions":[{"key":"a","operator":"Near","values":["b"]}]}${detail}`,
  ],
});

const rolling = 'spec.strategy.rollingUpdate';
const daemonRolling = 'spec.updateStrategy.rollingUpdate';
const percentRule = "a valid percent string must be a numeric string followed by an ending '%'…";

testCases([
  {
    resource: 'deployments.apps',
    valid: make.deployment(),
    cases: [
      ...common('deployment', 'ReplicaSet'),
      fixedSelector,
      missingSelector,
      negativeReplicas,
      unreadableSelector(': invalid label selector'),
      { name: 'accepts no pods at all', changes: { 'spec.replicas': 0 } },
      { name: 'accepts to keep no history', changes: { 'spec.revisionHistoryLimit': 0 } },
      {
        name: 'refuses a negative history',
        changes: { 'spec.revisionHistoryLimit': -1 },
        errors: [`spec.revisionHistoryLimit: Invalid value: -1: ${notNegative}`],
      },
      {
        name: 'refuses a strategy that it does not know',
        changes: { 'spec.strategy': { type: 'BlueGreen' } },
        errors: [
          'spec.strategy: Unsupported value: {"Type":"BlueGreen","RollingUpdate":null}: supported values: "Recreate", "RollingUpdate"',
        ],
      },
      {
        name: 'refuses rolling settings beside Recreate',
        changes: { 'spec.strategy': { type: 'Recreate', rollingUpdate: { maxSurge: 1 } } },
        errors: [`${rolling}: Forbidden: may not be specified when strategy \`type\` is 'Recreate'`],
      },
      { name: 'accepts Recreate', changes: { 'spec.strategy': { type: 'Recreate' } } },
      {
        name: 'refuses a change from RollingUpdate to Recreate that leaves the settings',
        update: { 'spec.strategy.type': 'Recreate' },
        errors: [`${rolling}: Forbidden: may not be specified when strategy \`type\` is 'Recreate'`],
      },
      {
        name: 'refuses a roll-out that may neither add nor take away',
        changes: { [rolling]: { maxSurge: 0, maxUnavailable: 0 } },
        errors: [`${rolling}.maxUnavailable: Invalid value: 0: may not be 0 when \`maxSurge\` is 0`],
      },
      {
        name: 'refuses it as shares, too',
        changes: { [rolling]: { maxSurge: '0%', maxUnavailable: '0%' } },
        errors: [`${rolling}.maxUnavailable: Invalid value: "0%": may not be 0 when \`maxSurge\` is 0`],
      },
      {
        name: 'refuses to take away more than all',
        changes: { [rolling]: { maxUnavailable: '110%' } },
        errors: [`${rolling}.maxUnavailable: Invalid value: "110%": must not be greater than 100%`],
      },
      { name: 'accepts to add more than all', changes: { [rolling]: { maxSurge: '200%' } } },
      {
        name: 'refuses a share that is none',
        changes: { [rolling]: { maxUnavailable: 'half', maxSurge: 1 } },
        errors: [`${rolling}.maxUnavailable: Invalid value: "half": ${percentRule}`],
      },
      {
        name: 'refuses negative counts',
        changes: { [rolling]: { maxUnavailable: -1, maxSurge: -2 } },
        errors: [
          `${rolling}.maxUnavailable: Invalid value: -1: ${notNegative}`,
          `${rolling}.maxSurge: Invalid value: -2: ${notNegative}`,
        ],
      },
      {
        name: 'refuses a deadline that is over before a pod counts as ready',
        changes: { 'spec.progressDeadlineSeconds': 5, 'spec.minReadySeconds': 5 },
        errors: ['spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds'],
      },
      {
        name: 'names all that is wrong, in order',
        changes: {
          'spec.replicas': -1,
          'spec.template.spec.restartPolicy': 'Never',
          'spec.strategy': { type: 'X' },
          'spec.minReadySeconds': -1,
          'spec.progressDeadlineSeconds': -5,
        },
        errors: [
          `spec.replicas: Invalid value: -1: ${notNegative}`,
          'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
          'spec.strategy: Unsupported value: {"Type":"X","RollingUpdate":null}: supported values: "Recreate", "RollingUpdate"',
          `spec.minReadySeconds: Invalid value: -1: ${notNegative}`,
          `spec.progressDeadlineSeconds: Invalid value: -5: ${notNegative}`,
          'spec.progressDeadlineSeconds: Invalid value: -5: must be greater than minReadySeconds',
        ],
      },
      {
        name: 'refuses a status with more ready pods than pods',
        subresource: 'status',
        update: { status: { replicas: 1, readyReplicas: 2, availableReplicas: 3 } },
        errors: [
          'status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas',
          'status.availableReplicas: Invalid value: 3: cannot be greater than status.replicas',
          'status.availableReplicas: Invalid value: 3: cannot be greater than readyReplicas',
        ],
      },
      {
        name: 'refuses a status with negative counts',
        subresource: 'status',
        update: { 'status.unavailableReplicas': -1, 'status.collisionCount': -1 },
        errors: [
          `status.unavailableReplicas: Invalid value: -1: ${notNegative}`,
          `status.collisionCount: Invalid value: -1: ${notNegative}`,
          'status.collisionCount: Invalid value: -1: cannot be decremented',
        ],
      },
      {
        name: 'accepts a status that adds up',
        subresource: 'status',
        update: { status: { replicas: 2, readyReplicas: 2, availableReplicas: 1, observedGeneration: 1 } },
      },
    ],
  },
  {
    resource: 'replicasets.apps',
    valid: make.replicaSet(),
    cases: [
      // The words are the Deployment's, upstream as here.
      ...common('deployment', 'ReplicaSet'),
      fixedSelector,
      missingSelector,
      negativeReplicas,
      unreadableSelector(': invalid label selector'),
      {
        name: 'refuses a status with more labelled pods than pods',
        subresource: 'status',
        update: { status: { replicas: 1, fullyLabeledReplicas: 2, terminatingReplicas: -1 } },
        errors: [
          `status.terminatingReplicas: Invalid value: -1: ${notNegative}`,
          'status.fullyLabeledReplicas: Invalid value: 2: cannot be greater than status.replicas',
        ],
      },
    ],
  },
  {
    resource: 'daemonsets.apps',
    valid: make.daemonSet(),
    cases: [
      ...common('daemonset', 'DaemonSet'),
      fixedSelector,
      {
        name: 'refuses an object without a selector, which finds nothing',
        changes: { 'spec.selector': undefined },
        errors: [mismatch('{"app":"web"}')],
      },
      {
        name: 'refuses a strategy that it does not know',
        changes: { 'spec.updateStrategy': { type: 'Now' } },
        errors: [
          'spec.updateStrategy: Unsupported value: {"Type":"Now","RollingUpdate":null}: supported values: "RollingUpdate", "OnDelete"',
        ],
      },
      { name: 'accepts OnDelete', changes: { 'spec.updateStrategy': { type: 'OnDelete' } } },
      {
        name: 'refuses to take away none and to add none',
        changes: { [daemonRolling]: { maxUnavailable: 0 } },
        errors: [`${daemonRolling}.maxUnavailable: Required value: cannot be 0 when maxSurge is 0`],
      },
      {
        name: 'refuses to take away and to add',
        changes: { [daemonRolling]: { maxUnavailable: 1, maxSurge: '10%' } },
        errors: [`${daemonRolling}.maxSurge: Invalid value: "10%": may not be set when maxUnavailable is non-zero`],
      },
      { name: 'accepts to add first', changes: { [daemonRolling]: { maxUnavailable: 0, maxSurge: 1 } } },
      {
        name: 'refuses shares above all',
        changes: { [daemonRolling]: { maxUnavailable: '101%' } },
        errors: [`${daemonRolling}.maxUnavailable: Invalid value: "101%": must not be greater than 100%`],
      },
      {
        name: 'refuses a status with negative counts',
        subresource: 'status',
        update: { 'status.numberReady': -1 },
        errors: [`status.numberReady: Invalid value: -1: ${notNegative}`],
      },
    ],
  },
  {
    resource: 'statefulsets.apps',
    valid: make.statefulSet(),
    cases: [
      ...common('statefulset', 'StatefulSet'),
      missingSelector,
      negativeReplicas,
      unreadableSelector(''),
      {
        name: 'refuses a name that makes no host name',
        changes: { 'metadata.name': 'a.b' },
        errors: ['metadata.name: Invalid value: "a.b": must not contain dots'],
      },
      {
        name: 'refuses a service name with dots',
        changes: { 'spec.serviceName': 'a.b' },
        errors: ['spec.serviceName: Invalid value: "a.b": must not contain dots'],
      },
      { name: 'accepts no service name', changes: { 'spec.serviceName': undefined } },
      {
        name: 'refuses a way to manage pods that it does not know',
        changes: { 'spec.podManagementPolicy': 'Random' },
        errors: [`spec.podManagementPolicy: Invalid value: "Random": must be 'OrderedReady' or 'Parallel'`],
      },
      {
        name: 'refuses an update strategy that it does not know',
        changes: { 'spec.updateStrategy': { type: 'Now' } },
        errors: [
          `spec.updateStrategy: Invalid value: {"Type":"Now","RollingUpdate":null}: must be 'RollingUpdate' or 'OnDelete'`,
        ],
      },
      {
        name: 'refuses a partition beside OnDelete',
        changes: { 'spec.updateStrategy': { type: 'OnDelete', rollingUpdate: { partition: 1 } } },
        errors: [
          `${daemonRolling}: Invalid value: {"Partition":1,"MaxUnavailable":null}: only allowed for updateStrategy 'RollingUpdate'`,
        ],
      },
      {
        name: 'refuses a negative partition',
        changes: { [daemonRolling]: { partition: -1 } },
        errors: [`${daemonRolling}.partition: Invalid value: -1: ${notNegative}`],
      },
      {
        name: 'refuses that no pod may be away',
        changes: { [daemonRolling]: { maxUnavailable: 0 } },
        errors: [`${daemonRolling}.maxUnavailable: Invalid value: 0: cannot be 0`],
      },
      {
        name: 'refuses that more than all may be away',
        changes: { [daemonRolling]: { maxUnavailable: '200%' } },
        errors: [`${daemonRolling}.maxUnavailable: Invalid value: "200%": must not be greater than 100%`],
      },
      { name: 'accepts a share that may be away', changes: { [daemonRolling]: { maxUnavailable: '30%' } } },
      {
        name: 'refuses a fate for claims that it does not know',
        changes: { 'spec.persistentVolumeClaimRetentionPolicy': { whenDeleted: 'Archive' } },
        errors: [
          'spec.persistentVolumeClaimRetentionPolicy.whenDeleted: Unsupported value: "Archive": supported values: "Retain", "Delete"',
        ],
      },
      {
        name: 'refuses to count from below zero',
        changes: { 'spec.ordinals': { start: -2 } },
        errors: [`spec.ordinals.start: Invalid value: -2: ${notNegative}`],
      },
      {
        name: 'refuses a claim without a size',
        changes: {
          'spec.volumeClaimTemplates': [{ metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'] } }],
        },
        errors: ['spec.volumeClaimTemplates[0].spec.resources[storage]: Required value'],
      },
      { name: 'keeps what a host name would be to itself', changes: { 'spec.template.spec.hostname': 'NO HOST' } },
      { name: 'accepts another size', update: { 'spec.replicas': 5, 'spec.minReadySeconds': 3 } },
      {
        name: 'refuses another service',
        update: { 'spec.serviceName': 'other' },
        errors: [
          "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
        ],
      },
      {
        name: 'refuses a template that is wrong in an update',
        update: { 'spec.template.spec.containers[0].image': '' },
        errors: ['spec.template.spec.containers[0].image: Required value'],
      },
      {
        name: 'refuses a status in which more pods are available than ready',
        subresource: 'status',
        update: { status: { replicas: 3, readyReplicas: 1, availableReplicas: 2, updatedReplicas: 4 } },
        errors: [
          'status.updatedReplicas: Invalid value: 4: cannot be greater than status.replicas',
          'status.availableReplicas: Invalid value: 2: cannot be greater than status.readyReplicas',
        ],
      },
    ],
  },
  {
    resource: 'replicationcontrollers',
    valid: {
      apiVersion: 'v1',
      kind: 'ReplicationController',
      metadata: { name: 'old' },
      spec: {
        selector: { app: 'web' },
        template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
      },
    },
    cases: [
      negativeReplicas,
      {
        name: 'refuses an object without a selector and without labels to take it from',
        changes: { 'spec.selector': undefined, 'spec.template.metadata': {} },
        errors: ['spec.selector: Required value'],
      },
      {
        name: 'refuses an object without a template',
        changes: { 'spec.template': undefined },
        errors: ['spec.template: Required value'],
      },
      {
        name: 'refuses a template that the selector does not find',
        changes: { 'spec.selector': { app: 'api' } },
        errors: [mismatch('{"app":"web"}')],
      },
      {
        name: 'refuses pods that end',
        changes: { 'spec.template.spec.restartPolicy': 'Never' },
        errors: ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
      },
      {
        name: 'accepts another selector',
        update: { 'spec.selector': { tier: 'a' }, 'spec.template.metadata.labels': { tier: 'a' } },
      },
      {
        name: 'refuses a status with more ready pods than pods',
        subresource: 'status',
        update: { status: { replicas: 0, readyReplicas: 1 } },
        errors: ['status.readyReplicas: Invalid value: 1: cannot be greater than status.replicas'],
      },
    ],
  },
  {
    resource: 'controllerrevisions.apps',
    valid: {
      apiVersion: 'apps/v1',
      kind: 'ControllerRevision',
      metadata: { name: 'db-1' },
      data: { spec: { a: 1 } },
      revision: 1,
    },
    cases: [
      {
        name: 'refuses a revision without data',
        changes: { data: undefined },
        errors: ['data: Required value: data is mandatory'],
      },
      {
        name: 'refuses a negative number',
        changes: { revision: -1 },
        errors: [`revision: Invalid value: -1: ${notNegative}`],
      },
      {
        name: 'refuses other data',
        update: { data: { spec: { a: 2 } } },
        errors: ['data: Invalid value: {"spec":{"a":2}}: field is immutable'],
      },
      { name: 'accepts another number', update: { revision: 7 } },
    ],
  },
]);

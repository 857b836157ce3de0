/**
 * What upstream's own tests try on autoscalers' behavior, disruption budgets, slices of endpoints, priority and runtime classes and
 * leases, where their families' files do not.
 */
import { type CaseTable, testCases, type ValidationCase } from './testing.ts';

const notNegative = 'must be greater than or equal to 0';
const percentRule = "a valid percent string must be a numeric string followed by an ending '%'…";

type Changes = NonNullable<ValidationCase['changes']>;

const policies = [
  { type: 'Percent', value: 10, periodSeconds: 1 },
  { type: 'Pods', value: 1, periodSeconds: 1800 },
];
const ruleCases = (direction: 'scaleUp' | 'scaleDown'): ValidationCase[] => {
  const path = `spec.behavior.${direction}`;
  const one = (policy: object): Changes => ({ [path]: { policies: [policy] } as never });
  return [
    ...['Min', 'Max', 'Disabled'].map((selectPolicy) => ({
      name: `accepts ${direction} by ${selectPolicy}`,
      changes: { [path]: { stabilizationWindowSeconds: 3600, selectPolicy, policies } },
    })),
    {
      name: `refuses ${direction} by no policy at all`,
      changes: { [path]: { selectPolicy: 'Min', policies: [] } },
      errors: [`${path}.policies: Required value: must specify at least one Policy`],
    },
    ...['', 'incorrect'].map((selectPolicy) => ({
      name: `refuses ${direction} by "${selectPolicy}"`,
      changes: { [path]: { selectPolicy, policies } },
      errors: [
        `${path}.selectPolicy: Unsupported value: "${selectPolicy}": supported values: "Disabled", "Max", "Min"`,
      ],
    })),
    {
      name: `refuses ${direction} after more than an hour`,
      changes: { [path]: { stabilizationWindowSeconds: 3601, policies } },
      errors: [`${path}.stabilizationWindowSeconds: Invalid value: 3601: must be less than or equal to 3600`],
    },
    {
      name: `refuses ${direction} in periods of more than half an hour`,
      changes: one({ type: 'Pods', value: 7, periodSeconds: 1801 }),
      errors: [`${path}.policies[0].periodSeconds: Invalid value: 1801: must be less than or equal to 1800`],
    },
    {
      name: `refuses ${direction} by what it does not know`,
      changes: one({ type: 'hm', value: 7, periodSeconds: 8 }),
      errors: [`${path}.policies[0].type: Unsupported value: "hm": supported values: "Percent", "Pods"`],
    },
    ...(
      [
        ['value', 0],
        ['value', -1],
        ['periodSeconds', 0],
        ['periodSeconds', -1],
      ] as const
    ).map(([field, number]) => ({
      name: `refuses ${direction} with ${field} ${number}`,
      changes: one({ type: 'Pods', value: 1, periodSeconds: 1, [field]: number }),
      errors: [`${path}.policies[0].${field}: Invalid value: ${number}: must be greater than zero`],
    })),
  ];
};

const metric = 'spec.metrics[0]';
const ofContainer = (fields: object): Changes => ({
  [metric]: {
    type: 'ContainerResource',
    containerResource: {
      name: 'cpu',
      container: 'c',
      target: { type: 'Utilization', averageUtilization: 70 },
      ...fields,
    },
  },
});

const autoscalers: CaseTable = {
  resource: 'horizontalpodautoscalers.v2.autoscaling',
  valid: {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name: 'web' },
    spec: { scaleTargetRef: { kind: 'ReplicationController', name: 'myrc' }, minReplicas: 1, maxReplicas: 5 },
  },
  cases: [
    ...ruleCases('scaleUp'),
    ...ruleCases('scaleDown'),
    {
      name: 'accepts rules without policies, which have theirs',
      changes: { 'spec.behavior': { scaleUp: {}, scaleDown: {} } },
    },
    {
      name: 'accepts an amount for one container',
      changes: ofContainer({ target: { type: 'AverageValue', averageValue: '300m' } }),
    },
    {
      name: 'refuses a resource that containers do not have',
      changes: ofContainer({ name: 'InvalidResource' }),
      errors: [
        `${metric}.containerResource.name: Invalid value: "InvalidResource": must be a standard resource type or fully qualified`,
        `${metric}.containerResource.name: Invalid value: "InvalidResource": must be a standard resource for containers`,
      ],
    },
    {
      name: 'refuses a container whose name is none',
      changes: ofContainer({ container: '---***' }),
      errors: [`${metric}.containerResource.container: Invalid value: "---***": a lowercase RFC 1123 label must…`],
    },
    {
      name: 'refuses both targets for a container',
      changes: ofContainer({ target: { type: 'Utilization', averageUtilization: 70, averageValue: '300m' } }),
      errors: [
        `${metric}.containerResource.target.averageValue: Forbidden: may not set both a target raw value and a target utilization`,
      ],
    },
  ],
};

const allowed = 'status.conditions[0]';
const condition = { type: 'DisruptionAllowed', status: 'True', reason: 'SufficientPods', message: 'message' };
const budgets: CaseTable = {
  resource: 'poddisruptionbudgets.policy',
  valid: {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'web' },
    spec: { selector: { matchLabels: { app: 'web' } } },
  },
  cases: [
    ...['0%', '1%', '100%', 0, 1, 100].map((count) => ({
      name: `accepts ${count} that stay`,
      changes: { 'spec.minAvailable': count },
    })),
    ...['1.1%', 'nope', '-1%'].map((count) => ({
      name: `refuses ${count} that stay`,
      changes: { 'spec.minAvailable': count },
      errors: [`spec.minAvailable: Invalid value: "${count}": ${percentRule}`],
    })),
    {
      name: 'refuses more than all that stay',
      changes: { 'spec.minAvailable': '101%' },
      errors: ['spec.minAvailable: Invalid value: "101%": must not be greater than 100%'],
    },
    {
      name: 'refuses fewer than none that stay',
      changes: { 'spec.minAvailable': -1 },
      errors: [`spec.minAvailable: Invalid value: -1: ${notNegative}`],
    },
    {
      name: 'refuses a number that stays and one that goes',
      changes: { 'spec.minAvailable': '10%', 'spec.maxUnavailable': 1 },
      errors: [
        'spec: Invalid value: {"MinAvailable":"10%","Selector":{"matchLabels":{"app":"web"}},"MaxUnavailable":1,"UnhealthyPodEvictionPolicy":null}: minAvailable and maxUnavailable cannot be both set',
      ],
    },
    { name: 'accepts to let go what is ill', changes: { 'spec.unhealthyPodEvictionPolicy': 'AlwaysAllow' } },
    ...['', 'Invalid'].map((policy) => ({
      name: `refuses "${policy}" for what is ill`,
      changes: { 'spec.unhealthyPodEvictionPolicy': policy },
      errors: [
        `spec.unhealthyPodEvictionPolicy: Unsupported value: "${policy}": supported values: "AlwaysAllow", "IfHealthyBudget"`,
      ],
    })),
    ...(['disruptionsAllowed', 'currentHealthy', 'desiredHealthy', 'expectedPods'] as const).map((field) => ({
      name: `refuses a status with a negative ${field}`,
      subresource: 'status',
      update: { [`status.${field}`]: -1 },
      errors: [`status.${field}: Invalid value: -1: ${notNegative}`],
    })),
    {
      name: 'accepts a condition',
      subresource: 'status',
      update: {
        status: {
          disruptionsAllowed: 10,
          currentHealthy: 5,
          desiredHealthy: 3,
          expectedPods: 2,
          conditions: [{ ...condition, lastTransitionTime: '2026-01-01T00:00:00Z', observedGeneration: 3 }],
        },
      },
    },
    {
      name: 'refuses a condition that stands twice, and says neither when nor why',
      subresource: 'status',
      update: {
        status: {
          disruptionsAllowed: 0,
          currentHealthy: 0,
          desiredHealthy: 0,
          expectedPods: 0,
          conditions: [
            { type: 'DisruptionAllowed', status: 'True' },
            { type: 'DisruptionAllowed', status: 'False' },
          ],
        },
      },
      errors: [
        `${allowed}.lastTransitionTime: Required value`,
        `${allowed}.reason: Required value`,
        'status.conditions[1].type: Duplicate value: "DisruptionAllowed"',
        'status.conditions[1].lastTransitionTime: Required value',
        'status.conditions[1].reason: Required value',
      ],
    },
  ],
};

const many = <T>(count: number, item: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => item(index));
const port = 'ports[0]';
const endpoint = 'endpoints[0]';
const slices: CaseTable = {
  resource: 'endpointslices.discovery.k8s.io',
  valid: {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'web-1' },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['10.1.2.3'] }],
    ports: [{ name: 'http' }],
  },
  cases: [
    {
      name: 'accepts the three protocols',
      changes: { ports: ['TCP', 'UDP', 'SCTP'].map((protocol) => ({ name: protocol.toLowerCase(), protocol })) },
    },
    {
      name: 'accepts protocols of applications',
      changes: {
        ports: ['HTTP', 'https', 'my-protocol', 'example.com/custom-protocol'].map((appProtocol, index) => ({
          name: `p${index}`,
          appProtocol,
        })),
      },
    },
    { name: 'accepts one port without a name', changes: { ports: [{ name: '' }, { name: 'http' }] } },
    { name: 'accepts a long name', changes: { [port]: { name: 'a'.repeat(63) } } },
    { name: 'accepts no ports and no endpoints', changes: { ports: [], endpoints: [] } },
    {
      name: 'accepts as many addresses as there may be',
      changes: { [endpoint]: { addresses: many(100, (n) => `10.1.2.${n}`) } },
    },
    {
      name: 'accepts as many endpoints as there may be',
      changes: { endpoints: many(1000, (n) => ({ addresses: [`10.1.${n >> 8}.${n & 255}`] })) },
    },
    {
      name: 'leaves out the labels of old, which have a field of their own now',
      changes: { [`${endpoint}.deprecatedTopology`]: { 'topology.kubernetes.io/zone': 'zone1', '--INVALID': 'x' } },
    },
    ...['aCapital', 'almost_valid'].map((name) => ({
      name: `refuses a port called ${name}`,
      changes: { [`${port}.name`]: name },
      errors: [`${port}.name: Invalid value: "${name}": a lowercase RFC 1123 label must…`],
    })),
    {
      name: 'refuses a port whose name is too long',
      changes: { [`${port}.name`]: 'a'.repeat(64) },
      errors: [`${port}.name: Invalid value: "${'a'.repeat(64)}": must be no more than 63 characters`],
    },
    {
      name: 'refuses more ports than there may be',
      changes: { ports: many(20_001, (n) => ({ name: `p${n}` })) },
      errors: ['ports: Too many: 20001: must have at most 20000 items'],
    },
    {
      name: 'refuses names that are not whole, each',
      changes: {
        addressType: 'FQDN',
        [endpoint]: { addresses: ['foo.*', 'FOO.example.com', 'underscores_are_bad.example.com', '*.example.com'] },
      },
      errors: many(4, (n) => `${endpoint}.addresses[${n}]: Invalid value: …`),
    },
    {
      name: 'accepts names, with the dot at their end, too',
      changes: {
        addressType: 'FQDN',
        [endpoint]: { addresses: ['foo.example.com', 'example.com', 'example.com.', 'hyphens-are-good.example.com'] },
      },
    },
    {
      name: 'refuses an address of the node itself',
      changes: { [endpoint]: { addresses: ['127.0.0.1'] } },
      errors: [`${endpoint}.addresses[0]: Invalid value: "127.0.0.1": may not be in the loopback range…`],
    },
    {
      name: 'refuses an address of the link',
      changes: { addressType: 'IPv6', [endpoint]: { addresses: ['fe80::9656:d028:8652:66b6'] } },
      errors: [`${endpoint}.addresses[0]: Invalid value: "fe80::9656:d028:8652:66b6": may not be in the link-local…`],
    },
  ],
};

const toleration = { key: 'valid', operator: 'Exists', effect: 'NoExecute' };
const runtimeClasses: CaseTable = {
  resource: 'runtimeclasses.node.k8s.io',
  valid: { apiVersion: 'node.k8s.io/v1', kind: 'RuntimeClass', metadata: { name: 'foo' }, handler: 'bar-baz' },
  cases: [
    { name: 'accepts what a pod costs', changes: { overhead: { podFixed: { cpu: '10', memory: '10G' } } } },
    {
      name: 'refuses a cost of no kind',
      changes: { overhead: { podFixed: { 'my.org': '10m' } } },
      errors: [
        'overhead.limits[my.org]: Invalid value: "my.org": must be a standard resource type or fully qualified',
        'overhead.limits[my.org]: Invalid value: "my.org": must be a standard resource for containers',
      ],
    },
    {
      name: 'accepts a place for its pods',
      changes: {
        scheduling: { nodeSelector: { valid: 'yes' }, tolerations: [{ ...toleration, effect: 'NoSchedule' }] },
      },
    },
    { name: 'accepts any place', changes: { scheduling: {} } },
    {
      name: 'refuses a handler that is none',
      changes: { handler: '&@#$' },
      errors: ['handler: Invalid value: "&@#$": a lowercase RFC 1123 label must…'],
    },
    {
      name: 'refuses keys that are none',
      changes: {
        scheduling: {
          nodeSelector: { 'not a valid key!!!': 'nope' },
          tolerations: [toleration, { ...toleration, key: 'not a valid key!!!' }],
        },
      },
      errors: [
        'scheduling.nodeSelector: Invalid value: "not a valid key!!!": name part must…',
        'scheduling.tolerations[1].key: Invalid value: "not a valid key!!!": name part must…',
      ],
    },
    {
      name: 'refuses a toleration that stands twice, whatever its time',
      changes: {
        scheduling: {
          tolerations: [
            { ...toleration, tolerationSeconds: 5 },
            { ...toleration, tolerationSeconds: 10 },
          ],
        },
      },
      errors: [
        'scheduling.tolerations[1]: Duplicate value: {"Key":"valid","Operator":"Exists","Value":"","Effect":"NoExecute","TolerationSeconds":10}',
      ],
    },
    { name: 'accepts labels of its own, later', update: { 'metadata.labels': { foo: 'bar' } } },
    {
      name: 'refuses another handler, which is none, once for each rule',
      update: { handler: '&@#$' },
      errors: [
        'handler: Invalid value: "&@#$": a lowercase RFC 1123 label must…',
        'handler: Invalid value: "&@#$": field is immutable',
      ],
    },
    {
      name: 'refuses keys that are none, later',
      update: { scheduling: { nodeSelector: { 'not a valid key!!!': 'nope' } } },
      errors: ['scheduling.nodeSelector: Invalid value: "not a valid key!!!": name part must…'],
    },
    {
      name: 'refuses an update that says no version',
      update: { 'metadata.resourceVersion': undefined },
      errors: ['metadata.resourceVersion: Invalid value: 0: must be specified for an update'],
    },
  ],
};

const priorityClasses: CaseTable = {
  resource: 'priorityclasses.scheduling.k8s.io',
  valid: { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass', metadata: { name: 'tier1' }, value: 100 },
  cases: [
    {
      name: 'accepts a description, another and none',
      changes: { description: 'a' },
      update: { description: undefined },
    },
    { name: 'accepts to become the default', update: { globalDefault: true } },
    {
      name: 'refuses a name that is none',
      changes: { 'metadata.name': 'tier&1' },
      errors: ['metadata.name: Invalid value: "tier&1": a lowercase RFC 1123 subdomain must…'],
    },
    {
      name: 'refuses to lose its value',
      update: { value: undefined },
      errors: ['value: Forbidden: may not be changed in an update.'],
    },
    {
      name: 'refuses an empty policy',
      changes: { preemptionPolicy: '' },
      errors: ['preemptionPolicy: Required value'],
    },
  ],
};

const leases: CaseTable = {
  resource: 'leases.coordination.k8s.io',
  valid: {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name: 'holder' },
    spec: { holderIdentity: 'old', leaseDurationSeconds: 3, leaseTransitions: 3 },
  },
  cases: [
    { name: 'accepts another holder', update: { 'spec.holderIdentity': 'new', 'spec.leaseTransitions': 20 } },
    {
      name: 'refuses a time of none and fewer changes than none',
      changes: { 'spec.leaseDurationSeconds': 0, 'spec.leaseTransitions': -1 },
      errors: [
        'spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0',
        `spec.leaseTransitions: Invalid value: -1: ${notNegative}`,
      ],
    },
    {
      name: 'leaves out what says who should hold it, which is off',
      changes: { 'spec.strategy': 'nobody’s', 'spec.preferredHolder': 'other' },
    },
  ],
};

testCases([autoscalers, budgets, slices, runtimeClasses, priorityClasses, leases]);

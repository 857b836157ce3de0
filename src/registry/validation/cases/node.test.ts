/** Nodes and Namespaces. */
import type { JsonObject } from '../../../api/object.ts';
import { testCases, type ValidationCase } from './testing.ts';

const node = { metadata: { name: 'n1' } };
const taint = { key: 'dedicated', value: 'gpu', effect: 'NoSchedule' };
const fixedRange = 'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid';

const avoidKey = 'scheduler.alpha.kubernetes.io/preferAvoidPods';
const taintsKey = 'scheduler.alpha.kubernetes.io/taints';
const annotated = (key: string, value: unknown): JsonObject => ({ [key]: JSON.stringify(value) });
const avoided = (podController?: object): JsonObject =>
  annotated(avoidKey, {
    preferAvoidPods: [{ ...(podController && { podSignature: { podController } }), reason: 'r' }],
  });
const owner = { apiVersion: 'v1', kind: 'ReplicationController', name: 'foo', uid: 'abc', controller: true };
const avoidPath = `metadata.annotations.${avoidKey}[0].PodSignature`;
const featureForm = "must start with an UpperCamelCase segment, with subsequent segments separated by '/'…";

/** Of the time before the fields; upstream still looks at them. */
const annotations: ValidationCase[] = [
  { name: 'accepts pods to be avoided', changes: { 'metadata.annotations': avoided(owner) } },
  {
    name: 'refuses to avoid the pods of nobody',
    changes: { 'metadata.annotations': avoided() },
    errors: [`${avoidPath}: Required value`],
  },
  {
    name: 'refuses to avoid the pods of what is no controller',
    changes: { 'metadata.annotations': avoided({ ...owner, controller: false }) },
    errors: [`${avoidPath}.PodController.Controller: Invalid value: false: must point to a controller`],
  },
  {
    name: 'refuses pods to be avoided in no JSON',
    changes: { 'metadata.annotations': { [avoidKey]: 'x' } },
    errors: [
      `metadata.annotations.AvoidPods: Invalid value: "${avoidKey}": invalid character 'x' looking for beginning of value`,
    ],
  },
  {
    name: 'refuses a list of pods to be avoided',
    changes: { 'metadata.annotations': annotated(avoidKey, []) },
    errors: [
      `metadata.annotations.AvoidPods: Invalid value: "${avoidKey}": json: cannot unmarshal array into Go value of type v1.AvoidPods`,
    ],
  },
  {
    name: 'refuses them in an update, twice as upstream',
    update: { 'metadata.annotations': avoided() },
    errors: [`${avoidPath}: Required value`, `${avoidPath}: Required value`],
  },
  {
    name: 'refuses a bad taint in an annotation',
    changes: { 'metadata.annotations': annotated(taintsKey, [taint, { key: 'a' }]) },
    errors: [`metadata.annotations.${taintsKey}[1].effect: Required value`],
  },
];

const reports: ValidationCase[] = [
  {
    name: 'refuses no room to swap',
    changes: { 'status.nodeInfo': { swap: { capacity: 0 } } },
    errors: ['metadata.nodeSwapStatus.capacity: Invalid value: 0: must be greater than zero'],
  },
  {
    name: 'accepts features in order',
    subresource: 'status',
    update: { 'status.declaredFeatures': ['MyFeature', 'MyFeature/sub', 'Other'] },
  },
  {
    name: 'refuses features twice or out of order',
    subresource: 'status',
    update: { 'status.declaredFeatures': ['B', 'B', 'A'] },
    errors: [
      'status.declaredFeatures[1]: Duplicate value: "B"',
      'status.declaredFeatures[2]: Invalid value: "A": list must be sorted alphabetically',
    ],
  },
  {
    name: 'refuses a feature by a bad name',
    subresource: 'status',
    update: { 'status.declaredFeatures': ['myFeature'] },
    errors: [
      `status.declaredFeatures[0]: Invalid value: "myFeature": invalid feature name "myFeature": ${featureForm}`,
    ],
  },
  {
    name: 'refuses other ranges, one by one',
    changes: { 'spec.podCIDRs': ['10.0.0.0/24', 'fd00::/64'] },
    update: { 'spec.podCIDRs': ['fd00::/64', '10.0.0.0/24'], 'spec.podCIDR': 'fd00::/64' },
    errors: [fixedRange, fixedRange],
  },
  {
    name: 'refuses fewer ranges',
    changes: { 'spec.podCIDRs': ['10.0.0.0/24', 'fd00::/64'] },
    update: { 'spec.podCIDRs': ['10.0.0.0/24'] },
    errors: [fixedRange],
  },
];

testCases([
  {
    resource: 'nodes',
    valid: node,
    cases: [
      { name: 'accepts taints', changes: { 'spec.taints': [taint, { ...taint, effect: 'NoExecute' }] } },
      {
        name: 'refuses the same taint twice',
        changes: { 'spec.taints': [taint, { ...taint, value: 'x' }] },
        errors: [
          'metadata.taints[1]: Duplicate value: {"key":"dedicated","value":"x","effect":"NoSchedule"}: taints must be unique by key and effect pair',
        ],
      },
      {
        name: 'refuses a taint without an effect',
        changes: { 'spec.taints': [{ key: 'a' }] },
        errors: ['metadata.taints[0].effect: Required value'],
      },
      {
        name: 'refuses an effect that is none',
        changes: { 'spec.taints': [{ key: 'a', effect: 'Never' }] },
        errors: [
          'metadata.taints[0].effect: Unsupported value: "Never": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
        ],
      },
      {
        name: 'refuses a taint without a key',
        changes: { 'spec.taints': [{ effect: 'NoExecute' }] },
        errors: [
          'metadata.taints[0].key: Invalid value: "": name part must be non-empty',
          'metadata.taints[0].key: Invalid value: "": name part must consist…',
        ],
      },
      {
        name: 'refuses a taint’s value with a space',
        changes: { 'spec.taints': [{ ...taint, value: 'a b' }] },
        errors: ['metadata.taints[0].value: Invalid value: "a b": a valid label…'],
      },
      { name: 'accepts a range of each family', changes: { 'spec.podCIDRs': ['10.0.0.0/24', 'fd00::/64'] } },
      {
        name: 'refuses a range that is none',
        changes: { 'spec.podCIDRs': ['10.0.0.0'] },
        errors: ['spec.podCIDRs[0]: Invalid value: "10.0.0.0": must be a valid CIDR value…'],
      },
      {
        name: 'refuses two ranges of one family',
        changes: { 'spec.podCIDRs': ['10.0.0.0/24', '10.0.1.0/24'] },
        errors: [
          'spec.podCIDRs: Invalid value: ["10.0.0.0/24","10.0.1.0/24"]: may specify no more than one CIDR for each IP family',
        ],
      },
      {
        name: 'refuses a range twice',
        changes: { 'spec.podCIDRs': ['10.0.0.0/24', '10.0.0.0/24'] },
        errors: ['spec.podCIDRs: Invalid value: …'],
      },
      {
        name: 'refuses less than nothing of a resource',
        changes: { 'status.capacity': { memory: '-1' }, 'status.allocatable': { cpu: '1' } },
        errors: ['status.capacity.memory: Invalid value: "-1": must be greater than or equal to 0'],
      },
      {
        name: 'refuses half a device',
        changes: { 'status.capacity': { 'example.com/gpu': '500m' }, 'status.allocatable': { cpu: '1' } },
        errors: ['status.capacity.example.com/gpu: Invalid value: "500m": must be an integer'],
      },
      { name: 'accepts a range where there was none', update: { 'spec.podCIDR': '10.0.0.0/24' } },
      {
        name: 'refuses another range',
        changes: { 'spec.podCIDR': '10.0.0.0/24' },
        update: { 'spec.podCIDR': '10.0.1.0/24', 'spec.podCIDRs': ['10.0.1.0/24'] },
        errors: [fixedRange],
      },
      {
        name: 'refuses another provider',
        changes: { 'spec.providerID': 'a://1' },
        update: { 'spec.providerID': 'a://2' },
        errors: ['spec.providerID: Forbidden: node updates may not change providerID except from "" to valid'],
      },
      {
        name: 'refuses an identifier from outside',
        update: { 'spec.externalID': 'x' },
        errors: ['spec.externalID: Forbidden: may not be updated'],
      },
      {
        name: 'refuses a bad taint in an update, twice as upstream',
        update: { 'spec.taints': [{ key: 'a' }] },
        errors: ['metadata.taints[0].effect: Required value', 'metadata.taints[0].effect: Required value'],
      },
      {
        name: 'drops where the kubelet’s configuration is',
        changes: { 'spec.configSource': { configMap: { name: '' } } },
      },
      {
        name: 'accepts addresses',
        subresource: 'status',
        update: {
          'status.addresses': [
            { type: 'InternalIP', address: '10.0.0.1' },
            { type: 'Hostname', address: '10.0.0.1' },
          ],
        },
      },
      {
        name: 'refuses an address twice',
        subresource: 'status',
        update: {
          'status.addresses': [
            { type: 'InternalIP', address: '1.1.1.1' },
            { type: 'InternalIP', address: '1.1.1.1' },
          ],
        },
        errors: ['status.addresses[1]: Duplicate value: {"type":"InternalIP","address":"1.1.1.1"}'],
      },
      {
        name: 'refuses a bad amount in a report',
        subresource: 'status',
        update: { 'status.allocatable': { cpu: '-1' } },
        errors: ['status.allocatable.cpu: Invalid value: "-1": must be greater than or equal to 0'],
      },
      ...annotations,
      ...reports,
    ],
  },
  {
    resource: 'namespaces',
    valid: { metadata: { name: 'team' } },
    cases: [
      {
        name: 'refuses a name with a dot',
        changes: { 'metadata.name': 'a.b' },
        errors: ['metadata.name: Invalid value: "a.b": must not contain dots'],
      },
      {
        name: 'refuses a finalizer without a domain',
        changes: { 'spec.finalizers': ['mine'] },
        errors: [
          'spec.finalizers: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified',
        ],
      },
      {
        name: 'refuses that it ends before it is deleted',
        subresource: 'status',
        update: { 'status.phase': 'Terminating' },
        errors: ['status.Phase: Invalid value: "Terminating": may only be \'Active\' if `deletionTimestamp` is empty'],
      },
      {
        name: 'refuses a bad finalizer when it ends',
        changes: { 'metadata.name': 'other' },
        subresource: 'finalize',
        update: { 'spec.finalizers': ['mine'] },
        errors: [
          'spec.finalizers[0]: Invalid value: "mine": name is neither a standard finalizer name nor is it fully qualified',
        ],
      },
    ],
  },
]);

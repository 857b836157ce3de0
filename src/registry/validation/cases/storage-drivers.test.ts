/** Storage classes, attachments, and what CSI drivers say: case by case as upstream tests them. */
import type { JsonObject } from '../../../api/object.ts';
import { testCases } from './testing.ts';

const group = 'storage.k8s.io';
const subdomain = 'a lowercase RFC 1123 subdomain must consist…';
const kilobytes256 = 256 * 1024;
const inline = { accessModes: ['ReadWriteOnce'], csi: { driver: 'com.test.foo', volumeHandle: 'foobar' } };
const keyed = (count: number): JsonObject =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, 'v']));
const driver = (fields: JsonObject): JsonObject => ({
  name: 'io.kubernetes.storage.csi.driver',
  nodeID: 'nodeA',
  topologyKeys: ['company.com/zone1', 'company.com/zone2'],
  ...fields,
});
const at = 'spec.drivers[0]';
const source = 'spec.source';
const exactlyOne = 'must specify exactly one of inlineVolumeSpec and persistentVolumeName';
const topology = (...terms: readonly (readonly [string, ...string[]])[]): JsonObject[] =>
  terms.map(([key, ...values]) => ({ matchLabelExpressions: [{ key, values }] }));

testCases([
  {
    resource: `storageclasses.${group}`,
    valid: { metadata: { name: 'foo' }, provisioner: 'kubernetes.io/foo-provisioner' },
    cases: [
      {
        name: 'accepts parameters of any form',
        changes: {
          parameters: { 'kubernetes.io/foo-parameter': 'free/form/string', 'foo parameter!': '{"embedded": "json"}' },
        },
      },
      { name: 'accepts to retain', changes: { reclaimPolicy: 'Retain' } },
      { name: 'accepts 512 parameters', changes: { parameters: keyed(512) } },
      {
        name: 'refuses 513 parameters',
        changes: { parameters: keyed(513) },
        errors: ['parameters: Too long: may not be more than 512 bytes'],
      },
      {
        name: 'refuses a time of binding that is none, in an empty text, too',
        changes: { volumeBindingMode: '' },
        errors: ['volumeBindingMode: Unsupported value: "": supported values: "Immediate", "WaitForFirstConsumer"'],
      },
      {
        name: 'accepts to wait, and places',
        changes: {
          volumeBindingMode: 'WaitForFirstConsumer',
          allowedTopologies: topology(
            ['failure-domain.beta.kubernetes.io/zone', 'zone1'],
            ['kubernetes.io/hostname', 'node1'],
          ),
        },
      },
      {
        name: 'refuses a value of a place twice',
        changes: { allowedTopologies: topology(['zone', 'a', 'a']) },
        errors: ['allowedTopologies[0].matchLabelExpressions[0].values[1]: Duplicate value: "a"'],
      },
      {
        name: 'refuses a key of a place twice, and one that is none',
        changes: {
          allowedTopologies: [
            {
              matchLabelExpressions: [
                { key: 'z', values: ['a'] },
                { key: 'z', values: ['b'] },
              ],
            },
            { matchLabelExpressions: [{ key: '/invalidKey', values: ['a'] }] },
          ],
        },
        errors: [
          'allowedTopologies[0].matchLabelExpressions[1].key: Duplicate value: "z"',
          'allowedTopologies[1].matchLabelExpressions[0].key: Invalid value: "/invalidKey": prefix part must be non-empty',
        ],
      },
      {
        name: 'refuses places that are said twice, in whatever order',
        changes: {
          allowedTopologies: [
            {
              matchLabelExpressions: [
                { key: 'zone', values: ['z1', 'z2'] },
                { key: 'host', values: ['n1'] },
              ],
            },
            {
              matchLabelExpressions: [
                { key: 'host', values: ['n1'] },
                { key: 'zone', values: ['z2', 'z1'] },
              ],
            },
          ],
        },
        errors: ['allowedTopologies[1].matchLabelExpressions: Duplicate value: ""'],
      },
      {
        name: 'accepts places that differ in one value',
        changes: { allowedTopologies: topology(['host', 'n1', 'n2'], ['host', 'n1', 'n3']) },
      },
      {
        name: 'refuses a place without values, and one of nothing',
        changes: { allowedTopologies: [...topology(['zone']), { matchLabelExpressions: [] }] },
        errors: [
          'allowedTopologies[0].matchLabelExpressions[0].values: Required value',
          'allowedTopologies[1].matchLabelExpressions: Duplicate value: ""',
          'allowedTopologies[1].matchLabelExpressions: Duplicate value: ""',
        ],
      },
      {
        name: 'refuses another provisioner',
        update: { provisioner: 'kubernetes.io/other' },
        errors: ['provisioner: Invalid value: "kubernetes.io/other": field is immutable'],
      },
      { name: 'accepts other places', update: { allowedTopologies: topology(['zone', 'a']) } },
    ],
  },
  {
    resource: `volumeattributesclasses.${group}`,
    valid: { metadata: { name: 'foo' }, driverName: 'test-driver', parameters: { a: 'b' } },
    cases: [
      {
        name: 'refuses a driver without a name, and no parameters',
        changes: { driverName: '', parameters: {} },
        errors: ['driverName: Required value', 'parameters: Required value: must contain at least one key/value pair'],
      },
      {
        name: 'refuses a driver by a bad name, and a parameter without one',
        changes: { driverName: 'invalid/driver/name', parameters: { '': 'value' } },
        errors: [
          'driverName: Invalid value: "invalid/driver/name": a valid label key…',
          'parameters: Invalid value: "": field can not be empty.',
        ],
      },
      {
        name: 'refuses one parameter more, and one less',
        update: { parameters: { a: 'b', c: 'd' } },
        errors: ['parameters: Forbidden: updates to parameters are forbidden.'],
      },
    ],
  },
  {
    resource: `volumeattachments.${group}`,
    valid: {
      metadata: { name: 'foo' },
      spec: { attacher: 'myattacher', nodeName: 'mynode', source: { persistentVolumeName: 'pv-name' } },
    },
    cases: [
      { name: 'accepts a driver in capitals', changes: { 'spec.attacher': 'My.Attacher' } },
      {
        name: 'refuses no node',
        changes: { 'spec.nodeName': '' },
        errors: [`spec.nodeName: Invalid value: "": ${subdomain}`],
      },
      {
        name: 'refuses a driver with too long a name',
        changes: { 'spec.attacher': 'a'.repeat(64) },
        errors: ['spec.attacher: Too long: may not be more than 63 bytes'],
      },
      {
        name: 'refuses a volume without a name',
        changes: { [source]: { persistentVolumeName: '' } },
        errors: [
          `${source}.persistentVolumeName: Required value: must specify non empty persistentVolumeName`,
          `${source}.persistentVolumeName: Invalid value: "": ${subdomain}`,
        ],
      },
      {
        name: 'refuses two volumes',
        changes: { [source]: { persistentVolumeName: 'pv-name', inlineVolumeSpec: inline } },
        errors: [`${source}: Forbidden: ${exactlyOne}`],
      },
      {
        name: 'forgets a status that comes with a new one',
        changes: { status: { attached: true, detachError: { message: 'a'.repeat(1025) } } },
      },
      {
        name: 'refuses another driver, volume, and kind of volume',
        update: { 'spec.attacher': 'another', [source]: { inlineVolumeSpec: inline } },
        errors: ['spec: Invalid value: {…'],
      },
      {
        name: 'accepts codes and texts of errors',
        subresource: 'status',
        update: {
          status: { attached: true, attachmentMetadata: { foo: 'bar' }, attachError: { message: 'a', errorCode: 7 } },
        },
      },
      {
        name: 'refuses a code below zero',
        subresource: 'status',
        update: { 'status.attachError': { message: 'hello world', errorCode: -1 } },
        errors: ['status.attachError.errorCode: Invalid value: -1: must be between 0 and 2147483647, inclusive'],
      },
      {
        name: 'refuses too much to remember, and too much of an error',
        subresource: 'status',
        update: {
          status: {
            attached: true,
            attachmentMetadata: { foo: 'a'.repeat(kilobytes256) },
            detachError: { message: 'a'.repeat(1025) },
          },
        },
        errors: [
          'status.attachmentMetadata: Too long: may not be more than 262144 bytes',
          'status.detachError.message: Too long: may not be more than 262144 bytes',
        ],
      },
    ],
  },
  {
    resource: `csidrivers.${group}`,
    valid: { metadata: { name: 'driver1.io' }, spec: { volumeLifecycleModes: ['Persistent'] } },
    cases: [
      {
        name: 'accepts each mode, and one twice',
        changes: { 'spec.volumeLifecycleModes': ['Ephemeral', 'Persistent', 'Ephemeral'] },
      },
      { name: 'accepts each way to hand files to a group', changes: { 'spec.fsGroupPolicy': 'File' } },
      {
        name: 'refuses a way that is none',
        changes: { 'spec.fsGroupPolicy': 'other' },
        errors: [
          'spec.fsGroupPolicy: Unsupported value: "other": supported values: "File", "None", "ReadWriteOnceWithFSType"',
        ],
      },
      {
        name: 'refuses a name that is none',
        changes: { 'metadata.name': 'Driver1.io' },
        errors: [`metadata.name: Invalid value: "Driver1.io": ${subdomain}`],
      },
      { name: 'accepts one audience without a name', changes: { 'spec.tokenRequests': [{}, { audience: 'gcp' }] } },
      {
        name: 'refuses two without a name',
        changes: { 'spec.tokenRequests': [{ audience: '' }, { audience: '' }] },
        errors: ['spec.tokenRequests[1].audience: Duplicate value: ""'],
      },
      {
        name: 'refuses a token for more than 2^32 seconds',
        changes: { 'spec.tokenRequests': [{ audience: 'a', expirationSeconds: 2 ** 32 + 1 }] },
        errors: [
          'spec.tokenRequests[0].expirationSeconds: Invalid value: 4294967297: may not specify a duration larger than 2^32 seconds',
        ],
      },
      { name: 'accepts to report every ten seconds', changes: { 'spec.nodeAllocatableUpdatePeriodSeconds': 10 } },
      {
        name: 'accepts other words on pods, capacity, groups and tokens',
        update: {
          'spec.podInfoOnMount': true,
          'spec.storageCapacity': true,
          'spec.fsGroupPolicy': 'None',
          'spec.requiresRepublish': true,
          'spec.tokenRequests': [{ audience: 'a' }],
        },
      },
      {
        name: 'refuses other modes',
        update: { 'spec.volumeLifecycleModes': ['Persistent', 'Ephemeral'] },
        errors: ['spec.volumeLifecycleModes: Invalid value: ["Persistent","Ephemeral"]: field is immutable'],
      },
    ],
  },
  {
    resource: `csinodes.${group}`,
    valid: { metadata: { name: 'foo' }, spec: { drivers: [driver({})] } },
    cases: [
      { name: 'accepts no drivers', changes: { spec: { drivers: [] } } },
      { name: 'accepts a driver in capitals', changes: { [at]: driver({ name: 'io.Kubernetes.Storage.CSI.driver' }) } },
      { name: 'accepts no places, and no limit', changes: { [at]: driver({ topologyKeys: [], allocatable: {} }) } },
      { name: 'accepts no volumes at all', changes: { [at]: driver({ allocatable: { count: 0 } }) } },
      { name: 'accepts a node by 256 letters', changes: { [at]: driver({ nodeID: 'a'.repeat(256) }) } },
      {
        name: 'refuses a node by 257 letters',
        changes: { [at]: driver({ nodeID: 'a'.repeat(257) }) },
        errors: [`${at}.nodeID: Invalid value: "${'a'.repeat(257)}": must be 256 characters or less`],
      },
      {
        name: 'refuses a driver without a name, and one by a bad name',
        changes: { 'spec.drivers': [driver({ name: '' }), driver({ name: '_io.kubernetes' })] },
        errors: [`${at}.name: Required value`, `spec.drivers[1].name: Invalid value: "_io.kubernetes": ${subdomain}`],
      },
      {
        name: 'refuses a driver twice, without a node, and with fewer volumes than none',
        changes: {
          'spec.drivers': [driver({ name: 'a' }), driver({ name: 'a', nodeID: '', allocatable: { count: -1 } })],
        },
        errors: [
          'spec.drivers[1].nodeID: Required value',
          'spec.drivers[1].allocatable.count: Invalid value: -1: must be greater than or equal to 0',
          'spec.drivers[1].name: Duplicate value: "a"',
        ],
      },
      {
        name: 'refuses a place whose prefix is in capitals',
        changes: { [at]: driver({ topologyKeys: ['Company.Com/zone1'] }) },
        errors: [`${at}: Invalid value: "Company.Com/zone1": prefix part…`],
      },
      {
        name: 'refuses places without a key, twice, and by a bad one',
        changes: { [at]: driver({ topologyKeys: ['', 'company.com/zone1', 'company.com/zone1', '/x'] }) },
        errors: [
          `${at}: Required value`,
          `${at}: Invalid value: "": name part must be non-empty`,
          `${at}: Invalid value: "": name part must consist…`,
          `${at}: Duplicate value: "company.com/zone1"`,
          `${at}: Invalid value: "/x": prefix part must be non-empty`,
        ],
      },
      { name: 'accepts that a driver goes and another comes', update: { 'spec.drivers': [driver({ name: 'b.io' })] } },
      {
        name: 'refuses other places of the same driver',
        update: { [`${at}.topologyKeys`]: ['company.com/zone1'] },
        errors: ['spec.drivers: Invalid value: {…'],
      },
    ],
  },
  {
    resource: `csistoragecapacities.${group}`,
    valid: { metadata: { name: 'csc-329803da' }, storageClassName: 'csi-sc' },
    cases: [
      { name: 'accepts a place and space', changes: { nodeTopology: { matchLabels: { a: 'b' } }, capacity: '100M' } },
      { name: 'accepts no space', changes: { capacity: '0' } },
      {
        name: 'refuses a class that is none, and a place that cannot be read',
        changes: { storageClassName: '-sc', nodeTopology: { matchExpressions: [{ key: 'a', operator: 'In' }] } },
        errors: [
          "nodeTopology.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
          `storageClassName: Invalid value: "-sc": ${subdomain}`,
        ],
      },
      {
        name: 'refuses another place',
        changes: { nodeTopology: { matchLabels: { a: 'b' } } },
        update: { nodeTopology: { matchLabels: { a: 'c' } } },
        errors: ['nodeTopology: Invalid value: {"matchLabels":{"a":"c"}}: field is immutable'],
      },
      {
        name: 'accepts other space',
        changes: { capacity: '1Gi' },
        update: { capacity: '2Gi', maximumVolumeSize: '1Gi' },
      },
    ],
  },
]);

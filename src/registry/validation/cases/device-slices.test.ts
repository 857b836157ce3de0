/** ResourceSlices, case by case as upstream tests them: where devices are, what they are, what they share. */
import type { JsonObject } from '../../../api/object.ts';
import { type CaseTable, testCases, type ValidationCase } from './testing.ts';

const dns1123 = 'a lowercase RFC 1123 subdomain must consist…';
const label = 'a lowercase RFC 1123 label must consist…';
const identifier = 'a valid C identifier must start with…';
const many = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));
const device = (name: string, fields: JsonObject = {}): JsonObject => ({ name, ...fields });
const keyed = (count: number, prefix: string, value: JsonObject): JsonObject =>
  Object.fromEntries(many(count, (index) => [`${prefix}${index}`, value]));
const tooMany = (path: string, count: number, most: number): string =>
  `${path}: Too many: ${count}: must have at most ${most} items`;

const at = 'spec.devices[0]';
const one = 'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required';
const onNode = { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['worker'] }] }] };
const counters = { memory: { value: '1Gi' } };

const places: readonly ValidationCase[] = [
  {
    name: 'refuses a node and a pool that are none',
    changes: { 'spec.nodeName': '!', 'spec.pool.name': '!/!' },
    errors: [
      `spec.pool.name: Invalid value: "!": ${dns1123}`,
      `spec.pool.name: Invalid value: "!": ${dns1123}`,
      `spec.nodeName: Invalid value: "!": ${dns1123}`,
    ],
  },
  {
    name: 'refuses a pool with too long a name, without slices and before its time',
    changes: { 'spec.pool': { name: `${'x/'.repeat(126)}xy`, resourceSliceCount: 0, generation: -1 } },
    errors: [
      'spec.pool.name: Too long: may not be more than 253 bytes',
      'spec.pool.resourceSliceCount: Invalid value: 0: must be greater than zero',
      'spec.pool.generation: Invalid value: -1: must be greater than or equal to zero',
    ],
  },
  {
    name: 'refuses a pool without a name',
    changes: { 'spec.pool.name': '' },
    errors: ['spec.pool.name: Required value'],
  },
  {
    name: 'refuses a selector of no nodes, in two ways',
    changes: { 'spec.nodeName': undefined, 'spec.nodeSelector': { nodeSelectorTerms: [] } },
    errors: [
      'spec.nodeSelector.nodeSelectorTerms: Required value: must have at least one node selector term',
      'spec.nodeSelector.nodeSelectorTerms: Invalid value: []: must have exactly one node selector term',
    ],
  },
  {
    name: 'refuses a node and a selector',
    changes: { 'spec.nodeSelector': onNode },
    errors: [`spec: Invalid value: "{\`nodeName\`, \`nodeSelector\`}": ${one}, but multiple fields are set`],
  },
  {
    name: 'refuses places that are not said, but not left out either',
    changes: { 'spec.nodeName': '', 'spec.allNodes': false, 'spec.perDeviceNodeSelection': false },
    errors: [
      'spec.nodeName: Invalid value: "": must be either unset or set to a non-empty string',
      'spec.allNodes: Invalid value: false: must be either unset or set to true',
      'spec.perDeviceNodeSelection: Invalid value: false: must be either unset or set to true',
      `spec: Required value: ${one}`,
    ],
  },
  {
    name: 'accepts devices that each say where',
    changes: {
      'spec.nodeName': undefined,
      'spec.perDeviceNodeSelection': true,
      'spec.devices': [
        device('a', { nodeName: 'worker' }),
        device('b', { nodeSelector: onNode }),
        device('c', { allNodes: true }),
      ],
    },
  },
  {
    name: 'refuses devices that say so nowhere, badly, and twice',
    changes: {
      'spec.nodeName': undefined,
      'spec.perDeviceNodeSelection': true,
      'spec.devices': [
        device('a'),
        device('b', { nodeName: '' }),
        device('c', { allNodes: false }),
        device('d', { nodeName: 'worker', allNodes: true }),
      ],
    },
    errors: [
      'spec.devices[0]: Required value: exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required…',
      'spec.devices[1].nodeName: Invalid value: "": must not be empty',
      'spec.devices[1]: Required value: exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required…',
      'spec.devices[2].allNodes: Invalid value: false: must be either unset or set to true',
      'spec.devices[2]: Required value: exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required…',
      'spec.devices[3]: Invalid value: "{`nodeName`, `allNodes`}": exactly one of `nodeName`, `nodeSelector`, or…',
    ],
  },
  {
    name: 'refuses another pool, driver and node',
    update: { 'spec.pool.name': 'other', 'spec.driver': 'other.example.com', 'spec.nodeName': 'other' },
    errors: [
      'spec.pool.name: Invalid value: "other": field is immutable',
      'spec.driver: Invalid value: "other.example.com": field is immutable',
      'spec.nodeName: Invalid value: "other": field is immutable',
    ],
  },
  {
    name: 'accepts other devices and a new generation',
    update: { 'spec.pool.generation': 1, 'spec.devices': [device('b')] },
  },
];

const attributed = (attributes: JsonObject): JsonObject => ({ [`${at}.attributes`]: attributes });
const tainted = { taints: [{ key: 'example.com/taint', effect: 'NoExecute' }] };
const conditions = (count: number): string[] => many(count, (index) => `c-${index}`);

const attributes: readonly ValidationCase[] = [
  {
    name: 'refuses a device that is none',
    changes: { 'spec.devices': [device('!')] },
    errors: [`${at}.name: Invalid value: "!": ${label}`],
  },
  {
    name: 'accepts names as long as they may be',
    changes: attributed({
      ['x'.repeat(32)]: { string: 'y' },
      [`${'x'.repeat(63)}/${'y'.repeat(32)}`]: { string: 'z' },
    }),
  },
  {
    name: 'refuses a name that is none, of nothing',
    changes: attributed({ '!': {} }),
    errors: [
      `${at}.attributes: Invalid value: "!": ${identifier}`,
      `${at}.attributes[!]: Invalid value: "": exactly one value must be specified`,
    ],
  },
  {
    name: 'refuses domains and names that are too long',
    changes: attributed({ [`${'_'.repeat(64)}/${'.'.repeat(33)}`]: { int: 1 } }),
    errors: [
      `${at}.attributes: Too long: may not be more than 63 bytes`,
      `${at}.attributes: Invalid value: "${'_'.repeat(64)}": ${dns1123}`,
      `${at}.attributes: Too long: may not be more than 32 bytes`,
      `${at}.attributes: Invalid value: "${'.'.repeat(33)}": ${identifier}`,
    ],
  },
  {
    name: 'refuses an empty domain and an empty name',
    changes: attributed({ '/': { int: 1 } }),
    errors: [
      `${at}.attributes: Invalid value: "": the domain must not be empty`,
      `${at}.attributes: Invalid value: "": the name must not be empty`,
    ],
  },
  { name: 'lets a name with two slashes pass, as upstream does', changes: attributed({ 'a/b/c': { int: 1 } }) },
  {
    name: 'refuses texts and versions that are too long',
    changes: attributed({ text: { string: 'x'.repeat(65) }, version: { version: 'x'.repeat(65) } }),
    errors: [
      `${at}.attributes[text].string: Too long: may not be more than 64 bytes`,
      `${at}.attributes[version].version: Invalid value: "${'x'.repeat(65)}": must be a string compatible with semver.org spec 2.0.0`,
      `${at}.attributes[version].version: Too long: may not be more than 64 bytes`,
    ],
  },
  {
    name: 'tells of a good version only that it is too long',
    changes: attributed({ version: { version: `1.0.0-${'x'.repeat(300)}` } }),
    errors: [`${at}.attributes[version].version: Too long: may not be more than 64 bytes`],
  },
  { name: 'accepts versions with all their parts', changes: attributed({ v: { version: '1.2.3-rc.1+build.05' } }) },
  {
    name: 'refuses a version before which zeros stand',
    changes: attributed({ v: { version: '1.2.3-01' } }),
    errors: [`${at}.attributes[v].version: Invalid value: "1.2.3-01": must be a string…`],
  },
  {
    name: 'accepts 32 attributes',
    changes: { ...attributed(keyed(32, 'a', { int: 1 })), [`${at}.capacity`]: undefined },
  },
  {
    name: 'refuses 32 attributes and a capacity',
    changes: { ...attributed(keyed(32, 'a', { int: 1 })), [`${at}.capacity`]: { c: { value: '1' } } },
    errors: [`${at}: Invalid value: 33: the total number of attributes and capacities must not exceed 32`],
  },
  { name: 'accepts 128 devices', changes: { 'spec.devices': many(128, (index) => device(`d${index}`)) } },
  {
    name: 'accepts 64 tainted devices',
    changes: { 'spec.devices': many(64, (index) => device(`d${index}`, tainted)) },
  },
  {
    name: 'refuses 65 where one is tainted',
    changes: { 'spec.devices': [device('t', tainted), ...many(64, (index) => device(`d${index}`))] },
    errors: [tooMany('spec.devices', 65, 64)],
  },
  {
    name: 'refuses more taints than 16',
    changes: { [`${at}.taints`]: many(17, (index) => ({ key: `k${index}`, effect: 'None' })) },
    errors: [tooMany(`${at}.taints`, 17, 16)],
  },
  {
    name: 'refuses taints whose parts are none',
    changes: {
      [`${at}.taints`]: [
        { key: '', effect: '' },
        { key: 'a', value: 'b c', effect: 'some-other-op' },
      ],
    },
    errors: [
      `${at}.taints[0].key: Invalid value: "": name part must be non-empty`,
      `${at}.taints[0].key: Invalid value: "": name part must consist…`,
      `${at}.taints[0].effect: Required value`,
      `${at}.taints[1].value: Invalid value: "b c": a valid label must be…`,
      `${at}.taints[1].effect: Unsupported value: "some-other-op": supported values: "NoExecute", "NoSchedule", "None"`,
    ],
  },
  {
    name: 'refuses more conditions of a kind than four',
    changes: { [`${at}.bindingConditions`]: conditions(5), [`${at}.bindingFailureConditions`]: ['f'] },
    errors: [tooMany(`${at}.bindingConditions`, 5, 4)],
  },
  {
    name: 'refuses conditions that are none, and failures without them',
    changes: { [`${at}.bindingFailureConditions`]: ['a b'] },
    errors: [
      `${at}.bindingFailureConditions[0]: Invalid value: "a b": name part must consist…`,
      `${at}.bindingConditions: Invalid value: null: bindingConditions are required to use bindingFailureConditions`,
    ],
  },
  {
    name: 'refuses counters beside devices',
    changes: { 'spec.sharedCounters': [{ name: 'set', counters }] },
    errors: ['spec: Invalid value: "": only one of `sharedCounters` or `devices` is allowed'],
  },
  {
    name: 'accepts two sets to take from',
    changes: { [`${at}.consumesCounters`]: many(2, (index) => ({ counterSet: `set-${index}`, counters })) },
  },
  {
    name: 'refuses three sets to take from',
    changes: { [`${at}.consumesCounters`]: many(3, (index) => ({ counterSet: `set-${index}`, counters })) },
    errors: [tooMany(`${at}.consumesCounters`, 3, 2)],
  },
  {
    name: 'refuses to take from no set, of no counter, and twice from one',
    changes: {
      [`${at}.consumesCounters`]: [
        { counterSet: '', counters: {} },
        { counterSet: '', counters: { A: { value: '1' } } },
      ],
    },
    errors: [
      `${at}.consumesCounters[0].counterSet: Required value`,
      `${at}.consumesCounters[0].counters: Required value`,
      `${at}.consumesCounters[1].counterSet: Required value`,
      `${at}.consumesCounters[1].counters: Invalid value: "A": ${label}`,
    ],
  },
  {
    name: 'refuses to take twice from one set',
    changes: { [`${at}.consumesCounters`]: many(2, () => ({ counterSet: 'set', counters })) },
    errors: [`${at}.consumesCounters[1]: Duplicate value: "set"`],
  },
];

const policy = `${at}.capacity[c].requestPolicy`;
const [values, range] = [`${policy}.validValues`, `${policy}.validRange`];
const portions = (requestPolicy: JsonObject, value = '10Gi'): JsonObject => ({
  [`${at}.allowMultipleAllocations`]: true,
  [`${at}.capacity`]: { c: { value, requestPolicy } },
});

const capacities: readonly ValidationCase[] = [
  { name: 'accepts a usual portion and no others', changes: portions({ default: '1Gi' }) },
  {
    name: 'accepts portions between bounds',
    changes: portions({ default: '1Gi', validRange: { min: '1Gi', max: '10Gi', step: '1Gi' } }),
  },
  { name: 'accepts a list of portions', changes: portions({ default: '1Gi', validValues: ['1Gi', '10Gi'] }) },
  {
    name: 'refuses bounds without a usual portion',
    changes: portions({ validRange: { min: '1Gi' } }),
    errors: [`${policy}.default: Required value: required when validRange is defined`],
  },
  {
    name: 'refuses bounds that begin nowhere',
    changes: portions({ default: '1Gi', validRange: {} }),
    errors: [`${range}.min: Required value: required when validRange is defined`],
  },
  {
    name: 'refuses a list and bounds',
    changes: portions({ default: '1Gi', validValues: ['1Gi'], validRange: { min: '1Gi' } }),
    errors: [
      `${policy}: Forbidden: exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time`,
    ],
  },
  {
    name: 'refuses a portion of more than all, and a usual one that is not among them',
    changes: portions({ default: '1Gi', validValues: ['20Gi'] }),
    errors: [
      `${values}[0]: Invalid value: "20Gi": option is larger than capacity value: 10Gi`,
      `${values}: Invalid value: "1Gi": default value is not valid according to the requestPolicy`,
    ],
  },
  {
    name: 'refuses a portion twice, however it is written',
    changes: portions({ default: '1Ki', validValues: ['1Ki', '1024'] }),
    errors: [`${values}[1]: Duplicate value: "1024"`],
  },
  {
    name: 'refuses portions out of order',
    changes: portions({ default: '1Gi', validValues: ['2Gi', '1Gi'] }),
    errors: [`${values}[1]: Invalid value: "1Gi": values must be sorted in ascending order`],
  },
  {
    name: 'refuses more portions than ten',
    changes: portions({ default: '1', validValues: many(11, (index) => String(index + 1)) }),
    errors: [
      tooMany(values, 11, 10),
      `${values}: Invalid value: "1": default value is not valid according to the requestPolicy`,
    ],
  },
  {
    name: 'refuses bounds that cross, where the broken bound is',
    changes: portions({ default: '2Gi', validRange: { min: '20Gi', max: '1Gi' } }),
    errors: [
      `${range}.min: Invalid value: "20Gi": min is larger than capacity value: 10Gi`,
      `${range}.min: Invalid value: "2Gi": default is less than min: 20Gi`,
      `${range}.max: Invalid value: "20Gi": min is larger than max: 1Gi`,
      `${range}.max: Invalid value: "2Gi": default is more than max: 1Gi`,
    ],
  },
  {
    name: 'refuses bounds beyond all that there is',
    changes: portions({ default: '1Gi', validRange: { min: '1Gi', max: '20Gi' } }),
    errors: [`${range}.max: Invalid value: "20Gi": max is larger than capacity value: 10Gi`],
  },
  {
    name: 'refuses steps that miss the usual portion and the end',
    changes: portions({ default: '2Gi', validRange: { min: '1Gi', max: '10Gi', step: '2Gi' } }),
    errors: [
      `${range}.step: Invalid value: "2Gi": value is not a multiple of a given step (2Gi) from (1Gi)`,
      `${range}.step: Invalid value: "10Gi": value is not a multiple of a given step (2Gi) from (1Gi)`,
    ],
  },
  {
    name: 'refuses a step beyond all',
    changes: portions({ default: '1Gi', validRange: { min: '1Gi', step: '10Gi' } }),
    errors: [`${range}.step: Invalid value: "10Gi": one step 11Gi is larger than capacity value: 10Gi`],
  },
  {
    name: 'refuses steps that lead nowhere',
    changes: portions({ default: '1Gi', validRange: { min: '1Gi', step: '0' } }),
    errors: [`${range}.step: Invalid value: "0": must be greater than zero`],
  },
];

const slice = (fields: JsonObject): JsonObject => ({
  metadata: { name: 's' },
  spec: { nodeName: 'n', driver: 'test.example.com', pool: { name: 'n', resourceSliceCount: 1 }, ...fields },
});
const ofDevices: CaseTable = {
  resource: 'resourceslices.resource.k8s.io',
  valid: slice({
    devices: [device('device-0', { attributes: { int: { int: 42 } }, capacity: { memory: { value: '1Gi' } } })],
  }),
  cases: [...places, ...attributes, ...capacities],
};
const sets = 'spec.sharedCounters';
const ofCounters: CaseTable = {
  resource: 'resourceslices.resource.k8s.io',
  valid: slice({ sharedCounters: [{ name: 'set', counters }] }),
  cases: [
    { name: 'accepts eight sets', changes: { [sets]: many(8, (index) => ({ name: `set-${index}`, counters })) } },
    {
      name: 'refuses nine sets',
      changes: { [sets]: many(9, (index) => ({ name: `set-${index}`, counters })) },
      errors: [tooMany(sets, 9, 8)],
    },
    {
      name: 'refuses a set twice',
      changes: { [sets]: many(2, () => ({ name: 'set', counters })) },
      errors: [`${sets}[1]: Duplicate value: "set"`],
    },
    {
      name: 'refuses sets without a name, by a bad name, and of nothing',
      changes: {
        [sets]: [
          { name: '', counters },
          { name: 'InvalidKey', counters: {} },
        ],
      },
      errors: [
        `${sets}[0].name: Required value`,
        `${sets}[1].name: Invalid value: "InvalidKey": ${label}`,
        `${sets}[1].counters: Required value`,
      ],
    },
    {
      name: 'refuses more counters than 32',
      changes: { [sets]: [{ name: 'set', counters: keyed(33, 'c', { value: '1' }) }] },
      errors: [tooMany(`${sets}[0].counters`, 33, 32)],
    },
  ],
};

testCases([ofDevices, ofCounters]);

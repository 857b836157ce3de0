/** ResourceClaims, their templates and their statuses, and DeviceClasses: case by case as upstream tests them. */
import type { JsonObject } from '../../../api/object.ts';
import { testCases, type ValidationCase } from './testing.ts';

const group = 'resource.k8s.io';
const dns1123 = 'a lowercase RFC 1123 subdomain must consist…';
const label = 'a lowercase RFC 1123 label must consist…';
const request = (name: string, fields: JsonObject = {}): JsonObject => ({
  name,
  exactly: { deviceClassName: 'class', ...fields },
});
const alternative = (name: string, fields: JsonObject = {}): JsonObject => ({
  name,
  deviceClassName: 'class',
  allocationMode: 'All',
  ...fields,
});
const alternatives = (...list: readonly JsonObject[]): JsonObject => ({
  'spec.devices.requests': [{ name: 'req-0', firstAvailable: [...list] }],
});
const many = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));
const opaque = { driver: 'dra.example.com', parameters: { kind: 'foo', apiVersion: 'dra.example.com/v1' } };
const match = { requests: ['req-0'], matchAttribute: 'foo/bar' };
const selector = { cel: { expression: 'true' } };
const unknown = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";
const needsDomain = 'a fully qualified name must be a domain and a name separated by a slash';
const tooMany = (path: string, count: number, most: number): string =>
  `${path}: Too many: ${count}: must have at most ${most} items`;

const devices = 'spec.devices';
const exactly = `${devices}.requests[0].exactly`;
const first = `${devices}.requests[0].firstAvailable[0]`;
const attribute = `${devices}.constraints[0].matchAttribute`;
const driver = `${devices}.config[0].opaque.driver`;
const parameters = `${devices}.config[0].opaque.parameters`;

const matching = (name: string): JsonObject => ({
  [`${devices}.constraints`]: [{ requests: ['req-0'], matchAttribute: name }],
});
const configured = (fields: JsonObject): JsonObject => ({
  [`${devices}.config`]: [{ opaque: { ...opaque, ...fields } }],
});
const tolerating = (fields: JsonObject): JsonObject => ({
  [`${exactly}.tolerations`]: [{ operator: 'Exists', ...fields }],
});

const spec: readonly ValidationCase[] = [
  {
    name: 'accepts as many of everything as there may be',
    changes: {
      [`${devices}.requests`]: many(32, (index) => request(`req-${index}`, { selectors: many(32, () => selector) })),
      [`${devices}.constraints`]: many(32, () => match),
      [`${devices}.config`]: many(32, () => ({ opaque })),
    },
  },
  {
    name: 'refuses one more of everything',
    changes: {
      [`${devices}.requests`]: many(33, (index) => request(`req-${index}`)),
      [`${devices}.constraints`]: many(33, () => match),
      [`${devices}.config`]: many(33, () => ({ opaque })),
    },
    errors: ['requests', 'constraints', 'config'].map((field) => tooMany(`${devices}.${field}`, 33, 32)),
  },
  {
    name: 'refuses one selector more',
    changes: { [`${exactly}.selectors`]: many(33, () => selector) },
    errors: [tooMany(`${exactly}.selectors`, 33, 32)],
  },
  {
    name: 'refuses a request and its alternatives at once',
    changes: { [`${devices}.requests[0].firstAvailable`]: [alternative('a')] },
    errors: [
      `${devices}.requests[0]: Invalid value: null: exactly one of \`exactly\` or \`firstAvailable\` is required, but multiple fields are set`,
    ],
  },
  { name: 'accepts eight alternatives', changes: alternatives(...many(8, (index) => alternative(`sub-${index}`))) },
  {
    name: 'refuses nine',
    changes: alternatives(...many(9, (index) => alternative(`sub-${index}`))),
    errors: [tooMany(`${devices}.requests[0].firstAvailable`, 9, 8)],
  },
  {
    name: 'refuses an alternative twice',
    changes: alternatives(alternative('a'), alternative('a')),
    errors: [`${devices}.requests[0].firstAvailable[1]: Duplicate value: "a"`],
  },
  {
    name: 'refuses alternatives by what requests are refused by',
    changes: alternatives(
      alternative('a', {
        deviceClassName: 'Class&',
        selectors: many(33, () => selector),
        allocationMode: 'InvalidMode',
      }),
      alternative('b', { deviceClassName: '', tolerations: [{ key: 'a/b/c', operator: 'Exists' }] }),
    ),
    errors: [
      `${first}.deviceClassName: Invalid value: "Class&": ${dns1123}`,
      tooMany(`${first}.selectors`, 33, 32),
      `${first}.allocationMode: Unsupported value: "InvalidMode": supported values: "All", "ExactCount"`,
      `${devices}.requests[0].firstAvailable[1].deviceClassName: Required value`,
      `${devices}.requests[0].firstAvailable[1].tolerations[0].key: Invalid value: "a/b/c": a valid label key…`,
    ],
  },
  {
    name: 'refuses a mode that is none',
    changes: { [`${exactly}.allocationMode`]: 'other' },
    errors: [`${exactly}.allocationMode: Unsupported value: "other": supported values: "All", "ExactCount"`],
  },
  { name: 'accepts all', changes: { [`${exactly}.allocationMode`]: 'All' } },
  { name: 'accepts a toleration of everything', changes: tolerating({ key: '' }) },
  {
    name: 'refuses a toleration whose parts are none',
    changes: tolerating({ key: 'invalid_key!', operator: 'InvalidOp', effect: 'InvalidEffect' }),
    errors: [
      `${exactly}.tolerations[0].key: Invalid value: "invalid_key!": name part must consist…`,
      `${exactly}.tolerations[0].operator: Unsupported value: "InvalidOp": supported values: "Equal", "Exists"`,
      `${exactly}.tolerations[0].effect: Unsupported value: "InvalidEffect": supported values: "NoExecute", "NoSchedule", "None"`,
    ],
  },
  {
    name: 'refuses a value where only the key counts, and one that is none',
    changes: {
      [`${exactly}.tolerations`]: [
        { key: 'a', operator: 'Exists', value: 'b' },
        { key: 'a', value: 'b c' },
      ],
    },
    errors: [
      `${exactly}.tolerations[0].value: Invalid value: "b": must be empty for operator \`Exists\``,
      `${exactly}.tolerations[1].value: Invalid value: "b c": a valid label must be…`,
    ],
  },
  {
    name: 'refuses a constraint on what is no name, and on the same twice',
    changes: { [`${devices}.constraints`]: [{ ...match, requests: ['req-0', 'req-0', '!', 'req-0/a', 'a/b/c'] }] },
    errors: [
      `${devices}.constraints[0].requests[2]: Invalid value: "!": ${label}`,
      `${devices}.constraints[0].requests[2]: Invalid value: "!": ${unknown}`,
      `${devices}.constraints[0].requests[3]: Invalid value: "req-0/a": ${unknown}`,
      `${devices}.constraints[0].requests[4]: Invalid value: "a/b/c": ${unknown}`,
      `${devices}.constraints[0].requests[1]: Duplicate value: "req-0"`,
    ],
  },
  {
    name: 'refuses a constraint of no kind',
    changes: { [`${devices}.constraints`]: [{ requests: ['req-0'] }] },
    errors: [
      `${devices}.constraints[0]: Required value: exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set`,
    ],
  },
  {
    name: 'refuses an attribute that is no name and has no domain',
    changes: matching('invalid!'),
    errors: [
      `${attribute}: Invalid value: "invalid!": a valid C identifier…`,
      `${attribute}: Invalid value: "invalid!": ${needsDomain}`,
    ],
  },
  {
    name: 'refuses an attribute without a name',
    changes: matching(''),
    errors: [
      `${attribute}: Invalid value: "": a valid C identifier…`,
      `${attribute}: Invalid value: "": ${needsDomain}`,
    ],
  },
  {
    name: 'refuses an empty domain and an empty name',
    changes: matching('/'),
    errors: [
      `${attribute}: Invalid value: "": the domain must not be empty`,
      `${attribute}: Invalid value: "": the name must not be empty`,
    ],
  },
  {
    name: 'refuses a domain and a name that are none',
    changes: matching('invalid_domain/invalid-name'),
    errors: [
      `${attribute}: Invalid value: "invalid_domain": ${dns1123}`,
      `${attribute}: Invalid value: "invalid-name": a valid C identifier…`,
    ],
  },
  {
    name: 'refuses a domain and a name that are too long',
    changes: matching(`${'a'.repeat(64)}/${'a'.repeat(33)}`),
    errors: [
      `${attribute}: Too long: may not be more than 63 bytes`,
      `${attribute}: Too long: may not be more than 32 bytes`,
    ],
  },
  { name: 'lets an attribute with two slashes pass, as upstream does', changes: matching('a/b/c') },
  { name: 'accepts a driver in capitals', changes: configured({ driver: 'DRA.Example.COM' }) },
  {
    name: 'refuses a driver without a name',
    changes: configured({ driver: '' }),
    errors: [`${driver}: Required value`],
  },
  {
    name: 'refuses a driver with too long a name',
    changes: configured({ driver: 'a'.repeat(64) }),
    errors: [`${driver}: Too long: may not be more than 63 bytes`],
  },
  {
    name: 'refuses a driver that is none',
    changes: configured({ driver: 'dra_example.com' }),
    errors: [`${driver}: Invalid value: "dra_example.com": ${dns1123}`],
  },
  {
    name: 'refuses silence about parameters',
    changes: configured({ parameters: null }),
    errors: [`${parameters}: Required value`],
  },
  {
    name: 'refuses too many parameters',
    changes: configured({ parameters: { a: 'x'.repeat(10 * 1024) } }),
    errors: [`${parameters}: Too long: may not be more than 10240 bytes`],
  },
];

const result = { request: 'req-0', driver: 'dra.example.com', pool: 'pool-0', device: 'device-0' };
const results = 'status.allocation.devices.results';
const got = (fields: JsonObject): JsonObject => ({
  'status.allocation': { devices: { results: [{ ...result, ...fields }] } },
});
const uuid = (last: number): string => `550e8400-e29b-41d4-a716-44665544000${last}`;
const report = { driver: 'dra.example.com', pool: 'pool-0', device: 'device-0' };
const reported = (...list: readonly JsonObject[]): JsonObject => ({ ...got({}), 'status.devices': [...list] });
const normal =
  'uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters';
const user = (uid: string): JsonObject => ({ resource: 'pods', name: 'p', uid });
const row = (name: string, update: JsonObject, errors: readonly string[] = []): ValidationCase => ({
  name,
  subresource: 'status',
  update,
  errors,
});
const place = (status: string): string => `${results}[0].${status}`;
const conditions = (count: number): string[] => many(count, (index) => `c-${index}`);

const status: readonly ValidationCase[] = [
  row('accepts a pool in parts', got({ pool: 'dra.example.com/pool-a' })),
  row('refuses a pool without a name', got({ pool: '' }), [`${place('pool')}: Required value`]),
  row('refuses a pool with too long a name', got({ pool: `${'a'.repeat(253)}/${'a'.repeat(253)}` }), [
    `${place('pool')}: Too long: may not be more than 253 bytes`,
  ]),
  row('refuses parts of a pool that are none', got({ pool: 'a/Not_Valid/' }), [
    `${place('pool')}: Invalid value: "Not_Valid": ${dns1123}`,
    `${place('pool')}: Invalid value: "": ${dns1123}`,
  ]),
  row('refuses a driver and a device that are none', got({ driver: '.example.com', device: 'A' }), [
    `${place('driver')}: Invalid value: ".example.com": ${dns1123}`,
    `${place('device')}: Invalid value: "A": ${label}`,
  ]),
  row('accepts a share', got({ shareID: uuid(0) })),
  row('refuses a share that is none', got({ shareID: 'invalid-uid' }), [
    `${place('shareID')}: Invalid value: "invalid-uid": error validating uid: invalid UUID length: 11`,
  ]),
  row('refuses a share in capitals', got({ shareID: '123e4567-E89b-12d3-A456-426614174000' }), [
    `${place('shareID')}: Invalid value: "123e4567-E89b-12d3-A456-426614174000": ${normal}`,
  ]),
  row('refuses a share that only looks like one', got({ shareID: 'x23e4567-e89b-12d3-a456-426614174000' }), [
    `${place('shareID')}: Invalid value: "x23e4567-e89b-12d3-a456-426614174000": error validating uid: invalid UUID format`,
  ]),
  row(
    'refuses a report of a share that is none',
    { ...got({ shareID: 'a' }), 'status.devices': [{ ...report, shareID: 'a' }] },
    [
      'status.devices[0].shareID: Invalid value: "a": error validating uid: invalid UUID length: 1',
      `${place('shareID')}: Invalid value: "a": error validating uid: invalid UUID length: 1`,
    ],
  ),
  row('refuses a user twice', { ...got({}), 'status.reservedFor': [user('u'), user('v'), user('u')] }, [
    'status.reservedFor[2]: Duplicate value: "u"',
  ]),
  row('refuses more users than 256', { ...got({}), 'status.reservedFor': many(257, (index) => user(`u${index}`)) }, [
    tooMany('status.reservedFor', 257, 256),
  ]),
  row('refuses a user of whom nothing is said', { ...got({}), 'status.reservedFor': [{}] }, [
    'status.reservedFor[0].resource: Required value',
    'status.reservedFor[0].name: Required value',
    'status.reservedFor[0].uid: Required value',
  ]),
  row(
    'refuses more devices than 32',
    { 'status.allocation': { devices: { results: many(33, (index) => ({ ...result, device: `d${index}` })) } } },
    [tooMany(results, 33, 32)],
  ),
  row(
    'refuses configurations of no source, and of one that is none',
    {
      'status.allocation': {
        devices: {
          results: [result],
          config: [
            { source: '', requests: ['req-0', 'req-0'], opaque },
            { source: 'invalid', opaque },
          ],
        },
      },
    },
    [
      'status.allocation.devices.config[0].source: Required value',
      'status.allocation.devices.config[0].requests[1]: Duplicate value: "req-0"',
      'status.allocation.devices.config[1].source: Unsupported value: "invalid": supported values: "FromClaim", "FromClass"',
    ],
  ),
  row(
    'refuses more configurations than 64',
    {
      'status.allocation': {
        devices: { results: [result], config: many(65, () => ({ source: 'FromClaim', opaque })) },
      },
    },
    [tooMany('status.allocation.devices.config', 65, 64)],
  ),
  row(
    'accepts four conditions of each kind',
    got({
      bindingConditions: conditions(4),
      bindingFailureConditions: ['f-0', 'f-1', 'f-2', 'f-3'],
    }),
  ),
  row('refuses five conditions', got({ bindingConditions: conditions(5), bindingFailureConditions: ['f'] }), [
    tooMany(place('bindingConditions'), 5, 4),
  ]),
  row(
    'refuses conditions twice, and in both lists',
    got({ bindingConditions: ['a', 'a'], bindingFailureConditions: ['a'] }),
    [
      `${place('bindingConditions')}[1]: Duplicate value: "a"`,
      `${place('bindingFailureConditions')}[0]: Invalid value: "a": bindingFailureConditions must not overlap with bindingConditions`,
    ],
  ),
  row('does not judge what the devices tolerate', got({ tolerations: [{ key: '!', operator: 'Exists' }] })),
  row('refuses a report twice', reported(report, report), [
    'status.devices[1]: Duplicate value: "dra.example.com/pool-0/device-0"',
  ]),
  row(
    'refuses names and addresses that are too long',
    reported({ ...report, networkData: { interfaceName: 'a'.repeat(257), hardwareAddress: 'a'.repeat(129) } }),
    [
      'status.devices[0].networkData.interfaceName: Too long: may not be more than 256 bytes',
      'status.devices[0].networkData.hardwareAddress: Too long: may not be more than 128 bytes',
    ],
  ),
  row('refuses an address twice', reported({ ...report, networkData: { ips: ['1.2.3.4/32', '1.2.3.4/32'] } }), [
    'status.devices[0].networkData.ips[1]: Duplicate value: "1.2.3.4/32"',
  ]),
  row(
    'refuses more conditions of a device than eight',
    reported({
      ...report,
      conditions: many(9, (index) => ({
        type: `t${index}`,
        status: 'True',
        reason: 'R',
        message: 'm',
        lastTransitionTime: '2024-01-01T00:00:00Z',
      })),
    }),
    [tooMany('status.devices[0].conditions', 9, 8)],
  ),
];

testCases([
  {
    resource: `resourceclaims.${group}`,
    valid: { metadata: { name: 'valid-claim' }, spec: { devices: { requests: [request('req-0')] } } },
    cases: [
      ...spec,
      {
        name: 'tells nothing but that the wish changed',
        update: { [`${devices}.requests`]: many(33, (index) => request(`req-${index}`)) },
        errors: ['spec: Invalid value: {…'],
      },
      ...status,
    ],
  },
  {
    resource: `deviceclasses.${group}`,
    valid: { metadata: { name: 'gpu' }, spec: {} },
    cases: [
      {
        name: 'accepts 32 selectors and configurations',
        changes: { 'spec.selectors': many(32, () => selector), 'spec.config': many(32, () => ({ opaque })) },
      },
      {
        name: 'refuses 33',
        changes: { 'spec.selectors': many(33, () => selector), 'spec.config': many(33, () => ({ opaque })) },
        errors: [tooMany('spec.selectors', 33, 32), tooMany('spec.config', 33, 32)],
      },
      { name: 'accepts a resource by a domain', changes: { 'spec.extendedResourceName': 'example.com/gpu' } },
      {
        name: 'refuses a resource by the cluster’s domain',
        changes: { 'spec.extendedResourceName': 'kubernetes.io/gpu' },
        errors: [
          'spec.extendedResourceName: Invalid value: "kubernetes.io/gpu": must be a valid extended resource name',
        ],
      },
      { name: 'accepts other selectors', update: { 'spec.selectors': [selector] } },
    ],
  },
]);

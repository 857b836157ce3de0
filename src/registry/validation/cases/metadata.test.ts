/** Rules on metadata that hold for every kind. */
import type { JsonObject, JsonValue } from '../../../api/object.ts';
import { testCases, type ValidationCase } from './testing.ts';

const owners = 'metadata.ownerReferences';
const owner = (kind: string, fields: JsonObject = {}): JsonObject => ({
  apiVersion: 'example.com/v1',
  kind,
  name: 'n',
  uid: '1',
  ...fields,
});
const controller = (kind: string): JsonObject => owner(kind, { controller: true });
const twoControllers = (second: string): string =>
  `Only one reference can have Controller set to true. Found "true" in references for A/n and ${second}/n`;

const ownerCases: ValidationCase[] = [
  { name: 'accepts an owner of a version without a group', changes: { [owners]: [owner('K', { apiVersion: 'v1' })] } },
  {
    name: 'accepts one controller among owners',
    changes: { [owners]: [owner('A', { controller: false }), controller('B'), owner('C')] },
  },
  {
    name: 'refuses each controller after the first',
    changes: { [owners]: [controller('A'), controller('B'), controller('C')] },
    errors: ['B', 'C'].map((kind) => {
      const all = ['A', 'B', 'C'].map(controller);
      return `${owners}: Invalid value: ${JSON.stringify(all)}: ${twoControllers(kind)}`;
    }),
  },
  {
    name: 'refuses an owner that says nothing',
    changes: { [owners]: [{ apiVersion: '', kind: '', name: '', uid: '' }] },
    errors: [
      `${owners}.apiVersion: Invalid value: "": version must not be empty`,
      `${owners}.kind: Invalid value: "": must not be empty`,
      `${owners}.name: Invalid value: "": must not be empty`,
      `${owners}.uid: Invalid value: "": must not be empty`,
    ],
  },
  {
    name: 'refuses a version with two slashes',
    changes: { [owners]: [owner('K', { apiVersion: 'a/b/c' })] },
    errors: [`${owners}.apiVersion: Invalid value: "a/b/c": version must not be empty`],
  },
  {
    name: 'refuses an event as owner',
    changes: { [owners]: [owner('Event', { apiVersion: 'v1' })] },
    errors: [
      `${owners}: Invalid value: {"apiVersion":"v1","kind":"Event","name":"n","uid":"1"}: /v1, Kind=Event is disallowed from being an owner`,
    ],
  },
  {
    name: 'says nothing of an event of the newer group, as upstream',
    changes: { [owners]: [owner('Event', { apiVersion: 'events.k8s.io/v1' })] },
  },
];

const half = 128 * 1024;
const tooLong = 'metadata.annotations: Too long: may not be more than 262144 bytes';
const textCases: ValidationCase[] = [
  ...['simple', '1-starts-with-num', '1234', 'now.with.dots/simple', '1.2.3.4/5678', 'UpperCase123'].map((key) => ({
    name: `accepts the key ${key}`,
    changes: { 'metadata.labels': { [key]: 'bar' }, 'metadata.annotations': { [key]: 'bar' } },
  })),
  ...[
    ['nospecialchars^=@', 'name part must consist…'],
    ['cantendwithadash-', 'name part must consist…'],
    ['only/one/slash', 'a valid label key must consist of…'],
    ['a'.repeat(254), 'name part must be no more than 63 bytes'],
  ].map(([key = '', why]) => ({
    name: `refuses the key ${key.slice(0, 20)}`,
    changes: { 'metadata.labels': { [key]: 'bar' }, 'metadata.annotations': { [key]: 'bar' } },
    errors: [
      `metadata.labels: Invalid value: "${key}": ${why}`,
      `metadata.annotations: Invalid value: "${key}": ${why}`,
    ],
  })),
  ...[
    ['a'.repeat(64), 'must be no more than 63 bytes'],
    ['bad,value', 'a valid label must be an empty string or consist of…'],
  ].map(([value = '', why]) => ({
    name: `refuses the label ${value.slice(0, 20)}`,
    changes: { 'metadata.labels': { key: value } },
    errors: [`metadata.labels: Invalid value: "${value}": ${why}`],
  })),
  {
    name: 'accepts annotations of 256 kB',
    changes: { 'metadata.annotations': { a: 'b'.repeat(half - 1), c: 'd'.repeat(half - 1) } },
  },
  {
    name: 'refuses more',
    changes: { 'metadata.annotations': { a: 'b'.repeat(half), c: 'd'.repeat(half) } },
    errors: [tooLong],
  },
  { name: 'accepts a dash at the end of a prefix', changes: { 'metadata.generateName': 'foo-' } },
  {
    name: 'refuses a prefix that no name can have',
    changes: { 'metadata.generateName': '-foo' },
    errors: ['metadata.generateName: Invalid value: "-foo": a lowercase RFC 1123 subdomain…'],
  },
  {
    name: 'refuses two ways to treat dependents',
    changes: { 'metadata.finalizers': ['orphan', 'foregroundDeletion'] },
    errors: [
      'metadata.finalizers: Invalid value: ["orphan","foregroundDeletion"]: finalizer orphan and foregroundDeletion cannot be both set',
    ],
  },
];

const entries = 'metadata.managedFields';
const entry = (fields: JsonObject): JsonValue => [
  {
    manager: 'me',
    operation: 'Update',
    apiVersion: 'v1',
    fieldsType: 'FieldsV1',
    fieldsV1: { 'f:data': { 'f:a': {} } },
    ...fields,
  },
];
const entryCases: ValidationCase[] = [
  { name: 'accepts who wrote what', update: { [entries]: entry({ manager: '🍔', subresource: 'scale' }) } },
  {
    name: 'refuses a writer who cannot be printed',
    update: { [entries]: entry({ manager: 'field\nmanager' }) },
    errors: [`${entries}[0].manager: Invalid value: "field\\nmanager": invalid character U+000A (at position 5)`],
  },
  {
    name: 'refuses a writer of too long a name',
    update: { [entries]: entry({ manager: 'f'.repeat(129) }) },
    errors: [`${entries}[0].manager: Too long: may not be more than 128 bytes`],
  },
  {
    name: 'refuses too long a part',
    update: { [entries]: entry({ subresource: 's'.repeat(257) }) },
    errors: [`${entries}[0].subresource: Too long: may not be more than 256 bytes`],
  },
  {
    name: 'lets entries fall that cannot be read',
    update: { [entries]: entry({ operation: 'Replace', manager: 'field\nmanager' }) },
  },
];

testCases([
  {
    resource: 'configmaps',
    valid: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' }, data: { a: 'b' } },
    cases: [
      {
        name: 'refuses an object without a name',
        changes: { 'metadata.name': undefined },
        errors: ['metadata.name: Required value: name or generateName is required'],
      },
      {
        name: 'refuses a label whose key is no qualified name',
        changes: { 'metadata.labels': { 'a b': 'c' } },
        errors: ['metadata.labels: Invalid value: "a b": name part must consist…'],
      },
      {
        name: 'refuses such a label in an update, too',
        update: { 'metadata.labels': { 'a b': 'c' } },
        errors: ['metadata.labels: Invalid value: "a b": name part must consist…'],
      },
      ...ownerCases,
      ...textCases,
      ...entryCases,
    ],
  },
]);

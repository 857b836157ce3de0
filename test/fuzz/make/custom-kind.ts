/**
 * A kind that extends the API: a definition with one of everything that a schema can say, the rows that serve it, and what its objects need. It is
 * installed before the run and stays.
 */
import { customRows } from '../../../src/api/custom-rows.ts';
import type { JsonObject } from '../../../src/api/object.ts';
import type { ResourceInfo } from '../../../src/api/resources.ts';
import type { CustomResourceDefinition } from '../../../src/api/schema/types/apiextensions-v1.ts';
import type { Chance } from './chance.ts';

const part = {
  type: 'object',
  required: ['name'],
  properties: { name: { type: 'string', maxLength: 63 }, weight: { type: 'number', default: 1.5, minimum: 0 } },
};

const spec = {
  type: 'object',
  required: ['color'],
  properties: {
    color: { type: 'string', pattern: '^[a-z]*$', maxLength: 20 },
    replicas: { type: 'integer', format: 'int32', minimum: 0, maximum: 100, default: 1 },
    size: { type: 'integer', format: 'int64', multipleOf: 2 },
    amount: { type: 'string', maxLength: 40 },
    port: { 'x-kubernetes-int-or-string': true, anyOf: [{ type: 'integer' }, { type: 'string' }] },
    note: { type: 'string', nullable: true, default: 'none' },
    mode: { type: 'string', enum: ['On', 'Off'], default: 'On' },
    since: { type: 'string', format: 'date-time' },
    address: { type: 'string', format: 'ipv4' },
    parts: {
      type: 'array',
      items: part,
      maxItems: 20,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
    },
    tags: {
      type: 'array',
      items: { type: 'string', maxLength: 20 },
      maxItems: 20,
      'x-kubernetes-list-type': 'set',
    },
    table: { type: 'object', additionalProperties: { type: 'string', maxLength: 100 }, maxProperties: 20 },
    at: { type: 'object', 'x-kubernetes-map-type': 'atomic', properties: { x: { type: 'number' } } },
    extra: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: { known: { type: 'boolean' } } },
    anything: { 'x-kubernetes-preserve-unknown-fields': true },
    template: {
      type: 'object',
      'x-kubernetes-embedded-resource': true,
      'x-kubernetes-preserve-unknown-fields': true,
    },
  },
  not: { required: ['address', 'since'] },
  'x-kubernetes-validations': [
    {
      rule: 'self.replicas <= 50 || self.mode == "On"',
      message: 'many only while it is on',
      reason: 'FieldValueForbidden',
    },
    { rule: '!has(self.amount) || isQuantity(self.amount)', messageExpression: '"no amount: " + self.amount' },
    { rule: '!has(self.parts) || self.parts.all(p, p.weight < 100.0)', fieldPath: '.parts' },
    { rule: '!has(oldSelf.size) || has(self.size)', message: 'a size stays' },
    { rule: '!oldSelf.hasValue() || oldSelf.value().color != "fixed" || self.color == "fixed"', optionalOldSelf: true },
  ],
};

const status = {
  type: 'object',
  properties: {
    replicas: { type: 'integer' },
    selector: { type: 'string' },
    conditions: {
      type: 'array',
      items: {
        type: 'object',
        required: ['type', 'status'],
        properties: { type: { type: 'string' }, status: { type: 'string' } },
      },
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['type'],
    },
  },
};

const version = {
  served: true,
  schema: { openAPIV3Schema: { type: 'object', required: ['spec'], properties: { spec, status } } },
  subresources: {
    status: {},
    scale: {
      specReplicasPath: '.spec.replicas',
      statusReplicasPath: '.status.replicas',
      labelSelectorPath: '.status.selector',
    },
  },
  selectableFields: [{ jsonPath: '.spec.color' }, { jsonPath: '.spec.replicas' }],
  additionalPrinterColumns: [
    { name: 'Color', type: 'string', jsonPath: '.spec.color' },
    { name: 'Parts', type: 'integer', jsonPath: '.spec.parts[?(@.weight > 1)].weight' },
    { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
  ],
};

const names = {
  plural: 'gadgets',
  singular: 'gadget',
  kind: 'Gadget',
  listKind: 'GadgetList',
  shortNames: ['gd'],
  categories: ['all'],
};

export const customDefinition = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'gadgets.fuzz.example.com' },
  spec: {
    group: 'fuzz.example.com',
    names,
    scope: 'Namespaced',
    conversion: { strategy: 'None' },
    versions: [
      { ...version, name: 'v1', storage: true },
      { ...version, name: 'v1beta1', storage: false, deprecated: true },
    ],
  },
} satisfies JsonObject;

/** As the server has them, once it has accepted the names. */
export const customServed: readonly ResourceInfo[] = rowsOf({
  ...customDefinition,
  status: { acceptedNames: names, conditions: [{ type: 'Established', status: 'True' }], storedVersions: ['v1'] },
} as CustomResourceDefinition);

function rowsOf(definition: CustomResourceDefinition): readonly ResourceInfo[] {
  const schema = Buffer.from('the only one');
  return customRows({ outline: definition, revision: 1, whole: () => definition, schemaDigest: () => schema });
}

/** What an object of the kind may hold, and each part of it that its definition has something to say about. */
export function customObject(chance: Chance): JsonObject {
  const whole = {
    replicas: chance.pick([0, 1, 50, 51, 100, 101]),
    size: chance.pick([2, 2 ** 40, 3]),
    amount: chance.pick(['1Gi', '100m', 'much']),
    port: chance.pick([80, 'http', 1.5]),
    note: chance.pick([null, 'x']),
    mode: chance.pick(['On', 'Off']),
    since: '2024-01-02T03:04:05Z',
    address: chance.pick(['10.0.0.1', '10.0.0.256']),
    parts: chance.several(3, (index) => ({ name: `part-${index}`, weight: chance.pick([0, 2.25, 1e300]) })),
    tags: chance.several(3, (index) => `tag-${chance.percent(90) ? index : 0}`),
    table: { a: 'x', 'b.c/d': '' },
    at: { x: 1 },
    extra: { known: true, unknown: { a: [1, null] } },
    anything: chance.pick([1, 'x', [[{}]], { a: { b: null } }]),
    template: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a' }, data: { a: 'x' } },
  };
  const some = Object.fromEntries(Object.entries(whole).filter(() => chance.percent(25)));
  return {
    spec: { color: chance.pick(['red', 'green', 'fixed']), ...some },
    status: {
      replicas: 1,
      selector: chance.pick(['app=web', 'app in (']),
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  };
}

/**
 * Objects that extend the API, most of them in ways that must be refused or must not do harm: definitions whose schemas are no schemas, rules
 * that cost too much, policies that cannot be evaluated, webhooks that nobody serves. What judges requests judges those for one name alone, so that
 * all others still arrive.
 */
import type { JsonObject, JsonValue } from '../../../src/api/object.ts';
import type { Chance } from './chance.ts';

/** The name of the objects that policies and webhooks of the run judge. */
const judgedName = 'c';
const group = 'fuzz.example.com';

const rule = (text: string): JsonObject => ({
  type: 'object',
  properties: { text: { type: 'string' }, list: { type: 'array', items: { type: 'string' } } },
  'x-kubernetes-validations': [{ rule: text }],
});

function nestedSchema(depth: number): JsonObject {
  let schema: JsonObject = { type: 'string' };
  for (let i = 0; i < depth; i++) schema = { type: 'object', properties: { a: schema } };
  return schema;
}

/** What stands at `spec` of the schema. */
const schemas: readonly JsonValue[] = [
  { type: 'object' },
  { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  {},
  { properties: { a: {} } },
  { type: 'object', additionalProperties: true, properties: { a: { type: 'string' } } },
  { type: 'object', properties: { a: { type: 'string', pattern: '^(a+)+$' } } },
  { type: 'object', properties: { a: { type: 'string', pattern: '(' } } },
  { type: 'object', properties: { a: { type: 'string', pattern: '(?=a)b' } } },
  { type: 'object', properties: { a: { type: 'string', default: 1 } } },
  { type: 'object', properties: { a: { $ref: '#/definitions/a' } } },
  { type: 'object', properties: { a: { type: 'array' } } },
  { type: 'array', items: { type: 'array', items: { type: 'object' } }, 'x-kubernetes-list-type': 'map' },
  { type: 'object', anyOf: [{ type: 'object', default: {} }], allOf: [], not: {}, oneOf: null },
  { type: 'integer', minimum: 'x', maximum: 1e300, multipleOf: 0 },
  { type: 'object', properties: { __proto__: null, constructor: { type: 'string' }, '': { type: 'string' } } },
  JSON.parse(
    '{"type":"object","properties":{"__proto__":{"type":"object","default":{"polluted":true}}}}',
  ) as JsonObject,
  nestedSchema(30),
  nestedSchema(200),
  rule('true'),
  rule('self.text == oldSelf.text'),
  rule('self.'),
  rule('1'),
  rule('self.missing'),
  rule('self.list.all(a, self.list.all(b, self.list.all(c, a + b + c != "")))'),
  rule('self.text.matches("^(a+)+$")'),
  rule(`${'('.repeat(300)}true${')'.repeat(300)}`),
  rule(`${'!'.repeat(5_000)}true`),
  rule('[1, 2, 3].map(x, [x, x].map(y, [y].map(z, z)))[0][0][0] == 1'),
  rule('"a".matches("(")'),
];

/** Over and beside a good definition. */
const twists: readonly JsonObject[] = [
  { scope: 'Cluster' },
  { scope: 'x' },
  { names: { plural: 'widgets', kind: 'Gadget', listKind: 'GadgetList' } },
  { names: { plural: 'widgets', kind: 'Widget', shortNames: ['gd', 'po'], categories: ['all', 'A B'] } },
  { names: { plural: 'others', kind: 'Other' } },
  { names: { plural: '__proto__', kind: 'constructor' } },
  { group: 'k8s.io' },
  { group: '' },
  { preserveUnknownFields: true },
  { conversion: { strategy: 'Webhook' } },
  {
    conversion: {
      strategy: 'Webhook',
      webhook: { conversionReviewVersions: ['v1'], clientConfig: { url: 'https://127.0.0.1:1/convert' } },
    },
  },
  { versions: [] },
];

const good: JsonValue = { type: 'object', properties: { a: { type: 'string' } } };
const single: readonly (readonly JsonObject[])[] = [[]];

/** Broken in one respect at most, so that this one is reached. */
function definition(chance: Chance): JsonObject {
  const broken = chance.int(4);
  const schema = {
    openAPIV3Schema: { type: 'object', properties: { spec: broken === 1 ? chance.pick(schemas) : good } },
  };
  const version = { name: 'v1', served: true, storage: true, schema };
  const others = chance.pick(broken === 2 ? otherVersions(version) : single);
  const names = { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' };
  const twist = broken === 3 ? chance.pick(twists) : {};
  return { spec: { group, names, scope: 'Namespaced', versions: [version, ...others], ...twist } };
}

const otherVersions = (version: JsonObject): readonly (readonly JsonObject[])[] => [
  [{ ...version, name: 'v2', storage: false }],
  [{ ...version, name: 'v2' }],
  [{ ...version, name: 'v1' }],
  [{ name: 'v3', served: true, storage: false }],
  [{ ...version, name: 'v4', storage: false, selectableFields: [{ jsonPath: '.spec.a' }] }],
  [{ ...version, name: 'v5', storage: false, selectableFields: [{ jsonPath: '$[' }] }],
  [{ ...version, name: 'v6', storage: false, subresources: { scale: { specReplicasPath: 'x' }, status: {} } }],
  [{ ...version, name: 'v7', storage: false, additionalPrinterColumns: [{ name: 'A', type: 'x', jsonPath: '[?(' }] }],
];

const judged: JsonObject = {
  apiGroups: [group],
  apiVersions: ['v1'],
  operations: ['CREATE', 'UPDATE', 'DELETE'],
  resources: ['gadgets', 'gadgets/status'],
};

const expressions: readonly string[] = [
  'true',
  'false',
  'object.spec.color != "red"',
  'object.spec.missing == 1',
  'object.metadata.labels["app"] == params.data.a',
  'variables.color == "red" || variables.none',
  'self',
  'object.',
  '1 / 0 == 1',
  '[1].exists(x, x > 0) && size(object.metadata.name) > 0',
  'range(1000).all(x, range(1000).all(y, true))',
  'object.spec.?note.orValue("").matches("^(a+)+$")',
  'authorizer.group("").resource("pods").namespace("default").check("get").allowed()',
  'namespaceObject.metadata.name == "default"',
  `${'('.repeat(300)}true${')'.repeat(300)}`,
  '"\\u0000" + "__proto__" == object.__proto__',
];

const withoutDelete: JsonObject = { ...judged, operations: ['CREATE', 'UPDATE'] };

const policyCommon = (chance: Chance, rule: JsonObject): JsonObject => ({
  failurePolicy: chance.pick(['Fail', 'Ignore']),
  matchConstraints: { resourceRules: [{ ...rule, resourceNames: [judgedName] }] },
  ...(chance.percent(40) && { paramKind: { apiVersion: chance.pick(['v1', 'x/v1']), kind: 'ConfigMap' } }),
  ...(chance.percent(20) && { variables: [{ name: 'color', expression: chance.pick(expressions) }] }),
  ...(chance.percent(15) && { matchConditions: [{ name: 'x', expression: chance.pick(expressions) }] }),
});

function validatingPolicy(chance: Chance): JsonObject {
  const validation = {
    expression: chance.pick(expressions),
    ...(chance.percent(30) && { messageExpression: chance.pick(['"x" + object.metadata.name', '1', 'object.']) }),
    ...(chance.percent(30) && { reason: chance.pick(['Forbidden', 'Invalid', 'x']) }),
  };
  const audit = { key: 'x', valueExpression: chance.pick(['"a"', 'null', 'object']) };
  return {
    spec: {
      ...policyCommon(chance, judged),
      validations: [validation],
      ...(chance.percent(30) && { auditAnnotations: [audit] }),
    },
  };
}

const mutations: readonly JsonObject[] = [
  { patchType: 'ApplyConfiguration', applyConfiguration: { expression: 'Object{spec: Object.spec{note: "set"}}' } },
  { patchType: 'ApplyConfiguration', applyConfiguration: { expression: 'Object{metadata: 1}' } },
  { patchType: 'ApplyConfiguration', applyConfiguration: { expression: 'object' } },
  {
    patchType: 'JSONPatch',
    jsonPatch: { expression: '[JSONPatch{op: "add", path: "/spec/note", value: "set"}]' },
  },
  { patchType: 'JSONPatch', jsonPatch: { expression: '[JSONPatch{op: "remove", path: "/spec"}]' } },
  { patchType: 'JSONPatch', jsonPatch: { expression: '[JSONPatch{op: "x", path: "__proto__/a", value: 1}]' } },
  { patchType: 'JSONPatch', applyConfiguration: { expression: 'Object{}' } },
];

function mutatingPolicy(chance: Chance): JsonObject {
  const reinvocationPolicy = chance.pick(['Never', 'IfNeeded']);
  return { spec: { ...policyCommon(chance, withoutDelete), reinvocationPolicy, mutations: [chance.pick(mutations)] } };
}

function binding(chance: Chance, more: JsonObject): JsonObject {
  const paramRef = {
    ...(chance.percent(80) ? { name: chance.pick(['a', 'none']) } : { selector: {} }),
    ...(chance.percent(50) && { namespace: 'default' }),
    parameterNotFoundAction: chance.pick(['Allow', 'Deny']),
  };
  return {
    spec: { policyName: chance.pick(['a', 'b', 'c', 'none']), ...more, ...(chance.percent(40) && { paramRef }) },
  };
}

const clients: readonly JsonObject[] = [
  { url: 'https://127.0.0.1:1/x' },
  { url: 'https://nobody.invalid/x' },
  { url: 'http://127.0.0.1:1/x' },
  { url: 'https://a:b@127.0.0.1/x?y#z' },
  { url: 'https://127.0.0.1:1', caBundle: 'AAAA' },
  { service: { namespace: 'default', name: 'a', path: '/x', port: 443 } },
  { service: { namespace: 'none', name: 'none' } },
  { service: { namespace: '../..', name: '__proto__', path: '//x/..', port: -1 } },
  {},
];

function webhooks(chance: Chance): JsonObject {
  const webhook = (index: number): JsonObject => ({
    name: chance.percent(95) ? `hook-${index}.example.com` : 'x',
    clientConfig: chance.percent(70) ? (clients[0] as JsonObject) : chance.pick(clients),
    rules: [judged],
    failurePolicy: chance.pick(['Fail', 'Ignore']),
    sideEffects: chance.percent(95) ? 'None' : chance.pick(['NoneOnDryRun', 'Some']),
    timeoutSeconds: chance.percent(95) ? 1 : chance.pick([0, 31]),
    admissionReviewVersions: chance.percent(90) ? ['v1'] : chance.pick([['v1beta1', 'v1'], ['v9'], []]),
    matchConditions: [
      { name: 'judged', expression: `request.name == "${judgedName}"` },
      ...(chance.percent(20) ? [{ name: 'more', expression: chance.pick(expressions) }] : []),
    ],
  });
  return { webhooks: [webhook(0), ...chance.several(2, (index) => webhook(index + 1))] };
}

/** By kind; what a kind is not named here for needs, the table of good objects says. */
export const extensions: Readonly<Record<string, (chance: Chance) => JsonObject>> = {
  CustomResourceDefinition: definition,
  ValidatingAdmissionPolicy: validatingPolicy,
  MutatingAdmissionPolicy: mutatingPolicy,
  ValidatingAdmissionPolicyBinding: (chance) =>
    binding(chance, { validationActions: [chance.pick(['Deny', 'Warn', 'Audit'])] }),
  MutatingAdmissionPolicyBinding: (chance) => binding(chance, {}),
  ValidatingWebhookConfiguration: webhooks,
  MutatingWebhookConfiguration: webhooks,
};

/** Whether an answer, or a line of the log, is the verdict of such a policy or webhook, or tells that it could not be had. */
export const isVerdict = (text: string): boolean =>
  /AdmissionPolicy|admission webhook|failed calling webhook/.test(text);

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Message, parse, type Type } from 'protobufjs';
import { OpenApi } from '../openapi.ts';
import { resourceTable } from '../resource-table.ts';
import { builtinSchema } from '../schema/load.ts';
import { parseYaml } from '../yaml.ts';
import { encodeOpenApiV2 } from './protobuf.ts';
import { UnencodableError } from './protobuf-parts.ts';

type Json = { [name: string]: unknown };

/** The fields of one simple type, which gnostic repeats with other numbers in each message. */
const simpleType = (first: number) =>
  [
    'string type',
    'string format',
    'PrimitivesItems items',
    'string collection_format',
    'Any default',
    'double maximum',
    'bool exclusive_maximum',
    'double minimum',
    'bool exclusive_minimum',
    'int64 max_length',
    'int64 min_length',
    'string pattern',
    'int64 max_items',
    'int64 min_items',
    'bool unique_items',
    'repeated Any enum',
    'double multiple_of',
  ]
    .map((field, index) => `${field} = ${first + index};`)
    .join(' ');

const named = (type: string) => `message Named${type} { string name = 1; ${type} value = 2; }`;

/** What is tested of gnostic's `OpenAPIv2.proto`, for the oracle. */
const proto = `
syntax = "proto3";
package openapi.v2;
message Any { bytes value = 1; string yaml = 2; }
${['Any', 'Schema', 'PathItem', 'ResponseValue', 'SecurityDefinitionsItem', 'StringArray'].map(named).join('\n')}
message Document { string swagger = 1; Info info = 2; string host = 3; string base_path = 4; repeated string schemes = 5;
  repeated string consumes = 6; repeated string produces = 7; Paths paths = 8; Definitions definitions = 9;
  repeated SecurityRequirement security = 12; SecurityDefinitions security_definitions = 13;
  ExternalDocs external_docs = 15; repeated NamedAny vendor_extension = 16; }
message Info { string title = 1; string version = 2; string description = 3; string terms_of_service = 4;
  repeated NamedAny vendor_extension = 7; }
message ExternalDocs { string description = 1; string url = 2; repeated NamedAny vendor_extension = 3; }
message Paths { repeated NamedAny vendor_extension = 1; repeated NamedPathItem path = 2; }
message PathItem { Operation get = 2; Operation put = 3; Operation post = 4; Operation delete = 5; Operation options = 6;
  Operation head = 7; Operation patch = 8; repeated ParametersItem parameters = 9; repeated NamedAny vendor_extension = 10; }
message Operation { repeated string tags = 1; string summary = 2; string description = 3; ExternalDocs external_docs = 4;
  string operation_id = 5; repeated string produces = 6; repeated string consumes = 7;
  repeated ParametersItem parameters = 8; Responses responses = 9; repeated string schemes = 10; bool deprecated = 11;
  repeated SecurityRequirement security = 12; repeated NamedAny vendor_extension = 13; }
message ParametersItem { oneof oneof { Parameter parameter = 1; } }
message Parameter { oneof oneof { BodyParameter body_parameter = 1; NonBodyParameter non_body_parameter = 2; } }
message NonBodyParameter { oneof oneof {
  QueryParameterSubSchema query_parameter_sub_schema = 3; PathParameterSubSchema path_parameter_sub_schema = 4; } }
message BodyParameter { string description = 1; string name = 2; string in = 3; bool required = 4; Schema schema = 5;
  repeated NamedAny vendor_extension = 6; }
message QueryParameterSubSchema { bool required = 1; string in = 2; string description = 3; string name = 4;
  bool allow_empty_value = 5; ${simpleType(6)} repeated NamedAny vendor_extension = 23; }
message PathParameterSubSchema { bool required = 1; string in = 2; string description = 3; string name = 4;
  ${simpleType(5)} repeated NamedAny vendor_extension = 22; }
message PrimitivesItems { ${simpleType(1)} repeated NamedAny vendor_extension = 18; }
message Responses { repeated NamedResponseValue response_code = 1; repeated NamedAny vendor_extension = 2; }
message ResponseValue { oneof oneof { Response response = 1; } }
message Response { string description = 1; SchemaItem schema = 2; repeated NamedAny vendor_extension = 5; }
message SchemaItem { oneof oneof { Schema schema = 1; } }
message Definitions { repeated NamedSchema additional_properties = 1; }
message Properties { repeated NamedSchema additional_properties = 1; }
message AdditionalPropertiesItem { oneof oneof { Schema schema = 1; bool boolean = 2; } }
message TypeItem { repeated string value = 1; }
message ItemsItem { repeated Schema schema = 1; }
message Schema { string _ref = 1; string format = 2; string title = 3; string description = 4; Any default = 5;
  double multiple_of = 6; double maximum = 7; bool exclusive_maximum = 8; double minimum = 9; bool exclusive_minimum = 10;
  int64 max_length = 11; int64 min_length = 12; string pattern = 13; int64 max_items = 14; int64 min_items = 15;
  bool unique_items = 16; int64 max_properties = 17; int64 min_properties = 18; repeated string required = 19;
  repeated Any enum = 20; AdditionalPropertiesItem additional_properties = 21; TypeItem type = 22; ItemsItem items = 23;
  repeated Schema all_of = 24; Properties properties = 25; string discriminator = 26; bool read_only = 27;
  ExternalDocs external_docs = 29; Any example = 30; repeated NamedAny vendor_extension = 31; }
message SecurityDefinitions { repeated NamedSecurityDefinitionsItem additional_properties = 1; }
message SecurityDefinitionsItem { oneof oneof { ApiKeySecurity api_key_security = 2; } }
message ApiKeySecurity { string type = 1; string name = 2; string in = 3; string description = 4;
  repeated NamedAny vendor_extension = 5; }
message SecurityRequirement { repeated NamedStringArray additional_properties = 1; }
message StringArray { repeated string value = 1; }
`;

const documentType = parse(proto).root.lookupType('openapi.v2.Document');

function decoded(bytes: Buffer): unknown {
  return jsonOf(documentType, documentType.decode(bytes));
}

/** Back to OpenAPI's JSON, by what the messages are called. */
function jsonOf(type: Type, message: Message): unknown {
  const members = message as unknown as Json;
  if (type.name === 'Any') return valueOfYaml(members.yaml as string);
  if (type.name === 'StringArray') return members.value ?? [];
  // The oracle makes an empty list of a repeated field that is not there.
  const fields = type.fieldsArray.filter(({ name }) => Object.hasOwn(message, name) && !isEmptyList(members[name]));
  const valueOf = (field: (typeof fields)[number]): unknown => {
    const inner = field.resolve().resolvedType as Type | null;
    const one = (item: unknown): unknown => (inner === null ? plain(item) : jsonOf(inner, item as Message));
    return field.repeated ? (members[field.name] as unknown[]).map(one) : one(members[field.name]);
  };
  if (type.name === 'TypeItem' || type.name === 'ItemsItem') return alone(fields.map(valueOf)[0] as unknown[]);
  if (type.oneofsArray.length > 0) return fields.map(valueOf)[0];
  if (type.name.startsWith('Named')) return fields.map(valueOf);
  const entries = fields.map((field): [string, unknown][] => {
    if (field.repeated && nameLists.has(field.name)) return valueOf(field) as [string, unknown][];
    return [[field.name === '_ref' ? '$ref' : field.name, valueOf(field)]];
  });
  return Object.fromEntries(entries.flat());
}

const yamlValues = new Map<string, unknown>();

function valueOfYaml(yaml: string): unknown {
  if (!yamlValues.has(yaml)) yamlValues.set(yaml, parseYaml(yaml).value);
  return yamlValues.get(yaml);
}

const nameLists = new Set(['additionalProperties', 'vendorExtension', 'path', 'responseCode']);

function alone(values: readonly unknown[]): unknown {
  return values.length === 1 ? values[0] : values;
}

/** The oracle reads an int64 as an object of its own. */
function plain(value: unknown): unknown {
  return typeof value === 'object' ? Number(value) : value;
}

const small = (more: Json): Json => ({ swagger: '2.0', info: { title: 'T', version: 'v1' }, ...more });

test('a schema says in protobuf all that it says in JSON', () => {
  const schema = {
    $ref: '#/definitions/Other',
    format: 'int32',
    title: 'A title',
    description: 'é, two\nlines',
    default: { a: [1, 'true', null] },
    multipleOf: 0.5,
    maximum: 1e300,
    exclusiveMaximum: true,
    minimum: -2.5,
    exclusiveMinimum: true,
    maxLength: 300,
    minLength: 1,
    pattern: '^a: b$',
    maxItems: 2 ** 40,
    minItems: 1,
    uniqueItems: true,
    maxProperties: 3,
    minProperties: 2,
    required: ['a', 'b'],
    enum: ['on', 1, true, null],
    additionalProperties: { type: 'string' },
    type: 'object',
    items: { type: ['string', 'integer'] },
    allOf: [{ type: 'object' }, {}],
    properties: { enum: { type: 'array', items: [{ type: 'string' }, { type: 'number' }] }, 'x-y': {} },
    discriminator: 'kind',
    readOnly: true,
    externalDocs: { description: 'd', url: 'https://example.com' },
    example: 'x: y',
    'x-kubernetes-group-version-kind': [{ group: 'apps', version: 'v1', kind: 'Deployment' }],
    'x-kubernetes-patch-strategy': 'merge',
  };
  const closed = { additionalProperties: false };
  const document = small({
    definitions: { 'io.k8s.Thing': schema, Closed: closed, Open: { additionalProperties: true } },
  });
  assert.deepEqual(decoded(encodeOpenApiV2(document)), document);
});

test('paths, parameters and responses say in protobuf all that they say in JSON', () => {
  const simple = {
    type: 'array',
    items: { type: 'string', maxLength: 5, 'x-a': 1 },
    collectionFormat: 'csv',
    default: ['a'],
  };
  const query = {
    name: 'q',
    in: 'query',
    allowEmptyValue: true,
    ...simple,
    enum: ['a'],
    multipleOf: 2,
    'x-b': { c: [] },
  };
  const operation = {
    tags: ['core_v1'],
    summary: 's',
    description: 'd',
    externalDocs: { url: 'https://example.com', 'x-e': 'e' },
    operationId: 'id',
    produces: ['application/json'],
    consumes: ['*/*'],
    parameters: [{ name: 'body', in: 'body', required: true, description: 'b', schema: { type: 'object' } }, query],
    responses: { 200: { description: 'OK', schema: { type: 'string' } }, default: { description: 'No' }, 'x-r': 'r' },
    schemes: ['https'],
    deprecated: true,
    security: [{ a: [], b: ['c'] }],
    'x-kubernetes-action': 'get',
  };
  const named = { name: 'name', in: 'path', required: true, description: 'p', ...simple, uniqueItems: true };
  const item = { get: operation, parameters: [named], 'x-i': true };
  const methods = { put: {}, post: {}, delete: {}, options: {}, head: {}, patch: { operationId: 'other' } };
  const document = small({
    paths: { '/a/{name}': item, '/b': methods, 'x-p': 'p' },
    basePath: '/',
    host: 'h',
    'x-d': 0,
  });
  assert.deepEqual(decoded(encodeOpenApiV2(document)), document);
});

test('nothing of the served document is lost', () => {
  const openApi = new OpenApi({ schema: builtinSchema(), resources: resourceTable(), version: 'v1.36.0' });
  const { json, protobuf } = openApi.v2();
  const expected = JSON.parse(json.toString(), (_, value: unknown) => (isEmptyList(value) ? undefined : value)) as Json;
  const { definitions, paths, ...rest } = decoded(protobuf) as Json;
  // A requirement without scopes is a message, which may be empty where a list may not.
  assertSameMembers(rest, { ...without(expected, 'definitions', 'paths'), security: [{ BearerToken: [] }] });
  assertSameMembers(definitions as Json, expected['definitions'] as Json);
  assertSameMembers(paths as Json, expected['paths'] as Json);
  assert.equal(openApi.v2().protobuf, protobuf);
});

/** One by one: to explain how two whole documents differ takes `deepEqual` minutes. */
function assertSameMembers(actual: Json, expected: Json): void {
  assert.deepEqual(Object.keys(actual).sort(), Object.keys(expected).sort());
  for (const [name, value] of Object.entries(expected)) assert.deepEqual(actual[name], value, name);
}

function without(object: Json, ...names: readonly string[]): Json {
  return Object.fromEntries(Object.entries(object).filter(([name]) => !names.includes(name)));
}

/** Protobuf has no form for it. */
function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

test('what has no place in the messages is refused, with where it stands', () => {
  const cases: readonly [Json, RegExp][] = [
    [{ components: {} }, /^document\.components has no place/],
    [
      { definitions: { A: { properties: { b: { oneOf: [] } } } } },
      /^document\.definitions\.A\.properties\.b\.oneOf has no/,
    ],
    [
      { definitions: { A: { maximum: 'many' } } },
      /^document\.definitions\.A\.maximum is "many", where .* has a number$/,
    ],
    [{ definitions: { A: { type: [1] } } }, /^document\.definitions\.A\.type\[0\] is 1, where .* has a string$/],
    [{ definitions: { A: { maxLength: 1.5 } } }, /maxLength is 1\.5, where .* has an integer$/],
    [{ definitions: { A: { uniqueItems: 1 } } }, /uniqueItems is 1, where .* has a boolean$/],
    [{ definitions: { A: { required: 'a' } } }, /required is "a", where .* has a list$/],
    [{ definitions: [] }, /^document\.definitions is \[\], where .* has an object$/],
    [{ paths: { '/a': { trace: {} } } }, /^document\.paths\.\/a\.trace has no place/],
    [
      { paths: { '/a': { parameters: [{ in: 'cookie' }] } } },
      /parameters\[0\] is \{"in":"cookie"\}, where .* known forms$/,
    ],
    [{ paths: { '/a': { get: { responses: { 200: { headers: {} } } } } } }, /responses\.200\.headers has no place/],
    [{ securityDefinitions: { A: { type: 'basic' } } }, /securityDefinitions\.A is .* known forms$/],
  ];
  for (const [more, message] of cases) {
    assert.throws(
      () => encodeOpenApiV2(small(more)),
      (error) => error instanceof UnencodableError && message.test(error.message),
    );
  }
});

test('undefined members are left out, as JSON leaves them out', () => {
  const document = small({ host: undefined, definitions: { A: { oneOf: undefined, type: 'string' } } });
  assert.deepEqual(decoded(encodeOpenApiV2(document)), small({ definitions: { A: { type: 'string' } } }));
});

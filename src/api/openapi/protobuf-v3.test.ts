import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'protobufjs';
import { OpenApi } from '../openapi.ts';
import { resourceTable } from '../resource-table.ts';
import { builtinSchema } from '../schema/load.ts';
import { encodeOpenApiV3 } from './protobuf-v3.ts';

/** What is tested of gnostic's `OpenAPIv3.proto`, for the oracle. */
const proto = `
syntax = "proto3";
package openapi.v3;
message Any { bytes value = 1; string yaml = 2; }
message NamedAny { string name = 1; Any value = 2; }
message Reference { string _ref = 1; }
message Document { string openapi = 1; Info info = 2; Paths paths = 4; Components components = 5; }
message Info { string title = 1; string version = 6; }
message Components { SchemasOrReferences schemas = 1; }
message SchemasOrReferences { repeated NamedSchemaOrReference additional_properties = 1; }
message Properties { repeated NamedSchemaOrReference additional_properties = 1; }
message NamedSchemaOrReference { string name = 1; SchemaOrReference value = 2; }
message SchemaOrReference { oneof oneof { Schema schema = 1; Reference reference = 2; } }
message ItemsItem { repeated SchemaOrReference schema_or_reference = 1; }
message AdditionalPropertiesItem { oneof oneof { SchemaOrReference schema_or_reference = 1; bool boolean = 2; } }
message DefaultType { oneof oneof { double number = 1; bool boolean = 2; string string = 3; } }
message Schema { repeated string required = 23; repeated Any enum = 24; string type = 25;
  repeated SchemaOrReference all_of = 26; repeated SchemaOrReference one_of = 27; ItemsItem items = 30;
  Properties properties = 31; AdditionalPropertiesItem additional_properties = 32; DefaultType default = 33;
  string format = 35; repeated NamedAny specification_extension = 36; }
message Paths { repeated NamedPathItem path = 1; }
message NamedPathItem { string name = 1; PathItem value = 2; }
message PathItem { Operation get = 4; Operation put = 5; Operation post = 6; Operation delete = 7; Operation patch = 10; }
message Operation { repeated string tags = 1; string operation_id = 5; RequestBodyOrReference request_body = 7;
  Responses responses = 8; repeated NamedAny specification_extension = 13; }
message RequestBodyOrReference { oneof oneof { RequestBody request_body = 1; } }
message RequestBody { MediaTypes content = 2; bool required = 3; }
message MediaTypes { repeated NamedMediaType additional_properties = 1; }
message NamedMediaType { string name = 1; MediaType value = 2; }
message MediaType { SchemaOrReference schema = 1; }
message Responses { repeated NamedResponseOrReference response_or_reference = 2; }
message NamedResponseOrReference { string name = 1; ResponseOrReference value = 2; }
message ResponseOrReference { oneof oneof { Response response = 1; } }
message Response { string description = 1; MediaTypes content = 3; }
`;

const documentType = parse(proto, { keepCase: true }).root.lookupType('openapi.v3.Document');

interface Named<T> {
  readonly name: string;
  readonly value: T;
}

type Shape = { readonly [name: string]: Shape } & { readonly additional_properties: Named<Shape>[] };

function decoded(bytes: Buffer): Shape {
  return documentType.toObject(documentType.decode(bytes)) as Shape;
}

const named = (members: Shape | undefined, name: string): Shape | undefined =>
  members?.additional_properties.find((member) => member.name === name)?.value;

const openApi = new OpenApi({ schema: builtinSchema(), resources: resourceTable(), version: 'v1.36.0' });

test('a document has its schemas in protobuf, with references, defaults and extensions', () => {
  const { components } = decoded(openApi.v3('api/v1')?.protobuf ?? Buffer.alloc(0));
  const schemas = components?.['schemas'];
  const port = named(schemas, 'io.k8s.api.core.v1.ContainerPort')?.['schema'];
  assert.deepEqual(named(port?.['properties'], 'protocol')?.['schema']?.['default'], { string: 'TCP' });
  assert.deepEqual(named(port?.['properties'], 'containerPort')?.['schema']?.['default'], { number: 0 });
  const spec = named(schemas, 'io.k8s.api.core.v1.PodSpec')?.['schema'];
  assert.deepEqual(spec?.['required'], ['containers']);
  const containers = named(spec?.['properties'], 'containers')?.['schema'] as unknown as {
    items: { schema_or_reference: { schema: { all_of: object[]; default: object } }[] };
    specification_extension: Named<{ yaml: string }>[];
  };
  const element = containers.items.schema_or_reference[0]?.schema;
  assert.deepEqual(element?.all_of, [{ reference: { _ref: '#/components/schemas/io.k8s.api.core.v1.Container' } }]);
  assert.deepEqual(element?.default, {});
  const listType = containers.specification_extension.find(({ name }) => name === 'x-kubernetes-list-type');
  assert.equal(listType?.value.yaml.trim(), 'map');
});

test('and its paths', () => {
  const { paths } = decoded(openApi.v3('apis/apps/v1')?.protobuf ?? Buffer.alloc(0));
  const items = (paths as unknown as { path: Named<Shape>[] }).path;
  const item = items.find(({ name }) => name === '/apis/apps/v1/namespaces/{namespace}/deployments')?.value;
  assert.equal(item?.['post']?.['operation_id'], 'createAppsV1NamespacedDeployment');
  const body = named(item?.['post']?.['request_body']?.['request_body']?.['content'], '*/*');
  const reference = { _ref: '#/components/schemas/io.k8s.api.apps.v1.Deployment' };
  assert.deepEqual(body, { schema: { reference } });
});

test('every document that is served has a form in protobuf, under the hash of its JSON', () => {
  const { paths } = JSON.parse(openApi.index().json.toString()) as { paths: Record<string, unknown> };
  for (const path of Object.keys(paths)) {
    const made = openApi.v3(path);
    assert.ok(made !== undefined && made.protobuf.length > 100, path);
    assert.equal(made.hash, openApi.v3(path)?.hash);
  }
  assert.equal(openApi.v3('apis/example.com/v1'), undefined);
});

test('what has no place is refused, not dropped', () => {
  assert.throws(
    () => encodeOpenApiV3({ openapi: '3.0.0', info: { licence: 'x' } }),
    /document\.info\.licence has no place/,
  );
});

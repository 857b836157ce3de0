import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { builtinSchema } from './load.ts';
import type { MessageType, Type } from './schema.ts';

const schema = builtinSchema();

function fieldOf(kind: string, name: string, group = '', version = 'v1'): import('./schema.ts').Field {
  const field = schema.kind({ group, version, kind })?.fieldsByName.get(name);
  assert.ok(field);
  return field;
}

function messageOf(type: Type | undefined): MessageType {
  assert.ok(type?.kind === 'message');
  return type.message;
}

test('a kind is found by group, version and kind, under its OpenAPI name', () => {
  assert.equal(schema.kind({ group: '', version: 'v1', kind: 'Pod' })?.name, 'io.k8s.api.core.v1.Pod');
  assert.equal(
    schema.kind({ group: 'rbac.authorization.k8s.io', version: 'v1', kind: 'ClusterRole' })?.name,
    'io.k8s.api.rbac.v1.ClusterRole',
  );
  assert.equal(
    schema.kind({ group: 'apiregistration.k8s.io', version: 'v1', kind: 'APIService' })?.name,
    'io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIService',
  );
});

test('what no group registers is not a kind', () => {
  const missing = [
    { group: '', version: 'v1', kind: 'PodSpec' },
    { group: 'apps.example.com', version: 'v1', kind: 'Deployment' },
    { group: 'apps', version: 'v9', kind: 'Deployment' },
    { group: '../tables/core', version: 'v1', kind: 'Pod' },
    { group: 'apps', version: 'v1', kind: 'constructor' },
  ];
  for (const gvk of missing) assert.equal(schema.kind(gvk), undefined, JSON.stringify(gvk));
});

test('every group knows the options, and the core group knows Status', () => {
  const options = 'io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions';
  assert.equal(schema.kind({ group: 'batch', version: 'v1', kind: 'DeleteOptions' })?.name, options);
  assert.ok(schema.kind({ group: '', version: 'v1', kind: 'Status' }));
  assert.equal(schema.kind({ group: 'batch', version: 'v1', kind: 'Status' }), undefined);
  assert.ok(schema.kind({ group: 'meta.k8s.io', version: 'v1beta1', kind: 'Table' }));
});

test('a message is found by its OpenAPI name', () => {
  assert.equal(schema.message('io.k8s.api.core.v1.PodSpec')?.goName, 'PodSpec');
  assert.equal(schema.message('io.k8s.api.core.v1.Nothing'), undefined);
  assert.equal(schema.message('io.k8s.api.core.v1.toString'), undefined);
});

test('a type is one object, however it is reached', () => {
  const spec = messageOf(fieldOf('Pod', 'spec').type);
  assert.equal(spec, schema.message('io.k8s.api.core.v1.PodSpec'));
  assert.equal(messageOf(fieldOf('Pod', 'metadata').type), messageOf(fieldOf('Deployment', 'metadata', 'apps').type));
});

test('fields carry what strategic merge and server-side apply need', () => {
  const spec = messageOf(fieldOf('Pod', 'spec').type);
  const { listType, listMapKeys, patchStrategy, patchMergeKey, number } = spec.fieldsByName.get('volumes') ?? {};
  assert.deepEqual(
    { listType, listMapKeys, patchStrategy, patchMergeKey, number },
    {
      listType: 'map',
      listMapKeys: ['name'],
      patchStrategy: ['merge', 'retainKeys'],
      patchMergeKey: 'name',
      number: 1,
    },
  );
  assert.equal(spec.fieldsByName.get('nodeSelector')?.atomic, true);
});

test('ports of a container are keyed by port and protocol, and TCP is the default', () => {
  const container = schema.message('io.k8s.api.core.v1.Container');
  assert.deepEqual(container?.fieldsByName.get('ports')?.listMapKeys, ['containerPort', 'protocol']);
  const protocol = schema.message('io.k8s.api.core.v1.ContainerPort')?.fieldsByName.get('protocol');
  assert.equal(protocol?.default, 'TCP');
  assert.deepEqual(protocol?.enum, ['SCTP', 'TCP', 'UDP']);
  assert.deepEqual(protocol?.type, { kind: 'scalar', scalar: 'string', goType: 'v1.Protocol' });
});

test('an inlined message stands among the fields by name, and as itself by number', () => {
  const volume = schema.message('io.k8s.api.core.v1.Volume');
  assert.ok(volume);
  assert.ok(volume.fieldsByName.has('emptyDir'));
  assert.equal(volume.fieldsByNumber.get(2)?.goName, 'VolumeSource');
  assert.ok(volume.fieldsByNumber.get(2)?.inline);
});

test('JSONSchemaProps nests in itself, and its forms of many types are any JSON with a protobuf message', () => {
  const props = schema.message('io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps');
  assert.equal(messageOf(props?.fieldsByName.get('not')?.type), props);
  const items = props?.fieldsByName.get('items')?.type;
  assert.ok(items?.kind === 'special' && items.form === 'json');
  assert.deepEqual([...(items.message?.fieldsByNumber.keys() ?? [])], [1, 2]);
});

test('a named list of strings is a message of its own in protobuf', () => {
  const extra = schema.message('io.k8s.api.authentication.v1.UserInfo')?.fieldsByName.get('extra')?.type;
  assert.deepEqual(extra, {
    kind: 'map',
    value: { kind: 'list', element: { kind: 'scalar', scalar: 'string' }, goType: 'v1.ExtraValue', wrapped: true },
  });
});

test('every type in every table links, and no two fields of a message share a number', () => {
  const folder = join(import.meta.dirname, 'tables');
  let messages = 0;
  for (const name of readdirSync(folder).filter((each) => /^[a-z]+-v\d\w*\.json$/.test(each))) {
    const table = JSON.parse(readFileSync(join(folder, name), 'utf8')) as { openapiPackage: string; types: object };
    for (const goName of Object.keys(table.types)) {
      const message = schema.message(`${table.openapiPackage}.${goName}`);
      assert.ok(message, `${name} ${goName}`);
      const numbered = message.fields.filter(({ number }) => number !== undefined);
      assert.equal(message.fieldsByNumber.size, numbered.length, message.name);
      assert.ok(message.fieldsByName.size >= numbered.filter(({ inline }) => !inline).length);
      messages++;
    }
  }
  assert.ok(messages > 1000);
});

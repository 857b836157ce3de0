import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inFieldOrder, normalizeObject } from './normalize.ts';
import { builtinSchema } from './schema/load.ts';
import type { MessageType } from './schema/schema.ts';

function typeOf(kind: string, group = '', version = 'v1'): MessageType {
  const type = builtinSchema().kind({ group, version, kind });
  assert.ok(type);
  return type;
}

test('what is marked omitempty is left out where it is empty, and structs and unmarked fields are always there', () => {
  const normal = normalizeObject(typeOf('Pod'), {
    metadata: { name: 'web', labels: {}, generateName: '', finalizers: [] },
    spec: { containers: [{ name: 'c', args: [], stdin: false }], hostNetwork: false },
  });
  assert.deepEqual(normal, {
    metadata: { name: 'web' },
    spec: { containers: [{ name: 'c', resources: {} }] },
    status: {},
  });
});

test('a pointer keeps an explicit zero', () => {
  const normal = normalizeObject(typeOf('Deployment', 'apps'), { spec: { replicas: 0, minReadySeconds: 0 } });
  assert.deepEqual(normal['spec'], {
    replicas: 0,
    template: { metadata: {}, spec: { containers: [] } },
    strategy: {},
  });
});

test('numbers of a status are there from the start', () => {
  const normal = normalizeObject(typeOf('ReplicaSet', 'apps'), {});
  assert.deepEqual(normal['status'], { replicas: 0 });
});

test('the result is normal already, and a frozen object is not touched', () => {
  const type = typeOf('Role', 'rbac.authorization.k8s.io');
  const object = Object.freeze({ rules: Object.freeze([]) }) as never;
  const normal = normalizeObject(type, object);
  assert.deepEqual(normal, { metadata: {}, rules: [] });
  assert.deepEqual(normalizeObject(type, normal), normal);
});

test('an object that was put together later stands in order again', () => {
  const type = builtinSchema().kind({ group: '', version: 'v1', kind: 'ConfigMap' });
  assert.ok(type);
  const mixed = JSON.parse(
    '{"data":{"b":"1","a":"2"},"x":1,"metadata":{"uid":"u","name":"n"},"apiVersion":"v1","kind":"ConfigMap"}',
  );
  assert.equal(
    JSON.stringify(inFieldOrder(type, mixed)),
    '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"n","uid":"u"},"data":{"b":"1","a":"2"},"x":1}',
  );
});

test('fields come in the order of the table, those that are always there among them', () => {
  const normal = normalizeObject(typeOf('Pod'), {
    status: { phase: 'Running' },
    spec: { terminationGracePeriodSeconds: 0, containers: [{ image: 'i', args: ['a'], name: 'c' }], nodeName: 'n' },
    kind: 'Pod',
    unknown: 1,
  });
  assert.equal(
    JSON.stringify(normal),
    '{"kind":"Pod","metadata":{},"spec":{"containers":[{"name":"c","image":"i","args":["a"],"resources":{}}],' +
      '"terminationGracePeriodSeconds":0,"nodeName":"n"},"status":{"phase":"Running"}}',
  );
});

test('lists and maps of the result are new', () => {
  const finalizers = ['a/b'];
  const labels = { app: 'web' };
  const { metadata } = normalizeObject(typeOf('Pod'), { metadata: { labels, finalizers } }) as { metadata: object };
  assert.deepEqual(metadata, { labels, finalizers });
  assert.ok(!Object.values(metadata).includes(labels) && !Object.values(metadata).includes(finalizers));
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import { DecodeError, decodeObject } from './decode.ts';
import type { JsonValue } from './object.ts';
import { builtinSchema } from './schema/load.ts';
import type { MessageType } from './schema/schema.ts';

function typeOf(kind: string, group = '', version = 'v1'): MessageType {
  const type = builtinSchema().kind({ group, version, kind });
  assert.ok(type);
  return type;
}

const pod = typeOf('Pod');
const deployment = typeOf('Deployment', 'apps');
const crd = typeOf('CustomResourceDefinition', 'apiextensions.k8s.io');

function failsWith(type: MessageType, value: JsonValue, detail: string): void {
  assert.throws(
    () => decodeObject(type, value),
    (error) => {
      assert.ok(error instanceof DecodeError);
      assert.equal(error.detail, detail);
      return true;
    },
  );
}

test('unknown fields are dropped and told with their path, in the order of the document', () => {
  const { object, unknownFields } = decodeObject(pod, {
    spec: { zone: 1, containers: [{ name: 'a' }, { name: 'b', Image: 'x', ports: [{ port: 1, containerPort: 2 }] }] },
    colour: { deep: { er: 1 } },
  });
  assert.deepEqual(object, { spec: { containers: [{ name: 'a' }, { name: 'b', ports: [{ containerPort: 2 }] }] } });
  assert.deepEqual(unknownFields, [
    'unknown field "spec.zone"',
    'unknown field "spec.containers[1].Image"',
    'unknown field "spec.containers[1].ports[0].port"',
    'unknown field "colour"',
  ]);
});

test('names that every object inherits are unknown fields like any other', () => {
  const { object, unknownFields } = decodeObject(pod, { constructor: 1, toString: 'x', spec: { valueOf: null } });
  assert.deepEqual(object, { spec: {} });
  assert.equal(unknownFields.length, 3);
});

test('null means absent in a field, and the zero value in a list or map', () => {
  const { object } = decodeObject(pod, {
    metadata: { name: null, labels: { a: null }, finalizers: [null, 'x'], ownerReferences: null },
    spec: { containers: [null] },
  });
  assert.deepEqual(object, { metadata: { labels: { a: '' }, finalizers: ['', 'x'] }, spec: { containers: [{}] } });
});

test('equal objects encode equally, whatever order they came in', () => {
  const one = decodeObject(pod, { kind: 'Pod', metadata: { labels: { b: '1', a: '2' }, name: 'x' }, apiVersion: 'v1' });
  const two = decodeObject(pod, { apiVersion: 'v1', metadata: { name: 'x', labels: { a: '2', b: '1' } }, kind: 'Pod' });
  assert.equal(JSON.stringify(one.object), JSON.stringify(two.object));
  assert.deepEqual(Object.keys(one.object), ['kind', 'apiVersion', 'metadata']);
});

test('the result shares nothing with a frozen input', () => {
  const patch = Object.freeze({ a: Object.freeze({ b: 1 }) });
  const { object } = decodeObject(typeOf('ControllerRevision', 'apps'), { data: patch, revision: 1 });
  assert.notEqual(object['data'], patch);
  (object['data'] as { a: { b: number } }).a.b = 2;
  assert.equal(patch.a.b, 1);
});

test('wrong types are described as Go describes them', () => {
  const inSpec = (spec: JsonValue): JsonValue => ({ spec });
  const inContainer = (container: JsonValue): JsonValue => inSpec({ containers: [container] });
  const begin = 'json: cannot unmarshal';
  const cases: [MessageType, JsonValue, string][] = [
    [
      deployment,
      inSpec({ replicas: 'three' }),
      `${begin} string into Go struct field DeploymentSpec.spec.replicas of type int32`,
    ],
    [
      deployment,
      inSpec({ replicas: 1.5 }),
      `${begin} number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32`,
    ],
    [
      deployment,
      inSpec({ replicas: 2 ** 31 }),
      `${begin} number 2147483648 into Go struct field DeploymentSpec.spec.replicas of type int32`,
    ],
    [pod, inSpec('x'), `${begin} string into Go struct field Pod.spec of type v1.PodSpec`],
    [
      pod,
      inSpec({ containers: {} }),
      `${begin} object into Go struct field PodSpec.spec.containers of type []v1.Container`,
    ],
    [
      pod,
      inContainer({ image: 5 }),
      `${begin} number into Go struct field Container.spec.containers.image of type string`,
    ],
    [
      pod,
      inContainer({ env: [{ name: 'a', value: true }] }),
      `${begin} bool into Go struct field EnvVar.spec.containers.env.value of type string`,
    ],
    [
      pod,
      inContainer({ ports: [{ protocol: 1 }] }),
      `${begin} number into Go struct field ContainerPort.spec.containers.ports.protocol of type v1.Protocol`,
    ],
    [
      pod,
      inSpec({ volumes: [{ hostPath: 'x' }] }),
      `${begin} string into Go struct field Volume.spec.volumes.VolumeSource.hostPath of type v1.HostPathVolumeSource`,
    ],
    [
      pod,
      { metadata: { labels: { a: 1 } } },
      `${begin} number into Go struct field ObjectMeta.metadata.labels of type string`,
    ],
    [
      pod,
      { metadata: { labels: [] } },
      `${begin} array into Go struct field ObjectMeta.metadata.labels of type map[string]string`,
    ],
    [
      pod,
      { metadata: { generation: 2 ** 60 } },
      `${begin} number ${2 ** 60} into Go struct field ObjectMeta.metadata.generation of type int64`,
    ],
    [pod, { kind: 1 }, `${begin} number into Go struct field Pod.TypeMeta.kind of type string`],
    [pod, [], `${begin} array into Go value of type v1.Pod`],
    [
      typeOf('Service'),
      inSpec({ ports: [{ targetPort: true }] }),
      `${begin} bool into Go struct field ServicePort.spec.ports.targetPort of type int32`,
    ],
    [
      pod,
      { metadata: { creationTimestamp: 1 } },
      `${begin} number into Go struct field ObjectMeta.metadata.creationTimestamp of type string`,
    ],
  ];
  for (const [type, value, detail] of cases) failsWith(type, value, detail);
});

test('a quantity is stored in the form that the API prints, from a string or a number', () => {
  const { object } = decodeObject(pod, {
    spec: { containers: [{ resources: { requests: { cpu: 0.5, memory: '1024Mi', storage: 1 } } }] },
  });
  assert.deepEqual(object, {
    spec: { containers: [{ resources: { requests: { cpu: '500m', memory: '1Gi', storage: '1' } } }] },
  });
  const bad = { spec: { containers: [{ resources: { limits: { cpu: 'lots' } } }] } };
  failsWith(pod, bad, "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
});

test('bytes are base64, without line breaks', () => {
  const secret = typeOf('Secret');
  assert.deepEqual(decodeObject(secret, { data: { a: 'aGVs\nbG8=', b: '' } }).object, {
    data: { a: 'aGVsbG8=', b: '' },
  });
  failsWith(secret, { data: { a: 'aGVs*' } }, 'illegal base64 data at input byte 4');
  failsWith(secret, { data: { a: 'aGVsbG8' } }, 'illegal base64 data at input byte 4');
});

test('a schema within a CustomResourceDefinition is pruned without a word, as upstream does where a type decodes itself', () => {
  const withItems = (items: JsonValue): JsonValue => ({
    spec: { versions: [{ name: 'v1', schema: { openAPIV3Schema: { items } } }] },
  });
  const { object, unknownFields } = decodeObject(
    crd,
    withItems({ type: 'string', fancy: 1, default: { any: [null, 1] } }),
  );
  assert.deepEqual(object, withItems({ default: { any: [null, 1] }, type: 'string' }));
  assert.deepEqual(unknownFields, []);
  assert.deepEqual(decodeObject(crd, withItems([{ type: 'string' }])).object, withItems([{ type: 'string' }]));
});

test('additionalProperties is a schema or a boolean, and nothing else', () => {
  const withMore = (additionalProperties: JsonValue): JsonValue => ({
    spec: { versions: [{ schema: { openAPIV3Schema: { additionalProperties } } }] },
  });
  for (const good of [true, false, { type: 'string' }])
    assert.deepEqual(decodeObject(crd, withMore(good)).object, withMore(good));
  failsWith(crd, withMore('yes'), 'boolean or JSON schema expected');
});

test('decoding ends, with a result or a DecodeError, for any JSON', () => {
  const names = fc.constantFrom(
    'kind',
    'metadata',
    'spec',
    'labels',
    'containers',
    'template',
    'replicas',
    'ports',
    'x',
    '__proto__',
    'items',
  );
  const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'medium', withCrossShrink: true },
      fc.oneof(fc.string(), fc.double(), fc.integer(), fc.boolean(), fc.constant(null)),
      fc.array(tie('value'), { maxLength: 4 }),
      fc.array(fc.tuple(names, tie('value')), { maxLength: 6 }).map((entries) => Object.fromEntries(entries)),
    ),
  }));
  const types = [pod, deployment, crd, typeOf('List'), typeOf('Table', 'meta.k8s.io'), typeOf('WatchEvent')];
  fc.assert(
    fc.property(fc.constantFrom(...types), value, (type, input) => {
      try {
        const { object } = decodeObject(type, input);
        assert.deepEqual(decodeObject(type, object).object, object);
        assert.equal(Object.getPrototypeOf(object), Object.prototype);
      } catch (error) {
        assert.ok(error instanceof DecodeError, String(error));
      }
    }),
    { numRuns: 1000 },
  );
});

test('an object that nests for ever ends in a DecodeError too', () => {
  const schema: { [name: string]: JsonValue } = {};
  schema['not'] = schema;
  assert.throws(
    () => decodeObject(crd, { spec: { versions: [{ schema: { openAPIV3Schema: schema } }] } }),
    DecodeError,
  );
});

test('bytes may come as a list of numbers, and half a character as what stands for it', () => {
  const secret = typeOf('Secret');
  assert.deepEqual(decodeObject(secret, { data: { a: [104, 105, null] } }).object, { data: { a: 'aGkA' } });
  failsWith(
    secret,
    { data: { a: [256] } },
    `json: cannot unmarshal number 256 into Go struct field Secret.data of type uint8`,
  );
  assert.deepEqual(decodeObject(secret, { type: 'a\ud800' }).object, { type: 'a\ufffd' });
});

test('the zero time is no time', () => {
  const metadata = {
    name: 'a',
    creationTimestamp: '0001-01-01T00:00:00Z',
    deletionTimestamp: '0001-01-01T02:00:00+02:00',
  };
  assert.deepEqual(decodeObject(pod, { metadata }).object, { metadata: { name: 'a' } });
  const lease = typeOf('Lease', 'coordination.k8s.io');
  assert.deepEqual(decodeObject(lease, { spec: { renewTime: '0001-01-01T00:00:00.000000Z' } }).object, { spec: {} });
});

test('a map takes any key, also one that every object seems to have', () => {
  const text = '{"data":{"__proto__":"a","constructor":"b","hasOwnProperty":"c"}}';
  const { object, unknownFields } = decodeObject(typeOf('ConfigMap'), JSON.parse(text) as JsonValue);
  assert.equal(JSON.stringify(object), text);
  assert.deepEqual(unknownFields, []);
  const unknown = decodeObject(pod, JSON.parse('{"__proto__":{"kind":"x"},"constructor":1}') as JsonValue);
  assert.deepEqual(
    [unknown.object, unknown.unknownFields],
    [{}, ['unknown field "__proto__"', 'unknown field "constructor"']],
  );
});

test('the frozen trees of managed fields are handed on as they are; others are copied', () => {
  const frozen = Object.freeze({ 'f:spec': Object.freeze({}) });
  const loose = { 'f:spec': {} };
  const managedFields = [{ fieldsV1: frozen }, { fieldsV1: loose }];
  const { object } = decodeObject(pod, { metadata: { managedFields } });
  const decoded = (object as unknown as { metadata: { managedFields: { fieldsV1: object }[] } }).metadata.managedFields;
  assert.equal(decoded[0]?.fieldsV1, frozen);
  assert.notEqual(decoded[1]?.fieldsV1, loose);
  assert.deepEqual(decoded[1]?.fieldsV1, loose);
});

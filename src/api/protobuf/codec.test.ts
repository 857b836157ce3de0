/** Both directions beside each other: a fixture is a few bytes, in hex, and the object that they are. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { limits } from '../../lib/limits.ts';
import { DecodeError } from '../decode-error.ts';
import { normalizeObject } from '../normalize.ts';
import type { JsonObject } from '../object.ts';
import type { MessageType } from '../schema/schema.ts';
import { decodeProtobuf } from './decode.ts';
import { encodeProtobuf } from './encode.ts';
import { protobufType } from './envelope.ts';

function typeOf(apiVersion: string, kind: string): MessageType {
  const type = protobufType({ apiVersion, kind });
  assert.ok(type);
  return type;
}

const pod = typeOf('v1', 'Pod');
const deployment = typeOf('apps/v1', 'Deployment');
const secret = typeOf('v1', 'Secret');
const lease = typeOf('coordination.k8s.io/v1', 'Lease');
const crd = typeOf('apiextensions.k8s.io/v1', 'CustomResourceDefinition');
const review = typeOf('authorization.k8s.io/v1', 'SubjectAccessReview');
const podMetrics = typeOf('metrics.k8s.io/v1beta1', 'PodMetrics');

/** A part of a kind: `spec.template`. */
function part(type: MessageType, ...path: string[]): MessageType {
  return path.reduce((at, name) => {
    const inner = at.fieldsByName.get(name)?.type;
    const element = inner?.kind === 'list' ? inner.element : inner?.kind === 'map' ? inner.value : inner;
    assert.ok(element?.kind === 'message', name);
    return element.message;
  }, type);
}

const container = part(pod, 'spec', 'containers');
const probe = part(container, 'livenessProbe');
const deploymentSpec = part(deployment, 'spec');
const meta = part(pod, 'metadata');

const decode = (type: MessageType, hex: string) => decodeProtobuf(type, Buffer.from(hex.replaceAll(' ', ''), 'hex'));

describe('decoding', () => {
  test('leaves out the zeros that Go writes and its JSON does not, and keeps the others', () => {
    // stdin (16): false, image (2): '', workingDir (5): 'x', name (1): '' which is always in the JSON.
    assert.deepEqual(decode(container, '8001 00 12 00 2a 01 78 0a 00'), { workingDir: 'x', name: '' });
  });

  test('keeps an explicit zero of a pointer', () => {
    // replicas (1): 0, a pointer; minReadySeconds (5): 0, none.
    assert.deepEqual(decode(deploymentSpec, '08 00 28 00'), { replicas: 0 });
  });

  test('passes over fields that the type does not have', () => {
    assert.deepEqual(decode(deploymentSpec, 'fa7f 02 6162 08 03'), { replicas: 3 });
  });

  test('puts the fields of an inlined message into its parent', () => {
    // handler (1): { tcpSocket (3): { port (1): { 1: 1, 2: 0, 3: 'http' } } }, periodSeconds (4): 5.
    assert.deepEqual(decode(probe, '0a0e 1a0c 0a0a 08 01 10 00 1a04 68747470 20 05'), {
      tcpSocket: { port: 'http' },
      periodSeconds: 5,
    });
  });

  test('merges a message that comes twice, and lets the last scalar win', () => {
    assert.deepEqual(decode(pod, '0a03 0a01 61 0a03 1a01 6e'), { metadata: { name: 'a', namespace: 'n' } });
    assert.deepEqual(decode(container, '2a 01 78 2a 01 79'), { workingDir: 'y' });
    assert.deepEqual(decode(container, '2a 01 78 2a 00'), {});
  });

  test('takes repeated numbers one by one and packed', () => {
    const context = part(pod, 'spec', 'securityContext');
    assert.deepEqual(decode(context, '20 01 20 02'), { supplementalGroups: [1, 2] });
    assert.deepEqual(decode(context, '22 03 01 8002'), { supplementalGroups: [1, 256] });
  });

  test('reads map entries in any order, and what an entry leaves out as zero', () => {
    assert.deepEqual(decode(meta, '5a06 1201 76 0a01 6b 5a03 0a01 6c'), { labels: { k: 'v', l: '' } });
  });

  test('shows a zero time as absent, and a time without its fraction', () => {
    assert.deepEqual(decode(meta, '4200'), {});
    // Year 1, which is where Go's times begin.
    assert.deepEqual(decode(meta, '420b 08 8092b8c398feffffff01'), {});
    assert.deepEqual(decode(meta, '4208 08 81cad1ca06 10 05'), { creationTimestamp: '2025-12-30T23:49:21Z' });
  });

  test('refuses wrong wire types, years that no date has, and numbers that JSON cannot write', () => {
    assert.throws(
      () => decode(container, '0a 01 61 28 05'),
      new DecodeError('proto: wrong wireType = 0 for field WorkingDir'),
    );
    assert.throws(() => decode(meta, '4208 08 ffffffffffff07'), /year outside of range/);
    assert.throws(
      () => decode(part(crd, 'spec', 'versions', 'schema', 'openAPIV3Schema'), '49 000000000000f07f'),
      DecodeError,
    );
    const named = decode(meta, `5a0d 0a09 ${Buffer.from('__proto__').toString('hex')} 1200`);
    assert.equal(JSON.stringify(named), '{"labels":{"__proto__":""}}');
    assert.equal(Object.getPrototypeOf(named['labels']), Object.prototype);
  });

  test('refuses integers that would not stay what they are', () => {
    assert.throws(() => decode(meta, '38 8080808080808010'), DecodeError);
  });

  test('refuses what nests deeper than any document may', () => {
    const schema = part(crd, 'spec', 'versions', 'schema', 'openAPIV3Schema');
    const nested = (levels: number) => {
      let value: JsonObject = { type: 'string' };
      for (let level = 0; level < levels; level++) value = { not: value };
      return encodeProtobuf(schema, value);
    };
    assert.ok(decodeProtobuf(schema, nested(limits.nestingDepthMax - 4)));
    assert.throws(() => decodeProtobuf(schema, nested(limits.nestingDepthMax + 1)), /nests deeper/);
  });
});

describe('encoding', () => {
  test('writes what is no pointer also when it is empty, and nothing for what is one', () => {
    // name '', image '', workingDir '', resources {}, terminationMessagePath '', imagePullPolicy '', three booleans, policy ''.
    assert.equal(encodeProtobuf(container, {}).toString('hex'), '0a0012002a0042006a007200800100880100900100a20100');
  });

  test('sorts the entries of a map', () => {
    const labels = encodeProtobuf(part(deploymentSpec, 'selector'), { matchLabels: { b: '2', a: '1' } });
    assert.equal(labels.toString('hex'), '0a060a01611201310a060a0162120132');
  });

  test('leaves out what the type does not know', () => {
    assert.deepEqual(encodeProtobuf(meta, { name: 'a', colour: 'red' }), encodeProtobuf(meta, { name: 'a' }));
  });
});

describe('both ways', () => {
  /** Empty structs are everywhere in protobuf: the normal form has them too. */
  const same = (type: MessageType, object: JsonObject) =>
    assert.deepEqual(
      normalizeObject(type, decodeProtobuf(type, encodeProtobuf(type, object))),
      normalizeObject(type, object),
    );

  test('quantities, ports, bytes and raw JSON keep their JSON form', () => {
    same(container, { resources: { limits: { cpu: '100m', memory: '1Gi' } } });
    same(probe, { httpGet: { port: 8080, host: 'a' } });
    same(probe, { httpGet: { port: 'http' } });
    same(secret, { data: { key: 'AAEC/w==' } });
    same(typeOf('apps/v1', 'ControllerRevision'), {
      data: { spec: { any: [1, 'x', null, { b: true }] } },
      revision: 3,
    });
    same(meta, { managedFields: [{ manager: 'm', fieldsV1: { 'f:spec': { '.': {} } } }] });
  });

  test('times keep the digits that their type shows', () => {
    same(meta, { creationTimestamp: '2026-01-02T03:04:05Z' });
    same(meta, { creationTimestamp: '1969-12-31T23:59:59Z' });
    same(lease, { spec: { renewTime: '2026-01-02T03:04:05.000060Z' } });
    same(lease, { spec: { renewTime: '1969-12-31T23:59:59.999999Z' } });
  });

  test('a list that is a message of its own keeps its elements', () => {
    same(review, { spec: { extra: { scopes: ['a', 'b'], none: ['c'] } } });
  });

  test('a duration is text in JSON', () => {
    same(podMetrics, { window: '1m0.5s' });
  });

  test('the forms of a JSON schema are what they say', () => {
    const schema = part(crd, 'spec', 'versions', 'schema', 'openAPIV3Schema');
    same(schema, { additionalProperties: false });
    same(schema, { additionalProperties: true });
    same(schema, { additionalProperties: { type: 'string' } });
    same(schema, { items: { type: 'string' } });
    same(schema, { items: [{ type: 'string' }, { type: 'object' }] });
    same(schema, { dependencies: { a: ['b'], c: { type: 'string' } } });
    same(schema, { default: { a: [1] }, enum: ['x', 2, null, false], maximum: 1.5, minimum: 0 });
  });
});

describe('whatever the bytes', () => {
  const types = [pod, deployment, crd, lease, review, podMetrics];
  const full = encodeProtobuf(pod, {
    metadata: { name: 'a', labels: { a: 'b' }, creationTimestamp: '2026-01-02T03:04:05Z', finalizers: ['x'] },
    spec: {
      containers: [{ name: 'c', ports: [{ containerPort: 1 }], resources: { limits: { cpu: '1' } } }],
      securityContext: { supplementalGroups: [1, 2] },
    },
  });

  const decodes = (type: MessageType, bytes: Uint8Array): void => {
    try {
      JSON.stringify(decodeProtobuf(type, bytes));
    } catch (error) {
      assert.ok(error instanceof DecodeError, String(error));
    }
  };

  test('decoding ends, and fails with a DecodeError or not at all', () => {
    fc.assert(
      fc.property(fc.constantFrom(...types), fc.uint8Array({ maxLength: 200 }), (type, bytes) => decodes(type, bytes)),
    );
  });

  test('also of a message cut short, and of one with bits turned', () => {
    for (let length = 0; length < full.length; length++) decodes(pod, full.subarray(0, length));
    const flips = fc.array(fc.tuple(fc.nat(full.length - 1), fc.nat(7)), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(flips, (bits) => {
        const bytes = Buffer.from(full);
        for (const [at, bit] of bits) bytes[at] = (bytes[at] as number) ^ (1 << bit);
        decodes(pod, bytes);
      }),
    );
  });
});

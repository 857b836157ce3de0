import { deepEqual, equal, notEqual } from 'node:assert/strict';
import { describe, test } from 'node:test';
import * as fc from 'fast-check';
import { normalizeWithNulls } from '../normalize.ts';
import type { JsonObject, JsonValue } from '../object.ts';
import type { MessageType, Type } from '../schema/schema.ts';
import type { ManagedFieldsEntry } from '../schema/types/meta-v1.ts';
import { type OwnershipRequest, trackCreate, trackUpdate } from './apply.ts';
import { messageAtom } from './atom.ts';
import { FieldSet } from './field-set.ts';
import { shapeOf } from './object-shape.ts';
import { builtinKind, frozen, withEntries } from './testing.ts';

const pod = builtinKind('', 'v1', 'Pod');
const kinds = [
  pod,
  builtinKind('', 'v1', 'Service'),
  builtinKind('apps', 'v1', 'Deployment'),
  builtinKind('policy', 'v1', 'PodDisruptionBudget'),
  builtinKind('rbac.authorization.k8s.io', 'v1', 'Role'),
  builtinKind('apiextensions.k8s.io', 'v1', 'CustomResourceDefinition'),
];
const resetStatus = FieldSet.of(['status']);

const request = (options: Partial<OwnershipRequest> = {}): OwnershipRequest => ({
  manager: 'maker',
  subresource: '',
  time: '2026-01-01T00:00:00Z',
  inVersion: () => undefined,
  ...options,
});

const asIs = <T>(value: T): T => frozen(value);

function createdBy(
  type: MessageType,
  value: JsonObject,
  options?: Partial<OwnershipRequest>,
): readonly ManagedFieldsEntry[] {
  const normal = () => ({ apiVersion: 'v1', type, value: normalizeWithNulls(type, value) });
  return trackCreate({ apiVersion: 'v1', type, value }, normal, request(options), asIs);
}

function updatedBy(
  type: MessageType,
  value: JsonObject,
  options?: Partial<OwnershipRequest>,
): readonly ManagedFieldsEntry[] {
  return trackUpdate(undefined, { apiVersion: 'v1', type, value: normalizeWithNulls(type, value) }, request(options));
}

const podOf = (name: string, image: string, container = 'main'): JsonObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels: { app: name } },
  spec: { containers: [{ name: container, image, ports: [{ containerPort: 80 }] }] },
});

/** Values of a type, few enough that shapes come again: zeros among them, empty parts, keys left out, keys twice. */
function valueOf(type: Type, pick: (options: number) => number, depth: number): JsonValue {
  switch (type.kind) {
    case 'message':
      return objectOf(type.message, pick, depth - 1);
    case 'list':
      return Array.from({ length: pick(3) }, () => valueOf(type.element, pick, depth - 1));
    case 'map':
      return Object.fromEntries(
        ['a', '', '1.b{'].slice(0, pick(4)).map((key) => [key, valueOf(type.value, pick, depth - 1)]),
      );
    case 'scalar':
      if (type.scalar === 'boolean') return pick(2) === 0;
      return type.scalar === 'string' || type.scalar === 'bytes' ? (['', 'a', 'b'][pick(3)] ?? '') : pick(3);
    case 'special':
      if (type.form === 'quantity') return ['0', '1'][pick(2)] ?? '';
      if (type.form === 'int-or-string') return [0, 1, '0', 'a'][pick(4)] ?? 0;
      if (type.form === 'duration') return ['0s', '1s'][pick(2)] ?? '';
      if (type.form === 'time' || type.form === 'micro-time') return '2026-01-01T00:00:00Z';
      return [{}, { a: 1 }, { a: { b: [] } }][pick(3)] ?? {};
  }
}

function objectOf(type: MessageType, pick: (options: number) => number, depth: number): JsonObject {
  const object: JsonObject = {};
  for (const field of type.fieldsByName.values()) {
    if (field.name === 'managedFields' || depth <= 0 || pick(4) !== 0) continue;
    object[field.name] = valueOf(field.type, pick, depth);
  }
  return object;
}

/** A few objects, each of them picked by few numbers, so that they resemble each other. */
const picks = fc.array(fc.nat({ max: 11 }), { minLength: 8, maxLength: 60 });

describe('who owns what of a new object', () => {
  test('is what comparing it with an empty one finds, whether its shape is known or not', () => {
    fc.assert(
      fc.property(picks, fc.nat({ max: kinds.length - 1 }), fc.boolean(), (numbers, index, resets) => {
        let at = 0;
        const pick = (options: number): number => (numbers[at++ % numbers.length] ?? 0) % options;
        const type = kinds[index] ?? pod;
        const options = resets ? { resetFields: resetStatus } : {};
        for (let round = 0; round < 4; round++, at += round) {
          const object = { ...objectOf(type, pick, 7), apiVersion: 'v1', kind: type.goName };
          deepEqual(createdBy(type, object, options), updatedBy(type, object, options));
          deepEqual(createdBy(type, object, options), updatedBy(type, object, options));
        }
      }),
      { numRuns: 400 },
    );
  });

  test('is one tree for all objects of a shape, with manager and time of each request', () => {
    const [first] = createdBy(pod, podOf('web-1', 'one'));
    const [second] = createdBy(pod, podOf('web-2', 'two'), { manager: 'other', time: '2026-01-02T00:00:00Z' });
    equal(second?.fieldsV1, first?.fieldsV1);
    deepEqual([second?.manager, second?.time], ['other', '2026-01-02T00:00:00Z']);
    deepEqual(Object.keys(second ?? {}), Object.keys(first ?? {}));
  });

  test('is told apart by what the request cannot change', () => {
    const object = { ...podOf('web', 'one'), status: { phase: 'Running' } };
    for (const options of [{}, { resetFields: resetStatus }]) {
      const [entry] = createdBy(pod, object, options);
      equal('f:status' in (entry?.fieldsV1 ?? {}), options.resetFields === undefined);
    }
  });

  test('depends on the entries that the client sent: nothing is remembered then', () => {
    const [entry] = createdBy(pod, podOf('web', 'one'), { manager: 'first' });
    const fieldsV1 = { 'f:spec': { 'f:nodeName': {} } };
    const sent = withEntries(podOf('web', 'one'), entry === undefined ? [] : [{ ...entry, fieldsV1 }]);
    deepEqual(createdBy(pod, sent), updatedBy(pod, sent));
    equal(createdBy(pod, sent).length, 2);
  });
});

describe('a shape', () => {
  const shape = (value: JsonObject): string | undefined => shapeOf(messageAtom(pod), value);

  test('is the same for other values in the same places', () => {
    equal(
      shape(podOf('web-1', 'one')),
      shape({ ...podOf('web-1', 'two'), metadata: { name: 'x', labels: { app: 'y' } } }),
    );
  });

  test('differs where the keys of a list, the names in a map, or a zero value differ', () => {
    const plain = shape(podOf('web', 'one'));
    notEqual(shape(podOf('web', 'one', 'other')), plain);
    notEqual(shape(podOf('web', '')), plain);
    notEqual(shape({ ...podOf('web', 'one'), metadata: { name: 'web', labels: { app2: 'web' } } }), plain);
  });

  test('is none for what does not fit the type', () => {
    equal(shape({ spec: { containers: [1] } }), undefined);
    equal(shape({ spec: [] }), undefined);
    equal(shape({ metadata: { finalizers: [{}] } }), undefined);
  });
});

/**
 * Upstream's tests of ratcheting (test/e2e/apimachinery/crd_validation_ratcheting.go, `CRDValidationRatcheting`), step by step: what was valid
 * before its definition became stricter may stay as it is, where the old value can be told to be the same one. Named after upstream's.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../../harness.ts';
import { apiVersionOf } from './client.ts';
import { ConformanceCluster } from './cluster.ts';
import { CustomKinds } from './definitions.ts';
import { ApiError, type Sent } from './wire.ts';

const text = { type: 'string' };
const only = (...values: readonly string[]) => ({ type: 'string', enum: values });
const ruled = (rule: string, more: object = {}) => ({
  type: 'string',
  maxLength: 5,
  'x-kubernetes-validations': [{ rule, ...more }],
});
const sentinel = '__update_schema_sentinel_field__';

/** One field, as it stands at the root, in an object, in a list with keys and in a map. */
function everywhere(field: object, more: object = {}): object {
  const object = { type: 'object', properties: { field, ...more } };
  return {
    field,
    ...more,
    struct: object,
    list: {
      type: 'array',
      maxItems: 5,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['key'],
      items: { type: 'object', required: ['key'], properties: { key: text, field, ...more } },
    },
    map: { type: 'object', maxProperties: 5, additionalProperties: object },
  };
}

/** Lists whose items cannot be told to be the old ones. */
const lists = (items: object): object => ({
  atomicArray: { type: 'array', items },
  setArray: { type: 'array', 'x-kubernetes-list-type': 'set', items },
});

const valued = (field: string, more: object = {}): object => ({
  field,
  ...more,
  struct: { field, ...more },
  list: ['foo', 'bar'].map((key) => ({ key, field, ...more })),
  map: { foo: { field, ...more }, bar: { field, ...more } },
});

const words = ['foo', 'bar', 'baz'];
const listed = (...values: readonly string[]): object => ({ setArray: values, atomicArray: values });
const labelled = (object: object): object => ({ ...object, metadata: { labels: { foo: 'bar' } } });

const rulePaths = ['field', 'struct.field', 'list[0].field', 'list[1].field', 'map[foo].field', 'map[bar].field'];
const schemaPaths = ['field', 'struct.field', 'list[0].field', 'list[1].field', 'map.foo.field', 'map.bar.field'];
const listPaths = ['atomicArray', 'setArray'];

interface Case {
  readonly name: string;
  readonly before: object;
  /** The properties of the stricter schema. */
  readonly schema: object;
  readonly change: object;
  /** Paths that the refusal names; without: it is taken. */
  readonly refused?: readonly string[];
}

const cases: readonly Case[] = [
  {
    name: 'MUST NOT fail to update a resource due to JSONSchema errors on unchanged correlatable fields',
    before: valued('foo'),
    schema: everywhere(only('notfoo')),
    change: labelled(valued('foo')),
  },
  {
    name: 'MUST fail to update a resource due to JSONSchema errors on unchanged uncorrelatable fields',
    before: listed(...words),
    schema: lists(only('notfoo', 'notbar', 'notbaz')),
    change: labelled(listed(...words, 'notfoo')),
    refused: listPaths,
  },
  {
    name: 'MUST fail to update a resource due to JSONSchema errors on changed fields',
    before: valued('foo'),
    schema: everywhere(only('foo')),
    change: valued('notfoo'),
    refused: schemaPaths,
  },
  {
    name: 'MUST NOT fail to update a resource due to CRD Validation Rule errors on unchanged correlatable fields',
    before: valued('no'),
    schema: everywhere(ruled('self == "foo"'), { otherField: text }),
    change: valued('no', { otherField: 'doesntmatter' }),
  },
  {
    name: 'MUST fail to update a resource due to CRD Validation Rule errors on unchanged uncorrelatable fields',
    before: listed(...words),
    schema: lists({ type: 'string', 'x-kubernetes-validations': [{ rule: 'self != "foo"' }] }),
    change: labelled(listed(...words, 'notfoo')),
    refused: listPaths,
  },
  {
    name: 'MUST fail to update a resource due to CRD Validation Rule errors on changed fields',
    before: valued('foo'),
    schema: everywhere(ruled('self == "foo"')),
    change: valued('no'),
    refused: rulePaths,
  },
  {
    name: 'MUST NOT ratchet errors raised by transition rules',
    before: valued('foo'),
    schema: everywhere(ruled('self != oldSelf')),
    change: labelled(valued('foo')),
    refused: rulePaths,
  },
];

describe('conformance: CRDValidationRatcheting', { timeout: 120_000 }, () => {
  let cluster: ConformanceCluster;
  const kinds = new CustomKinds(() => cluster.wire);

  before(async () => {
    cluster = await ConformanceCluster.up(1);
  });
  after(() => cluster.close());

  const defined = (): Promise<Sent> => kinds.established(kinds.definition({ scope: 'Namespaced' }));

  function apply(made: Sent, name: string, object: Sent): Promise<Sent> {
    const objects = kinds.client(made, undefined, 'default');
    const { kind } = objects.info;
    const whole = { ...object, apiVersion: apiVersionOf(objects.info), kind, metadata: { ...object.metadata, name } };
    return objects.patch(name, 'apply', whole, '', { fieldManager: 'manager' });
  }

  /** The stricter schema is in force when a field of it, that nobody else has, refuses an object. */
  async function restrict(made: Sent, properties: object): Promise<void> {
    const unique = `sentinel-of-${made.metadata.name}`;
    const openAPIV3Schema = { type: 'object', properties: { ...properties, [sentinel]: only(unique) } };
    const current = await kinds.definitions.get(made.metadata.name);
    const [version] = current.spec.versions;
    await kinds.definitions.update({
      ...current,
      spec: { ...current.spec, versions: [{ ...version, schema: { openAPIV3Schema } }] },
    });
    const metadata = { finalizers: ['unqualified-finalizer'], labels: { '#inv/($%)/alid=': '>htt$://' } };
    let counter = 0;
    await eventually('the new schema is in force', async () => {
      const error = await apply(made, 'sentinel-resource', { metadata, [sentinel]: String(++counter) }).catch(
        (caught: unknown) => caught,
      );
      assert.ok(error instanceof ApiError);
      return error.message.includes(unique);
    });
  }

  async function mustName(request: Promise<Sent>, paths: readonly string[]): Promise<void> {
    const error = await request.then(
      () => assert.fail('it was taken'),
      (caught: unknown) => caught,
    );
    assert.ok(error instanceof ApiError && error.code === 422, String(error));
    for (const each of paths) assert.ok(error.message.includes(each), `${each} in ${error.message}`);
  }

  for (const { name, before: first, schema, change, refused } of cases) {
    test(name, async () => {
      const made = await defined();
      await apply(made, 'test-resource', first);
      await restrict(made, schema);
      const changed = apply(made, 'test-resource', change);
      if (refused !== undefined) return mustName(changed, refused);
      assert.equal((await changed).metadata.name, 'test-resource');
    });
  }

  test('MUST evaluate a CRD Validation Rule with oldSelf = nil for new values when optionalOldSelf is true', async () => {
    const made = await defined();
    const changes = '!oldSelf.hasValue() || self != oldSelf.value()';
    await restrict(made, everywhere(ruled(changes, { optionalOldSelf: true })));
    await apply(made, 'test-resource', valued('foo'));
    await mustName(apply(made, 'test-resource', labelled(valued('foo'))), rulePaths);
    assert.equal((await apply(made, 'test-resource', valued('new'))).map.bar.field, 'new');
  });
});

/**
 * Upstream's conformance tests of validation rules (test/e2e/apimachinery/crd_validation_rules.go, `CustomResourceValidationRules`), step by
 * step. A test is named after upstream's.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { mustRefuse, type ResourceClient } from './client.ts';
import { ConformanceCluster } from './cluster.ts';
import { CustomKinds } from './definitions.ts';

const integer = { type: 'integer' };
const rules = (...each: readonly string[]) => ({ 'x-kubernetes-validations': each.map((rule) => ({ rule })) });
const integers = (maxItems: number) => ({ type: 'array', maxItems, items: integer });
const withSpec = (spec: object, more: object = {}): object => ({
  type: 'object',
  properties: { spec: { type: 'object', ...spec }, ...more },
});

const ruled = withSpec(
  {
    ...rules(
      'self.x + self.y > 0',
      'self.firstArray.isSorted() && self.secondArray.isSorted() && ((self.firstArray.sum() + self.secondArray.sum()) % 2 == 0)',
      'self.largeArray.all(x, self.largeArray.all(y, y == x))',
    ),
    properties: {
      x: integer,
      y: integer,
      firstArray: integers(1000),
      secondArray: integers(1000),
      largeArray: integers(725),
    },
  },
  {
    status: {
      type: 'object',
      ...rules("self.health == 'ok' || self.health == 'unhealthy'"),
      properties: { health: { type: 'string' } },
    },
  },
);

describe('conformance: CustomResourceValidationRules', { timeout: 120_000 }, () => {
  let cluster: ConformanceCluster;
  const kinds = new CustomKinds(() => cluster.wire);

  before(async () => {
    cluster = await ConformanceCluster.up(1);
  });
  after(() => cluster.close());

  const definition = (schema: object) => kinds.definition({ scope: 'Namespaced', schema });

  async function objectsOf(schema: object): Promise<ResourceClient> {
    const made = await kinds.established(definition(schema));
    return kinds.client(made, undefined, await cluster.namespace('crd-validation-expressions'));
  }

  const cr = (spec: object): object => ({ metadata: { name: 'cr-1' }, spec });

  test('MUST NOT fail validation for create of a custom resource that satisfies the x-kubernetes-validations rules', async () => {
    const objects = await objectsOf(ruled);
    const spec = { x: 1, y: 0, firstArray: [3, 4], secondArray: [5, 10], largeArray: [2, 2] };
    assert.deepEqual((await objects.create(cr(spec))).spec, spec);
  });

  test('MUST fail validation for create of a custom resource that does not satisfy the x-kubernetes-validations rules', async () => {
    const objects = await objectsOf(ruled);
    const { message } = await mustRefuse(objects.create(cr({ x: 0, y: 0 })), 422);
    assert.ok(message.includes('failed rule'), message);
  });

  const refusedDefinitions: readonly (readonly [string, object, string])[] = [
    [
      'a x-kubernetes-validations rule that refers to a property that do not exist',
      withSpec({ ...rules('self.z == 100'), properties: { x: integer } }),
      "undefined field 'z'",
    ],
    ['an x-kubernetes-validations rule that contains a syntax error', withSpec(rules('self = 42')), 'Syntax error'],
    [
      'an x-kubernetes-validations rule that exceeds the estimated cost limit',
      withSpec({
        properties: {
          x: {
            type: 'array',
            items: { type: 'array', items: { type: 'string' }, ...rules("self.all(s, s == 'string constant')") },
          },
        },
      }),
      'exceeds budget',
    ],
  ];
  for (const [what, schema, expected] of refusedDefinitions) {
    test(`MUST fail create of a custom resource definition that contains ${what}`, async () => {
      const { message } = await mustRefuse(kinds.definitions.create(definition(schema)), 422);
      assert.ok(message.includes(expected), message);
    });
  }

  test('MUST fail create of a custom resource that exceeds the runtime cost limit for x-kubernetes-validations rule execution', async () => {
    const objects = await objectsOf(ruled);
    const { message } = await mustRefuse(objects.create(cr({ largeArray: Array<number>(725).fill(20) })), 422);
    assert.ok(message.includes('call cost exceeds limit'), message);
  });

  test('MUST fail update of a custom resource that does not satisfy a x-kubernetes-validations transition rule', async () => {
    const objects = await objectsOf(withSpec({ properties: { num: { ...integer, ...rules('self > oldSelf') } } }));
    const created = await objects.create(cr({ num: 10 }));
    const { message } = await mustRefuse(objects.update({ ...created, spec: { num: 9 } }), 422);
    assert.ok(message.includes('failed rule'), message);
  });
});

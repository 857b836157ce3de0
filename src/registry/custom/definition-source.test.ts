import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { KubeObject } from '../../api/object.ts';
import type { JSONSchemaProps } from '../../api/schema/types/apiextensions-v1.ts';
import type { Entry } from '../../store/store.ts';
import { definitionSource } from './definition-source.ts';
import { makeDefinition } from './testing.ts';

const entryOf = (object: KubeObject): Entry => {
  const json = Buffer.from(JSON.stringify(object));
  return { key: { collection: '', namespace: '', name: '' }, object, revision: 7, json: () => json };
};

const schemaOf = (description: string): JSONSchemaProps => ({
  type: 'object',
  description,
  properties: { schema: { type: 'object', properties: { openAPIV3Schema: { type: 'string' } } } },
});

test('the outline is all but the schemas, whatever stands in these', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 3 }), (texts) => {
      const versions = texts.map((text, index) => ({
        name: `v${index + 1}`,
        storage: index === 0,
        schema: { openAPIV3Schema: schemaOf(`"schema":{"openAPIV3Schema":{ ${text} \\" }`) },
        subresources: { status: {} },
      }));
      const definition = makeDefinition({ versions });
      const source = definitionSource(entryOf(definition));
      const bare = definition.spec.versions.map((version) => ({ ...version, schema: {} }));
      assert.deepEqual(source.outline.spec, { ...definition.spec, versions: bare });
      assert.deepEqual(source.whole(), JSON.parse(JSON.stringify(definition)));
    }),
    { numRuns: 200 },
  );
});

test('schemas are told apart by their digests, version by version', () => {
  const source = (...descriptions: string[]) => {
    const versions = descriptions.map((description, index) => ({
      name: `v${index + 1}`,
      storage: index === 0,
      schema: { openAPIV3Schema: schemaOf(description) },
    }));
    return definitionSource(entryOf(makeDefinition({ versions })));
  };
  const [first, second] = [source('a', 'b'), source('a', 'c')];
  assert.deepEqual(first.schemaDigest('v1'), second.schemaDigest('v1'));
  assert.notDeepEqual(first.schemaDigest('v2'), second.schemaDigest('v2'));
  assert.equal(first.schemaDigest('v3'), undefined);
});

test('of the metadata only what says which definition it is stays, and whether it was approved', () => {
  const annotations = {
    'api-approved.kubernetes.io': 'unapproved',
    'kubectl.kubernetes.io/last-applied-configuration': '{}',
  };
  const metadata = { uid: 'u', finalizers: ['f'], annotations, managedFields: [{ manager: 'me' }] };
  const { outline } = definitionSource(entryOf(makeDefinition({ metadata })));
  assert.deepEqual(outline.metadata, {
    name: 'widgets.example.com',
    uid: 'u',
    finalizers: ['f'],
    annotations: { 'api-approved.kubernetes.io': 'unapproved' },
  });
});

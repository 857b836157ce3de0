import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseYamlDocuments } from '../api/yaml.ts';
import { defineKind, definitionOf, type ObjectOf, yamlOf } from './kind.ts';

const websites = defineKind({
  group: 'example.com',
  version: 'v1',
  kind: 'Website',
  shortNames: ['ws'],
  spec: {
    type: 'object',
    required: ['host'],
    properties: {
      host: { type: 'string', minLength: 1 },
      replicas: { type: 'integer', default: 1 },
      mode: { type: 'string', enum: ['public', 'private'] },
      ports: {
        type: 'array',
        items: { type: 'object', required: ['number'], properties: { number: { type: 'integer' } } },
      },
      labels: { type: 'object', additionalProperties: { type: 'string' } },
      size: { 'x-kubernetes-int-or-string': true },
      note: { type: 'string', nullable: true },
    },
  },
  status: { type: 'object', properties: { url: { type: 'string' } } },
  columns: [{ name: 'Host', type: 'string', jsonPath: '.spec.host' }],
});
type Website = ObjectOf<typeof websites>;

describe('a kind of one’s own', () => {
  test('its objects have the type that its schema says, as the compiler sees it', () => {
    const site: Website = {
      metadata: { name: 'a' },
      spec: { host: 'a.example', replicas: 1, mode: 'public', note: null },
    };
    const replicas: number = site.spec.replicas;
    const ports: readonly { readonly number: number }[] | undefined = site.spec.ports;
    const size: number | string | undefined = site.spec.size;
    const label: string | undefined = site.spec.labels?.['x'];
    assert.deepEqual([replicas, ports, size, label, site.status?.url], [1, undefined, undefined, undefined, undefined]);
    // @ts-expect-error a host is required
    const homeless: Website['spec'] = { replicas: 1 };
    // @ts-expect-error it is one of two words
    const mode: Website['spec']['mode'] = 'secret';
    // @ts-expect-error the schema knows no such field
    const colour: unknown = site.spec.colour;
    assert.deepEqual([homeless.replicas, mode, colour], [1, 'secret', undefined]);
  });

  test('is a resource for clients, and a CustomResourceDefinition for the cluster', () => {
    const { group, version, kind, resource, namespaced } = websites;
    assert.deepEqual([group, version, kind, resource, namespaced], ['example.com', 'v1', 'Website', 'websites', true]);
    const definition = definitionOf(websites);
    assert.equal(definition.metadata?.name, 'websites.example.com');
    assert.deepEqual(definition.spec.names, {
      kind: 'Website',
      plural: 'websites',
      singular: 'website',
      listKind: 'WebsiteList',
      shortNames: ['ws'],
    });
    const [only] = definition.spec.versions;
    assert.deepEqual([only?.name, only?.served, only?.storage, only?.subresources], ['v1', true, true, { status: {} }]);
    assert.deepEqual(only?.schema?.openAPIV3Schema?.properties?.['spec'], websites.options.spec);
  });

  test('several versions make one definition, of which the first is stored', () => {
    const older = defineKind({ group: 'example.com', version: 'v1alpha1', kind: 'Website', spec: { type: 'object' } });
    const conversion = { strategy: 'None' } as const;
    const { spec } = definitionOf([websites, older], conversion);
    assert.deepEqual(
      spec.versions.map(({ name, storage }) => [name, storage]),
      [
        ['v1', true],
        ['v1alpha1', false],
      ],
    );
    assert.deepEqual(spec.conversion, conversion);
    const other = defineKind({ group: 'example.com', version: 'v1', kind: 'Page', spec: { type: 'object' } });
    assert.throws(() => definitionOf([websites, other]), /Page of example\.com is not a version of Website/);
  });

  test('a version that is served no more stays in the definition; scopes that differ and versions twice are refused', () => {
    const common = { group: 'example.com', kind: 'Website', spec: { type: 'object' } } as const;
    const old = defineKind({ ...common, version: 'v1alpha1', served: false });
    assert.deepEqual(
      definitionOf([websites, old]).spec.versions.map(({ name, served }) => [name, served]),
      [
        ['v1', true],
        ['v1alpha1', false],
      ],
    );
    const wide = defineKind({ ...common, version: 'v2', scope: 'Cluster' });
    assert.throws(() => definitionOf([websites, wide]), /differ in their scope/);
    assert.throws(() => definitionOf([old, old]), /has version v1alpha1 twice/);
  });

  test('its definition is printed as YAML that says the same', () => {
    const definition = definitionOf(websites);
    const [printed] = parseYamlDocuments(yamlOf(definition));
    assert.deepEqual(printed?.value, JSON.parse(JSON.stringify(definition)));
  });

  test('fields beside the known ones may be read where the schema keeps unknown ones', () => {
    const open = defineKind({
      group: 'example.com',
      version: 'v1',
      kind: 'Open',
      spec: {
        type: 'object',
        'x-kubernetes-preserve-unknown-fields': true,
        required: ['host'],
        properties: { host: { type: 'string' } },
      },
    });
    const spec: ObjectOf<typeof open>['spec'] = { host: 'a', colour: 'red' };
    const host: string = spec.host;
    const colour: unknown = spec['colour'];
    assert.deepEqual([host, colour], ['a', 'red']);
  });
});

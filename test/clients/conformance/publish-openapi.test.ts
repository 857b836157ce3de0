/**
 * Upstream's conformance tests of what the API publishes of custom kinds (test/e2e/apimachinery/crd_publish_openapi.go, openapiv3.go), and
 * upstream's tests of kubectl's validation (test/e2e/kubectl/kubectl.go, `Kubectl validation`), step by step, with the real kubectl. A test
 * is named after upstream's.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type CommandResult, eventually } from '../../harness.ts';
import { ConformanceCluster } from './cluster.ts';
import { anything, CustomKinds } from './definitions.ts';
import type { Sent } from './wire.ts';

const text = (description: string): object => ({ type: 'string', description });
const object = (properties: object, description?: string): object => ({
  type: 'object',
  ...(description !== undefined && { description }),
  properties,
});
const list = (description: string, items: object): object => ({ type: 'array', description, items });

const bar = {
  ...object({
    name: text('Name of Bar.'),
    age: text('Age of Bar.'),
    feeling: { ...text('Whether Bar is feeling great.'), enum: ['Great', 'Down'] },
    bazs: list('List of Bazs.', { type: 'string' }),
  }),
  required: ['name'],
};
const barStatus = object({
  name: text('Name of Bar.'),
  available: { type: 'boolean', description: 'Whether the Bar is installed.' },
  quxType: { ...text('Indicates to external qux type.'), pattern: 'in-tree|out-of-tree' },
});
const foo = object(
  {
    spec: object({ bars: list('List of Bars and their specs.', bar) }, 'Specification of Foo'),
    status: object({ bars: list('List of Bars and their statuses.', barStatus) }, 'Status of Foo'),
  },
  'Foo CRD for Testing',
);

function waldo(description: string, inSpec: object = {}): object {
  const dummy = { type: 'object', description: 'Dummy property.' };
  const bars = list('List of Bars and their statuses.', { type: 'object' });
  return object(
    {
      spec: { ...object({ dummy }, 'Specification of Waldo'), ...inSpec },
      status: object({ bars }, 'Status of Waldo'),
    },
    description,
  );
}
const plainWaldo = waldo('Waldo CRD for Testing');
const keeping = { 'x-kubernetes-preserve-unknown-fields': true };
const keepingRoot = { ...waldo('preserve-unknown-properties at root for Testing'), ...keeping };
const keepingNested = waldo('preserve-unknown-properties in nested field for Testing', keeping);

describe('conformance: what is published of custom resources', { timeout: 240_000 }, () => {
  let cluster: ConformanceCluster;
  let namespace: string;
  const kinds = new CustomKinds(() => cluster.wire);

  before(async () => {
    cluster = await ConformanceCluster.up(1);
    namespace = await cluster.namespace('crd-publish-openapi');
  });
  after(() => cluster.close());

  /** As the document names it: the group turned round. */
  const definitionName = ({ spec: { group, names } }: Sent, version: string): string =>
    [...group.split('.').toReversed(), version, names.kind].join('.');

  const definitionOf = async (made: Sent, version: string): Promise<Sent> =>
    (await cluster.wire.json('/openapi/v2')).definitions[definitionName(made, version)];

  /** The definition is in the document, and says what its author wrote beside what every kind has. Without `schema`: it is there. */
  const published = (made: Sent, version: string, schema?: object): Promise<unknown> =>
    eventually(`${definitionName(made, version)} is published`, async () => {
      const found = await definitionOf(made, version);
      if (found === undefined || schema === undefined) return found;
      const { 'x-kubernetes-group-version-kind': _, properties: all = {}, ...rest } = found;
      const { metadata: _metadata, apiVersion: _version, kind: _kind, ...properties } = all;
      assert.deepEqual({ ...rest, ...(Object.keys(properties).length > 0 && { properties }) }, schema);
      return true;
    });

  const unpublished = (made: Sent, version: string): Promise<unknown> =>
    eventually(
      `${definitionName(made, version)} is not published any more`,
      async () => (await definitionOf(made, version)) === undefined,
    );

  /** `expected`: what the document shall say, null where it need only be there. */
  async function setUp(
    suffix: string,
    served: readonly string[],
    schema: object,
    expected: object | null = schema,
  ): Promise<Sent> {
    const group = `crd-publish-openapi-test-${suffix}.example.com`;
    const made = await kinds.established(kinds.definition({ group, scope: 'Namespaced', served, schema }));
    for (const version of served) await published(made, version, expected ?? undefined);
    return made;
  }

  async function cleanUp(...definitions: readonly Sent[]): Promise<void> {
    for (const made of definitions) {
      await kinds.remove(made);
      for (const { name } of made.spec.versions) await unpublished(made, name);
    }
  }

  const kubectl = (args: readonly string[], manifest?: object): Promise<CommandResult> =>
    cluster.kubectl([`--namespace=${namespace}`, ...args], manifest && { input: JSON.stringify(manifest) });

  async function succeeds(args: readonly string[], manifest?: object): Promise<string> {
    const { code, stdout, stderr } = await kubectl(args, manifest);
    assert.equal(code, 0, `kubectl ${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  async function refuses(args: readonly string[], message: RegExp, manifest?: object): Promise<string> {
    const { code, stderr } = await kubectl(args, manifest);
    assert.notEqual(code, 0, `kubectl ${args.join(' ')}`);
    assert.match(stderr, message);
    return stderr;
  }

  const cr = ({ spec: { group, names, versions } }: Sent, rest: object, name = 'test-cr', metadata = {}): object => ({
    kind: names.kind,
    apiVersion: `${group}/${versions[0].name}`,
    metadata: { name, ...metadata },
    ...rest,
  });

  const plural = ({ spec }: Sent): string => spec.names.plural;

  async function createsAndApplies(made: Sent, manifest: object): Promise<void> {
    for (const verb of ['create', 'apply']) {
      await succeeds([verb, '-f', '-'], manifest);
      await succeeds(['delete', plural(made), 'test-cr']);
    }
  }

  const explains = async (path: string, pattern: RegExp): Promise<void> =>
    assert.match(await succeeds(['explain', path]), pattern);

  const valid = { spec: { bars: [{ name: 'test-bar' }] } };
  const random = { a: { b: [{ c: 'd' }] } };

  describe('CustomResourcePublishOpenAPI', () => {
    test('works for CRD with validation schema', async () => {
      const made = await setUp('foo', ['v1'], foo);
      await createsAndApplies(made, cr(made, valid));
      const badEnum = cr(made, { spec: { bars: [{ name: 'test-bar', feeling: 'NonExistentValue' }] } });
      await refuses(['create', '-f', '-'], /Unsupported value: "NonExistentValue"/, badEnum);
      for (const verb of ['create', 'apply']) {
        const unknown = cr(made, { spec: { foo: true } });
        await refuses([verb, '-f', '-'], /unknown field "(spec\.)?foo"/, unknown);
        const incomplete = cr(made, { spec: { bars: [{ age: '10' }] } });
        await refuses([verb, '-f', '-'], /spec\.bars\[0\]\.name: Required value/, incomplete);
      }
      const name = plural(made);
      await explains(
        name,
        /DESCRIPTION:.*Foo CRD for Testing.*FIELDS:.*apiVersion.*<string>.*APIVersion defines.*spec.*<Object>.*Specification of Foo/s,
      );
      await explains(
        `${name}.metadata`,
        /DESCRIPTION:.*Standard object's metadata.*FIELDS:.*creationTimestamp.*<string>.*CreationTimestamp is a timestamp/s,
      );
      await explains(
        `${name}.spec`,
        /DESCRIPTION:.*Specification of Foo.*FIELDS:.*bars.*<\[\]Object>.*List of Bars and their specs/s,
      );
      await explains(
        `${name}.spec.bars`,
        /(FIELD|RESOURCE):.*bars.*<\[\]Object>.*DESCRIPTION:.*List of Bars and their specs.*FIELDS:.*bazs.*<\[\]string>.*List of Bazs.*name.*<string>.*Name of Bar/s,
      );
      await refuses(['explain', `${name}.spec.bars2`], /field "bars2" does not exist/);
      await cleanUp(made);
    });

    test('works for CRD without validation schema', async () => {
      const made = await setUp('empty', ['v1'], anything, { type: 'object' });
      await createsAndApplies(made, cr(made, random));
      await explains(plural(made), /DESCRIPTION:.*<empty>/s);
      await cleanUp(made);
    });

    test('works for CRD preserving unknown fields at the schema root', async () => {
      const made = await setUp('unknown-at-root', ['v1'], keepingRoot, null);
      await createsAndApplies(made, cr(made, random));
      await explains(plural(made), new RegExp(`KIND:.*${made.spec.names.kind}`, 's'));
      await cleanUp(made);
    });

    test('works for CRD preserving unknown fields in an embedded object', async () => {
      const made = await setUp('unknown-in-nested', ['v1'], keepingNested, null);
      await createsAndApplies(made, cr(made, { spec: { a: null, b: [{ c: 'd' }] } }));
      await explains(plural(made), /DESCRIPTION:.*preserve-unknown-properties in nested field for Testing/s);
      await cleanUp(made);
    });

    test('works for multiple CRDs of different groups', async () => {
      const first = await setUp('foo', ['v1'], foo);
      const second = await setUp('waldo', ['v1beta1'], plainWaldo);
      await published(first, 'v1', foo);
      await cleanUp(first, second);
    });

    test('works for multiple CRDs of same group but different versions', async () => {
      const several = await setUp('multi-ver', ['v2', 'v3'], foo);
      await cleanUp(several);
      const first = await setUp('common-group', ['v4'], foo);
      const second = await setUp('common-group', ['v5'], plainWaldo);
      await published(first, 'v4', foo);
      await cleanUp(first, second);
    });

    test('works for multiple CRDs of same group and version but different kinds', async () => {
      const first = await setUp('common-group', ['v6'], foo);
      const second = await setUp('common-group', ['v6'], plainWaldo);
      await published(first, 'v6', foo);
      await cleanUp(first, second);
    });

    test('updates the published spec when one version gets renamed', async () => {
      const made = await setUp('multi-ver', ['v2', 'v3'], foo);
      const renamed = await kinds.definitions.patch(made.metadata.name, 'json', [
        { op: 'test', path: '/spec/versions/1/name', value: 'v3' },
        { op: 'replace', path: '/spec/versions/1/name', value: 'v4' },
      ]);
      await published(renamed, 'v4', foo);
      await unpublished(renamed, 'v3');
      await published(renamed, 'v2', foo);
      await cleanUp(renamed);
    });

    test('removes definition from spec when one version gets changed to not be served', async () => {
      const made = await setUp('multi-to-single-ver', ['v5', 'v6alpha1'], foo);
      const current = await kinds.definitions.get(made.metadata.name);
      const [kept, dropped] = current.spec.versions;
      const spec = { ...current.spec, versions: [kept, { ...dropped, served: false }] };
      await kinds.definitions.update({ ...current, spec });
      await unpublished(made, 'v6alpha1');
      await published(made, 'v5', foo);
      await cleanUp(made);
    });

    test('kubectl explain works for CR with the same resource name as built-in object.', async () => {
      const spec = object({ dummy: text('Dummy property.') }, 'Specification of CustomService');
      const schema = object({ spec }, 'CustomService CRD for Testing');
      const group = 'crd-publish-openapi-test-service.example.com';
      const plain = kinds.definition({ group, scope: 'Namespaced', served: ['v1'], schema });
      const names = { plural: 'services', singular: 'service', kind: 'Service', listKind: 'ServiceList' };
      const made = await kinds.established({
        metadata: { name: `services.${group}` },
        spec: { ...plain.spec, names: { ...names, shortNames: ['ksvc-1'] } },
      });
      await published(made, 'v1', schema);
      // A short name does not make kubectl look anew; that it failed does.
      await eventually('kubectl knows the short name', async () => (await kubectl(['get', 'ksvc-1'])).code === 0);
      await explains(
        'ksvc-1.spec',
        /DESCRIPTION:.*Specification of CustomService.*FIELDS:.*dummy.*<string>.*Dummy property/s,
      );
      await cleanUp(made);
    });
  });

  test('OpenAPIV3 should publish OpenAPI V3 for CustomResourceDefinition', async () => {
    const group = 'openapi-v3.example.com';
    const made = await kinds.established(kinds.definition({ group, scope: 'Namespaced' }));
    const found = async (): Promise<string | undefined> =>
      (await cluster.wire.json('/openapi/v3')).paths[`apis/${group}/v1beta1`]?.serverRelativeURL;
    const document = await cluster.wire.json(await eventually('it is published', found));
    assert.match(document.openapi, /^3\./);
    assert.ok(document.components.schemas[definitionName(made, 'v1beta1')]);
    assert.ok(document.paths[`/apis/${group}/v1beta1/namespaces/{namespace}/${plural(made)}/{name}`]);
    await kinds.remove(made);
    await eventually('it is gone', async () => (await found()) === undefined);
  });

  describe('Kubectl validation', () => {
    test('should create/apply a CR with unknown fields for CRD with no validation schema', async () => {
      const made = await setUp('kubectl', ['v1'], anything, null);
      await createsAndApplies(made, cr(made, random));
      await cleanUp(made);
    });

    test('should create/apply a valid CR for CRD with validation schema', async () => {
      const made = await setUp('kubectl', ['v1'], foo);
      await createsAndApplies(made, cr(made, valid));
      await cleanUp(made);
    });

    test('should create/apply an invalid/valid CR with arbitrary-extra properties for CRD with partially-specified validation schema', async () => {
      const made = await setUp('kubectl', ['v1'], { ...foo, ...keeping }, null);
      const extraProperty = 'arbitrary-value';
      const invalid = cr(made, { spec: { ...valid.spec, extraProperty } });
      await refuses(['create', '-f', '-'], /unknown field "spec\.extraProperty"/, invalid);
      await createsAndApplies(made, cr(made, { ...valid, extraProperty }));
      await cleanUp(made);
    });

    test('should detect unknown metadata fields in both the root and embedded object of a CR', async () => {
      const metadata = object({ name: { type: 'string' } });
      const template = {
        ...object({ metadata, spec: { type: 'object' } }),
        'x-kubernetes-embedded-resource': true,
      };
      const schema = object({ spec: object({ template }), metadata }, 'Foo CRD with an embedded resource');
      const made = await setUp('kubectl', ['v1'], schema, null);
      const embedded = (more: object): object => ({
        spec: {
          template: { apiVersion: 'foo/v1', kind: 'Sub', metadata: { name: 'subobject', namespace, ...more } },
        },
      });
      const create = ['create', '--validate=true', '-f', '-'];
      const root = cr(made, embedded({}), 'test-cr', { unknownMeta: 'foo' });
      const ofRoot = await refuses(create, /unknown field "(metadata\.)?unknownMeta"/, root);
      assert.doesNotMatch(ofRoot, /unknown field "(metadata\.)?namespace"/);
      const inner = cr(made, embedded({ unknownMetaEmbedded: 'bar' }));
      const ofInner = await refuses(create, /unknown field "(spec\.template\.metadata\.)?unknownMetaEmbedded"/, inner);
      assert.doesNotMatch(ofInner, /unknown field "(spec\.template\.metadata\.)?namespace"/);
      await cleanUp(made);
    });

    test('should detect unknown metadata fields of a typed object', async () => {
      const labels = { app: 'nginx' };
      const template = { metadata: { labels }, spec: { containers: [{ name: 'nginx', image: 'nginx:latest' }] } };
      const metadata = { name: 'my-dep', unknownMeta: 'foo', labels };
      const spec = { selector: { matchLabels: labels }, template };
      const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec };
      const refused = await refuses(['create', '-f', '-'], /unknown field "(metadata\.)?unknownMeta"/, deployment);
      assert.doesNotMatch(refused, /unknown field "(metadata\.)?namespace"/);
    });
  });
});

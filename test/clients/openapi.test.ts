/** Real kubectl 1.36 and the OpenAPI documents: validation before it sends, `explain`, and what it says of kinds that are not served. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { elapsedMs, eventually, findOldestKubectl, TestCluster } from '../harness.ts';

describe('kubectl and OpenAPI', { timeout: 180_000 }, () => {
  let cluster: TestCluster;

  before(async () => {
    cluster = await TestCluster.up('--simulated-nodes', '1');
  });

  after(() => TestCluster.closeAll());

  const kubectl = (args: readonly string[], manifest: object) =>
    cluster.kubectl([...args, '-f', '-'], { input: JSON.stringify(manifest) });

  const configMap = (name: string, more: object) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name },
    ...more,
  });

  const deployment = (replicas: number) => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web' },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'main', image: 'main' }] } },
    },
  });

  const notServed: readonly [string, object][] = [
    ['no matches for kind "Podd" in version "v1"', { apiVersion: 'v1', kind: 'Podd' }],
    [
      'no matches for kind "Ingress" in version "extensions/v1beta1"',
      { apiVersion: 'extensions/v1beta1', kind: 'Ingress' },
    ],
    ['no matches for kind "Widget" in version "example.com/v1"', { apiVersion: 'example.com/v1', kind: 'Widget' }],
  ];
  for (const [message, type] of notServed) {
    test(`create and apply say: ${message}`, async () => {
      for (const command of ['create', 'apply']) {
        const { code, stderr } = await kubectl([command], { ...type, metadata: { name: 'bad' } });
        assert.equal(code, 1);
        const where = 'error: resource mapping not found for name: "bad" namespace: "" from "STDIN"';
        assert.equal(stderr, `${where}: ${message}\nensure CRDs are installed first\n`);
      }
    });
  }

  test('create --validate=true takes what is right and refuses what is not', async () => {
    const good = await kubectl(['create', '--validate=true'], configMap('good', { data: { a: 'b' } }));
    assert.deepEqual([good.stderr, good.stdout], ['', 'configmap/good created\n']);
    const bad = await kubectl(['create', '--validate=true'], configMap('bad', { dat: { a: 'b' } }));
    assert.notEqual(bad.code, 0);
    assert.match(bad.stderr, /strict decoding error: unknown field "dat"/);
    const careless = await kubectl(['create', '--validate=false'], configMap('careless', { dat: { a: 'b' } }));
    assert.equal(careless.code, 0, careless.stderr);
  });

  test('apply creates, changes and leaves alone', async () => {
    for (const [replicas, outcome] of [
      [1, 'created'],
      [1, 'unchanged'],
      [0, 'configured'],
    ] as const) {
      const { stdout, stderr } = await kubectl(['apply'], deployment(replicas));
      assert.deepEqual([stderr, stdout], ['', `deployment.apps/web ${outcome}\n`]);
    }
  });

  test('explain reads both versions of the document', async () => {
    assert.match(await cluster.mustKubectl('explain', 'pod.spec.containers.image'), /FIELD: image <string>/);
    // This form comes of version 2, in protobuf, of which kubectl has to understand the whole.
    const fromV2 = (...args: string[]) => cluster.mustKubectl('explain', '--output=plaintext-openapiv2', ...args);
    const containers = await fromV2('deployment.spec.template.spec.containers');
    assert.match(containers, /^RESOURCE: containers <\[\]Object>$/m);
    assert.match(containers, /^ {3}name\t<string> -required-$/m);
    assert.match(containers, /^ {3}ports\t<\[\]Object>$/m);
    assert.match(await fromV2('configmap'), /^ {3}data\t<map\[string\]string>$/m);
  });

  const bar = {
    type: 'object',
    required: ['name'],
    properties: {
      name: { type: 'string', description: 'Name of Bar.' },
      age: { type: 'string', description: 'Age of Bar.' },
      feeling: { type: 'string', enum: ['Great', 'Down'] },
      bazs: { type: 'array', items: { type: 'string' }, description: 'List of Bazs.' },
    },
  };
  const fooSchema = {
    type: 'object',
    description: 'Foo CRD for Testing',
    properties: {
      spec: {
        type: 'object',
        description: 'Specification of Foo',
        properties: {
          bars: { type: 'array', description: 'List of Bars and their specs.', items: bar },
          port: { 'x-kubernetes-int-or-string': true },
          template: {
            type: 'object',
            'x-kubernetes-embedded-resource': true,
            'x-kubernetes-preserve-unknown-fields': true,
          },
          maybe: { type: 'string', nullable: true },
        },
      },
      status: { type: 'object', description: 'Status of Foo', properties: { ready: { type: 'boolean' } } },
    },
  };
  const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };

  const definition = (kind: string, schema: object, versions = ['v1']) => ({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${kind.toLowerCase()}s.explain.example.com` },
    spec: {
      group: 'explain.example.com',
      scope: 'Namespaced',
      names: { kind, plural: `${kind.toLowerCase()}s`, singular: kind.toLowerCase() },
      versions: versions.map((name, index) => ({
        name,
        served: true,
        storage: index === 0,
        schema: { openAPIV3Schema: schema },
      })),
    },
  });

  const foo = (spec: object) => ({
    apiVersion: 'explain.example.com/v1',
    kind: 'Foo',
    metadata: { name: 'test-foo' },
    spec,
  });

  const paths = async (): Promise<Record<string, { serverRelativeURL: string }>> =>
    (
      JSON.parse(await cluster.mustKubectl('get', '--raw', '/openapi/v3')) as {
        paths: Record<string, { serverRelativeURL: string }>;
      }
    ).paths;

  async function install(kind: string, schema: object, versions?: string[]): Promise<void> {
    const { code, stderr } = await kubectl(['apply'], definition(kind, schema, versions));
    assert.equal(code, 0, stderr);
    const name = `crd/${kind.toLowerCase()}s.explain.example.com`;
    await cluster.mustKubectl('wait', '--for=condition=Established', name, '--timeout=20s');
  }

  test('a new definition is in both documents and in discovery within a second, and gone as soon as it is', async () => {
    const before = await paths();
    assert.equal(before['apis/explain.example.com/v1'], undefined);
    const since = elapsedMs();
    await install('Foo', fooSchema);
    await install('Open', open);
    const url = (await paths())['apis/explain.example.com/v1']?.serverRelativeURL ?? '';
    assert.match(url, /^\/openapi\/v3\/apis\/explain\.example\.com\/v1\?hash=[0-9A-F]{128}$/);
    assert.match(await cluster.mustKubectl('get', '--raw', url), /"com\.example\.explain\.v1\.Foo":/);
    assert.match(await cluster.mustKubectl('get', '--raw', '/openapi/v2'), /"com\.example\.explain\.v1\.FooList":/);
    // Five calls of kubectl, each of which takes most of its time to start.
    assert.ok(since() < 10_000, `${since()} ms`);
  });

  test('explain shows what the author wrote, and what every object has, of both documents', async () => {
    const fromV2 = (...args: string[]) => cluster.mustKubectl('explain', '--output=plaintext-openapiv2', ...args);
    const fromV3 = (...args: string[]) => cluster.mustKubectl('explain', ...args);
    const oldest = await findOldestKubectl();
    const fromOldest = async (...args: string[]): Promise<string> => {
      const { code, stdout, stderr } = await cluster.kubectl(['explain', ...args], { program: oldest });
      assert.equal(code, 0, stderr);
      return stdout;
    };
    for (const explain of [fromV3, fromV2, fromOldest]) {
      const kind = await explain('foos');
      assert.match(
        kind,
        /DESCRIPTION:[^]*Foo CRD for Testing[^]*FIELDS:[^]*apiVersion.*<string>[^]*APIVersion defines/,
      );
      assert.match(kind, /spec.*<Object>[^]*Specification of Foo/);
      const metadata = await explain('foos.metadata');
      assert.match(
        metadata,
        /DESCRIPTION:[^]*Standard object's metadata[^]*creationTimestamp.*<string>[^]*CreationTimestamp is a timestamp/,
      );
      assert.match(
        await explain('foos.spec'),
        /Specification of Foo[^]*bars.*<\[\]Object>[^]*List of Bars and their specs/,
      );
      const bars = await explain('foos.spec.bars');
      assert.match(
        bars,
        /List of Bars and their specs[^]*bazs.*<\[\]string>[^]*List of Bazs[^]*name.*<string>[^]*Name of Bar/,
      );
      assert.match(await explain('opens'), /KIND: +Open/);
    }
    const missing = await cluster.kubectl(['explain', 'foos.spec.bars2']);
    assert.match(missing.stderr, /field "bars2" does not exist/);
    assert.match(await fromV3('foos.spec', '--recursive'), /^ {2}template\t<Object>$/m);
  });

  test('kubectl 1.36 leaves the check to the server, kubectl 1.20 makes it itself: both refuse what is wrong and take the rest', async () => {
    const program = await findOldestKubectl();
    const good: readonly object[] = [
      foo({ bars: [{ name: 'test-bar' }], port: 80, maybe: null }),
      foo({
        bars: [{ name: 'test-bar' }],
        port: 'http',
        template: { apiVersion: 'v1', kind: 'Pod', spec: { any: [1] } },
      }),
      { ...foo({}), kind: 'Open', a: { b: [{ c: 'd' }] } },
    ];
    for (const manifest of good) {
      for (const options of [{}, { program }]) {
        const input = JSON.stringify(manifest);
        for (const verb of ['create', 'apply']) {
          const made = await cluster.kubectl([verb, '-f', '-'], { ...options, input });
          assert.equal(made.code, 0, made.stderr);
          await cluster.mustKubectl('delete', (manifest as { kind: string }).kind, 'test-foo');
        }
      }
    }
    const bad: readonly (readonly [object, RegExp])[] = [
      [foo({ foo: true }), /unknown field "(spec\.)?foo"/],
      [foo({ bars: [{ age: '10' }] }), /missing required field "name"|spec\.bars\[0\]\.name: Required value/],
      [foo({ bars: [{ name: 'a', feeling: 'Fine' }] }), /Unsupported value: "Fine"/],
    ];
    for (const [manifest, message] of bad) {
      for (const options of [{}, { program }]) {
        const refused = await cluster.kubectl(['create', '-f', '-'], { ...options, input: JSON.stringify(manifest) });
        assert.equal(refused.code, 1);
        assert.match(refused.stderr, message);
      }
    }
  });

  test('a renamed version, one that is no longer served, and a definition that goes are followed', async () => {
    await install('Multi', fooSchema, ['v2', 'v3']);
    const served = async (): Promise<string[]> =>
      Object.keys(await paths()).filter((each) => /^apis\/explain\.example\.com\/v[2-9]$/.test(each));
    assert.deepEqual(await served(), ['apis/explain.example.com/v2', 'apis/explain.example.com/v3']);
    const patch = (operations: object[]) =>
      cluster.mustKubectl(
        'patch',
        'crd',
        'multis.explain.example.com',
        '--type=json',
        `--patch=${JSON.stringify(operations)}`,
      );
    await patch([{ op: 'replace', path: '/spec/versions/1/name', value: 'v4' }]);
    await eventually(
      'the new name is served',
      async () => (await served()).join() === 'apis/explain.example.com/v2,apis/explain.example.com/v4',
    );
    await patch([{ op: 'replace', path: '/spec/versions/1/served', value: false }]);
    await eventually('one version is left', async () => (await served()).join() === 'apis/explain.example.com/v2');
    const tag = async (): Promise<string> => (await paths())['apis/explain.example.com/v2']?.serverRelativeURL ?? '';
    const before = await tag();
    await patch([
      { op: 'add', path: '/spec/versions/0/schema/openAPIV3Schema/properties/more', value: { type: 'string' } },
    ]);
    await eventually('the document has another hash', async () => (await tag()) !== before);
    for (const kind of ['foos', 'opens', 'multis'])
      await cluster.mustKubectl('delete', 'crd', `${kind}.explain.example.com`);
    await eventually('nothing of the group is left', async () => {
      const groups = await cluster.mustKubectl('get', '--raw', '/apis');
      const v2 = await cluster.mustKubectl('get', '--raw', '/openapi/v2');
      return !`${groups}${v2}${JSON.stringify(await paths())}`.includes('explain.example');
    });
  });
});

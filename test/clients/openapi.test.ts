/** Real kubectl 1.36 and the OpenAPI documents: validation before it sends, `explain`, and what it says of kinds that are not served. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { TestCluster } from '../harness.ts';

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
});

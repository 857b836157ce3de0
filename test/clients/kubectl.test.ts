/** Real kubectl 1.36 against simulated nodes: what a person types first, and what they get wrong first. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { NodeList, PodList } from '../../src/api/schema/types/core-v1.ts';
import { eventually, TestCluster } from '../harness.ts';

describe('kubectl against simulated nodes', { timeout: 300_000 }, () => {
  let cluster: TestCluster;

  before(async () => {
    cluster = await TestCluster.up('--simulated-nodes', '3');
  });

  after(() => TestCluster.closeAll());

  const apply = (manifest: string, ...args: string[]) =>
    cluster.kubectl(['apply', '-f', '-', ...args], { input: manifest });
  const create = (manifest: string, ...args: string[]) =>
    cluster.kubectl(['create', '-f', '-', ...args], { input: manifest });

  test('version and cluster-info answer', async () => {
    assert.match(await cluster.mustKubectl('version'), /Server Version: v1\.36\./);
    assert.match(await cluster.mustKubectl('cluster-info'), /is running at/);
  });

  test('three nodes are Ready', async () => {
    const { items } = await cluster.json<NodeList>('get', 'nodes');
    assert.equal(items.length, 3);
    assert.match(await cluster.mustKubectl('get', 'nodes'), /^\S+ +Ready +<none> +\S+ +v1\.36/m);
  });

  test('api-resources and api-versions list what is served, with short names', async () => {
    const resources = await cluster.mustKubectl('api-resources');
    for (const row of [
      /^pods +po +v1 +true +Pod$/m,
      /^deployments +deploy +apps\/v1 +true +Deployment$/m,
      /^nodes +no +v1 +false +Node$/m,
    ]) {
      assert.match(resources, row);
    }
    assert.match(await cluster.mustKubectl('api-versions'), /^resource\.k8s\.io\/v1$/m);
  });

  test('get all, get -A, describe, label, annotate, patch, edit-free replace and delete work', async () => {
    await cluster.mustKubectl('create', 'deployment', 'shop', '--image=shop', '--replicas=2');
    await cluster.mustKubectl('rollout', 'status', 'deployment/shop', '--timeout=60s');
    assert.match(await cluster.mustKubectl('get', 'all'), /deployment\.apps\/shop +2\/2/);
    assert.match(await cluster.mustKubectl('get', 'pods', '-A'), /^default +shop-/m);
    assert.match(
      await cluster.mustKubectl('describe', 'deployment', 'shop'),
      /2 desired \| 2 updated \| 2 total \| 2 available/,
    );
    await cluster.mustKubectl('label', 'deployment', 'shop', 'tier=front');
    assert.match(
      await cluster.mustKubectl('get', 'deployments', '-l', 'tier=front', '-o', 'name'),
      /deployment\.apps\/shop/,
    );
    await cluster.mustKubectl('annotate', 'deployment', 'shop', 'note=hello');
    await cluster.mustKubectl(
      'patch',
      'deployment',
      'shop',
      '--type=json',
      '-p',
      '[{"op":"replace","path":"/spec/replicas","value":1}]',
    );
    await eventually(
      'one pod',
      async () => (await cluster.json<PodList>('get', 'pods', '-l', 'app=shop')).items.length === 1,
    );
    const manifest = await cluster.mustKubectl('get', 'deployment', 'shop', '-o', 'yaml');
    const replaced = await cluster.kubectl(['replace', '-f', '-'], {
      input: manifest.replace('replicas: 1', 'replicas: 3'),
    });
    assert.equal(replaced.code, 0, replaced.stderr);
    await cluster.mustKubectl('wait', '--for=condition=Available', 'deployment/shop', '--timeout=60s');
    await cluster.mustKubectl('delete', 'deployment', 'shop');
    await eventually(
      'its pods are gone',
      async () => (await cluster.json<PodList>('get', 'pods', '-l', 'app=shop')).items.length === 0,
    );
  });

  test('apply creates, is idempotent, and changes what changed', async () => {
    const manifest = (replicas: number) => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: applied, labels: {app: applied}}
spec:
  replicas: ${replicas}
  selector: {matchLabels: {app: applied}}
  template:
    metadata: {labels: {app: applied}}
    spec:
      containers:
      - {name: main, image: main, ports: [{containerPort: 80}], env: [{name: A, value: "1"}]}
`;
    assert.match((await apply(manifest(1))).stdout, /deployment\.apps\/applied created/);
    assert.match((await apply(manifest(1))).stdout, /deployment\.apps\/applied unchanged/);
    assert.match((await apply(manifest(2))).stdout, /deployment\.apps\/applied configured/);
    assert.equal((await apply(manifest(3), '--dry-run=server')).code, 0);
    const { spec } = await cluster.json<{ spec: { replicas: number } }>('get', 'deployment', 'applied');
    assert.equal(spec.replicas, 2);
  });

  test('explain reads the served schema', async () => {
    assert.match(await cluster.mustKubectl('explain', 'deployment.spec.replicas'), /FIELD: replicas <integer>/);
  });

  test('create namespace, use it, delete it with all that is in it', async () => {
    await cluster.mustKubectl('create', 'namespace', 'team');
    await cluster.mustKubectl('-n', 'team', 'create', 'configmap', 'settings', '--from-literal=a=b');
    await eventually('its default ServiceAccount', () =>
      cluster.mustKubectl('-n', 'team', 'get', 'serviceaccount', 'default'),
    );
    await cluster.mustKubectl('-n', 'team', 'create', 'deployment', 'web', '--image=web');
    await cluster.mustKubectl('delete', 'namespace', 'team', '--timeout=60s');
    assert.match((await cluster.kubectl(['get', 'namespace', 'team'])).stderr, /namespaces "team" not found/);
  });

  test('a pod that fits nowhere says why', async () => {
    const created = await create(`
apiVersion: v1
kind: Pod
metadata: {name: huge}
spec:
  containers: [{name: main, image: main, resources: {requests: {cpu: "10000"}}}]
`);
    assert.equal(created.code, 0, created.stderr);
    await eventually('the event', async () =>
      /FailedScheduling.*0\/3 nodes are available: 3 Insufficient cpu/.test(await cluster.mustKubectl('get', 'events')),
    );
    await cluster.mustKubectl('delete', 'pod', 'huge');
  });

  test('logs of a simulated pod say that it is one', async () => {
    await cluster.mustKubectl('run', 'one', '--image=one');
    await cluster.mustKubectl('wait', '--for=condition=Ready', 'pod/one', '--timeout=60s');
    assert.match(await cluster.mustKubectl('logs', 'one'), /simulated/i);
    await cluster.mustKubectl('delete', 'pod', 'one', '--grace-period=0', '--force');
  });

  const pod = (body: string) => `{apiVersion: v1, kind: Pod, metadata: {name: bad}, spec: ${body}}`;
  const mistakes: readonly [string, string, RegExp][] = [
    [
      'an unknown field',
      pod('{containers: [{name: a, image: a, imagePullPolice: Always}]}'),
      /strict decoding error: unknown field "spec\.containers\[0\]\.imagePullPolice"/,
    ],
    [
      'a wrong type',
      '{apiVersion: apps/v1, kind: Deployment, metadata: {name: bad}, spec: {replicas: three}}',
      /Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into Go struct field DeploymentSpec\.spec\.replicas of type int32/,
    ],
    [
      'no image',
      pod('{containers: [{name: a}]}'),
      /The Pod "bad" is invalid: spec\.containers\[0\]\.image: Required value/,
    ],
    ['no containers', pod('{containers: []}'), /The Pod "bad" is invalid: spec\.containers: Required value/],
    [
      'a bad name',
      '{apiVersion: v1, kind: ConfigMap, metadata: {name: Bad_Name}}',
      /The ConfigMap "Bad_Name" is invalid: metadata\.name: Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain must consist of/,
    ],
    [
      'a bad label',
      '{apiVersion: v1, kind: ConfigMap, metadata: {name: x, labels: {"a b": c}}}',
      /metadata\.labels: Invalid value: "a b": name part must consist of alphanumeric characters/,
    ],
    [
      'a bad quantity',
      pod('{containers: [{name: a, image: a, resources: {limits: {cpu: lots}}}]}'),
      /quantities must match the regular expression/,
    ],
    [
      'a selector that does not match',
      '{apiVersion: apps/v1, kind: Deployment, metadata: {name: bad}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: c}}, spec: {containers: [{name: a, image: a}]}}}}',
      /The Deployment "bad" is invalid: spec\.template\.metadata\.labels: Invalid value: .*`selector` does not match template `labels`/,
    ],
    [
      'an unknown kind',
      '{apiVersion: v1, kind: Podd, metadata: {name: bad}}',
      /no matches for kind "Podd" in version "v1"/,
    ],
    [
      'a missing namespace',
      '{apiVersion: v1, kind: ConfigMap, metadata: {name: x, namespace: nowhere}}',
      /namespaces "nowhere" not found/,
    ],
  ];
  for (const [what, manifest, expected] of mistakes) {
    test(`${what} is refused with upstream's words and the field's path`, async () => {
      const { code, stderr } = await create(manifest);
      assert.notEqual(code, 0);
      assert.match(stderr, expected);
    });
  }
});

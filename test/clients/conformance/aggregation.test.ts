/**
 * Aggregator Should be able to support the 1.17 Sample API Server using the current Aggregator; AggregatedDiscovery should support raw
 * aggregated discovery request for CRDs, … interface, … interface for CRDs; OpenAPIV3 should contain OpenAPI V3 for Aggregated APIServer:
 * upstream's conformance tests of servers that extend the API, step by step, and the same with kubectl. The server is this test's own, on
 * this machine (`src/server/aggregation/testing.ts`).
 */
import assert from 'node:assert/strict';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { networkInterfaces } from 'node:os';
import { after, before, describe, test } from 'node:test';
import { resourceTable } from '../../../src/api/resource-table.ts';
import { SampleApiServer, sampleGroup, samplePath, sampleVersion } from '../../../src/server/aggregation/testing.ts';
import { eventually, TestCluster } from '../../harness.ts';
import { dynamic, mustRefuse, refusal, typed } from './client.ts';
import { ApiError, type Sent, Wire } from './wire.ts';

const apiServiceName = `${sampleVersion}.${sampleGroup}`;
const aggregatedForm = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** An address of this machine that an EndpointSlice may hold. */
function ownAddress(): string | undefined {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return all.find(({ family, internal, address }) => family === 'IPv4' && !internal && !address.startsWith('169.254.'))
    ?.address;
}

describe('conformance: servers that extend the API', { timeout: 180_000 }, () => {
  let cluster: TestCluster;
  let sample: SampleApiServer;
  let wire: Wire;
  const namespace = 'aggregator';

  before(async () => {
    cluster = await TestCluster.up('--simulated-nodes', '1');
    wire = new Wire(cluster.connection);
    await typed(wire, 'v1', 'Namespace').create({ metadata: { name: namespace } });
    const trust = await eventually('the front proxy’s authority', async () => {
      const { data } = await typed(wire, 'v1', 'ConfigMap', 'kube-system').get('extension-apiserver-authentication');
      return data['requestheader-client-ca-file'] as string | undefined;
    });
    sample = await SampleApiServer.start({ frontProxyAuthority: trust, namespace, legacyOnly: true });
    await makeService();
  });
  after(async () => {
    wire.close();
    await TestCluster.closeAll();
    await sample.stop();
  });

  /** With endpoints that somebody wrote down; where this machine has no address for them, by a name. */
  async function makeService(): Promise<void> {
    const address = ownAddress();
    const port = { name: 'https', port: 7443, protocol: 'TCP' };
    const external = { type: 'ExternalName', externalName: 'localhost' };
    await typed(wire, 'v1', 'Service', namespace).create({
      metadata: { name: 'sample-api' },
      spec: address === undefined ? external : { ports: [port] },
    });
    if (address === undefined) return;
    await typed(wire, 'discovery.k8s.io/v1', 'EndpointSlice', namespace).create({
      metadata: { name: 'sample-api-1', labels: { 'kubernetes.io/service-name': 'sample-api' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: [address], conditions: { ready: true } }],
      ports: [{ ...port, port: sample.port }],
    });
  }

  function apiService(group: string, version: string): Sent {
    return {
      metadata: { name: `${version}.${group}` },
      spec: {
        service: { namespace, name: 'sample-api', port: ownAddress() === undefined ? sample.port : 7443 },
        group,
        version,
        caBundle: Buffer.from(sample.serving.authority).toString('base64'),
        groupPriorityMinimum: 2000,
        versionPriority: 200,
      },
    };
  }

  const apiServices = () => typed(wire, 'apiregistration.k8s.io/v1', 'APIService');

  const json = async (method: string, path: string, body?: object): Promise<Sent> => {
    const headers = { accept: 'application/json', ...(body && { 'content-type': 'application/json' }) };
    const answer = await wire.must({ method, path, headers, ...(body && { body: JSON.stringify(body) }) });
    return { code: answer.code, ...JSON.parse(answer.body.toString()) };
  };

  async function serves(path: string): Promise<void> {
    await eventually(`${path} is served`, async () => {
      try {
        return await json('GET', path);
      } catch (error) {
        if (error instanceof ApiError && [403, 404, 503].includes(error.code)) return undefined;
        throw error;
      }
    });
  }

  test('what such a server asks of the API, its account may', async () => {
    const bind = (name: string, role: string) =>
      typed(wire, 'rbac.authorization.k8s.io/v1', 'ClusterRoleBinding').create({
        metadata: { name },
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
        subjects: [{ kind: 'ServiceAccount', name: 'default', namespace }],
      });
    await bind('wardler:auth-delegator', 'system:auth-delegator');
    await typed(wire, 'rbac.authorization.k8s.io/v1', 'RoleBinding', 'kube-system').create({
      metadata: { name: 'wardler-auth-reader', annotations: { 'rbac.authorization.kubernetes.io/autoupdate': 'true' } },
      roleRef: { apiGroup: '', kind: 'Role', name: 'extension-apiserver-authentication-reader' },
      subjects: [{ kind: 'ServiceAccount', name: 'default', namespace }],
    });
    const user = `system:serviceaccount:${namespace}:default`;
    const own = new Wire(cluster.connection, { 'impersonate-user': user });
    const { data } = await typed(own, 'v1', 'ConfigMap', 'kube-system').get('extension-apiserver-authentication');
    assert.equal(data['requestheader-allowed-names'], '["front-proxy-client"]');
    await mustRefuse(typed(own, 'v1', 'ConfigMap', 'kube-system').get('kube-root-ca.crt'), 403);
    const review = await typed(own, 'authorization.k8s.io/v1', 'SubjectAccessReview').create({
      spec: { user: 'jane', resourceAttributes: { group: sampleGroup, resource: 'flunders', verb: 'get' } },
    });
    assert.equal(review.status.allowed ?? false, false);
    const token = await typed(own, 'authentication.k8s.io/v1', 'TokenReview').create({ spec: { token: 'nobody’s' } });
    assert.equal(token.status.authenticated ?? false, false);
    own.close();
  });

  test('Aggregator Should be able to support the 1.17 Sample API Server using the current Aggregator', async () => {
    const flunders = `${samplePath}/namespaces/default/flunders`;
    const flunder = (name: string) => ({
      apiVersion: `${sampleGroup}/${sampleVersion}`,
      kind: 'Flunder',
      metadata: { name, namespace: 'default', labels: { 'sample-label': 'true' } },
    });
    await apiServices().create(apiService(sampleGroup, sampleVersion));
    await serves(flunders);
    const created = await json('POST', flunders, flunder('rest-flunder'));
    assert.deepEqual([created.code, created.kind, created.metadata.name], [201, 'Flunder', 'rest-flunder']);
    assert.equal((await json('GET', flunders)).items.length, 1);
    await json('DELETE', `${flunders}/rest-flunder`);
    assert.equal((await json('GET', flunders)).items.length, 0);

    await eventually('discovery of flunders', async () => {
      const { groups } = await wire.json('/apis');
      const { resources } = await wire.json(samplePath);
      const isThere = groups.some(
        (each: Sent) => each.preferredVersion.groupVersion === `${sampleGroup}/${sampleVersion}`,
      );
      return isThere && resources.some((each: Sent) => each.name === 'flunders');
    });
    await json('POST', flunders, flunder('dynamic-flunder'));
    assert.equal((await json('GET', flunders)).items.length, 1);

    const read = await dynamic(wire, 'apiregistration.k8s.io/v1', 'APIService').get(apiServiceName, 'status');
    assert.equal(read.status.conditions[0].message, 'all checks passed');
    const patched = await apiServices().patch(apiServiceName, 'merge', { spec: { versionPriority: 400 } });
    assert.equal(patched.spec.versionPriority, 400);
    assert.ok(BigInt(patched.metadata.resourceVersion) > BigInt(read.metadata.resourceVersion));
    const { items } = await apiServices().list();
    assert.ok(items.some((each: Sent) => each.metadata.name === apiServiceName));
    await apiServices().patch(apiServiceName, 'strategic', { metadata: { labels: { 'e2e-apiservice': 'patched' } } });
    assert.equal((await apiServices().get(apiServiceName)).metadata.labels['e2e-apiservice'], 'patched');

    const condition = (type: string, message: string) => ({ type, status: 'True', reason: 'E2E', message });
    await retried(async () => {
      const current = await apiServices().get(apiServiceName, 'status');
      current.status.conditions.push(condition('StatusUpdated', 'Set from e2e test'));
      await apiServices().update(current, 'status');
    });
    const has = async (type: string): Promise<boolean> =>
      (await apiServices().get(apiServiceName, 'status')).status.conditions.some((each: Sent) => each.type === type);
    assert.ok(await has('StatusUpdated'));
    const updated = await retried(async () => {
      const current = await apiServices().get(apiServiceName);
      current.metadata.labels = { [apiServiceName]: 'updated' };
      return apiServices().update(current);
    });
    assert.deepEqual(updated.metadata.labels, { [apiServiceName]: 'updated' });

    await json('DELETE', `${flunders}/dynamic-flunder`);
    assert.equal((await json('GET', flunders)).items.length, 0);
    await json('POST', flunders, flunder('dynamic-flunder'));
    assert.equal((await json('GET', flunders)).items.length, 1);
    const { status } = await apiServices().get(apiServiceName, 'status');
    const conditions = [...status.conditions, condition('StatusPatched', 'Set by e2e test')];
    await apiServices().patch(apiServiceName, 'merge', { status: { conditions } }, 'status');
    assert.ok(await has('StatusPatched'));

    const labelSelector = `${apiServiceName}=updated`;
    await apiServices().deleteCollection({ labelSelector });
    await eventually(
      'the APIService is gone',
      async () => (await apiServices().list({ labelSelector })).items.length === 0,
    );
    await mustRefuse(json('GET', flunders), 404);
    assert.ok((await apiServices().list()).items.length > 20, 'this server’s own are still there');
    assert.equal(
      (await apiServices().get('v1.')).spec.groupPriorityMinimum,
      18_000,
      'also of the group without a name',
    );
  });

  async function retried<T>(change: () => Promise<T>): Promise<T> {
    for (;;) {
      let result: T | undefined;
      const conflict = await refusal(
        change().then((value) => (result = value)),
        409,
      );
      if (conflict === undefined) return result as T;
    }
  }

  test('AggregatedDiscovery should support aggregated discovery interface', async () => {
    const [named, core] = await Promise.all(['/apis', '/api'].map((path) => wire.json(path, aggregatedForm)));
    const has = (group: string, version: string, resource: string): boolean =>
      (group === '' ? core : named).items
        .find((each: Sent) => (each.metadata.name ?? '') === group)
        ?.versions.find((each: Sent) => each.version === version)
        ?.resources.some((each: Sent) => each.resource === resource) === true;
    for (const { group, version, resource } of resourceTable().all) assert.ok(has(group, version, resource), resource);
  });

  for (const what of ['raw aggregated discovery request', 'aggregated discovery interface']) {
    test(`AggregatedDiscovery should support ${what} for CRDs`, async () => {
      const group = `${what.replaceAll(' ', '-')}.example.com`;
      const definitions = typed(wire, 'apiextensions.k8s.io/v1', 'CustomResourceDefinition');
      const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
      await definitions.create({
        metadata: { name: `testcrds.${group}` },
        spec: {
          group,
          scope: 'Namespaced',
          names: { plural: 'testcrds', singular: 'testcrd', kind: 'testcrd', listKind: 'testcrdList' },
          versions: [{ name: 'v1', served: true, storage: true, schema }],
        },
      });
      await eventually('the CRD is discovered', async () => {
        const { items } = await wire.json('/apis', aggregatedForm);
        const [version] = items.find((each: Sent) => each.metadata.name === group)?.versions ?? [];
        return version?.resources.some((each: Sent) => each.resource === 'testcrds');
      });
      const own = `v1.${group}`;
      const registered = await eventually('its APIService', async () => {
        const found = await apiServices().list();
        return found.items.find((each: Sent) => each.metadata.name === own);
      });
      assert.equal(registered.metadata.labels['kube-aggregator.kubernetes.io/automanaged'], 'true');
      assert.equal(registered.spec.groupPriorityMinimum, 1000);
      await definitions.delete(`testcrds.${group}`);
      await eventually('its APIService is gone', () => apiServices().isGone(own));
    });
  }

  test('OpenAPIV3 should contain OpenAPI V3 for Aggregated APIServer', async () => {
    await apiServices().create(apiService(sampleGroup, sampleVersion));
    const found = async (): Promise<string | undefined> =>
      (await wire.json('/openapi/v3')).paths[samplePath.slice(1)]?.serverRelativeURL;
    const document = await wire.json(await eventually('its document is listed', found));
    assert.match(document.openapi, /^3\./);
    assert.ok(document.paths && document.components.schemas);
    await apiServices().delete(apiServiceName);
    await eventually('its document is gone', async () => (await found()) === undefined);
  });

  test('kubectl sees them as its own: short names, explain, top; and what is away holds up nothing else', async (t) => {
    t.after(() => {
      sample.override = () => false;
    });
    sample.override = metrics;
    for (const [group, version] of [[sampleGroup, sampleVersion] as const, ['metrics.k8s.io', 'v1beta1'] as const]) {
      await apiServices().create(apiService(group, version));
    }
    await cluster.mustKubectl('wait', '--for=condition=Available', `apiservice/${apiServiceName}`, '--timeout=30s');
    await cluster.mustKubectl(
      'wait',
      '--for=condition=Available',
      'apiservice/v1beta1.metrics.k8s.io',
      '--timeout=30s',
    );
    assert.match(await cluster.mustKubectl('get', 'apiservice', 'v1.apps', apiServiceName), /v1\.apps +Local +True/);
    assert.match(
      await cluster.mustKubectl('get', 'apiservice', apiServiceName),
      new RegExp(`${apiServiceName} +${namespace}/sample-api +True`),
    );
    await eventually('kubectl finds flunders', async () => (await cluster.kubectl(['get', 'fl'])).code === 0);
    assert.match(
      await cluster.mustKubectl('get', 'fl', '-o', 'name'),
      /^flunder\.wardle\.example\.com\/dynamic-flunder$/m,
    );
    assert.match(await cluster.mustKubectl('api-resources', '--api-group', sampleGroup), /^flunders +fl +wardle/m);
    await eventually('explain', async () =>
      /What it is\./.test((await cluster.kubectl(['explain', 'flunder.spec'])).stdout),
    );
    assert.match(await cluster.mustKubectl('top', 'nodes'), /^simulated-1 +250m +\d+% +1024Mi/m);
    assert.match(await cluster.mustKubectl('top', 'pods'), /^web +100m +64Mi/m);

    await typed(wire, 'v1', 'Service', namespace).delete('sample-api');
    await eventually('it is away', async () => {
      const { stdout } = await cluster.kubectl(['get', 'apiservice', apiServiceName]);
      return /False \(ServiceNotFound\)/.test(stdout);
    });
    const { stdout: rest } = await cluster.kubectl(['api-resources']);
    assert.match(rest, /^deployments +deploy/m);
    const raw = await cluster.kubectl(['get', '--raw', `${samplePath}/namespaces/default/flunders`]);
    assert.match(raw.stderr, /the server is currently unable to handle the request/);
    await cluster.mustKubectl('get', 'pods', '-A');
    await cluster.mustKubectl('delete', 'apiservice', apiServiceName, 'v1beta1.metrics.k8s.io');
    assert.match((await cluster.kubectl(['get', 'fl'])).stderr, /doesn't have a resource type "fl"/);
  });
});

/** What `kubectl top` asks. */
function metrics({ url = '' }: IncomingMessage, response: ServerResponse): boolean {
  const root = '/apis/metrics.k8s.io/v1beta1';
  const { pathname } = new URL(url, 'https://x');
  if (!pathname.startsWith(root)) return false;
  const resources = [
    { name: 'nodes', singularName: '', namespaced: false, kind: 'NodeMetrics', verbs: ['get', 'list'] },
    { name: 'pods', singularName: '', namespaced: true, kind: 'PodMetrics', verbs: ['get', 'list'] },
  ];
  const list = (kind: string, items: readonly object[]) => ({
    kind: `${kind}List`,
    apiVersion: 'metrics.k8s.io/v1beta1',
    metadata: {},
    items: items.map((item) => ({ timestamp: '2026-01-01T00:00:00Z', window: '10s', ...item })),
  });
  const documents: Record<string, object> = {
    [root]: { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: 'metrics.k8s.io/v1beta1', resources },
    [`${root}/nodes`]: list('NodeMetrics', [
      { metadata: { name: 'simulated-1' }, usage: { cpu: '250m', memory: '1Gi' } },
    ]),
    [`${root}/namespaces/default/pods`]: list('PodMetrics', [
      {
        metadata: { name: 'web', namespace: 'default' },
        containers: [{ name: 'c', usage: { cpu: '100m', memory: '64Mi' } }],
      },
    ]),
  };
  const document = documents[pathname];
  response.writeHead(document === undefined ? 404 : 200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(document ?? { kind: 'Status', status: 'Failure', code: 404, message: 'not here' }));
  return true;
}

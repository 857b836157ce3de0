import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Client, resources, silentLogger, startOperator } from 'naru/operator';
import { type Cluster, gone, install, startCluster, until } from 'naru/operator/testing';
import { websiteOperator, websiteValidation } from './operator.ts';
import { reconcile } from './reconcile.ts';
import { convert, firstWebsites, type Website, websiteDefinition, websites } from './website.ts';

const site = (name: string, spec: Partial<Website['spec']> = {}): Website => ({
  metadata: { namespace: 'default', name },
  spec: { host: `${name}.example.com`, pages: { 'index.html': 'hello' }, replicas: 1, ...spec },
});

test('a website wants its pages, its server, its service and its way in', () => {
  const plan = reconcile(site('a', { replicas: 3 }), { find: () => undefined, now: '2026-01-01T00:00:00Z' });
  assert.equal(plan.kind, 'want');
  assert.deepEqual(plan.kind === 'want' && plan.objects.map(({ kind }) => kind), [
    'ConfigMap',
    'Deployment',
    'Service',
    'Ingress',
  ]);
  assert.deepEqual(plan.kind === 'want' && plan.status, {
    url: 'http://a.example.com/',
    readyReplicas: 0,
    conditions: [
      {
        type: 'Ready',
        status: 'False',
        reason: 'ReplicasMissing',
        message: '0 of 3 replicas are ready',
        lastTransitionTime: '2026-01-01T00:00:00Z',
      },
    ],
  });
});

test('nothing gets lost between the versions', () => {
  for (const pages of [{ 'index.html': 'x' }, { 'index.html': 'x', 'more.html': 'y' }, { 'more.html': 'y' }]) {
    const now = site('a', { pages });
    assert.deepEqual(convert(convert(now, 'v1alpha1'), 'v1'), now);
  }
});

describe('the operator, in a cluster', { timeout: 120_000 }, () => {
  let cluster: Cluster;
  let client: Client;
  let stop: () => Promise<void>;

  before(async () => {
    cluster = await startCluster();
    client = cluster.client();
    const operator = await startOperator({
      ...websiteOperator('default'),
      cluster: { kubeconfig: cluster.kubeconfig },
      log: silentLogger,
      health: { port: 0, host: '127.0.0.1' },
      webhooks: {
        ...(websiteOperator('default').webhooks ?? { service: { namespace: '', name: '' }, serve: [] }),
        port: 0,
        host: '127.0.0.1',
        names: ['localhost'],
      },
    });
    stop = () => operator.close();
    // Here the API reaches it by URL: simulated pods serve nothing.
    const { data } = await client.get(resources.secrets, {
      namespace: 'default',
      name: 'website-operator-webhook-certificate',
    });
    const caBundle = data?.['ca.crt'] ?? '';
    const clientConfig = (path: string) => ({ url: `https://localhost:${operator.ports.webhooks}${path}`, caBundle });
    const definition = websiteDefinition('default');
    const webhook = { conversionReviewVersions: ['v1'], clientConfig: clientConfig('/convert-websites') };
    await install(client, {
      ...definition,
      spec: { ...definition.spec, conversion: { strategy: 'Webhook', webhook } },
    });
    const validation = websiteValidation('default');
    const [only] = validation.webhooks;
    const wanted = { ...validation, webhooks: [{ ...only, clientConfig: clientConfig('/validate-websites') }] };
    const place = {
      group: 'admissionregistration.k8s.io',
      version: 'v1',
      kind: 'ValidatingWebhookConfiguration',
      resource: 'validatingwebhookconfigurations',
      namespaced: false,
    };
    await client.create(place, wanted);
  });

  after(async () => {
    await stop?.();
    await cluster?.close();
  });

  test('a website is served, changed, scaled, and gone with all that it had', async () => {
    const reference = { namespace: 'default', name: 'a' };
    const made = await client.create(websites, site('a'));
    await until(
      'it is ready',
      async () => (await client.get(websites, reference)).status?.conditions?.[0]?.status === 'True',
    );
    const { spec } = await client.get(resources.ingresses, reference);
    assert.equal(spec?.rules?.[0]?.host, 'a.example.com');
    await client.patch(websites, reference, {
      type: 'merge',
      body: { spec: { pages: null, image: 'registry.example/a:2' } },
    });
    await until('the image is changed', async () => {
      const deployment = await client.get(resources.deployments, reference);
      return deployment.spec?.template.spec?.containers[0]?.image === 'registry.example/a:2';
    });
    await gone(client, resources.configMaps, reference);
    await client.patch(
      websites,
      reference,
      { type: 'merge', body: { spec: { replicas: 3 } } },
      { subresource: 'scale' },
    );
    await until('three are ready', async () => (await client.get(websites, reference)).status?.readyReplicas === 3);
    await client.delete(websites, reference);
    await gone(client, resources.deployments, reference);
    await gone(client, resources.services, reference);
    await gone(client, resources.ingresses, reference);
    assert.equal(made.metadata.generation, 1);
  });

  test('what the schema, its rules or the webhook do not allow is refused, with the reason', async () => {
    const refused = (spec: object, why: RegExp) =>
      assert.rejects(client.create(websites, site('bad', spec as Partial<Website['spec']>)), why);
    await refused({ image: 'x' }, /give either an image or pages/);
    await refused({ replicas: 101 }, /should be less than or equal to 100/);
    await refused({ host: 'nodot' }, /denied the request: host "nodot" is not a name with a dot/);
    await client.create(websites, site('keeps'));
    const change = { type: 'merge', body: { spec: { host: 'other.example.com' } } } as const;
    await assert.rejects(
      client.patch(websites, { namespace: 'default', name: 'keeps' }, change),
      /a website keeps its host/,
    );
  });

  test('the older version is served from what is stored in the newer one', async () => {
    await client.create(firstWebsites, {
      metadata: { namespace: 'default', name: 'old' },
      spec: { domain: 'old.example.com', html: 'hi', replicas: 1 },
    });
    const { spec } = await client.get(websites, { namespace: 'default', name: 'old' });
    assert.deepEqual({ ...spec }, { host: 'old.example.com', pages: { 'index.html': 'hi' }, replicas: 1 });
  });
});

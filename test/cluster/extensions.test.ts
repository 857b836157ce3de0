/**
 * What extends the API, as real pods: a webhook server that admits and converts, and an API server of its own behind an APIService. Both are
 * reached through their Services, by names that their certificates bear.
 */
import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import path from 'node:path';
import process from 'node:process';
import { after, before, describe, test } from 'node:test';
import { RealClock } from '../../src/lib/clock.ts';
import { issueAuthority, issueLeaf } from '../../src/server/certificates/issue.ts';
import { eventually, leftSince, machineState, TestCluster } from '../harness.ts';
import { needsContainers } from './containerd-lab.ts';

const image = 'test/extensions:1';
const namespace = 'extensions';
const group = 'wardle.example.com';

describe('what extends the API, as real pods', { timeout: 600_000, ...needsContainers }, () => {
  let cluster: TestCluster;
  let machine: readonly string[];

  before(async () => {
    machine = await machineState();
    cluster = await TestCluster.up();
    const files = ['webhook-program', 'api-server-program'].map(
      (name) => `${path.join(import.meta.dirname, 'extensions', `${name}.ts`)}:/app/${name}.ts`,
    );
    await cluster.mustNaru('image', 'pack', process.execPath, '--name', image, '--file', ...files);
    await cluster.mustKubectl('create', 'namespace', namespace);
    await apply(...(await program('webhooks', 'webhook-program')));
    await apply(...(await program('wardle', 'api-server-program')), ...wardleRights());
    await cluster.mustKubectl(
      'wait',
      '-n',
      namespace,
      'deployment',
      '--all',
      '--for=condition=Available',
      '--timeout=120s',
    );
  });

  after(async () => {
    await TestCluster.closeAll();
    assert.deepEqual(await leftSince(machine), [], 'naru down leaves nothing behind on the machine');
  });

  async function apply(...objects: readonly object[]): Promise<void> {
    const input = objects.map((object) => JSON.stringify(object)).join('\n---\n');
    const result = await cluster.kubectl(['apply', '--server-side', '-f', '-'], { input });
    assert.equal(result.code, 0, result.stderr);
  }

  const authorities = new Map<string, string>();
  const bundleOf = (name: string): string => Buffer.from(authorities.get(name) ?? '').toString('base64');

  /** A Deployment with its Service and certificate. */
  async function program(name: string, file: string): Promise<readonly object[]> {
    const lifetime = { nowMs: new RealClock().now(), lifetimeMs: 24 * 60 * 60 * 1000 };
    const authority = await issueAuthority(`${name}-ca`, lifetime);
    authorities.set(name, authority.certificate);
    const issuer = { certificate: authority.certificate, privateKey: createPrivateKey(authority.key) };
    const names = [`${name}.${namespace}.svc`];
    const subject = { commonName: name, organizations: [] };
    const { certificate, key } = await issueLeaf(issuer, { ...lifetime, subject, usage: 'server', names });
    const metadata = { name, namespace };
    const labels = { app: name };
    const probe = { httpGet: { path: '/readyz', port: 8443, scheme: 'HTTPS' }, periodSeconds: 1 };
    const container = {
      name: 'server',
      image,
      command: [process.execPath, `/app/${file}.ts`],
      readinessProbe: probe,
      volumeMounts: [{ name: 'tls', mountPath: '/tls' }],
    };
    const spec = {
      serviceAccountName: name,
      terminationGracePeriodSeconds: 1,
      containers: [container],
      volumes: [{ name: 'tls', secret: { secretName: name } }],
    };
    return [
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata,
        type: 'kubernetes.io/tls',
        stringData: { 'tls.crt': certificate, 'tls.key': key },
      },
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata,
        spec: { selector: labels, ports: [{ port: 443, targetPort: 8443 }] },
      },
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata,
        spec: { replicas: 1, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
      },
    ];
  }

  /** As the documentation of extension servers wants them. */
  function wardleRights(): readonly object[] {
    const rbac = 'rbac.authorization.k8s.io';
    const subjects = [{ kind: 'ServiceAccount', name: 'wardle', namespace }];
    return [
      {
        apiVersion: `${rbac}/v1`,
        kind: 'ClusterRoleBinding',
        metadata: { name: 'wardle:system:auth-delegator' },
        roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'system:auth-delegator' },
        subjects,
      },
      {
        apiVersion: `${rbac}/v1`,
        kind: 'RoleBinding',
        metadata: { name: 'wardle-auth-reader', namespace: 'kube-system' },
        roleRef: { apiGroup: rbac, kind: 'Role', name: 'extension-apiserver-authentication-reader' },
        subjects,
      },
    ];
  }

  const create = (object: object) => cluster.kubectl(['create', '-f', '-'], { input: JSON.stringify(object) });
  const configMap = (name: string, labels: Readonly<Record<string, string>> = {}) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'default', labels },
  });

  describe('webhooks', () => {
    const clientConfig = (at: string) => ({
      service: { namespace, name: 'webhooks', path: at },
      caBundle: bundleOf('webhooks'),
    });
    const common = (at: string) => ({
      name: `webhook${at.replace('/', '-')}.example.com`,
      clientConfig: clientConfig(at),
      rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['configmaps'] }],
      namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'default' } },
      sideEffects: 'None',
      admissionReviewVersions: ['v1'],
      timeoutSeconds: 2,
    });

    before(async () => {
      const apiVersion = 'admissionregistration.k8s.io/v1';
      await apply(
        { apiVersion, kind: 'ValidatingWebhookConfiguration', metadata: { name: 'test' }, webhooks: [common('/deny')] },
        { apiVersion, kind: 'MutatingWebhookConfiguration', metadata: { name: 'test' }, webhooks: [common('/label')] },
      );
    });

    after(async () => {
      await cluster.kubectl(['delete', 'validatingwebhookconfiguration,mutatingwebhookconfiguration', 'test']);
    });

    test('one that admits adds what it wants, and its warnings reach the user', async () => {
      const result = await create(configMap('good'));
      assert.equal(result.code, 0, result.stderr);
      assert.match(result.stderr, /Warning: the webhook has looked at it/);
      const { metadata } = await cluster.json<{ metadata: { labels: unknown } }>('get', 'configmap', 'good');
      assert.deepEqual(metadata.labels, { mutated: 'yes' });
    });

    test('one that refuses is heard', async () => {
      const result = await create(configMap('bad', { webhook: 'deny' }));
      assert.match(
        result.stderr,
        /admission webhook "webhook-deny\.example\.com" denied the request: the label says so/,
      );
    });

    test('one that hangs is waited for no longer than it may take, and holds up nobody else', async () => {
      const hanging = create(configMap('hangs', { webhook: 'hang' }));
      const beside = await create({ ...configMap('beside'), metadata: { name: 'beside', namespace } });
      assert.equal(beside.code, 0, beside.stderr);
      const { stderr } = await hanging;
      assert.match(
        stderr,
        /failed calling webhook "webhook-deny\.example\.com": failed to call webhook: Post "https:\/\/webhooks\.extensions\.svc:443\/deny\?timeout=2s": context deadline exceeded/,
      );
    });

    test('one that is gone fails what it should have been asked about, and is asked again when it is back', async () => {
      await cluster.mustKubectl('scale', '-n', namespace, 'deployment/webhooks', '--replicas=0');
      await eventually('its pod is gone', async () => {
        const { stderr } = await create(configMap('while-gone'));
        return /no endpoints available for service "webhooks"/.test(stderr);
      });
      await cluster.mustKubectl('scale', '-n', namespace, 'deployment/webhooks', '--replicas=1');
      await eventually('it is back', async () => (await create(configMap('after'))).code === 0, 60_000);
    });
  });

  test('a conversion webhook serves each version of what is stored in another', async () => {
    const version = (name: string, storage: boolean, properties: object) => ({
      name,
      served: true,
      storage,
      schema: { openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties } } } },
    });
    const text = { type: 'string' };
    await apply({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'places.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { plural: 'places', kind: 'Place' },
        versions: [version('v1', true, { hostPort: text }), version('v2', false, { host: text, port: text })],
        conversion: {
          strategy: 'Webhook',
          webhook: {
            clientConfig: {
              service: { namespace, name: 'webhooks', path: '/convert' },
              caBundle: bundleOf('webhooks'),
            },
            conversionReviewVersions: ['v1'],
          },
        },
      },
    });
    await cluster.mustKubectl('wait', 'crd/places.example.com', '--for=condition=Established', '--timeout=10s');
    const place = {
      apiVersion: 'example.com/v2',
      kind: 'Place',
      metadata: { name: 'p' },
      spec: { host: 'a', port: '80' },
    };
    await eventually('the webhook answers', async () => (await create(place)).code === 0);
    const older = await cluster.json<{ spec: unknown }>('get', 'places.v1.example.com', 'p');
    assert.deepEqual(older.spec, { hostPort: 'a:80' });
    const listed = await cluster.json<{ items: readonly { spec: unknown }[] }>('get', 'places.v2.example.com');
    assert.deepEqual(
      listed.items.map(({ spec }) => spec),
      [{ host: 'a', port: '80' }],
    );
    await cluster.mustKubectl('delete', 'crd', 'places.example.com');
  });

  describe('an API server behind an APIService', () => {
    before(async () => {
      await apply({
        apiVersion: 'apiregistration.k8s.io/v1',
        kind: 'APIService',
        metadata: { name: `v1alpha1.${group}` },
        spec: {
          group,
          version: 'v1alpha1',
          groupPriorityMinimum: 2000,
          versionPriority: 200,
          caBundle: bundleOf('wardle'),
          service: { namespace, name: 'wardle', port: 443 },
        },
      });
      await cluster.mustKubectl('wait', `apiservice/v1alpha1.${group}`, '--for=condition=Available', '--timeout=60s');
    });

    const flunder = (name: string) => ({
      apiVersion: `${group}/v1alpha1`,
      kind: 'Flunder',
      metadata: { name, namespace: 'default' },
      spec: { reference: 'x' },
    });

    test('kubectl works with its resources as with all others: discovery, short names, explain, watches', async () => {
      await eventually('discovery has it', async () =>
        /flunders\s+fl\s/.test((await cluster.kubectl(['api-resources', '--api-group', group])).stdout),
      );
      const made = await create(flunder('one'));
      assert.equal(made.code, 0, made.stderr);
      assert.match(await cluster.mustKubectl('get', 'fl'), /one/);
      await eventually('explain has it', async () =>
        (await cluster.kubectl(['explain', 'flunder.spec.reference'])).stdout.includes('What it refers to.'),
      );
      const { child } = cluster.stream('get', 'flunders', '--watch', '--output-watch-events', '-o', 'name');
      let seen = '';
      child.stdout?.on('data', (text: string) => void (seen += text));
      try {
        await eventually('the watch has begun', () => seen.includes('one'));
        await create(flunder('two'));
        await eventually('what was created is seen', () => seen.includes('two'));
      } finally {
        child.kill();
      }
      await cluster.mustKubectl('delete', 'flunder', 'one');
      assert.doesNotMatch(await cluster.mustKubectl('get', 'flunders', '-o', 'name'), /one/);
    });

    test('it is told who asks, and who may not, may not', async () => {
      const { stderr } = await cluster.kubectl(['get', 'flunders', '--as', 'ann']);
      assert.match(stderr, /User "ann" cannot list/);
      const rules = ['--verb=list,get', `--resource=flunders.${group}`];
      await cluster.mustKubectl('create', 'clusterrole', 'flunder-reader', ...rules);
      await cluster.mustKubectl(
        'create',
        'clusterrolebinding',
        'flunder-reader',
        '--clusterrole=flunder-reader',
        '--user=ann',
      );
      await eventually('ann may', async () => (await cluster.kubectl(['get', 'flunders', '--as', 'ann'])).code === 0);
    });

    test('while it is gone all else is served, and its APIService says why it is not', async () => {
      await cluster.mustKubectl('scale', '-n', namespace, 'deployment/wardle', '--replicas=0');
      await cluster.mustKubectl(
        'wait',
        `apiservice/v1alpha1.${group}`,
        '--for=condition=Available=false',
        '--timeout=60s',
      );
      const { status } = await cluster.json<{ status: { conditions: readonly { reason: string }[] } }>(
        'get',
        'apiservice',
        `v1alpha1.${group}`,
      );
      assert.equal(status.conditions[0]?.reason, 'MissingEndpoints');
      const { stderr } = await cluster.kubectl(['get', `--raw=/apis/${group}/v1alpha1/flunders`]);
      assert.match(stderr, /unable to handle the request|ServiceUnavailable/);
      assert.match(await cluster.mustKubectl('get', 'configmaps', '-A'), /kube-root-ca\.crt/);
      await cluster.mustKubectl('scale', '-n', namespace, 'deployment/wardle', '--replicas=1');
      await cluster.mustKubectl('wait', `apiservice/v1alpha1.${group}`, '--for=condition=Available', '--timeout=60s');
      await cluster.mustKubectl('get', 'flunders');
    });

    test('with its APIService go its resources', async () => {
      await cluster.mustKubectl('delete', 'apiservice', `v1alpha1.${group}`);
      await eventually('nobody serves them', async () => {
        const { code, stderr } = await cluster.kubectl(['get', `--raw=/apis/${group}/v1alpha1/flunders`]);
        return code !== 0 && /could not find|not found|page not found/i.test(stderr);
      });
    });
  });
});

/** `naru why`, `naru doctor`, `naru status` and `naru release` on simulated nodes: real events and conditions of the scheduler and the controllers. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually, TestCluster } from '../harness.ts';

interface Told {
  readonly code: string;
  readonly what: string;
  readonly causes: readonly Told[];
}

interface Why {
  readonly explanations: readonly {
    readonly subject: { readonly kind: string; readonly name: string };
    readonly health: { readonly state: string };
    readonly findings: readonly Told[];
  }[];
}

const deployment = (name: string, spec: object, replicas = 1): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'main', image: 'example/web:1' }], ...spec },
    },
  },
});
const asking = (requests: object): object => ({
  containers: [{ name: 'main', image: 'example/web:1', resources: { requests } }],
});
const service = (name: string, selector: object): object => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec: { selector, ports: [{ port: 80 }] },
});
const quota = (hard: object): object => ({
  apiVersion: 'v1',
  kind: 'ResourceQuota',
  metadata: { name: 'small' },
  spec: { hard },
});

describe('naru explains', { timeout: 180_000 }, () => {
  let cluster: TestCluster;

  before(async () => {
    cluster = await TestCluster.up('--simulated-nodes', '2');
  });
  after(() => TestCluster.closeAll());

  async function apply(namespace: string, ...objects: readonly object[]): Promise<void> {
    await cluster.kubectl(['create', 'namespace', namespace]);
    const result = await cluster.kubectl(['apply', '-n', namespace, '-f', '-'], {
      input: objects.map((one) => JSON.stringify(one)).join('\n'),
    });
    assert.equal(result.code, 0, result.stderr);
  }

  const why = async (...words: readonly string[]): Promise<Why> =>
    JSON.parse(await cluster.mustNaru('why', ...words, '-o', 'json')) as Why;

  const codesOf = ({ code, causes }: Told): string => [code, ...causes.slice(0, 1).map(codesOf)].join(' > ');

  /** The chain of the worst finding, once it is as expected. */
  const tells = (codes: string, ...words: readonly string[]): Promise<string> =>
    eventually(`naru why ${words.join(' ')} tells ${codes}`, async () => {
      const [first] = (await why(...words)).explanations[0]?.findings ?? [];
      const found = first === undefined ? '' : codesOf(first);
      if (found !== codes) throw new Error(`it tells ${found}`);
      return cluster.mustNaru('why', ...words);
    });

  test('a Deployment that is too large for every node, one for no node, and one that a quota stops', async () => {
    await apply(
      'large',
      deployment('big', asking({ cpu: '900' }), 2),
      deployment('ssd', { nodeSelector: { disk: 'ssd' } }),
    );
    const big = await tells('PodsNotReady > NoRoom', 'deploy/big', '-n', 'large');
    assert.match(big, /node simulated-1: .* CPU is free of .* CPU, and the pod asks for 900 CPU/);
    assert.match(big, /ask for less \(resources\.requests in the template of deployment\/big\)/);
    const ssd = await tells('PodsNotReady > NoNodeMatches', 'deploy/ssd', '-n', 'large');
    assert.match(ssd, /naru label node\/simulated-1 disk=ssd/);
    await apply('narrow', quota({ pods: '1' }), deployment('many', {}, 3));
    assert.match(
      await tells('PodsNotReady > QuotaExceeded', 'deploy/many', '-n', 'narrow'),
      /quota "small" of namespace narrow is used up/,
    );
  });

  test('pods that policy refuses, that name no account, or that wait for a gate', async () => {
    await apply('strict', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'strict', labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
    });
    await apply('strict', deployment('web', {}));
    assert.match(
      await tells('PodsNotReady > PodSecurity', 'deploy/web', '-n', 'strict'),
      /standard "restricted".*runAsNonRoot/,
    );
    await apply(
      'refused',
      deployment('lost', { serviceAccountName: 'nobody' }),
      deployment('gated', { schedulingGates: [{ name: 'example.com/approval' }] }),
    );
    assert.match(
      await tells('PodsNotReady > ServiceAccountMissing', 'deploy/lost', '-n', 'refused'),
      /no ServiceAccount "nobody"/,
    );
    assert.match(
      await tells('PodsNotReady > SchedulingGated', 'deploy/gated', '-n', 'refused'),
      /example\.com\/approval/,
    );
    await apply('hooked', {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name: 'guard' },
      webhooks: [
        {
          name: 'guard.example.com',
          clientConfig: { service: { namespace: 'guard', name: 'guard' } },
          rules: [{ operations: ['CREATE'], apiGroups: [''], apiVersions: ['v1'], resources: ['pods'] }],
          namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'hooked' } },
          sideEffects: 'None',
          admissionReviewVersions: ['v1'],
        },
      ],
    });
    await apply('hooked', deployment('web', {}));
    await tells('PodsNotReady > WebhookFailed > WebhookUnanswered > ServiceMissing', 'deploy/web', '-n', 'hooked');
    await cluster.mustKubectl('delete', 'validatingwebhookconfiguration', 'guard');
  });

  test('a Service and an Ingress that lead nowhere, and a claim that nobody fills', async () => {
    const ingress = (name: string, backend: string): object => ({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { name },
      spec: {
        rules: [
          {
            host: 'shop.example',
            http: {
              paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: backend, port: { number: 80 } } } }],
            },
          },
        ],
      },
    });
    const claim = {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'data' },
      spec: { storageClassName: 'fast', accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    };
    await apply(
      'front',
      deployment('web', {}),
      service('web', { app: 'wep' }),
      service('good', { app: 'web' }),
      ingress('web', 'web'),
      ingress('other', 'none'),
      claim,
    );
    assert.match(
      await tells('SelectsNothing', 'svc/web', '-n', 'front'),
      /the nearest is pod web-.* it differs in app/,
    );
    await tells('BackendDown > SelectsNothing', 'ing/web', '-n', 'front');
    assert.match(await tells('ServiceMissing', 'ing/other', '-n', 'front'), /answers 503/);
    assert.match(await tells('StorageClassMissing', 'pvc/data', '-n', 'front'), /no StorageClass "fast"/);
    await eventually('the good Service is well', async () => {
      const [explained] = (await why('svc/good', '-n', 'front')).explanations;
      return explained?.findings.length === 0 && explained.health.state === 'healthy';
    });
    const all = await cluster.mustNaru('why', '-n', 'front');
    assert.match(all, /3 objects are in trouble in namespace front/);
    // The Service is told of as the cause of its Ingress.
    assert.match(all, /because service\/web: no pod/);
    assert.doesNotMatch(all, /service\/good|deployment\/web/);
  });

  test('a namespace that does not end, solved by taking the finalizer away', async () => {
    await apply('old', {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'held', finalizers: ['db.example.com/backup'] },
    });
    const early = await cluster.naru(
      'release',
      'configmap/held',
      '-n',
      'old',
      '--finalizer',
      'db.example.com/backup',
      '--yes',
    );
    assert.equal(early.code, 1);
    assert.match(early.stderr, /is not being deleted/);
    await cluster.mustKubectl('delete', 'namespace', 'old', '--wait=false');
    const told = await tells('NamespaceTerminating > HeldByFinalizer', 'ns/old');
    assert.match(told, /held by the finalizer "db\.example\.com\/backup"/);
    assert.match(told, /no workload of this cluster looks like it/);
    const command = /naru (release configmap\/held -n old --finalizer db\.example\.com\/backup)/.exec(told)?.[1] ?? '';
    const unasked = await cluster.naru(...command.split(' '));
    assert.equal(unasked.code, 1);
    assert.match(unasked.stderr, /say --yes/);
    assert.match(await cluster.mustNaru(...command.split(' '), '--yes'), /is taken away; nothing holds it any more/);
    await eventually(
      'the namespace is gone',
      async () => (await cluster.kubectl(['get', 'namespace', 'old'])).code !== 0,
    );
  });

  test('naru status shows it on one screen, and naru doctor ends with 1 where something is wrong', async () => {
    await apply('large', deployment('big', asking({ cpu: '900' }), 2));
    await tells('PodsNotReady > NoRoom', 'deploy/big', '-n', 'large');
    const status = await cluster.mustNaru('status');
    assert.match(status, /^The cluster in .* runs at https:\/\/127\.0\.0\.1:\d+ \(process \d+\)/);
    assert.match(status, /node simulated-1: Ready; v1\.36/);
    assert.match(status, /namespace large: 0 of \d workloads? healthy/);
    assert.match(status, /in trouble/);
    const seen = JSON.parse(await cluster.mustNaru('status', '-o', 'json')) as {
      readonly nodes: readonly unknown[];
      readonly trouble: readonly unknown[];
    };
    assert.equal(seen.nodes.length, 2);
    assert.ok(seen.trouble.length > 0);
    const doctor = await cluster.naru('doctor', '-o', 'json');
    assert.equal(doctor.code, 1);
    const { checks } = JSON.parse(doctor.stdout) as {
      readonly checks: readonly {
        readonly name: string;
        readonly state: string;
        readonly details: readonly string[];
      }[];
    };
    const health = checks.find(({ name }) => name === 'health');
    assert.equal(health?.state, 'problem');
    assert.ok(
      health.details.some((line) => line.startsWith('deployment/big -n large: no node has enough cpu')),
      health.details.join('\n'),
    );
    assert.equal(checks.find(({ name }) => name === 'clocks')?.state, 'ok');
  });

  test('words that name nothing get a sentence, and what is near', async () => {
    await apply('front', deployment('web', {}));
    const missing = await cluster.naru('why', 'deploy/wep', '-n', 'front');
    assert.equal(missing.code, 1);
    assert.match(missing.stderr, /there is no deployment "wep" in namespace front; did you mean deployment\/web\?/);
    assert.match((await cluster.naru('why', 'deplo/web')).stderr, /no resource "deplo"/);
    const both = await cluster.naru('why', 'deploy/web', '-A');
    assert.equal(both.code, 2);
    assert.match(await cluster.mustNaru('why', 'web', '-n', 'front'), /^deployment\/web in front/);
  });
});

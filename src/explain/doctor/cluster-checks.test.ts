/** The cluster's half of the doctor over small clusters: what each check finds, and that a good cluster has nothing to mend. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { KubeObject } from '../../api/object.ts';
import { newInquiry } from '../explain.ts';
import type { ServedResource } from '../look.ts';
import { make, object, SnapshotLook } from '../testing.ts';
import type { Check } from './check.ts';
import { type ClusterFacts, clusterChecks } from './cluster-checks.ts';

const facts: ClusterFacts = {
  address: 'https://127.0.0.1:6443',
  version: 'v1.36.0+naru-0.1.0',
  aheadMs: 300,
  notReady: [],
};

/** Kinds that are served though the snapshot has none. */
class ServingLook extends SnapshotLook {
  override async resources(): Promise<readonly ServedResource[]> {
    const verbs = ['list', 'update', 'delete'];
    const cronJobs = {
      group: 'batch',
      version: 'v1',
      kind: 'CronJob',
      resource: 'cronjobs',
      namespaced: true,
      preferred: true,
      verbs,
    };
    return [...(await super.resources()), cronJobs];
  }
}

const checked = async (
  objects: readonly KubeObject[],
  changed: Partial<ClusterFacts> = {},
): Promise<readonly Check[]> => clusterChecks({ ...facts, ...changed }, newInquiry(new ServingLook(objects)));

async function only(
  objects: readonly KubeObject[],
  changed: Partial<ClusterFacts> = {},
): Promise<{ readonly name: string; readonly state: string; readonly text: string }> {
  const found = (await checked(objects, changed)).filter(({ state }) => state !== 'ok');
  assert.equal(found.length, 1, JSON.stringify(found, undefined, 1));
  const [{ name, state, says, details }] = found as [Check];
  return { name, state, text: [says, ...details].join('\n') };
}

type Loose = Readonly<Record<string, unknown>>;
const definition = (
  name: string,
  rest: { readonly metadata?: Loose; readonly spec?: Loose; readonly status?: Loose },
): KubeObject =>
  object({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name, ...rest.metadata },
    spec: {
      group: name.slice(name.indexOf('.') + 1),
      names: { kind: 'X' },
      versions: [{ name: 'v1', served: true }],
      ...rest.spec,
    },
    status: { storedVersions: ['v1'], ...rest.status },
  });
const node = (version: string): KubeObject =>
  ({ ...make.node('n1'), status: { ...make.node('n1').status, nodeInfo: { kubeletVersion: version } } }) as KubeObject;
const asking = { containers: [{ name: 'web', image: 'x', resources: { requests: { cpu: '10m' } } }] };

describe("the cluster's half of naru doctor", () => {
  test('a good cluster is well in all respects', async () => {
    const checks = await checked([
      node('v1.36.0+naru'),
      make.ready('web-1', { spec: asking }),
      definition('a.example.com', {}),
    ]);
    assert.deepEqual(
      checks.filter(({ state }) => state !== 'ok'),
      [],
    );
    assert.equal(checks.length, 12);
  });

  test('clocks that differ', async () => {
    assert.deepEqual(await only([], { aheadMs: -90_000 }), {
      name: 'clocks',
      state: 'problem',
      text: "this machine's clock is 90 s behind the server's",
    });
    assert.equal((await only([], { aheadMs: 5000 })).state, 'warning');
  });

  test('a part of the server that is not ready', async () => {
    assert.match((await only([], { notReady: ['informer-sync'] })).text, /not ready: informer-sync/);
  });

  test('nodes of other versions, by what the skew allows', async () => {
    assert.equal((await only([node('v1.35.2')])).state, 'warning');
    assert.equal((await only([node('v1.37.0')])).state, 'problem');
    assert.match((await only([node('v1.32.0')])).text, /n1 \(v1\.32\.0\)/);
  });

  test('what is unhealthy is counted, with its cause', async () => {
    const service = object({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web' },
      spec: { selector: { app: 'none' } },
    });
    const { name, state, text } = await only([service]);
    assert.deepEqual([name, state], ['health', 'problem']);
    assert.match(text, /service\/web -n shop: no pod in namespace shop has the labels app=none/);
  });

  test('API versions that are gone, in what kubectl remembers and in Helm’s releases', async () => {
    const cronJob = object({
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: {
        name: 'nightly',
        annotations: {
          'kubectl.kubernetes.io/last-applied-configuration': '{"apiVersion":"batch/v1beta1","kind":"CronJob"}',
        },
      },
      spec: { suspend: false, schedule: '0 3 * * *' },
    });
    const first = await only([cronJob]);
    assert.deepEqual([first.name, first.state], ['API versions', 'problem']);
    assert.match(
      first.text,
      /cronjob\/nightly in shop: kubectl apply writes batch\/v1beta1 CronJob; use batch\/v1 \(gone since 1\.25\)/,
    );
    const manifest =
      '---\n# Source: x\napiVersion: policy/v1beta1\nkind: PodDisruptionBudget\n---\napiVersion: v1\nkind: Service\n';
    const release = (version: string, text: string): KubeObject =>
      object({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: `sh.helm.release.v1.web.v${version}`, labels: { name: 'web', version } },
        type: 'helm.sh/release.v1',
        data: {
          release: Buffer.from(gzipSync(JSON.stringify({ manifest: text })).toString('base64')).toString('base64'),
        },
      });
    assert.match(
      (await only([release('1', ''), release('2', manifest)])).text,
      /Helm release shop\/web: helm writes policy\/v1beta1 PodDisruptionBudget; use policy\/v1/,
    );
    const mended = await checked([
      release('1', manifest),
      release('2', 'apiVersion: policy/v1\nkind: PodDisruptionBudget\n'),
    ]);
    assert.deepEqual(
      mended.filter(({ state }) => state !== 'ok'),
      [],
    );
  });

  test('definitions that two claim, that are mixed, or that store what is not served', async () => {
    const writes = (manager: string): Loose => ({
      manager,
      operation: 'Apply',
      fieldsV1: { 'f:spec': { 'f:versions': {} } },
    });
    const clash = await only([
      definition('certificates.cert-manager.io', {
        metadata: {
          annotations: { 'meta.helm.sh/release-name': 'cm', 'meta.helm.sh/release-namespace': 'cm' },
          managedFields: [writes('helm'), writes('kubectl')],
        },
      }),
    ]);
    assert.match(clash.text, /several claim it: Helm release cm\/cm and somebody with kubectl/);
    const bundle = (version: string): { readonly metadata: Loose } => ({
      metadata: { annotations: { 'gateway.networking.k8s.io/bundle-version': version } },
    });
    const mixed = await only([
      definition('gateways.gateway.networking.k8s.io', bundle('v1.4.0')),
      definition('httproutes.gateway.networking.k8s.io', bundle('v1.2.0')),
    ]);
    assert.match(mixed.text, /of different releases: v1\.4\.0: gateways.* and v1\.2\.0: httproutes/);
    assert.match(
      (await only([definition('a.example.com', { status: { storedVersions: ['v1beta1', 'v1'] } })])).text,
      /stored as v1beta1/,
    );
  });

  test('budgets, quotas, and pods that ask for nothing', async () => {
    const budget = object({
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'web' },
      spec: { minAvailable: 1, selector: { matchLabels: { app: 'web' } } },
      status: { expectedPods: 1, currentHealthy: 1, desiredHealthy: 1, disruptionsAllowed: 0 },
    });
    const pod = make.ready('web-1', { spec: asking });
    assert.deepEqual((await only([budget, pod, node('v1.36.0')])).name, 'disruption budgets');
    const namespace = object({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } });
    const quota = object({
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'small' },
      status: { hard: { pods: '4' }, used: { pods: '4' } },
    });
    assert.match((await only([namespace, quota])).text, /shop: quota small: pods 4 of 4/);
    assert.equal((await only([make.ready('web-1'), node('v1.36.0')])).state, 'hint');
  });

  test('a webhook without its server', async () => {
    const guard = object({
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'MutatingWebhookConfiguration',
      metadata: { name: 'guard' },
      webhooks: [
        { name: 'guard.example.com', clientConfig: { service: { namespace: 'guard', name: 'guard' } }, rules: [] },
      ],
    });
    const { name, state, text } = await only([guard]);
    assert.deepEqual([name, state], ['webhooks', 'problem']);
    assert.match(text, /guard\.example\.com/);
  });
});

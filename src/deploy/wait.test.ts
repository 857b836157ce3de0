/** Applying and waiting, against an API in memory and in virtual time. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KubeObject } from '../api/object.ts';
import { configMaps, resourceOf } from '../client/resources.ts';
import { startTestApi, type TestApi } from '../client/testing.ts';
import type { SourceObject } from './application.ts';
import { type Deployment, type DeployOptions, deploy } from './deploy.ts';
import { inSteps } from './order.ts';
import type { Cluster } from './target.ts';
import { type Waited, waitUntilHealthy } from './wait.ts';

const source = (object: object, from = 'app.yaml:1'): SourceObject => ({ object, from });

const web = (replicas = 1): SourceObject =>
  source({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web' },
    spec: {
      replicas,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'main', image: 'web:1' }] } },
    },
  });
const settings = (value: string): SourceObject =>
  source({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings' }, data: { key: value } });

function clusterOf({ client, resources }: TestApi): Cluster {
  const finder: Cluster['finder'] = {
    byKind: async (apiVersion, kind) => {
      const [group, version] = apiVersion.includes('/') ? apiVersion.split('/') : ['', apiVersion];
      const info = resources.current.byKind({ group: group ?? '', version: version ?? '', kind });
      return info && { ...resourceOf(info), singular: info.singular };
    },
    byGroupKind: async (groupKind) => {
      const [kind = '', ...group] = groupKind.split('.');
      const info = resources.current.all.find((one) => one.kind === kind && one.group === group.join('.'));
      return info && { ...resourceOf(info), singular: info.singular };
    },
    forget: () => {},
  };
  return { client, finder, namespace: 'default' };
}

const deployed = (
  api: TestApi,
  objects: readonly SourceObject[],
  options: Partial<DeployOptions> = {},
): Promise<Deployment> => deploy(clusterOf(api), objects, { clock: api.clock, ...options });

const outcomes = ({ objects }: Deployment): string[] =>
  objects.map(({ resource, outcome }) => `${resource.kind} ${outcome}`);

/** What the controllers would write. */
async function report(api: TestApi, { objects }: Deployment, status: object): Promise<void> {
  const target = objects.find(({ resource }) => resource.kind === 'Deployment');
  assert.ok(target);
  const { client } = api;
  await client.patch(target.resource, target.reference, { type: 'merge', body: { status } }, { subresource: 'status' });
}

const available = { observedGeneration: 1, replicas: 1, updatedReplicas: 1, readyReplicas: 1, availableReplicas: 1 };

async function waited(
  api: TestApi,
  deployment: Deployment,
  during: () => Promise<void> = async () => {},
): Promise<{ waited: Waited; seconds: number }> {
  const startMs = api.clock.monotonic();
  let result: Waited | undefined;
  let endMs = 0;
  const done = waitUntilHealthy(api.client, deployment.objects, { clock: api.clock, timeoutMs: 300_000 }).then(
    (value) => {
      result = value;
      endMs = api.clock.monotonic();
    },
  );
  await api.clock.advance(2_000);
  await during();
  await api.clock.advance(600_000, () => result !== undefined);
  await done;
  assert.ok(result);
  return { waited: result, seconds: Math.round((endMs - startMs) / 1000) };
}

describe('deploying', () => {
  test('created, unchanged, configured; what others stand on first', async () => {
    const api = await startTestApi();
    const objects = [web(), settings('1')];
    assert.deepEqual(outcomes(await deployed(api, objects)), ['ConfigMap created', 'Deployment created']);
    assert.deepEqual(outcomes(await deployed(api, objects)), ['ConfigMap unchanged', 'Deployment unchanged']);
    assert.deepEqual(outcomes(await deployed(api, [web(), settings('2')])), [
      'ConfigMap configured',
      'Deployment unchanged',
    ]);
  });

  test('a status that changes meanwhile is no change', async () => {
    const api = await startTestApi();
    await report(api, await deployed(api, [web()]), available);
    assert.deepEqual(outcomes(await deployed(api, [web()])), ['Deployment unchanged']);
  });

  test('of a set, what is not named any more is told, and deleted where asked; a deployment that broke off is remembered', async () => {
    const api = await startTestApi();
    const set = { setName: 'shop' };
    await deployed(api, [web(), settings('1')], set);
    const { leftOver } = await deployed(api, [web()], set);
    assert.deepEqual(
      leftOver.map(({ name }) => name),
      ['configmap/settings'],
    );
    const bad = source({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'NO' }, spec: {} }, 'bad.yaml:3');
    await assert.rejects(deployed(api, [bad], { ...set, prune: true }), {
      message: /^bad\.yaml:3: service\/NO is refused: /,
    });
    const pruned: string[] = [];
    await deployed(api, [settings('1')], { ...set, prune: true, pruned: ({ name }) => pruned.push(name) });
    assert.deepEqual(pruned, ['deployment.apps/web']);
    assert.deepEqual((await deployed(api, [settings('1')], set)).leftOver, []);
  });

  test('another set’s objects are nobody else’s to prune, and stay in their set when they are applied alone', async () => {
    const api = await startTestApi();
    await deployed(api, [web()], { setName: 'one' });
    await deployed(api, [settings('1')], { setName: 'two' });
    await deployed(api, [web()]);
    assert.deepEqual(outcomes(await deployed(api, [web()], { setName: 'one' })), ['Deployment unchanged']);
    assert.deepEqual(
      (await deployed(api, [], { setName: 'two' })).leftOver.map(({ name }) => name),
      ['configmap/settings'],
    );
  });

  test('what belongs to another application is refused before anything is written, unless that one is gone or gives it up', async () => {
    const api = await startTestApi();
    await deployed(api, [web()], { setName: 'one' });
    await assert.rejects(deployed(api, [settings('1'), web()], { setName: 'two' }), {
      message:
        /^deployment\.apps\/web: there already, and of another application \(one\), .*nothing was changed.*-n NAME.*--take-over/,
    });
    assert.deepEqual(outcomes(await deployed(api, [settings('1')])), ['ConfigMap created']);
    await deployed(api, [web()], { setName: 'two', takeOver: true });
    await assert.rejects(deployed(api, [web()], { setName: 'one' }), { message: /of another application \(two\)/ });
    await api.client.delete(configMaps, { namespace: 'default', name: 'naru-two' });
    await deployed(api, [web()], { setName: 'one' });
  });

  test('a dry run changes nothing', async () => {
    const api = await startTestApi();
    assert.deepEqual(outcomes(await deployed(api, [settings('1')], { dryRun: true, setName: 'x' })), [
      'ConfigMap created',
    ]);
    assert.deepEqual(outcomes(await deployed(api, [settings('1')])), ['ConfigMap created']);
  });

  test('steps: namespaces, definitions, rights, data, services, workloads, the unknown, webhooks', () => {
    const kinds = [
      'ValidatingWebhookConfiguration',
      'Boat',
      'Deployment',
      'Service',
      'Secret',
      'RoleBinding',
      'ServiceAccount',
      'CustomResourceDefinition',
      'Namespace',
    ];
    const steps = inSteps(kinds.map((kind) => source({ kind })));
    assert.deepEqual(
      steps.flat().map(({ object }) => object.kind),
      kinds.toReversed().map((kind) => kind),
    );
  });
});

describe('waiting', () => {
  test('until the controllers say that it is there', async () => {
    const api = await startTestApi();
    const deployment = await deployed(api, [web(), settings('1')]);
    const { waited: result, seconds } = await waited(api, deployment, () => report(api, deployment, available));
    assert.deepEqual([result.unhealthy, result.late], [[], []]);
    assert.ok(seconds <= 4, `${seconds} s`);
  });

  test('to the end of the time where nothing moves', async () => {
    const api = await startTestApi();
    const { waited: result, seconds } = await waited(api, await deployed(api, [web()]));
    assert.equal(result.unhealthy[0]?.health.message, 'its last change was not seen yet');
    assert.equal(seconds, 300);
  });

  test('not so long where pods fail, which say why', async () => {
    const api = await startTestApi();
    const deployment = await deployed(api, [web()]);
    const { waited: result, seconds } = await waited(api, deployment, async () => {
      await report(api, deployment, { ...available, readyReplicas: 0, availableReplicas: 0 });
      const pods = await clusterOf(api).finder.byKind('v1', 'Pod');
      assert.ok(pods);
      const waiting = { reason: 'ImagePullBackOff', message: 'web:1 not found' };
      await api.client.create(pods, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { namespace: 'default', name: 'web-1', labels: { app: 'web' } },
        spec: { containers: [{ name: 'main', image: 'web:1' }] },
      } as KubeObject);
      await api.client.patch(
        pods,
        { namespace: 'default', name: 'web-1' },
        {
          type: 'merge',
          body: {
            status: {
              phase: 'Pending',
              containerStatuses: [
                { name: 'main', image: '', imageID: '', ready: false, restartCount: 0, state: { waiting } },
              ],
            },
          },
        },
        { subresource: 'status' },
      );
    });
    assert.match(
      result.unhealthy[0]?.health.message ?? '',
      /pod web-1: container main: ImagePullBackOff, web:1 not found/,
    );
    assert.ok(seconds >= 45 && seconds <= 55, `${seconds} s`);
  });

  test('a way in without an address holds up nobody for long, and is told', async () => {
    const api = await startTestApi();
    const ingress = source({
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { name: 'web' },
      spec: { defaultBackend: { service: { name: 'web', port: { number: 80 } } } },
    });
    const { waited: result, seconds } = await waited(api, await deployed(api, [ingress]));
    assert.deepEqual(
      [result.unhealthy.length, result.late.map(({ health }) => health.message)],
      [0, ['it has no address yet']],
    );
    assert.ok(seconds >= 10 && seconds <= 12, `${seconds} s`);
  });

  test('what somebody deletes meanwhile is not waited for to the end', async () => {
    const api = await startTestApi();
    const deployment = await deployed(api, [web()]);
    const { waited: result, seconds } = await waited(api, deployment, async () => {
      const [target] = deployment.objects;
      assert.ok(target);
      await api.client.delete(target.resource, target.reference);
    });
    assert.equal(result.unhealthy[0]?.health.message, 'somebody has deleted it');
    assert.ok(seconds < 60);
  });
});

/**
 * The JavaScript client, `@kubernetes/client-node` 2, as programs use it: typed calls in many groups, objects of any kind, patches of
 * every type, pages, dry runs, errors, watches, informers and logs. It decodes answers by upstream's OpenAPI, so a field of a wrong type
 * fails here where kubectl would not look.
 */
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import * as k8s from '@kubernetes/client-node';
import { eventually, TestCluster } from '../harness.ts';

const namespace = 'js';

let cluster: TestCluster;
let config: k8s.KubeConfig;

before(async () => {
  cluster = await TestCluster.up('--simulated-nodes', '2');
  config = new k8s.KubeConfig();
  config.loadFromFile(cluster.kubeconfig);
  await core().createNamespace({ body: { metadata: { name: namespace } } });
});
after(() => TestCluster.closeAll());

const core = (): k8s.CoreV1Api => config.makeApiClient(k8s.CoreV1Api);
const apps = (): k8s.AppsV1Api => config.makeApiClient(k8s.AppsV1Api);
const patchOf = (strategy: k8s.PatchStrategy) => k8s.setHeaderOptions('Content-Type', strategy);

/** The `Status` that a refused call brought. */
async function refusal(call: Promise<unknown>, code: number): Promise<k8s.V1Status> {
  const error = await call.then(
    () => assert.fail('it was not refused'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof k8s.ApiException, String(error));
  assert.equal(error.code, code, String(error.body));
  const body: unknown = typeof error.body === 'string' ? JSON.parse(error.body) : error.body;
  return body as k8s.V1Status;
}

const labelsOf = (app: string) => ({ app });
const podSpec: k8s.V1PodSpec = { containers: [{ name: 'main', image: 'main' }] };

const deployment = (name: string, replicas = 1, labels?: Record<string, string>): k8s.V1Deployment => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name, namespace, ...(labels && { labels }) },
  spec: {
    replicas,
    selector: { matchLabels: labelsOf(name) },
    template: { metadata: { labels: labelsOf(name) }, spec: podSpec },
  },
});

const configMap = (
  name: string,
  data: Record<string, string> = {},
  labels?: Record<string, string>,
): k8s.V1ConfigMap => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace, ...(labels && { labels }) },
  data,
});

describe('typed calls', { timeout: 60_000 }, () => {
  test('the version, health, and the kubeconfig with its client certificate', async () => {
    const version = await config.makeApiClient(k8s.VersionApi).getCode();
    assert.deepEqual([version.major, version.minor], ['1', '36']);
    assert.equal(await new k8s.Health(config).readyz({}), true);
    assert.equal(await new k8s.Health(config).livez({}), true);
    const review = await config.makeApiClient(k8s.AuthenticationV1Api).createSelfSubjectReview({ body: {} });
    assert.equal(review.status?.userInfo?.username, 'naru-admin');
  });

  test('discovery of groups and resources', async () => {
    const { groups } = await config.makeApiClient(k8s.ApisApi).getAPIVersions();
    assert.ok(groups.some(({ name, preferredVersion }) => name === 'apps' && preferredVersion?.version === 'v1'));
    const { resources } = await apps().getAPIResources();
    const found = resources.find(({ name }) => name === 'deployments');
    assert.deepEqual([found?.kind, found?.namespaced, found?.shortNames], ['Deployment', true, ['deploy']]);
    assert.deepEqual((await config.makeApiClient(k8s.CoreApi).getAPIVersions()).versions, ['v1']);
  });

  test('lists of every group are lists', async () => {
    const of = <T extends k8s.ApiType>(api: new (configuration: k8s.Configuration) => T): T =>
      config.makeApiClient(api);
    const lists: Record<string, () => Promise<{ items: unknown[]; metadata?: k8s.V1ListMeta }>> = {
      nodes: () => core().listNode(),
      namespaces: () => core().listNamespace(),
      services: () => core().listServiceForAllNamespaces(),
      secrets: () => core().listSecretForAllNamespaces(),
      events: () => core().listEventForAllNamespaces(),
      volumes: () => core().listPersistentVolume(),
      accounts: () => core().listServiceAccountForAllNamespaces(),
      statefulSets: () => apps().listStatefulSetForAllNamespaces(),
      daemonSets: () => apps().listDaemonSetForAllNamespaces(),
      replicaSets: () => apps().listReplicaSetForAllNamespaces(),
      revisions: () => apps().listControllerRevisionForAllNamespaces(),
      jobs: () => of(k8s.BatchV1Api).listJobForAllNamespaces(),
      cronJobs: () => of(k8s.BatchV1Api).listCronJobForAllNamespaces(),
      autoscalers: () => of(k8s.AutoscalingV2Api).listHorizontalPodAutoscalerForAllNamespaces(),
      oldAutoscalers: () => of(k8s.AutoscalingV1Api).listHorizontalPodAutoscalerForAllNamespaces(),
      ingresses: () => of(k8s.NetworkingV1Api).listIngressForAllNamespaces(),
      policies: () => of(k8s.NetworkingV1Api).listNetworkPolicyForAllNamespaces(),
      budgets: () => of(k8s.PolicyV1Api).listPodDisruptionBudgetForAllNamespaces(),
      roles: () => of(k8s.RbacAuthorizationV1Api).listRoleForAllNamespaces(),
      clusterRoles: () => of(k8s.RbacAuthorizationV1Api).listClusterRole(),
      storageClasses: () => of(k8s.StorageV1Api).listStorageClass(),
      drivers: () => of(k8s.StorageV1Api).listCSIDriver(),
      priorities: () => of(k8s.SchedulingV1Api).listPriorityClass(),
      leases: () => of(k8s.CoordinationV1Api).listLeaseForAllNamespaces(),
      slices: () => of(k8s.DiscoveryV1Api).listEndpointSliceForAllNamespaces(),
      newEvents: () => of(k8s.EventsV1Api).listEventForAllNamespaces(),
      definitions: () => of(k8s.ApiextensionsV1Api).listCustomResourceDefinition(),
      webhooks: () => of(k8s.AdmissionregistrationV1Api).listValidatingWebhookConfiguration(),
      runtimeClasses: () => of(k8s.NodeV1Api).listRuntimeClass(),
      requests: () => of(k8s.CertificatesV1Api).listCertificateSigningRequest(),
      schemas: () => of(k8s.FlowcontrolApiserverV1Api).listFlowSchema(),
      services2: () => of(k8s.ApiregistrationV1Api).listAPIService(),
    };
    for (const [name, list] of Object.entries(lists)) {
      const { items, metadata } = await list();
      assert.ok(Array.isArray(items), name);
      assert.match(metadata?.resourceVersion ?? '', /^\d+$/, name);
    }
  });

  test('an object comes back with dates, defaults and a status, and conflicts when it is old', async () => {
    await apps().createNamespacedDeployment({ namespace, body: deployment('web', 2) });
    const ready = await eventually('two are ready', async () => {
      const found = await apps().readNamespacedDeploymentStatus({ namespace, name: 'web' });
      return found.status?.readyReplicas === 2 ? found : undefined;
    });
    assert.ok(ready.metadata?.creationTimestamp instanceof Date);
    assert.equal(ready.spec?.strategy?.rollingUpdate?.maxSurge, '25%');
    assert.equal(ready.spec?.template.spec?.restartPolicy, 'Always');
    const replicas = (found: k8s.V1Deployment, count: number) => {
      if (found.spec) found.spec.replicas = count;
      return apps().replaceNamespacedDeployment({ namespace, name: 'web', body: found });
    };
    const scaled = await eventually('no control loop wrote in between', async () =>
      replicas(await apps().readNamespacedDeployment({ namespace, name: 'web' }), 3),
    );
    assert.equal(scaled.metadata?.generation, 2);
    const status = await refusal(replicas(ready, 2), 409);
    assert.equal(status.reason, 'Conflict');
    assert.match(status.message ?? '', /the object has been modified; please apply your changes to the latest version/);
  });

  test('a scale is read, replaced and patched', async () => {
    const where = { namespace, name: 'web' };
    const scale = await apps().readNamespacedDeploymentScale(where);
    assert.equal(scale.spec?.replicas, 3);
    assert.equal(scale.status?.selector, 'app=web');
    // Without a version it is not held against what the control loops write meanwhile.
    const body = { metadata: where, spec: { replicas: 2 } };
    assert.equal((await apps().replaceNamespacedDeploymentScale({ ...where, body })).spec?.replicas, 2);
    const patched = await apps().patchNamespacedDeploymentScale(
      { ...where, body: { spec: { replicas: 1 } } },
      patchOf(k8s.PatchStrategy.MergePatch),
    );
    assert.equal(patched.spec?.replicas, 1);
  });

  test('a review says what who may do', async () => {
    const authorization = config.makeApiClient(k8s.AuthorizationV1Api);
    const resourceAttributes = { verb: 'get', resource: 'pods', namespace };
    const mine = await authorization.createSelfSubjectAccessReview({ body: { spec: { resourceAttributes } } });
    assert.equal(mine.status?.allowed, true);
    const hers = await authorization.createSubjectAccessReview({
      body: { spec: { user: 'jane', resourceAttributes } },
    });
    assert.equal(hers.status?.allowed, false);
  });

  test('a Lease is taken, renewed, and kept from another holder by its version', async () => {
    const leases = config.makeApiClient(k8s.CoordinationV1Api);
    const spec = {
      holderIdentity: 'a',
      leaseDurationSeconds: 15,
      renewTime: new k8s.V1MicroTime('2026-01-02T03:04:05.123Z'),
    };
    const taken = await leases.createNamespacedLease({ namespace, body: { metadata: { name: 'leader' }, spec } });
    assert.equal(String(taken.spec?.renewTime), '2026-01-02T03:04:05.123000Z');
    const renewTime = new k8s.V1MicroTime('2026-01-02T03:04:15.123Z');
    const renew = (holderIdentity: string) =>
      leases.replaceNamespacedLease({
        namespace,
        name: 'leader',
        body: { metadata: taken.metadata!, spec: { ...spec, holderIdentity, renewTime } },
      });
    await renew('a');
    assert.equal((await refusal(renew('b'), 409)).reason, 'Conflict');
  });

  test('a pod is evicted, and asked for no longer', async () => {
    await core().createNamespacedPod({ namespace, body: { metadata: { name: 'leaving' }, spec: podSpec } });
    const status = await core().createNamespacedPodEviction({
      namespace,
      name: 'leaving',
      body: { metadata: { name: 'leaving' } },
    });
    assert.equal(status.kind, 'Status');
    await eventually('it is gone', () =>
      core()
        .readNamespacedPod({ namespace, name: 'leaving' })
        .then(() => undefined)
        .catch((error: k8s.ApiException<unknown>) => error.code === 404 || undefined),
    );
  });

  test('a collection is deleted by its labels, and what it was comes back', async () => {
    for (const name of ['d-1', 'd-2'])
      await core().createNamespacedConfigMap({ namespace, body: configMap(name, {}, { doomed: 'yes' }) });
    await core().createNamespacedConfigMap({ namespace, body: configMap('d-3') });
    await core().deleteCollectionNamespacedConfigMap({ namespace, labelSelector: 'doomed=yes' });
    const { items } = await core().listNamespacedConfigMap({ namespace });
    const left = items.map(({ metadata }) => metadata?.name).filter((name) => name?.startsWith('d-'));
    assert.deepEqual(left, ['d-3']);
  });

  test('a list comes in pages, all of one version', async () => {
    for (let index = 0; index < 5; index++) {
      await core().createNamespacedConfigMap({ namespace, body: configMap(`page-${index}`, {}, { paged: 'yes' }) });
    }
    const names: (string | undefined)[] = [];
    const versions = new Set<string | undefined>();
    let _continue: string | undefined;
    do {
      const page = await core().listNamespacedConfigMap({
        namespace,
        labelSelector: 'paged=yes',
        limit: 2,
        ...(_continue !== undefined && { _continue }),
      });
      names.push(...page.items.map(({ metadata }) => metadata?.name));
      versions.add(page.metadata?.resourceVersion);
      _continue = page.metadata?._continue;
    } while (_continue);
    assert.deepEqual(names, ['page-0', 'page-1', 'page-2', 'page-3', 'page-4']);
    assert.equal(versions.size, 1);
    const bad = await refusal(core().listNamespacedConfigMap({ namespace, limit: 2, _continue: 'nonsense' }), 400);
    assert.match(bad.message ?? '', /continue key is not valid/);
  });

  test('a dry run answers as the write would, and writes nothing', async () => {
    const dry = await core().createNamespacedConfigMap({
      namespace,
      dryRun: 'All',
      body: configMap('dry', { a: 'b' }),
    });
    assert.deepEqual([dry.data, dry.metadata?.resourceVersion], [{ a: 'b' }, undefined]);
    await refusal(core().readNamespacedConfigMap({ namespace, name: 'dry' }), 404);
    const unknown = await refusal(
      core().createNamespacedConfigMap({ namespace, dryRun: 'Some', body: configMap('dry') }),
      422,
    );
    assert.match(unknown.message ?? '', /dryRun/);
  });

  test('refusals carry a Status with reason, details and causes', async () => {
    const missing = await refusal(core().readNamespacedPod({ namespace, name: 'nope' }), 404);
    assert.deepEqual(
      [missing.kind, missing.status, missing.reason, missing.details?.name, missing.details?.kind],
      ['Status', 'Failure', 'NotFound', 'nope', 'pods'],
    );
    const twice = await refusal(core().createNamespace({ body: { metadata: { name: namespace } } }), 409);
    assert.equal(twice.reason, 'AlreadyExists');
    const pod = { metadata: { name: 'bad' }, spec: { containers: [{ name: 'Bad' }] } };
    const invalid = await refusal(core().createNamespacedPod({ namespace, body: pod }), 422);
    assert.deepEqual(invalid.details?.causes?.map(({ field, reason }) => `${field} ${reason}`).toSorted(), [
      'spec.containers[0].image FieldValueRequired',
      'spec.containers[0].name FieldValueInvalid',
    ]);
  });
});

describe('patches', { timeout: 60_000 }, () => {
  const patch = (name: string, strategy: k8s.PatchStrategy, body: unknown, more: object = {}) =>
    core().patchNamespacedConfigMap({ namespace, name, body, ...more }, patchOf(strategy));

  test('of every type', async () => {
    await core().createNamespacedConfigMap({ namespace, body: configMap('patched', { a: '1', b: '2' }) });
    const json = await patch('patched', k8s.PatchStrategy.JsonPatch, [{ op: 'replace', path: '/data/a', value: 'x' }]);
    assert.deepEqual(json.data, { a: 'x', b: '2' });
    const merge = await patch('patched', k8s.PatchStrategy.MergePatch, { data: { b: null, c: '3' } });
    assert.deepEqual(merge.data, { a: 'x', c: '3' });
    const strategic = await patch('patched', k8s.PatchStrategy.StrategicMergePatch, {
      data: { $patch: 'replace', only: 'this' },
    });
    assert.deepEqual(strategic.data, { only: 'this' });
    const failed = await refusal(
      patch('patched', k8s.PatchStrategy.JsonPatch, [{ op: 'test', path: '/data/only', value: 'that' }]),
      422,
    );
    assert.equal(failed.reason, 'Invalid');
    const unknown = core().patchNamespacedConfigMap(
      { namespace, name: 'patched', body: {} },
      k8s.setHeaderOptions('Content-Type', 'text/plain'),
    );
    await refusal(unknown, 415).catch((error: unknown) => assert.match(String(error), /not supported/));
  });

  test('by strategic merge, a list by its keys', async () => {
    const body = { spec: { template: { spec: { containers: [{ name: 'side', image: 'side' }] } } } };
    const { spec } = await apps().patchNamespacedDeployment(
      { namespace, name: 'web', body },
      patchOf(k8s.PatchStrategy.StrategicMergePatch),
    );
    assert.deepEqual(
      spec?.template.spec?.containers.map(({ name }) => name),
      ['side', 'main'],
    );
  });

  test('by server-side apply: owners, conflicts, force, and a field that is let go', async () => {
    const apply = (manager: string, data: Record<string, string>, more: object = {}) =>
      patch('applied', k8s.PatchStrategy.ServerSideApply, configMap('applied', data), {
        fieldManager: manager,
        ...more,
      });
    const made = await apply('one', { a: '1', b: '2' });
    assert.deepEqual(
      made.metadata?.managedFields?.map(({ manager, operation }) => `${manager} ${operation}`),
      ['one Apply'],
    );
    const conflict = await refusal(apply('two', { a: 'x' }), 409);
    assert.match(conflict.message ?? '', /Apply failed with 1 conflict: conflict with "one": \.data\.a/);
    assert.deepEqual(
      conflict.details?.causes?.map(({ field, reason }) => [field, reason]),
      [['.data.a', 'FieldManagerConflict']],
    );
    assert.equal((await apply('two', { a: 'x' }, { force: true })).data?.['a'], 'x');
    assert.deepEqual((await apply('one', {})).data, { a: 'x' });
    const again = await apply('two', { a: 'x' });
    assert.equal(again.metadata?.resourceVersion, (await apply('two', { a: 'x' })).metadata?.resourceVersion);
    const nobody = patch('applied', k8s.PatchStrategy.ServerSideApply, configMap('applied'));
    assert.match(
      (await refusal(nobody, 422)).message ?? '',
      /fieldManager: Required value: is required for apply patch/,
    );
  });
});

describe('objects of any kind', { timeout: 60_000 }, () => {
  const objects = (): k8s.KubernetesObjectApi => k8s.KubernetesObjectApi.makeApiClient(config);

  test('are created, read, listed, replaced, patched, applied and deleted', async () => {
    const where = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'generic', namespace } };
    await objects().create(deployment('generic'));
    assert.equal((await objects().read<k8s.V1Deployment>(where)).spec?.replicas, 1);
    const { items } = await objects().list('apps/v1', 'Deployment', namespace);
    assert.ok(items.some(({ metadata }) => metadata?.name === 'generic'));
    const patched = await objects().patch(deployment('generic', 1, { x: 'y' }));
    assert.equal(patched.metadata?.labels?.['x'], 'y');
    const strategy = k8s.PatchStrategy.ServerSideApply;
    const applied = await objects().patch(deployment('generic'), undefined, undefined, 'generic', true, strategy);
    assert.equal(applied.kind, 'Deployment');
    const replaced = await eventually('no control loop wrote in between', async () => {
      const latest = await objects().read<k8s.V1Deployment>(where);
      if (latest.spec) latest.spec.paused = true;
      return objects().replace(latest);
    });
    assert.equal(replaced.metadata?.generation, 2);
    await objects().delete(where, undefined, undefined, 0, undefined, 'Background');
    await eventually('it is gone', () =>
      objects()
        .read(where)
        .then(
          () => undefined,
          (error: k8s.ApiException<unknown>) => error.code === 404,
        ),
    );
  });

  test('of the whole cluster, and of a kind that is not served', async () => {
    const kind = { apiVersion: 'scheduling.k8s.io/v1', kind: 'PriorityClass' };
    const made = await objects().create<k8s.V1PriorityClass>({ ...kind, metadata: { name: 'js' }, value: 5 });
    assert.equal(made.value, 5);
    await assert.rejects(objects().create({ apiVersion: 'example.com/v1', kind: 'Widget', metadata: { name: 'x' } }));
  });

  test('of a file of many, by their kind', async () => {
    const text =
      '{apiVersion: v1, kind: ConfigMap, metadata: {name: y-1, namespace: js}}\n---\n{apiVersion: v1, kind: Secret, metadata: {name: y-2, namespace: js}}\n';
    for (const each of k8s.loadAllYaml(text) as k8s.KubernetesObject[]) await objects().create(each);
    assert.equal((await core().readNamespacedSecret({ namespace, name: 'y-2' })).type, 'Opaque');
  });
});

describe('streams', { timeout: 60_000 }, () => {
  const path = `/api/v1/namespaces/${namespace}/configmaps`;

  test('a watch brings each change from a version on, bookmarks when asked, and ends at its time', async () => {
    const { metadata } = await core().listNamespacedConfigMap({ namespace });
    const events: string[] = [];
    let ended: unknown = 'not yet';
    const query = {
      resourceVersion: metadata?.resourceVersion,
      allowWatchBookmarks: true,
      timeoutSeconds: 2,
      labelSelector: 'seen=yes',
    };
    await new k8s.Watch(config).watch(
      path,
      query,
      (phase, object: k8s.KubernetesObject) => events.push(`${phase} ${object.metadata?.name}`),
      (error: unknown) => (ended = error),
    );
    const seen = { seen: 'yes' };
    await core().createNamespacedConfigMap({ namespace, body: configMap('unseen') });
    await core().createNamespacedConfigMap({ namespace, body: configMap('w', {}, seen) });
    await core().replaceNamespacedConfigMap({ namespace, name: 'w', body: configMap('w', { a: 'b' }, seen) });
    await core().deleteNamespacedConfigMap({ namespace, name: 'w' });
    await eventually('three events', () => events.filter((event) => !event.startsWith('BOOKMARK')).length === 3);
    assert.deepEqual(
      events.filter((event) => !event.startsWith('BOOKMARK')),
      ['ADDED w', 'MODIFIED w', 'DELETED w'],
    );
    await eventually('the end', () => ended !== 'not yet');
  });

  test('a watch from no version shows first what is there, and one from nonsense is refused', async () => {
    const watch = async (resourceVersion: string): Promise<unknown[]> => {
      const seen: unknown[] = [];
      let ended = false;
      await new k8s.Watch(config).watch(
        path,
        { resourceVersion, timeoutSeconds: 1 },
        (phase) => seen.push(phase),
        (error: unknown) => {
          ended = true;
          if (error instanceof Error) seen.push(error.message);
        },
      );
      await eventually('the end', () => ended);
      return seen;
    };
    assert.equal((await watch(''))[0], 'ADDED');
    assert.deepEqual(await watch('nonsense'), ['Bad Request']);
  });

  test('an informer lists, follows, and stops', async () => {
    const list = () => core().listNamespacedConfigMap({ namespace, labelSelector: 'informed=yes' });
    const informer = k8s.makeInformer(config, path, list, 'informed=yes');
    const events: string[] = [];
    for (const verb of ['add', 'update', 'delete'] as const) {
      informer.on(verb, (object) => events.push(`${verb} ${object.metadata?.name}`));
    }
    informer.on('error', (error: unknown) => events.push(`error ${String(error)}`));
    const labels = { informed: 'yes' };
    await core().createNamespacedConfigMap({ namespace, body: configMap('i-1', {}, labels) });
    await informer.start();
    try {
      await eventually('what was there', () => events.length === 1);
      await core().createNamespacedConfigMap({ namespace, body: configMap('i-2', {}, labels) });
      await core().replaceNamespacedConfigMap({ namespace, name: 'i-1', body: configMap('i-1', { a: 'b' }, labels) });
      await core().deleteNamespacedConfigMap({ namespace, name: 'i-2' });
      await eventually('what came', () => events.length === 4);
      assert.deepEqual(events, ['add i-1', 'add i-2', 'update i-1', 'delete i-2']);
      assert.deepEqual(
        informer.list(namespace).map(({ data }) => data),
        [{ a: 'b' }],
      );
    } finally {
      await informer.stop();
    }
  });

  test('logs come whole, by line, with times, and as they are written until the pod ends', async () => {
    await core().createNamespacedPod({ namespace, body: { metadata: { name: 'talking' }, spec: podSpec } });
    await eventually(
      'it runs',
      async () => (await core().readNamespacedPod({ namespace, name: 'talking' })).status?.phase === 'Running',
    );
    const text = await core().readNamespacedPodLog({ namespace, name: 'talking', tailLines: 1 });
    assert.match(text, /simulated/);
    const stream = new PassThrough();
    let followed = '';
    stream.on('data', (chunk) => (followed += String(chunk)));
    await new k8s.Log(config).log(namespace, 'talking', 'main', stream, { follow: true, timestamps: true });
    await eventually('the first line', () => /^\d{4}-\d\d-\d\dT\S+Z This container is simulated/.test(followed));
    await core().deleteNamespacedPod({ namespace, name: 'talking', gracePeriodSeconds: 0 });
    await eventually('the end of the log', () => stream.writableEnded || undefined);
    await refusal(core().readNamespacedPodLog({ namespace, name: 'nope' }), 404);
  });

  test('a program that cannot run on a simulated node is refused in words', async () => {
    await core().createNamespacedPod({ namespace, body: { metadata: { name: 'still' }, spec: podSpec } });
    await eventually(
      'it runs',
      async () => (await core().readNamespacedPod({ namespace, name: 'still' })).status?.phase === 'Running',
    );
    const exec = new Promise<unknown>((resolve, reject) => {
      new k8s.Exec(config)
        .exec(namespace, 'still', 'main', ['ls'], new PassThrough(), new PassThrough(), null, false, resolve)
        .catch(reject);
    });
    const outcome = await exec.catch((error: unknown) => error);
    assert.notEqual((outcome as Partial<k8s.V1Status>).status, 'Success');
  });
});

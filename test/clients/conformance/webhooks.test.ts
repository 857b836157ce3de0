/**
 * Upstream's conformance tests of admission webhooks (`sig-api-machinery`, AdmissionWebhook), step by step. A test is named after upstream's.
 * The webhook is called by its URL; upstream's runs in a pod.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import type { ResourceInfo } from '../../../src/api/resources.ts';
import { RealClock } from '../../../src/lib/clock.ts';
import { eventually } from '../../harness.ts';
import { dynamic, mustRefuse, ResourceClient, resourceOf, typed } from './client.ts';
import { ConformanceCluster } from './cluster.ts';
import { type Verdict, WebhookServer } from './webhook-server.ts';
import { ApiError, dynamicForm, type Sent } from './wire.ts';

const registration = 'admissionregistration.k8s.io/v1';
const marker = 'webhook-e2e-test';
const unwanted = { [marker]: 'webhook-disallow' };
const allowed: Verdict = { allowed: true };
const container = { name: 'example', image: 'registry.k8s.io/pause:3.10' };
const clock = new RealClock({ keepsAlive: true });

/** Denies what `isUnwanted` says. */
const denying =
  (message: string, isUnwanted: (object: Sent) => boolean) =>
  ({ object }: Sent): Verdict =>
    isUnwanted(object) ? { allowed: false, message } : allowed;

const hasUnwantedData = (object: Sent): boolean => object?.data?.[marker] === 'webhook-disallow';

/** As upstream's webhook: a step that follows another. */
function mutateData({ object }: Sent): Verdict {
  const data = object?.data ?? {};
  const patch = [
    ['mutation-start', 'mutation-stage-1'],
    ['mutation-stage-1', 'mutation-stage-2'],
  ]
    .filter(([from = '', to = '']) => data[from] === 'yes' && data[to] === undefined)
    .map(([, to]) => ({ op: 'add', path: `/data/${to}`, value: 'yes' }));
  return { allowed: true, patch: patch.slice(0, 1) };
}

describe('conformance: AdmissionWebhook', { timeout: 120_000 }, () => {
  let cluster: ConformanceCluster;
  let server: WebhookServer;
  let namespace: string;
  /** Taken away after each test. */
  const made: (() => Promise<unknown>)[] = [];
  const wire = () => cluster.wire;

  before(async () => {
    cluster = await ConformanceCluster.up(1);
    server = await WebhookServer.start();
  });
  afterEach(async () => {
    for (const remove of made.splice(0).toReversed()) await remove();
    server.handlers.clear();
  });
  after(async () => {
    await server.close();
    await cluster.close();
  });

  /** Only what happens in `namespace` is asked about, so that the cluster goes on beside it. */
  const within = () => ({ matchLabels: { 'kubernetes.io/metadata.name': namespace } });

  const rule = (operations: readonly string[], resources: readonly string[], group = '', version = 'v1') => ({
    operations,
    apiGroups: [group],
    apiVersions: [version],
    resources,
  });

  function hook(name: string, path: string, fields: object): object {
    return {
      name,
      clientConfig: server.clientConfig(path),
      sideEffects: 'None',
      admissionReviewVersions: ['v1', 'v1beta1'],
      namespaceSelector: within(),
      ...fields,
    };
  }

  const configurations = (kind: 'Validating' | 'Mutating'): ResourceClient =>
    typed(wire(), registration, `${kind}WebhookConfiguration`);

  async function register(kind: 'Validating' | 'Mutating', name: string, webhooks: readonly object[]): Promise<Sent> {
    const client = configurations(kind);
    const configuration = await client.create({ metadata: { name }, webhooks });
    made.push(() => client.delete(name).catch(() => {}));
    return configuration;
  }

  const maps = (): ResourceClient => typed(wire(), 'v1', 'ConfigMap', namespace);
  const pods = (): ResourceClient => typed(wire(), 'v1', 'Pod', namespace);

  async function denied(request: Promise<unknown>, message: RegExp): Promise<ApiError> {
    const error = await mustRefuse(request, 400);
    assert.match(error.message, message);
    return error;
  }

  test('should include webhook resources in discovery documents', async () => {
    const [group] = registration.split('/');
    const hasV1 = ({ versions }: Sent): boolean =>
      versions.some((each: Sent) => each.groupVersion === registration && each.version === 'v1');
    const { groups } = await wire().json('/apis');
    assert.ok(hasV1(groups.find((each: Sent) => each.name === group)));
    assert.ok(hasV1(await wire().json(`/apis/${group}`)));
    const { resources } = await wire().json(`/apis/${registration}`);
    for (const name of ['mutatingwebhookconfigurations', 'validatingwebhookconfigurations'])
      assert.ok(resources.some((each: Sent) => each.name === name));
  });

  test('should be able to deny pod and configmap creation', async () => {
    namespace = await cluster.namespace('webhook');
    server.handlers.set('/pods', ({ object: { metadata, spec } }) => {
      const problems = [
        ...(spec.containers.some((each: Sent) => each.name === 'webhook-disallow')
          ? ['the pod contains unwanted container name']
          : []),
        ...(metadata.labels?.[marker] === 'webhook-disallow' ? ['the pod contains unwanted label'] : []),
      ];
      if (metadata.labels?.[marker] === 'wait-forever') return new Promise(() => {});
      return problems.length === 0 ? allowed : { allowed: false, message: problems.join('; ') };
    });
    server.handlers.set('/configmaps', denying('the configmap contains unwanted key and value', hasUnwantedData));
    const skips = { matchExpressions: [{ key: 'skip-webhook-admission', operator: 'NotIn', values: ['yes'] }] };
    await register('Validating', 'e2e-test-webhook-config', [
      hook('deny-unwanted-pod.k8s.io', '/pods', { rules: [rule(['CREATE'], ['pods'])], timeoutSeconds: 2 }),
      hook('deny-unwanted-configmap-data.k8s.io', '/configmaps', {
        rules: [rule(['CREATE', 'UPDATE'], ['configmaps'])],
        namespaceSelector: skips,
      }),
      // Nobody can talk to it, and nobody has to.
      hook('fail-open.k8s.io', '/configmaps', {
        clientConfig: server.clientConfig('/configmaps', { trusted: false }),
        rules: [rule(['CREATE'], ['configmaps'])],
        failurePolicy: 'Ignore',
      }),
    ]);
    const pod = {
      metadata: { name: 'disallowed-pod', labels: unwanted },
      spec: { containers: [{ ...container, name: 'webhook-disallow' }] },
    };
    await denied(pods().create(pod), /the pod contains unwanted container name; the pod contains unwanted label/);
    const hanging = {
      metadata: { name: 'hanging', labels: { [marker]: 'wait-forever' } },
      spec: { containers: [container] },
    };
    const error = await mustRefuse(pods().create(hanging), 500);
    assert.match(error.message, /deadline/);
    const why = /the configmap contains unwanted key and value/;
    await denied(maps().create({ metadata: { name: 'disallowed-configmap' }, data: unwanted }), why);
    const map = await maps().create({ metadata: { name: 'allowed-configmap' }, data: { admit: 'this' } });
    await denied(maps().update({ ...map, data: unwanted }), why);
    await denied(maps().patch('allowed-configmap', 'strategic', { data: unwanted }), why);
    const namespaces = typed(wire(), 'v1', 'Namespace');
    await namespaces.create({ metadata: { name: 'exempted', labels: { 'skip-webhook-admission': 'yes' } } });
    made.push(() => namespaces.delete('exempted'));
    const exempted = typed(wire(), 'v1', 'ConfigMap', 'exempted');
    await exempted.create({ metadata: { name: 'disallowed-configmap' }, data: unwanted });
  });

  test('should be able to deny attaching pod', async () => {
    namespace = await cluster.namespace('webhook');
    server.handlers.set('/pods/attach', ({ name, kind, object }) => {
      const isThat = name === 'to-be-attached-pod' && kind.kind === 'PodAttachOptions' && object.stdin === true;
      if (!isThat || object.container !== 'container1') return allowed;
      return { allowed: false, message: "attaching to pod 'to-be-attached-pod' is not allowed" };
    });
    await register('Validating', 'e2e-test-attach', [
      hook('deny-attaching-pod.k8s.io', '/pods/attach', { rules: [rule(['CONNECT'], ['pods/attach'])] }),
    ]);
    await pods().create({
      metadata: { name: 'to-be-attached-pod' },
      spec: { containers: [{ ...container, name: 'container1' }] },
    });
    const path = pods().path('to-be-attached-pod', 'attach', { container: 'container1', stdin: true, stdout: true });
    await denied(wire().must({ method: 'POST', path }), /attaching to pod 'to-be-attached-pod' is not allowed/);
  });

  test('should unconditionally reject operations on fail closed webhook', async () => {
    namespace = await cluster.namespace('fail-closed');
    await register('Validating', 'e2e-test-webhook-fail-closed', [
      hook('fail-closed.k8s.io', '/configmaps', {
        clientConfig: server.clientConfig('/configmaps', { trusted: false }),
        rules: [rule(['CREATE'], ['configmaps'])],
        failurePolicy: 'Fail',
      }),
    ]);
    const error = await mustRefuse(maps().create({ metadata: { name: 'foo' } }), 500);
    assert.equal(error.reason, 'InternalError');
    assert.match(error.message, /failed calling webhook "fail-closed\.k8s\.io": failed to call webhook: Post "https:/);
    assert.match(error.message, /x509: certificate signed by unknown authority/);
  });

  test('should mutate configmap', async () => {
    namespace = await cluster.namespace('webhook');
    server.handlers.set('/mutating-configmaps', mutateData);
    const stage = (name: string): object =>
      hook(name, '/mutating-configmaps', { rules: [rule(['CREATE'], ['configmaps'])] });
    await register('Mutating', 'e2e-test-mutating-webhook-configmap', [
      stage('adding-configmap-data-stage-1.k8s.io'),
      stage('adding-configmap-data-stage-2.k8s.io'),
    ]);
    const { data } = await maps().create({ metadata: { name: 'to-be-mutated' }, data: { 'mutation-start': 'yes' } });
    assert.deepEqual(data, { 'mutation-start': 'yes', 'mutation-stage-1': 'yes', 'mutation-stage-2': 'yes' });
  });

  test('should mutate pod and apply defaults after mutation', async () => {
    namespace = await cluster.namespace('webhook');
    const init = { image: container.image, name: 'webhook-added-init-container', resources: {} };
    server.handlers.set('/mutating-pods', () => ({
      allowed: true,
      patch: [{ op: 'add', path: '/spec/initContainers', value: [init] }],
    }));
    await register('Mutating', 'e2e-test-mutating-webhook-pod', [
      hook('adding-init-container.k8s.io', '/mutating-pods', { rules: [rule(['CREATE'], ['pods'])] }),
    ]);
    const pod = await pods().create({ metadata: { name: 'webhook-to-be-mutated' }, spec: { containers: [container] } });
    assert.equal(pod.spec.initContainers.length, 1);
    assert.equal(pod.spec.initContainers[0].name, 'webhook-added-init-container');
    assert.equal(pod.spec.initContainers[0].terminationMessagePolicy, 'File');
  });

  test('should not be able to mutate or prevent deletion of webhook configuration objects', async () => {
    namespace = await cluster.namespace('webhook');
    server.handlers.set('/always-deny', () => ({ allowed: false, message: 'this webhook denies all requests' }));
    const label = { op: 'add', path: '/metadata/labels', value: { 'webhook-e2e-test': 'mutated' } };
    server.handlers.set('/add-label', () => ({ allowed: true, patch: [label] }));
    const everything = {
      rules: [
        rule(
          ['*'],
          ['validatingwebhookconfigurations', 'mutatingwebhookconfigurations'],
          'admissionregistration.k8s.io',
          '*',
        ),
      ],
      namespaceSelector: {},
    };
    await register('Validating', 'deny-webhook-configuration-deletions', [
      hook('deny-webhook-configuration-deletions.k8s.io', '/always-deny', everything),
    ]);
    await register('Mutating', 'add-label-to-webhook-configurations', [
      hook('add-label-to-webhook-configurations.k8s.io', '/add-label', everything),
    ]);
    for (const kind of ['Validating', 'Mutating'] as const) {
      const dummy = hook('dummy-webhook.k8s.io', '/always-allow', { rules: [rule(['CREATE'], ['invalid'])] });
      const { metadata } = await register(kind, 'dummy', [dummy]);
      assert.equal(metadata.labels, undefined);
      await configurations(kind).delete('dummy');
    }
  });

  /** A definition with these versions, the first of which is stored, and a client for each of them. */
  async function customKind(
    versions: readonly { readonly name: string; readonly schema: object }[],
  ): Promise<ResourceClient[]> {
    const name = `e2e-test-${namespace}-crds`;
    const group = 'webhook.example.com';
    const kind = `E2eTest${namespace.replaceAll('-', '')}Crd`;
    const definitions = dynamic(wire(), 'apiextensions.k8s.io/v1', 'CustomResourceDefinition');
    const names = { plural: name, singular: name.slice(0, -1), kind, listKind: `${kind}List` };
    const spec = {
      group,
      names,
      scope: 'Namespaced',
      versions: versions.map((version, index) => ({
        name: version.name,
        served: true,
        storage: index === 0,
        schema: { openAPIV3Schema: version.schema },
      })),
    };
    await definitions.create({ metadata: { name: `${name}.${group}` }, spec });
    made.push(() => definitions.delete(`${name}.${group}`));
    await eventually('the definition is established', async () => {
      const { status } = await definitions.get(`${name}.${group}`);
      return status?.conditions?.some((each: Sent) => each.type === 'Established' && each.status === 'True');
    });
    return versions.map(({ name: version }) => {
      const row = { ...resourceOf('v1', 'ConfigMap'), group, version, resource: name, kind } as ResourceInfo;
      return new ResourceClient(wire(), row, namespace, dynamicForm);
    });
  }

  const anything = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const texts = (...keys: readonly string[]): object => ({
    type: 'object',
    properties: {
      data: { type: 'object', properties: Object.fromEntries(keys.map((key) => [key, { type: 'string' }])) },
    },
  });

  test('should be able to deny custom resource creation, update and deletion', async () => {
    namespace = await cluster.namespace('webhook');
    const [client] = await customKind([{ name: 'v1', schema: anything }]);
    assert.ok(client);
    server.handlers.set('/custom-resource', ({ operation, object, oldObject }) => {
      const isUnwanted = operation === 'DELETE' ? hasUnwantedData(oldObject) : hasUnwantedData(object);
      if (!isUnwanted) return allowed;
      const what =
        operation === 'DELETE'
          ? 'cannot be deleted because it contains unwanted key and value'
          : 'contains unwanted data';
      return { allowed: false, message: `the custom resource ${what}` };
    });
    const { group, version, resource } = client.info;
    await register('Validating', 'e2e-test-webhook-config-crd', [
      hook('deny-unwanted-custom-resource-data.k8s.io', '/custom-resource', {
        rules: [rule(['CREATE', 'UPDATE', 'DELETE'], [resource], group, version)],
      }),
    ]);
    await denied(
      client.create({ metadata: { name: 'cr-instance-1' }, data: unwanted }),
      /the custom resource contains unwanted data/,
    );
    const made2 = await client.create({ metadata: { name: 'cr-instance-2' }, data: { admit: 'this' } });
    await denied(client.update({ ...made2, data: unwanted }), /the custom resource contains unwanted data/);
    await denied(
      client.patch('cr-instance-2', 'merge', { data: unwanted }),
      /the custom resource contains unwanted data/,
    );
    await configurations('Validating').delete('e2e-test-webhook-config-crd');
    await client.patch('cr-instance-2', 'merge', { data: unwanted });
    await register('Validating', 'e2e-test-webhook-config-crd', [
      hook('deny-unwanted-custom-resource-data.k8s.io', '/custom-resource', {
        rules: [rule(['DELETE'], [resource], group, version)],
      }),
    ]);
    await denied(client.delete('cr-instance-2'), /cannot be deleted because it contains unwanted key and value/);
    await client.patch('cr-instance-2', 'merge', { data: { [marker]: null } });
    await client.delete('cr-instance-2');
  });

  function mutateCustom({ group, version, resource }: ResourceInfo): Promise<Sent> {
    server.handlers.set('/mutating-custom-resource', mutateData);
    const rules = [rule(['CREATE', 'UPDATE'], [resource], group, version)];
    return register('Mutating', 'e2e-test-mutating-webhook-crd', [
      hook('mutate-custom-resource-data-stage-1.k8s.io', '/mutating-custom-resource', { rules }),
      hook('mutate-custom-resource-data-stage-2.k8s.io', '/mutating-custom-resource', { rules }),
    ]);
  }

  test('should mutate custom resource', async () => {
    namespace = await cluster.namespace('webhook');
    const [client] = await customKind([{ name: 'v1', schema: anything }]);
    assert.ok(client);
    await mutateCustom(client.info);
    const { data } = await client.create({ metadata: { name: 'cr-instance-1' }, data: { 'mutation-start': 'yes' } });
    assert.deepEqual(data, { 'mutation-start': 'yes', 'mutation-stage-1': 'yes', 'mutation-stage-2': 'yes' });
  });

  test('should mutate custom resource with pruning', async () => {
    namespace = await cluster.namespace('webhook');
    const schema = texts('mutation-start', 'mutation-stage-1');
    const [client] = await customKind([{ name: 'v1', schema }]);
    assert.ok(client);
    await mutateCustom(client.info);
    const { data } = await client.create({ metadata: { name: 'cr-instance-1' }, data: { 'mutation-start': 'yes' } });
    assert.deepEqual(data, { 'mutation-start': 'yes', 'mutation-stage-1': 'yes' });
  });

  test('should mutate custom resource with different stored version', async () => {
    namespace = await cluster.namespace('webhook');
    const [v1, v2] = await customKind([
      { name: 'v1', schema: anything },
      { name: 'v2', schema: anything },
    ]);
    assert.ok(v1 && v2);
    await mutateCustom(v2.info);
    // Sent in v1, and shown to the webhook in v2, which its rules name.
    const data = { 'mutation-start': 'yes' };
    const created = await v1.create({ metadata: { name: 'cr-instance-1' }, data });
    assert.deepEqual(created.data, { 'mutation-start': 'yes', 'mutation-stage-1': 'yes', 'mutation-stage-2': 'yes' });
    assert.equal(created.apiVersion, 'webhook.example.com/v1');
    const { apiVersion } = await v2.patch('cr-instance-1', 'merge', { data: { dummy: 'test' } });
    assert.equal(apiVersion, 'webhook.example.com/v2');
  });

  test('should deny crd creation', async () => {
    namespace = await cluster.namespace('webhook');
    server.handlers.set(
      '/crd',
      denying('the crd contains unwanted label', ({ metadata }) => metadata.labels?.[marker] === 'webhook-disallow'),
    );
    await register('Validating', 'e2e-test-webhook-config-deny-crd', [
      hook('deny-crd-with-unwanted-label.k8s.io', '/crd', {
        rules: [rule(['CREATE'], ['customresourcedefinitions'], 'apiextensions.k8s.io', '*')],
        namespaceSelector: {},
      }),
    ]);
    const definitions = dynamic(wire(), 'apiextensions.k8s.io/v1', 'CustomResourceDefinition');
    const names = { plural: 'unwanteds', singular: 'unwanted', kind: 'Unwanted', listKind: 'UnwantedList' };
    const versions = [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: anything } }];
    const metadata = { name: 'unwanteds.webhook.example.com', labels: unwanted };
    const spec = { group: 'webhook.example.com', names, scope: 'Namespaced', versions };
    await denied(definitions.create({ metadata, spec }), /the crd contains unwanted label/);
  });

  test('should honor timeout', async () => {
    namespace = await cluster.namespace('webhook');
    const latencyMs = 1_500;
    server.handlers.set('/slow', async () => {
      await clock.sleep(latencyMs);
      return allowed;
    });
    const slow = async (name: string, fields: object): Promise<void> => {
      await register('Validating', name, [
        hook('allow-configmap-with-delay.k8s.io', '/slow', { rules: [rule(['CREATE'], ['configmaps'])], ...fields }),
      ]);
    };
    await slow('shorter', { timeoutSeconds: 1, failurePolicy: 'Fail' });
    const error = await mustRefuse(maps().create({ metadata: { name: 'e2e-test-slow-webhook-configmap' } }), 500);
    assert.match(error.message, /failed calling webhook "allow-configmap-with-delay\.k8s\.io"/);
    assert.match(error.message, /\/slow\?timeout=1s": context deadline exceeded/);
    await configurations('Validating').delete('shorter');
    await slow('shorter-ignored', { timeoutSeconds: 1, failurePolicy: 'Ignore' });
    await maps().create({ metadata: { name: 'ignored' } });
    await configurations('Validating').delete('shorter-ignored');
    await slow('longer', { timeoutSeconds: 10 });
    await maps().create({ metadata: { name: 'longer' } });
    await configurations('Validating').delete('longer');
    const { webhooks } = await register('Validating', 'default', [
      hook('default.k8s.io', '/slow', { rules: [rule(['CREATE'], ['configmaps'])] }),
    ]);
    assert.equal(webhooks[0].timeoutSeconds, 10);
    await maps().create({ metadata: { name: 'default' } });
    assert.ok(server.asked.includes('/slow?timeout=10s'));
  });

  test('patching/updating a validating webhook should work', async () => {
    namespace = await cluster.namespace('webhook');
    server.handlers.set('/configmaps', denying('the configmap contains unwanted key and value', hasUnwantedData));
    const client = configurations('Validating');
    const webhook = hook('deny-unwanted-configmap-data.k8s.io', '/configmaps', {
      rules: [rule(['CREATE'], ['configmaps'])],
    });
    await register('Validating', 'patched', [webhook]);
    const map = (name: string) => maps().create({ metadata: { name }, data: unwanted });
    await denied(map('a'), /unwanted key and value/);
    const current = await client.get('patched');
    await client.update({
      ...current,
      webhooks: [{ ...current.webhooks[0], rules: [rule(['UPDATE'], ['configmaps'])] }],
    });
    await map('b');
    await client.patch('patched', 'json', [
      { op: 'replace', path: '/webhooks/0/rules/0/operations', value: ['CREATE'] },
    ]);
    await denied(map('c'), /unwanted key and value/);
  });

  test('patching/updating a mutating webhook should work', async () => {
    namespace = await cluster.namespace('webhook');
    server.handlers.set('/mutating-configmaps', mutateData);
    const client = configurations('Mutating');
    const webhook = hook('adding-configmap-data.k8s.io', '/mutating-configmaps', {
      rules: [rule(['CREATE'], ['configmaps'])],
    });
    await register('Mutating', 'patched', [webhook]);
    const map = async (name: string): Promise<string[]> =>
      Object.keys((await maps().create({ metadata: { name }, data: { 'mutation-start': 'yes' } })).data);
    assert.equal((await map('a')).length, 2);
    const current = await client.get('patched');
    await client.update({
      ...current,
      webhooks: [{ ...current.webhooks[0], rules: [rule(['UPDATE'], ['configmaps'])] }],
    });
    assert.equal((await map('b')).length, 1);
    await client.patch('patched', 'json', [
      { op: 'replace', path: '/webhooks/0/rules/0/operations', value: ['CREATE'] },
    ]);
    assert.equal((await map('c')).length, 2);
  });

  for (const kind of ['Validating', 'Mutating'] as const) {
    const word = kind.toLowerCase();

    test(`listing ${word} webhooks should work`, async () => {
      namespace = await cluster.namespace('webhook');
      const isMutating = kind === 'Mutating';
      server.handlers.set('/configmaps', isMutating ? mutateData : denying('unwanted', hasUnwantedData));
      const client = configurations(kind);
      const labels = { 'e2e-list-test-uuid': namespace };
      for (let index = 0; index < 10; index++) {
        const name = `e2e-list-${word}-${index}`;
        const webhook = hook(`${name}.k8s.io`, '/configmaps', { rules: [rule(['CREATE'], ['configmaps'])] });
        await client.create({ metadata: { name, labels }, webhooks: [webhook] });
      }
      const labelSelector = `e2e-list-test-uuid=${namespace}`;
      assert.equal((await client.list({ labelSelector })).items.length, 10);
      const map = (name: string): Promise<Sent> =>
        maps().create({ metadata: { name }, data: isMutating ? { 'mutation-start': 'yes' } : unwanted });
      if (isMutating) assert.equal(Object.keys((await map('a')).data).length, 3);
      else await denied(map('a'), /unwanted/);
      await client.deleteCollection({ labelSelector });
      assert.equal((await client.list({ labelSelector })).items.length, 0);
      assert.equal(Object.keys((await map('b')).data).length, 1);
    });

    test(`should be able to create and update ${word} webhook configurations with match conditions`, async () => {
      namespace = await cluster.namespace('webhook');
      const matchConditions = [{ name: 'expression-1', expression: "object.metadata.namespace == 'production'" }];
      const webhook = hook('with-conditions.k8s.io', '/always-deny', {
        rules: [rule(['CREATE'], ['configmaps'])],
        matchConditions,
      });
      const configuration = await register(kind, `${word}-with-conditions`, [webhook]);
      assert.deepEqual(configuration.webhooks[0].matchConditions, matchConditions);
      const changed = [{ name: 'expression-1', expression: "object.metadata.namespace == 'staging'" }];
      const updated = await configurations(kind).update({
        ...configuration,
        webhooks: [{ ...configuration.webhooks[0], matchConditions: changed }],
      });
      assert.deepEqual(updated.webhooks[0].matchConditions, changed);
    });

    test(`should reject ${word} webhook configurations with invalid match conditions`, async () => {
      namespace = await cluster.namespace('webhook');
      const matchConditions = [{ name: 'invalid-expression-1', expression: '... [] bad expression' }];
      const webhook = hook('invalid.k8s.io', '/always-deny', {
        rules: [rule(['CREATE'], ['configmaps'])],
        matchConditions,
      });
      const error = await mustRefuse(
        configurations(kind).create({ metadata: { name: 'invalid' }, webhooks: [webhook] }),
        422,
      );
      assert.match(
        error.message,
        /webhooks\[0\]\.matchConditions\[0\]\.expression: Invalid value: .*compilation failed: ERROR: /s,
      );
    });
  }

  test("should mutate everything except 'skip-me' configmaps", async () => {
    namespace = await cluster.namespace('webhook');
    server.handlers.set('/mutating-configmaps', mutateData);
    await register('Mutating', 'skipping', [
      hook('adding-configmap-data.k8s.io', '/mutating-configmaps', {
        rules: [rule(['CREATE'], ['configmaps'])],
        matchConditions: [{ name: 'skip-me', expression: "object.metadata.name != 'skip-me'" }],
      }),
    ]);
    const data = { 'mutation-start': 'yes' };
    const mutated = await maps().create({ metadata: { name: 'to-be-mutated' }, data });
    assert.deepEqual(mutated.data, { 'mutation-start': 'yes', 'mutation-stage-1': 'yes' });
    const skipped = await maps().create({ metadata: { name: 'skip-me' }, data });
    assert.deepEqual(skipped.data, data);
  });
});

/**
 * Upstream's conformance tests of custom resources (`sig-api-machinery`: CustomResourceDefinition resources, CustomResourceDefinition Watch,
 * CustomResourceConversionWebhook, CustomResourceFieldSelectors; what the garbage collector and quotas do with them), step by step. A test is named after upstream's. The webhook is called by its
 * URL; upstream's runs in a pod.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually } from '../../harness.ts';
import { mustRefuse, type ResourceClient, typed, type Watch } from './client.ts';
import { ConformanceCluster } from './cluster.ts';
import { anything, CustomKinds } from './definitions.ts';
import { WebhookServer } from './webhook-server.ts';
import type { Sent } from './wire.ts';

describe('conformance: custom resources', { timeout: 120_000 }, () => {
  let cluster: ConformanceCluster;
  let server: WebhookServer;
  const wire = () => cluster.wire;
  const kinds = new CustomKinds(wire);

  before(async () => {
    cluster = await ConformanceCluster.up(1);
    server = await WebhookServer.start();
  });
  after(async () => {
    await server.close();
    await cluster.close();
  });

  const definitions = () => kinds.definitions;
  const { definition, established, client, remove } = kinds;

  test('Simple CustomResourceDefinition creating/deleting custom resource definition objects works', async () => {
    const made = await established(definition());
    assert.deepEqual((await client(made).list()).items, []);
    await remove(made);
    await mustRefuse(client(made).list(), 404);
  });

  test('Simple CustomResourceDefinition listing custom resource definition objects works', async () => {
    const labels = { 'e2e-list-test-uuid': 'listed' };
    const listed: Sent[] = [];
    for (let index = 0; index < 10; index++) listed.push(await established(definition({ labels })));
    const other = await established(definition());
    const query = { labelSelector: 'e2e-list-test-uuid=listed' };
    const { items } = await definitions().list(query);
    assert.deepEqual(
      items.map(({ metadata }: Sent) => metadata.name),
      listed.map(({ metadata }) => metadata.name).toSorted(),
    );
    for (const item of items) {
      const { spec } = listed.find(({ metadata }) => metadata.name === item.metadata.name);
      assert.deepEqual(item.spec, spec);
    }
    await definitions().deleteCollection(query);
    await eventually('the listed ones are gone', async () => (await definitions().list(query)).items.length === 0);
    assert.equal((await definitions().get(other.metadata.name)).metadata.uid, other.metadata.uid);
    await remove(other);
  });

  test('Simple CustomResourceDefinition getting/updating/patching custom resource definition status sub-resource works', async () => {
    const made = await established(definition());
    const { name } = made.metadata;
    const current = await definitions().get(name, 'status');
    assert.deepEqual(current.spec, made.spec);
    current.status.conditions.push({ type: '', status: '', message: 'updated' });
    const updated = await definitions().update(current, 'status');
    assert.ok(updated.status.conditions.some(({ message }: Sent) => message === 'updated'));
    const patch = [{ op: 'add', path: '/status/conditions', value: [{ message: 'patched' }] }];
    const patched = await definitions().patch(name, 'json', patch, 'status');
    assert.ok(patched.status.conditions.some(({ message }: Sent) => message === 'patched'));
    await remove(made);
  });

  test('should include custom resource definition resources in discovery documents', async () => {
    const { groups } = await wire().json('/apis');
    const group = groups.find(({ name }: Sent) => name === 'apiextensions.k8s.io');
    const hasV1 = ({ versions }: Sent) => versions.some(({ version }: Sent) => version === 'v1');
    assert.ok(hasV1(group));
    const alone = await wire().json('/apis/apiextensions.k8s.io');
    assert.equal(alone.name, 'apiextensions.k8s.io');
    assert.ok(hasV1(alone));
    const list = await wire().json('/apis/apiextensions.k8s.io/v1');
    assert.equal(list.groupVersion, 'apiextensions.k8s.io/v1');
    assert.ok(list.resources.some(({ name }: Sent) => name === 'customresourcedefinitions'));
  });

  test('custom resource defaulting for requests and from storage works', async () => {
    const texts = { a: { type: 'string' }, b: { type: 'string' } };
    const made = await established(definition({ schema: { ...anything, properties: texts } }));
    const { name } = made.metadata;
    const objects = client(made);
    await objects.create({ metadata: { name: 'cr-1' } });
    const properties = '/spec/versions/0/schema/openAPIV3Schema/properties';
    const setting = [{ op: 'add', path: `${properties}/a/default`, value: 'A' }];
    await definitions().patch(name, 'json', setting);
    await eventually('cr-1 is defaulted when it is read', async () => (await objects.get('cr-1')).a === 'A');
    assert.equal((await objects.create({ metadata: { name: 'cr-2' } })).a, 'A');
    const moving = [
      { op: 'remove', path: `${properties}/a/default` },
      { op: 'add', path: `${properties}/b/default`, value: 'B' },
    ];
    await definitions().patch(name, 'json', moving);
    await eventually('cr-2 has the new default', async () => (await objects.get('cr-2')).b === 'B');
    assert.equal((await objects.get('cr-2')).a, 'A', 'what was stored stays');
    assert.equal((await objects.get('cr-1')).a, undefined, 'what was not is gone');
    await remove(made);
  });

  test('CustomResourceDefinition Watch watch on custom resource definition objects', async () => {
    const made = await established(definition());
    const objects = client(made);
    const names = ['name1', 'name2'] as const;
    const watches = new Map<string, Watch>();
    for (const name of names) {
      watches.set(name, await objects.watch({ fieldSelector: `metadata.name=${name}`, timeoutSeconds: 600 }));
    }
    const seen = async (name: string, type: string) => {
      const event = await watches.get(name)?.next(`${type} ${name}`);
      assert.deepEqual([event?.type, event?.object.metadata.name], [type, name]);
    };
    for (const name of names) {
      const { metadata } = await objects.create({
        metadata: { name },
        content: { key: 'value' },
        num: { num1: 1, num2: 1_000_000 },
      });
      assert.ok(metadata.uid);
      await seen(name, 'ADDED');
    }
    for (const name of names) {
      await objects.patch(name, 'json', [{ op: 'add', path: '/dummy', value: 'test' }]);
      await seen(name, 'MODIFIED');
    }
    for (const name of names) {
      await objects.delete(name);
      await seen(name, 'DELETED');
    }
    for (const watch of watches.values()) {
      assert.equal(watch.events.length, 3);
      watch.stop();
    }
    await remove(made);
  });

  const text = { type: 'string' };
  const structure = (...fields: readonly string[]) => ({
    openAPIV3Schema: { type: 'object', properties: Object.fromEntries(fields.map((field) => [field, text])) },
  });
  const selecting = (...fields: readonly string[]) => fields.map((field) => ({ jsonPath: `.${field}` }));

  function versions(stored: 'v1' | 'v2'): object[] {
    const first = { schema: structure('hostPort'), selectableFields: selecting('hostPort') };
    const second = { schema: structure('host', 'port'), selectableFields: selecting('host', 'port') };
    return [
      { name: 'v1', served: true, storage: stored === 'v1', ...first },
      { name: 'v2', served: true, storage: stored === 'v2', ...second },
    ];
  }

  /** As upstream's webhook. */
  function convert({ hostPort, host, port, ...object }: Sent, apiVersion: string): Sent {
    if (apiVersion.endsWith('/v1')) return { ...object, apiVersion, hostPort: `${host}:${port ?? ''}` };
    const [first = '', second = ''] = String(hostPort).split(':');
    return { ...object, apiVersion, host: first, ...(second !== '' && { port: second }) };
  }

  function converting(): Sent {
    server.converters.set('/crdconvert', convert);
    const webhook = { clientConfig: server.clientConfig('/crdconvert'), conversionReviewVersions: ['v1', 'v1beta1'] };
    const conversion = { strategy: 'Webhook', webhook };
    return definition({ group: 'stable.example.com', scope: 'Namespaced', versions: versions('v1'), conversion });
  }

  const bare = ({ apiVersion, hostPort, host, port }: Sent) => ({ apiVersion, hostPort, host, port });
  const asSecond = { apiVersion: 'stable.example.com/v2', hostPort: undefined, host: 'localhost', port: '8080' };

  test('CustomResourceConversionWebhook should be able to convert from CR v1 to CR v2', async () => {
    const namespace = await cluster.namespace('crd-webhook');
    const made = await established(converting());
    await client(made, 'v1', namespace).create({ metadata: { name: 'cr-instance-1' }, hostPort: 'localhost:8080' });
    const found = await client(made, 'v2', namespace).get('cr-instance-1');
    assert.deepEqual(bare(found), asSecond);
    await remove(made);
  });

  test('CustomResourceConversionWebhook should be able to convert a non homogeneous list of CRs', async () => {
    const namespace = await cluster.namespace('crd-webhook');
    const made = await established(converting());
    const [first, second] = [client(made, 'v1', namespace), client(made, 'v2', namespace)];
    await first.create({ metadata: { name: 'cr-instance-1' }, hostPort: 'localhost:8080' });
    await definitions().patch(made.metadata.name, 'merge', { spec: { versions: versions('v2') } });
    await first.create({ metadata: { name: 'cr-instance-2' }, hostPort: 'localhost:8080' });
    const inSecond = await second.list();
    assert.deepEqual(inSecond.items.map(bare), [asSecond, asSecond]);
    const inFirst = await first.list();
    const asFirst = {
      apiVersion: 'stable.example.com/v1',
      hostPort: 'localhost:8080',
      host: undefined,
      port: undefined,
    };
    assert.deepEqual(inFirst.items.map(bare), [asFirst, asFirst]);
    await remove(made);
  });

  test('CustomResourceFieldSelectors MUST list and watch custom resources matching the field selector', async () => {
    const namespace = await cluster.namespace('crd-selectable-fields');
    const made = await established(converting());
    const [first, second] = [client(made, 'v1', namespace), client(made, 'v2', namespace)];
    const hosts = await second.watch({ fieldSelector: 'host=host1' });
    const ports = await second.watch({ fieldSelector: 'host=host1,port=80' });
    const both = await first.watch({ fieldSelector: 'hostPort=host1:80' });
    const values = [{ host: 'host1', port: '80' }, { host: 'host1', port: '8080' }, { host: 'host2' }];
    for (const [index, value] of values.entries()) await second.create({ metadata: { name: `cr-${index}` }, ...value });
    const listed = async (from: ResourceClient, fieldSelector: string) =>
      (await from.list({ fieldSelector })).items.map(({ metadata }: Sent) => metadata.name);
    assert.deepEqual(await listed(second, 'host=host1'), ['cr-0', 'cr-1']);
    assert.deepEqual(await listed(second, 'host=host1,port=80'), ['cr-0']);
    assert.deepEqual(await listed(first, 'hostPort=host1:80'), ['cr-0']);
    assert.deepEqual(await listed(first, 'hostPort=host1:8080'), ['cr-1']);
    const sees = (watch: Watch, wanted: readonly string[]) =>
      eventually(wanted.join(), () => {
        const told = watch.events.map(({ type, object }) => `${type} ${object.metadata.name}`);
        return told.join() === wanted.join();
      });
    await sees(hosts, ['ADDED cr-0', 'ADDED cr-1']);
    await sees(ports, ['ADDED cr-0']);
    await sees(both, ['ADDED cr-0']);
    await second.deleteCollection({ fieldSelector: 'host=host1,port=80' }, { gracePeriodSeconds: 0 });
    const changing = await second.get('cr-1');
    await second.update({ ...changing, host: 'host2' });
    assert.deepEqual(await listed(second, 'host=host1'), []);
    assert.deepEqual(await listed(second, 'host=host1,port=80'), []);
    await sees(hosts, ['ADDED cr-0', 'ADDED cr-1', 'DELETED cr-0', 'DELETED cr-1']);
    await sees(ports, ['ADDED cr-0', 'DELETED cr-0']);
    await sees(both, ['ADDED cr-0', 'DELETED cr-0']);
    for (const watch of [hosts, ports, both]) watch.stop();
    await remove(made);
  });

  interface Family {
    readonly made: Sent;
    readonly objects: ResourceClient;
  }

  /** An owner and what depends on it, both of one new kind. */
  async function family(): Promise<Family> {
    const made = await established(definition());
    const objects = client(made);
    const { apiVersion, kind, metadata } = await objects.create({ metadata: { name: 'owner' } });
    const ownerReferences = [{ apiVersion, kind, name: 'owner', uid: metadata.uid }];
    await objects.create({ metadata: { name: 'dependent', ownerReferences } });
    return { made, objects };
  }

  const isGone = (objects: ResourceClient, name: string) => eventually(`${name} is gone`, () => objects.isGone(name));

  test('Garbage collector should support cascading deletion of custom resources', async () => {
    const { made, objects } = await family();
    await objects.delete('owner', { propagationPolicy: 'Background' });
    await objects.create({ metadata: { name: 'canary' } });
    await objects.delete('canary', { propagationPolicy: 'Foreground' });
    for (const name of ['canary', 'dependent', 'owner']) await isGone(objects, name);
    await remove(made);
  });

  test('Garbage collector should support orphan deletion of custom resources', async () => {
    const { made, objects } = await family();
    await objects.delete('owner', { propagationPolicy: 'Orphan' });
    await isGone(objects, 'owner');
    // The collector has been by when what was made and deleted after it is gone.
    await objects.create({ metadata: { name: 'canary' } });
    await objects.delete('canary', { propagationPolicy: 'Foreground' });
    await isGone(objects, 'canary');
    assert.equal((await objects.get('dependent')).metadata.ownerReferences, undefined);
    await remove(made);
  });

  test('ResourceQuota should create a ResourceQuota and capture the life of a custom resource.', async () => {
    const namespace = await cluster.namespace('resourcequota');
    const made = await established(definition({ scope: 'Namespaced' }));
    const counted = `count/${made.metadata.name}`;
    const quotas = typed(wire(), 'v1', 'ResourceQuota', namespace);
    const uses = (name: string, used: string) =>
      eventually(`${name} uses ${used}`, async () => (await quotas.get(name)).status?.used?.[counted] === used);
    await quotas.create({ metadata: { name: 'probe' }, spec: { hard: { [counted]: '0' } } });
    await uses('probe', '0');
    await quotas.delete('probe');
    await quotas.create({ metadata: { name: 'test-quota' }, spec: { hard: { [counted]: '1' } } });
    await uses('test-quota', '0');
    const objects = client(made, undefined, namespace);
    await objects.create({ metadata: { name: 'first' } });
    await uses('test-quota', '1');
    const refused = await mustRefuse(objects.create({ metadata: { name: 'second' } }), 403);
    assert.match(refused.message, /exceeded quota: test-quota, requested: count\/\S+=1, used: count\/\S+=1, limited: /);
    await objects.delete('first');
    await uses('test-quota', '0');
    await remove(made);
  });
});

/**
 * Upstream's conformance tests of the API's machinery (`sig-api-machinery`, and what of events and tables belongs there), step by step.
 * A test is named after upstream's.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { resourceTable } from '../../../src/api/resource-table.ts';
import { eventually } from '../../harness.ts';
import { assertHas, dynamic, mustRefuse, type ResourceClient, refusal, typed, type Watch } from './client.ts';
import { ConformanceCluster } from './cluster.ts';
import { ApiError, type Sent } from './wire.ts';

const template = { spec: { containers: [{ name: 'test', image: 'test2' }] } };

describe('conformance: API machinery', { timeout: 120_000 }, () => {
  let cluster: ConformanceCluster;
  const wire = () => cluster.wire;

  before(async () => {
    cluster = await ConformanceCluster.up();
  });
  after(() => cluster.close());

  describe('Discovery', () => {
    const resourceNames = (list: Sent): string[] => list.resources.map((each: Sent) => each.name);

    test('should validate PreferredVersion for each APIGroup', async () => {
      const { groups } = await wire().json('/apis/');
      assert.ok(groups.length > 0);
      for (const { name } of groups) {
        const group = await wire().json(`/apis/${name}/`);
        const versions = group.versions.map((each: Sent) => each.groupVersion);
        assert.ok(versions.includes(group.preferredVersion.groupVersion), name);
      }
    });

    test('should locate the groupVersion and a resource within each APIGroup', async () => {
      for (const { group, version, resource } of resourceTable().all) {
        const groupVersion = group === '' ? version : `${group}/${version}`;
        const list = await wire().json(group === '' ? `/api/${version}` : `/apis/${groupVersion}`);
        assert.equal(list.groupVersion, groupVersion);
        assert.ok(resourceNames(list).includes(resource), `${groupVersion} ${resource}`);
      }
    });

    test('AggregatedDiscovery should support raw aggregated discovery endpoint Accept headers', async () => {
      const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';
      const [named, core] = await Promise.all(['/apis', '/api'].map((path) => wire().json(path, accept)));
      for (const { group, version, resource } of resourceTable().all) {
        const items = (group === '' ? core : named).items;
        const found = items.find((each: Sent) => (each.metadata.name ?? '') === group);
        const inVersion = found?.versions.find((each: Sent) => each.version === version);
        assert.ok(
          inVersion?.resources.some((each: Sent) => each.resource === resource),
          `${group} ${resource}`,
        );
      }
    });

    test('server version should find the server version', async () => {
      const { major, minor } = await wire().json('/version');
      assert.match(major, /^[1-9][0-9]*$/);
      assert.match(minor, /^[1-9][0-9]*$/);
    });

    test('health handlers should contain necessary checks', async () => {
      for (const path of ['/healthz', '/livez', '/readyz']) {
        const answer = await wire().must({ method: 'GET', path: `${path}?verbose=1` });
        for (const check of ['ping', 'etcd']) assert.match(answer.body.toString(), new RegExp(`\\[\\+\\]${check} ok`));
      }
    });
  });

  // That a token expires after five minutes, and goes on inconsistently, is shown in virtual time beside the registry.
  describe('Servers with support for API chunking', () => {
    const total = 400;
    const nameOf = (index: number): string => `template-${String(index).padStart(4, '0')}`;
    let templates: ResourceClient;

    before(async () => {
      templates = typed(wire(), 'v1', 'PodTemplate', await cluster.namespace('chunking'));
      const indices = Array.from({ length: total }, (_, index) => index);
      await Promise.all(indices.map((index) => templates.create({ metadata: { name: nameOf(index) }, template })));
    });

    /** Walks over the pages that follow, and checks each. */
    async function walk(
      limit: number,
      first: { readonly continue?: string; readonly found: number; readonly rv?: string },
    ) {
      let { found, rv } = first;
      for (let token = first.continue; ; ) {
        const page = await templates.list({ limit, ...(token !== undefined && { continue: token }) });
        assert.ok(page.items.length <= limit);
        rv ??= page.metadata.resourceVersion;
        assert.equal(page.metadata.resourceVersion, rv);
        for (const item of page.items) assert.equal(item.metadata.name, nameOf(found++));
        token = page.metadata.continue;
        const rest = token ? String(total - found) : undefined;
        assert.equal(page.metadata.remainingItemCount, rest === undefined ? undefined : Number(rest));
        if (!token) return assert.equal(found, total);
      }
    }

    test('should return chunks of results for list calls', async () => {
      for (const limit of [7, 23, 40]) await walk(limit, { found: 0 });
      assert.equal((await templates.list({ limit: total + 1 })).items.length, total);
    });
  });

  describe('Server request timeout', () => {
    const serviceAccounts = '/api/v1/namespaces/default/serviceaccounts';

    test('should return HTTP status code 400 if the user specifies an invalid timeout in the request URL', async () => {
      const answer = await wire().ask({ method: 'GET', path: `${serviceAccounts}?timeout=invalid` });
      assert.equal(answer.code, 400);
      assert.match(answer.body.toString(), /invalid timeout specified in the request URL/);
    });

    for (const timeout of ['3m', '0s'])
      test(`the request should be served with a default timeout where it says ${timeout}`, async () => {
        await wire().must({ method: 'GET', path: `${serviceAccounts}?timeout=${timeout}` });
      });
  });

  describe('OpenAPIV3', () => {
    test('should round trip OpenAPI V3 for all built-in group versions', async () => {
      const { paths } = await wire().json('/openapi/v3');
      const groups = resourceTable()
        .groups()
        .filter(({ group }) => group !== '');
      for (const { group, versions } of groups)
        for (const version of versions) assert.ok(paths[`apis/${group}/${version}`], `${group}/${version}`);
      for (const { serverRelativeURL } of Object.values<Sent>(paths)) {
        const document = await wire().json(serverRelativeURL);
        assert.match(document.openapi, /^3\./);
        assert.ok(document.paths);
      }
    });
  });

  describe('Servers with support for Table transformation', () => {
    const asTable = (version: string): string => `application/json;as=Table;v=${version};g=meta.k8s.io`;

    test('should return pod details', async () => {
      const namespace = await cluster.namespace('tables');
      const pods = typed(wire(), 'v1', 'Pod', namespace);
      const containers = [{ name: 'c', image: 'agnhost', ports: [{ containerPort: 8080 }] }];
      await pods.create({ metadata: { name: 'pod-1' }, spec: { restartPolicy: 'Never', containers } });
      const table = await wire().json(pods.path('pod-1'), asTable('v1beta1'));
      assert.deepEqual([table.apiVersion, table.kind], ['meta.k8s.io/v1beta1', 'Table']);
      assert.ok(table.columnDefinitions.length > 2);
      assert.equal(table.rows.length, 1);
      assert.equal(table.rows[0].cells.length, table.columnDefinitions.length);
      assert.deepEqual([table.columnDefinitions[0].name, table.rows[0].cells[0]], ['Name', 'pod-1']);
    });

    test('should return chunks of table results for list calls', async () => {
      const templates = typed(wire(), 'v1', 'PodTemplate', await cluster.namespace('table-chunks'));
      for (const index of [0, 1, 2, 3]) await templates.create({ metadata: { name: `template-${index}` }, template });
      const page = await wire().json(templates.path('', '', { limit: 2 }), asTable('v1beta1'));
      assert.ok(page.metadata.resourceVersion);
      assert.deepEqual(
        page.rows.map(({ cells }: Sent) => cells[0]),
        ['template-0', 'template-1'],
      );
      const next = await wire().json(templates.path('', '', { continue: page.metadata.continue }), asTable('v1beta1'));
      assert.equal(next.rows[0].cells[0], 'template-2');
    });

    test('should return generic metadata details across all namespaces for nodes', async () => {
      const table = await wire().json('/api/v1/nodes', asTable('v1beta1'));
      assert.equal(table.rows.length, 2);
      assert.equal(table.rows[0].cells.length, table.columnDefinitions.length);
      assert.equal(table.columnDefinitions[0].name, 'Name');
      assert.ok(table.metadata.resourceVersion);
    });

    test('should return a 406 for a backend which does not implement metadata', async () => {
      const review = { spec: { nonResourceAttributes: { path: '/', verb: 'get' } } };
      const answer = await wire().ask({
        method: 'POST',
        path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
        headers: { accept: asTable('v1'), 'content-type': 'application/json' },
        body: JSON.stringify({ apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', ...review }),
      });
      assert.equal(answer.code, 406);
      const status = new ApiError('', answer).status;
      assert.deepEqual([status.kind, status.code, status.reason], ['Status', 406, 'NotAcceptable']);
    });
  });

  describe('FieldValidation', () => {
    const labels = { app: 'nginx' };
    const deployment = (metadata: string, spec: string): string =>
      `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"my-dep",${metadata}"labels":${JSON.stringify(labels)}},` +
      `"spec":{${spec}"selector":{"matchLabels":${JSON.stringify(labels)}},"template":{"metadata":{"labels":` +
      `${JSON.stringify(labels)}},"spec":{"containers":[{"name":"nginx","image":"nginx:latest"}]}}}}`;
    const rows: readonly (readonly [string, string, string])[] = [
      [
        'should detect unknown and duplicate fields of a typed object',
        deployment('', '"unknownField":"foo","replicas":2,"replicas":3,'),
        'strict decoding error: unknown field "spec.unknownField", duplicate field "spec.replicas"',
      ],
      [
        'should detect unknown metadata fields of a typed object',
        deployment('"unknownMeta":"foo",', ''),
        'strict decoding error: unknown field "metadata.unknownMeta"',
      ],
    ];
    for (const [name, body, expected] of rows) {
      test(name, async () => {
        const path = '/apis/apps/v1/namespaces/default/deployments?fieldManager=m&fieldValidation=Strict';
        const headers = { accept: 'application/vnd.kubernetes.protobuf, */*', 'content-type': 'application/json' };
        const error = await mustRefuse(wire().must({ method: 'POST', path, headers, body }), 400);
        assert.ok(error.message.includes(expected), error.message);
      });
    }
  });

  describe('Watchers', () => {
    const multiple = 'multiple-watchers-A';
    const other = 'multiple-watchers-B';
    const key = 'watch-this-configmap';

    const configMap = (name: string, value: string, data?: string): Sent => ({
      metadata: { name, labels: { [key]: value } },
      ...(data !== undefined && { data: { mutation: data } }),
    });
    const expectEvent = async (watch: Watch, type: string, object: Sent): Promise<void> => {
      const event = await watch.next(`${type} ${object.metadata.name}`);
      assert.equal(event.type, type);
      assert.deepEqual(event.object.data, object.data);
      assert.equal(event.object.metadata.name, object.metadata.name);
    };

    test('should observe add, update, and delete watch notifications on configmaps', async () => {
      const maps = typed(wire(), 'v1', 'ConfigMap', await cluster.namespace('watch'));
      const selectors = [`${key}=${multiple}`, `${key}=${other}`, `${key} in (${multiple},${other})`];
      const [a, b, ab] = await Promise.all(selectors.map((labelSelector) => maps.watch({ labelSelector })));
      assert.ok(a && b && ab);
      const first = await maps.create(configMap('e2e-watch-test-a', multiple));
      for (const watch of [a, ab]) await expectEvent(watch, 'ADDED', first);
      const changed = await maps.update({ ...first, data: { mutation: '1' } });
      for (const watch of [a, ab]) await expectEvent(watch, 'MODIFIED', changed);
      const again = await maps.update({ ...changed, data: { mutation: '2' } });
      for (const watch of [a, ab]) await expectEvent(watch, 'MODIFIED', again);
      await maps.delete('e2e-watch-test-a');
      for (const watch of [a, ab]) await expectEvent(watch, 'DELETED', again);
      const second = await maps.create(configMap('e2e-watch-test-b', other));
      for (const watch of [b, ab]) await expectEvent(watch, 'ADDED', second);
      await maps.delete('e2e-watch-test-b');
      for (const watch of [b, ab]) await expectEvent(watch, 'DELETED', second);
      assert.deepEqual([a.events.length, b.events.length, ab.events.length], [4, 2, 6]);
      for (const watch of [a, b, ab]) watch.stop();
    });

    test('should be able to start watching from a specific resource version', async () => {
      const maps = typed(wire(), 'v1', 'ConfigMap', await cluster.namespace('watch'));
      const created = await maps.create(configMap('e2e-watch-rv', 'from-rv'));
      const first = await maps.update({ ...created, data: { mutation: '1' } });
      const second = await maps.update({ ...first, data: { mutation: '2' } });
      await maps.delete('e2e-watch-rv');
      const selector = { labelSelector: `${key}=from-rv` };
      const watch = await maps.watch({ ...selector, resourceVersion: first.metadata.resourceVersion });
      await expectEvent(watch, 'MODIFIED', second);
      await expectEvent(watch, 'DELETED', second);
      watch.stop();
    });

    test('should be able to restart watching from the last resource version observed by the previous watch', async () => {
      const maps = typed(wire(), 'v1', 'ConfigMap', await cluster.namespace('watch'));
      const selector = { labelSelector: `${key}=closed` };
      const before = await maps.watch(selector);
      const created = await maps.create(configMap('e2e-watch-closed', 'closed'));
      await expectEvent(before, 'ADDED', created);
      const first = await maps.update({ ...created, data: { mutation: '1' } });
      const { object } = await before.next('the change');
      before.stop();
      const second = await maps.update({ ...first, data: { mutation: '2' } });
      const watch = await maps.watch({ ...selector, resourceVersion: object.metadata.resourceVersion });
      await maps.delete('e2e-watch-closed');
      await expectEvent(watch, 'MODIFIED', second);
      await expectEvent(watch, 'DELETED', second);
      watch.stop();
    });

    test('should observe an object deletion if it stops meeting the requirements of the selector', async () => {
      const maps = typed(wire(), 'v1', 'ConfigMap', await cluster.namespace('watch'));
      const watch = await maps.watch({ labelSelector: `${key}=label-changed` });
      const created = await maps.create(configMap('e2e-watch-label', 'label-changed'));
      await expectEvent(watch, 'ADDED', created);
      const first = await maps.update({ ...created, data: { mutation: '1' } });
      await expectEvent(watch, 'MODIFIED', first);
      const left = await maps.update({ ...first, metadata: { ...first.metadata, labels: { [key]: 'wrong' } } });
      await expectEvent(watch, 'DELETED', first);
      const away = await maps.update({ ...left, data: { mutation: '2' } });
      const back = await maps.update({ ...away, metadata: { ...away.metadata, labels: { [key]: 'label-changed' } } });
      await expectEvent(watch, 'ADDED', back);
      const third = await maps.update({ ...back, data: { mutation: '3' } });
      await expectEvent(watch, 'MODIFIED', third);
      await maps.delete('e2e-watch-label');
      await expectEvent(watch, 'DELETED', third);
      assert.equal(watch.events.length, 6);
      watch.stop();
    });

    test('should receive events on concurrent watches in same order', async () => {
      const maps = typed(wire(), 'v1', 'ConfigMap', await cluster.namespace('watch'));
      const { metadata } = await maps.list();
      const producing = (async () => {
        for (let round = 0; round < 20; round++) {
          const name = `cm-${round % 4}`;
          if (round % 5 === 4) await refusal(maps.delete(name), 404);
          else if ((await refusal(maps.create({ metadata: { name } }), 409)) !== undefined)
            await maps.patch(name, 'merge', { data: { round: String(round) } });
        }
      })();
      const first = await maps.watch({ resourceVersion: metadata.resourceVersion });
      const watches: Watch[] = [];
      const versions: string[] = [];
      for (let count = 0; count < 15; count++) {
        const { object } = await first.next(`event ${count}`);
        for (const watch of watches)
          versions.push((await watch.next(`event ${count}`)).object.metadata.resourceVersion);
        assert.ok(versions.every((version) => version === object.metadata.resourceVersion));
        versions.length = 0;
        watches.push(await maps.watch({ resourceVersion: object.metadata.resourceVersion }));
      }
      await producing;
      for (const watch of [first, ...watches]) watch.stop();
    });
  });

  describe('WatchList', () => {
    const query = {
      labelSelector: 'watchlist=true',
      sendInitialEvents: true,
      resourceVersionMatch: 'NotOlderThan',
      allowWatchBookmarks: true,
    };
    const isEnd = ({ metadata }: Sent): boolean => metadata.annotations['k8s.io/initial-events-end'] === 'true';

    test('should be requested by informers when WatchListClient is enabled', async () => {
      const secrets = typed(wire(), 'v1', 'Secret', await cluster.namespace('watchlist'));
      const names = ['secret-1', 'secret-2', 'secret-3', 'secret-4', 'secret-5'];
      for (const name of names) await secrets.create({ metadata: { name, labels: { watchlist: 'true' } } });
      const watch = await secrets.watch(query);
      const seen = [];
      for (const _ of names) seen.push((await watch.next('an initial event')).object.metadata.name);
      assert.deepEqual(seen, names);
      const end = await watch.next('the bookmark');
      assert.deepEqual([end.type, end.object.kind, isEnd(end.object)], ['BOOKMARK', 'Secret', true]);
      await secrets.patch('secret-1', 'merge', { stringData: { foo: 'bar' } });
      assert.equal((await watch.next('the change')).type, 'MODIFIED');
      watch.stop();
    });

    test('server supports sending resources in Table format', async () => {
      const secrets = dynamic(wire(), 'v1', 'Secret', await cluster.namespace('watchlist'));
      for (const name of ['a', 'b']) await secrets.create({ metadata: { name, labels: { watchlist: 'true' } } });
      const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io';
      const path = secrets.path('', '', { ...query, watch: true, timeoutSeconds: 1 });
      const answer = await wire().must({ method: 'GET', path, headers: { accept } });
      const events = answer.body
        .toString()
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
      assert.deepEqual(events.map(({ type, object }) => [type, object.kind, object.rows[0].cells[0]]).slice(0, 2), [
        ['ADDED', 'Table', 'a'],
        ['ADDED', 'Table', 'b'],
      ]);
      assert.ok(events[0].object.columnDefinitions.length > 0);
      assert.equal(events[1].object.columnDefinitions, null);
      assert.equal(events[2].type, 'BOOKMARK');
      assert.ok(isEnd(events[2].object.rows[0].object));
    });
  });

  describe('Events API', () => {
    test('should ensure that an event can be fetched, patched, deleted, and listed', async () => {
      const namespace = await cluster.namespace('events');
      const events = typed(wire(), 'events.k8s.io/v1', 'Event', namespace);
      const coreEvents = typed(wire(), 'v1', 'Event', namespace);
      await events.create({
        metadata: { name: 'event-test', labels: { 'testevent-constant': 'true' } },
        regarding: { namespace },
        eventTime: '2017-09-19T13:49:16.000005Z',
        note: 'This is event-test',
        action: 'Do',
        reason: 'Test',
        type: 'Normal',
        reportingController: 'test-controller',
        reportingInstance: 'test-node',
      });
      const everywhere = typed(wire(), 'events.k8s.io/v1', 'Event');
      const listed = async (client: ResourceClient, query: Record<string, string>): Promise<string[]> =>
        (await client.list(query)).items.map(({ metadata }: Sent) => metadata.name);
      const labelled = { labelSelector: 'testevent-constant=true' };
      for (const client of [everywhere, events]) assert.deepEqual(await listed(client, labelled), ['event-test']);
      assert.deepEqual(await listed(coreEvents, { fieldSelector: 'source=test-controller' }), ['event-test']);
      assert.deepEqual(await listed(events, { fieldSelector: 'reportingController=test-controller' }), ['event-test']);
      const read = await events.get('event-test');
      const first = { count: 2, lastObservedTime: '2017-09-19T13:49:11.000000Z' };
      await events.patch('event-test', 'strategic', { series: first });
      const bare = ({ metadata, ...rest }: Sent): Sent => {
        const { resourceVersion: _version, managedFields: _fields, ...kept } = metadata;
        return { metadata: kept, ...rest };
      };
      const patched = await events.get('event-test');
      assert.deepEqual(bare(patched), bare({ ...read, series: first }));
      const { resourceVersion: _version, ...metadata } = read.metadata;
      const series = { count: 100, lastObservedTime: '2017-09-19T13:49:16.000000Z' };
      await events.update({ ...patched, metadata, series });
      assert.deepEqual(bare(await events.get('event-test')), bare({ ...patched, series }));
      await events.delete('event-test');
      for (const client of [everywhere, events]) assert.deepEqual(await listed(client, labelled), []);
    });
  });

  describe('ServerSideApply', () => {
    const labels = { app: 'nginx' };
    const deployment = (name: string, spec: object, podSpec: object = {}, container: object = {}): object => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, labels },
      spec: {
        ...spec,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: { ...podSpec, containers: [{ name: 'nginx', image: 'nginx', ...container }] },
        },
      },
    });

    test('should create an applied object if it does not already exist', async () => {
      const services = typed(wire(), 'v1', 'Service', await cluster.namespace('apply'));
      const service = {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'test-svc' },
        spec: { ports: [{ port: 8080, protocol: 'UDP' }] },
      };
      await services.patch('test-svc', 'apply', service, '', { fieldManager: 'apply_test' });
      const applied = await services.patch('test-svc', 'apply', service, '', { fieldManager: 'apply_test_2' });
      const owned = {
        'f:spec': {
          'f:ports': { 'k:{"port":8080,"protocol":"UDP"}': { '.': {}, 'f:port': {}, 'f:protocol': {} } },
        },
      };
      const entries = applied.metadata.managedFields.filter(({ manager }: Sent) => manager.startsWith('apply_test'));
      assert.equal(entries.length, 2);
      for (const entry of entries) assert.deepEqual(entry.fieldsV1, owned);
    });

    test('should work for subresources', async () => {
      const pods = typed(wire(), 'v1', 'Pod', await cluster.namespace('apply'));
      const metadata = { name: 'test-pod' };
      const pod = {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata,
        spec: { containers: [{ name: 'nginx', image: 'nginx' }] },
      };
      const condition = { type: 'MyStatus', status: 'True' };
      const status = { apiVersion: 'v1', kind: 'Pod', metadata, status: { conditions: [condition] } };
      const hasCondition = async (): Promise<boolean> =>
        ((await pods.get('test-pod')).status.conditions ?? []).some(({ type }: Sent) => type === 'MyStatus');
      await pods.patch('test-pod', 'apply', pod, '', { fieldManager: 'apply_test' });
      await pods.patch('test-pod', 'apply', status, '', { fieldManager: 'apply_test2' });
      assert.equal(await hasCondition(), false);
      await pods.patch('test-pod', 'apply', status, 'status', { fieldManager: 'apply_test2' });
      assert.equal(await hasCondition(), true);
    });

    test('should remove a field if it is owned but removed in the apply request', async () => {
      const deployments = typed(wire(), 'apps/v1', 'Deployment', await cluster.namespace('apply'));
      const ports = { ports: [{ containerPort: 80, protocol: 'TCP' }] };
      const options = { fieldManager: 'apply_test' };
      await deployments.patch('d', 'apply', deployment('d', { replicas: 3 }, {}, ports), '', options);
      await deployments.patch('d', 'apply', deployment('d', { replicas: 3 }), '', options);
      assert.equal((await deployments.get('d')).spec.template.spec.containers[0].ports, undefined);
    });

    test('should not remove a field if other managers still have ownership of the field', async () => {
      const deployments = typed(wire(), 'apps/v1', 'Deployment', await cluster.namespace('apply'));
      const whole = deployment('d', { replicas: 3 }, { hostname: 'test-hostname' });
      for (const fieldManager of ['shared_owner_1', 'shared_owner_2'])
        await deployments.patch('d', 'apply', whole, '', { fieldManager });
      const left = await deployments.patch('d', 'apply', deployment('d', {}), '', { fieldManager: 'shared_owner_1' });
      assertHas(left.spec, { replicas: 3, template: { spec: { hostname: 'test-hostname' } } }, 'spec');
    });

    test('should ignore conflict errors if force apply is used', async () => {
      const deployments = typed(wire(), 'apps/v1', 'Deployment', await cluster.namespace('apply'));
      const options = { fieldManager: 'apply_test' };
      await deployments.patch('d', 'apply', deployment('d', { replicas: 3 }), '', options);
      await deployments.patch('d', 'merge', { spec: { replicas: 5 } });
      const error = await mustRefuse(
        deployments.patch('d', 'apply', deployment('d', { replicas: 3 }), '', options),
        409,
      );
      assert.ok(error.status.details.causes.length >= 1);
      await deployments.patch('d', 'apply', deployment('d', { replicas: 3 }), '', { ...options, force: true });
      assert.equal((await deployments.get('d')).spec.replicas, 3);
    });
  });

  test('Generated clientset should set the deletionTimestamp and deletionGracePeriodSeconds of the pod', async () => {
    const pods = typed(wire(), 'v1', 'Pod', await cluster.namespace('clientset'));
    const selector = { labelSelector: 'time=now' };
    const { metadata, items } = await pods.list(selector);
    assert.deepEqual(items, []);
    const watch = await pods.watch({ ...selector, resourceVersion: metadata.resourceVersion });
    const spec = { containers: [{ name: 'nginx', image: 'nginx', ports: [{ containerPort: 80 }] }] };
    const created = await pods.create({ metadata: { name: 'pod', labels: { time: 'now' } }, spec });
    const { resourceVersion } = created.metadata;
    assert.equal((await pods.list({ ...selector, resourceVersion })).items.length, 1);
    assert.equal((await watch.next('the pod')).type, 'ADDED');
    await eventually('the pod runs', async () => (await pods.get('pod')).status.phase === 'Running');
    await pods.delete('pod', { gracePeriodSeconds: 31 });
    const ends = ({ object }: Sent): boolean => object.metadata.deletionTimestamp !== undefined;
    const { object } = await watch.until('the deletion begins', ends);
    assert.equal(object.metadata.deletionGracePeriodSeconds, 31);
    watch.stop();
  });
});

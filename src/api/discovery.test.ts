import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rowsFor } from './custom-rows-testing.ts';
import { aggregatedDiscovery, apiGroup, apiGroupList, apiResourceList, apiVersions, etagOf } from './discovery.ts';
import { resourceTable } from './resource-table.ts';

const table = resourceTable();

test('/api names the core versions and the server', () => {
  assert.deepEqual(apiVersions(table, '10.0.0.1:6443'), {
    kind: 'APIVersions',
    versions: ['v1'],
    serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress: '10.0.0.1:6443' }],
  });
});

test('/apis lists the named groups and /apis/GROUP one of them', () => {
  const { groups } = apiGroupList(table);
  assert.ok(groups.every(({ name }) => name !== ''));
  assert.deepEqual(apiGroup(table, 'autoscaling'), {
    kind: 'APIGroup',
    apiVersion: 'v1',
    name: 'autoscaling',
    versions: [
      { groupVersion: 'autoscaling/v2', version: 'v2' },
      { groupVersion: 'autoscaling/v1', version: 'v1' },
    ],
    preferredVersion: { groupVersion: 'autoscaling/v2', version: 'v2' },
  });
  assert.equal(apiGroup(table, 'example.com'), undefined);
  assert.equal(apiGroup(table, ''), undefined);
});

test('/api/v1 lists resources and subresources as upstream does', () => {
  const list = apiResourceList(table, '', 'v1');
  const named = (name: string): unknown => list?.resources.find((resource) => resource.name === name);
  assert.deepEqual(named('pods'), {
    name: 'pods',
    singularName: 'pod',
    namespaced: true,
    kind: 'Pod',
    verbs: ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'],
    shortNames: ['po'],
    categories: ['all'],
    storageVersionHash: 'xPOwRZ+Yhw8=',
  });
  assert.deepEqual(named('pods/eviction'), {
    name: 'pods/eviction',
    singularName: '',
    namespaced: true,
    group: 'policy',
    version: 'v1',
    kind: 'Eviction',
    verbs: ['create'],
  });
  assert.deepEqual(named('pods/log'), {
    name: 'pods/log',
    singularName: '',
    namespaced: true,
    kind: 'Pod',
    verbs: ['get'],
  });
  assert.equal(apiResourceList(table, 'apps', 'v2'), undefined);
});

test('both Events have the storage version hash of the one that is stored', () => {
  const hash = (group: string): unknown =>
    apiResourceList(table, group, 'v1')?.resources.find(({ name }) => name === 'events')?.storageVersionHash;
  assert.equal(hash(''), 'r2yiGXH7wu8=');
  assert.equal(hash('events.k8s.io'), 'r2yiGXH7wu8=');
});

test('aggregated discovery tells each group once, and all that the plain one tells', () => {
  const core = aggregatedDiscovery(table, '/api');
  assert.equal(core.apiVersion, 'apidiscovery.k8s.io/v2');
  assert.equal(core.items.length, 1);
  const groups = aggregatedDiscovery(table, '/apis', 'v2beta1');
  assert.deepEqual(
    groups.items.map(({ metadata }) => metadata?.name),
    apiGroupList(table).groups.map(({ name }) => name),
  );
  const apps = groups.items.find(({ metadata }) => metadata?.name === 'apps')?.versions?.[0];
  assert.deepEqual(apps?.resources?.find(({ resource }) => resource === 'deployments')?.subresources?.[0], {
    subresource: 'scale',
    responseKind: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
    verbs: ['get', 'patch', 'update'],
  });
});

test('an ETag changes with the content only', () => {
  assert.equal(etagOf(apiGroupList(table)), etagOf(apiGroupList(table)));
  assert.notEqual(etagOf(aggregatedDiscovery(table, '/api')), etagOf(aggregatedDiscovery(table, '/apis')));
});

const subresources = { status: {}, scale: { specReplicasPath: '.spec.r', statusReplicasPath: '.status.r' } };
const names = { shortNames: ['fo'], categories: ['all'] };
const usual = ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'];

test('a custom kind is told as upstream tells it, in both forms, and its scale beside its status', () => {
  const custom = table.withResources(rowsFor({ group: 'a.example.com', version: { subresources }, names }));
  const sub = ['get', 'patch', 'update'];
  const { storageVersionHash, ...entry } = apiResourceList(custom, 'a.example.com', 'v1')?.resources[0] ?? {};
  assert.match(storageVersionHash ?? '', /^[\w+/]{11}=$/);
  assert.deepEqual(entry, { name: 'foos', singularName: 'foo', namespaced: true, kind: 'Foo', verbs: usual, ...names });
  assert.deepEqual(apiResourceList(custom, 'a.example.com', 'v1')?.resources.slice(1), [
    { name: 'foos/status', singularName: '', namespaced: true, kind: 'Foo', verbs: sub },
    {
      name: 'foos/scale',
      singularName: '',
      namespaced: true,
      group: 'autoscaling',
      version: 'v1',
      kind: 'Scale',
      verbs: sub,
    },
  ]);
  const own = { group: 'a.example.com', version: 'v1', kind: 'Foo' };
  const group = aggregatedDiscovery(custom, '/apis').items.find(({ metadata }) => metadata?.name === 'a.example.com');
  assert.deepEqual(group, {
    metadata: { name: 'a.example.com' },
    versions: [
      {
        version: 'v1',
        freshness: 'Current',
        resources: [
          {
            resource: 'foos',
            responseKind: own,
            scope: 'Namespaced',
            singularResource: 'foo',
            verbs: usual,
            ...names,
            subresources: [
              { subresource: 'status', responseKind: own, verbs: sub },
              {
                subresource: 'scale',
                responseKind: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
                verbs: sub,
              },
            ],
          },
        ],
      },
    ],
  });
});

test('of a kind whose definition is being deleted nothing new is made', () => {
  const rows = rowsFor({ group: 'a.example.com', conditions: [{ type: 'Terminating', status: 'True' }] });
  const list = apiResourceList(table.withResources(rows), 'a.example.com', 'v1');
  assert.deepEqual(list?.resources[0]?.verbs, ['delete', 'deletecollection', 'get', 'list', 'watch']);
});

test('the ETag of aggregated discovery changes with a definition, and comes back when it goes', () => {
  const tag = (...rows: Parameters<typeof table.withResources>[0]): string =>
    etagOf(aggregatedDiscovery(table.withResources(rows), '/apis'));
  assert.notEqual(tag(...rowsFor()), tag());
  assert.equal(tag(...rowsFor()), tag(...rowsFor()));
  assert.notEqual(tag(...rowsFor({ names })), tag(...rowsFor()));
});

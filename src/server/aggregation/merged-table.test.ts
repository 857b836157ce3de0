import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aggregatedDiscovery } from '../../api/discovery.ts';
import { resourceTable } from '../../api/resource-table.ts';
import { type RemoteApi, remoteOf } from './api-service-index.ts';
import { MergedTable, mergedGroups } from './merged-table.ts';
import { readAggregated, readResourceList } from './remote-documents.ts';

function remote(group: string, version: string, groupPriority: number, versionPriority = 10): RemoteApi {
  const service = { namespace: 'ns', name: 'api' };
  const priorities = { groupPriorityMinimum: groupPriority, versionPriority };
  const found = remoteOf({
    metadata: { name: `${version}.${group}` },
    spec: { group, version, service, ...priorities },
  });
  assert.ok(found !== undefined);
  return found;
}

const local = resourceTable();
const names = (remotes: readonly RemoteApi[]): string[] =>
  mergedGroups(local.groups(), remotes).map(({ group }) => group);

test('other servers’ groups stand where their priority puts them, and this server’s as they stood', () => {
  const before = local.groups().map(({ group }) => group);
  assert.deepEqual(names([]), before);
  const merged = names([remote('low.io', 'v1', 10), remote('mid.io', 'v1', 17_450), remote('top.io', 'v1', 19_000)]);
  assert.deepEqual(
    merged.filter((group) => !group.endsWith('.io') || before.includes(group)),
    before,
  );
  assert.equal(merged.at(-1), 'low.io');
  assert.equal(merged[merged.indexOf('batch') - 1], 'mid.io', 'between autoscaling and batch');
  assert.ok(merged.indexOf('top.io') < merged.indexOf('apps'));
});

test('versions of one group stand in the order of theirs, whoever answers for them', () => {
  const versions = (remotes: readonly RemoteApi[], group: string) =>
    mergedGroups(local.groups(), remotes).find((each) => each.group === group);
  const both = [remote('g.io', 'v1beta1', 100, 5), remote('g.io', 'v1', 100, 50)];
  assert.deepEqual(versions(both, 'g.io'), { group: 'g.io', versions: ['v1', 'v1beta1'], preferredVersion: 'v1' });
  assert.deepEqual(versions([remote('apps', 'v2', 1, 3)], 'apps')?.versions, ['v1', 'v2']);
  assert.deepEqual(versions([remote('apps', 'v2', 1, 30)], 'apps')?.preferredVersion, 'v2');
});

test('a group-version that another server answers for is told in its words, or as stale while nothing is known', () => {
  const apis = [remote('g.io', 'v1', 10), remote('batch', 'v1', 10)];
  const resources = [
    { resource: 'things', responseKind: { group: '', version: '', kind: 'Thing' }, scope: 'Cluster', verbs: ['get'] },
  ] as never;
  const table = new MergedTable(local, apis, new Map([['v1.g.io', { resources, freshness: 'Current' }]]));
  const { items } = aggregatedDiscovery(table, '/apis');
  const of = (group: string) => items.find(({ metadata }) => metadata?.name === group)?.versions;
  assert.deepEqual(of('g.io'), [{ version: 'v1', resources, freshness: 'Current' }]);
  assert.deepEqual(of('batch'), [{ version: 'v1', resources: [], freshness: 'Stale' }]);
  assert.ok((of('apps')?.[0]?.resources?.length ?? 0) > 3);
});

test('whatever a server says of what it serves, nothing but resources is taken from it', () => {
  const odd = [undefined, null, 7, 'x', [], {}, { kind: 'APIGroupDiscoveryList', items: 'x' }];
  for (const value of odd) assert.equal(readAggregated(value)?.size ?? 0, 0);
  const list = { kind: 'APIGroupDiscoveryList' };
  const resource = { resource: 'a', verbs: ['get', 7], scope: 'x', extra: { deep: true }, shortNames: [null, 'b'] };
  const versions = [{ version: 'v1', resources: [resource, 7, { verbs: [] }] }, 7];
  const read = readAggregated({ ...list, items: [{ metadata: { name: 'g.io' }, versions }] });
  assert.deepEqual(read?.get('g.io/v1'), [
    {
      resource: 'a',
      responseKind: { group: '', version: '', kind: '' },
      scope: 'Cluster',
      singularResource: '',
      verbs: ['get'],
      shortNames: ['b'],
    },
  ]);
  assert.equal(readResourceList({ kind: 'Status' }), undefined);
  const old = [
    { name: 'pods', singularName: 'pod', namespaced: true, kind: 'PodMetrics', verbs: ['get'] },
    { name: 'pods/scale', kind: 'Scale', group: 'autoscaling', version: 'v1', verbs: ['get'] },
  ];
  assert.deepEqual(readResourceList({ kind: 'APIResourceList', resources: [...old, 'x', { name: '' }] }), [
    {
      resource: 'pods',
      responseKind: { group: '', version: '', kind: 'PodMetrics' },
      scope: 'Namespaced',
      singularResource: 'pod',
      verbs: ['get'],
      subresources: [
        { subresource: 'scale', responseKind: { group: 'autoscaling', version: 'v1', kind: 'Scale' }, verbs: ['get'] },
      ],
    },
  ]);
});

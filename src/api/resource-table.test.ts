import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareVersions, resourceTable } from './resource-table.ts';
import { builtinSchema } from './schema/load.ts';

const table = resourceTable();

test('every resource and subresource has a kind in the schema', () => {
  const schema = builtinSchema();
  for (const row of table.all) {
    assert.ok(schema.kind(row), `${row.group}/${row.version} ${row.kind}`);
    assert.ok(schema.kind({ ...row, version: row.storageVersion }), `${row.kind} in its storage version`);
    for (const { kind } of row.subresources) if (kind) assert.ok(schema.kind(kind), JSON.stringify(kind));
  }
});

test('finds by name and by kind', () => {
  const deployments = table.find('apps', 'v1', 'deployments');
  assert.equal(deployments?.kind, 'Deployment');
  assert.equal(table.byKind({ group: 'apps', version: 'v1', kind: 'Deployment' }), deployments);
  assert.deepEqual(deployments?.subresources.find(({ name }) => name === 'scale')?.kind, {
    group: 'autoscaling',
    version: 'v1',
    kind: 'Scale',
  });
  assert.equal(table.find('apps', 'v1', 'pods'), undefined);
  assert.deepEqual(table.find('events.k8s.io', 'v1', 'events')?.storedAs, { group: '', resource: 'events' });
  assert.equal(table.find('autoscaling', 'v1', 'horizontalpodautoscalers')?.storageVersion, 'v2');
});

test('names and kinds are unique within a group and version, and short names within a group', () => {
  const seen = new Set<string>();
  for (const row of table.all) {
    for (const name of [row.resource, row.singular, row.kind, ...row.shortNames]) {
      const key = `${row.group}/${row.version}/${name}`;
      assert.ok(!seen.has(key) || row.singular === row.resource, key);
      seen.add(key);
    }
  }
});

test('groups stand in upstream’s order with the preferred version first', () => {
  const groups = table.groups();
  assert.deepEqual(
    groups.slice(0, 4).map(({ group }) => group),
    ['', 'apiregistration.k8s.io', 'apps', 'events.k8s.io'],
  );
  assert.deepEqual(
    groups.find(({ group }) => group === 'autoscaling'),
    {
      group: 'autoscaling',
      versions: ['v2', 'v1'],
      preferredVersion: 'v2',
    },
  );
});

test('added rows come last, or in place of their namesakes; groups of custom kinds by name after all others', () => {
  const row = table.find('apps', 'v1', 'deployments');
  assert.ok(row);
  const custom = { ...row, group: 'example.com', resource: 'widgets', kind: 'Widget', custom: true } as const;
  const extended = table.withResources([custom, { ...custom, version: 'v1beta1' }, { ...row, shortNames: ['d'] }]);
  assert.equal(extended.all.length, table.all.length + 2);
  assert.deepEqual(extended.groups().slice(-2), [
    { group: 'example.com', versions: ['v1', 'v1beta1'], preferredVersion: 'v1' },
    table.groups().at(-1),
  ]);
  assert.deepEqual(extended.find('apps', 'v1', 'deployments')?.shortNames, ['d']);
  assert.deepEqual(table.find('apps', 'v1', 'deployments')?.shortNames, ['deploy']);
});

test('versions are ordered by stability, then by number', () => {
  const sorted = ['foo10', 'v1', 'v11alpha2', 'v10', 'v3beta1', 'v11beta2', 'v2', 'foo1', 'v10beta3'].sort(
    compareVersions,
  );
  assert.deepEqual(sorted, ['v10', 'v2', 'v1', 'v11beta2', 'v10beta3', 'v3beta1', 'v11alpha2', 'foo1', 'foo10']);
});

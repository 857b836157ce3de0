import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resourceTable } from '../../api/resource-table.ts';
import type { APIService } from '../../api/schema/types/apiregistration-v1.ts';
import { decideRegistrations, localApiServices, managedLabel, priorityOf } from './local-api-services.ts';

const table = resourceTable();

test('each group-version has an APIService of its own, with upstream’s priorities', () => {
  const all = new Map(localApiServices(table).map((each) => [each.name, each]));
  const priorities = (name: string) => {
    const { management, spec } = all.get(name) ?? {};
    return [management, spec?.groupPriorityMinimum, spec?.versionPriority];
  };
  assert.deepEqual(priorities('v1.'), ['onstart', 18000, 1]);
  assert.deepEqual(priorities('v1.apps'), ['onstart', 17800, 15]);
  assert.deepEqual(priorities('v2.autoscaling'), ['onstart', 17500, 30]);
  assert.deepEqual(priorities('v1.autoscaling'), ['onstart', 17500, 15]);
  assert.deepEqual(priorities('v1.rbac.authorization.k8s.io'), ['onstart', 17000, 15]);
  assert.deepEqual(priorities('v1.gateway.networking.k8s.io'), ['true', 1000, 100]);
  assert.equal(all.has('v1.apiregistration.k8s.io'), false, 'nobody else may answer for these');
  const versions = table.groups().flatMap(({ group, versions: each }) => each.map((version) => `${version}.${group}`));
  assert.equal(all.size, versions.length - 1);
});

test('the priorities give the order in which the table has its groups', () => {
  const groups = table.groups().filter(({ group }) => group !== '' && group !== 'apiregistration.k8s.io');
  const priorities = groups.map(({ group, versions: [first = ''] }) => priorityOf(group, first, 0).group);
  assert.deepEqual(
    priorities,
    priorities.toSorted((one, other) => other - one),
  );
});

const standing = (objects: readonly APIService[]) =>
  new Map(objects.map((object) => [object.metadata?.name ?? '', object]));

const apiService = (name: string, label: string | undefined, more: object = {}): APIService => {
  const [version = '', ...group] = name.split('.');
  const spec = { group: group.join('.'), version, groupPriorityMinimum: 17800, versionPriority: 15, ...more };
  return { metadata: { name, ...(label !== undefined && { labels: { [managedLabel]: label } }) }, spec };
};

test('what is missing or changed is put right, and what nobody serves any more is taken away', () => {
  const wanted = localApiServices(table).filter(({ name }) =>
    ['v1.apps', 'v1.gateway.networking.k8s.io'].includes(name),
  );
  const said = (objects: readonly APIService[], atStart: boolean) =>
    decideRegistrations(wanted, standing(objects), atStart).map((each) =>
      each.kind === 'delete' ? `delete ${each.name}` : `${each.kind} ${each.wanted.name}`,
    );
  assert.deepEqual(said([], true), ['create v1.apps', 'create v1.gateway.networking.k8s.io']);
  assert.deepEqual(said([], false), ['create v1.gateway.networking.k8s.io'], 'built-in ones wait for the next start');
  const gateway = apiService('v1.gateway.networking.k8s.io', 'true', {
    groupPriorityMinimum: 1000,
    versionPriority: 100,
  });
  assert.deepEqual(said([apiService('v1.apps', 'onstart'), gateway], true), []);
  const changed = apiService('v1.apps', 'onstart', { versionPriority: 7 });
  assert.deepEqual(said([changed, gateway], true), ['update v1.apps']);
  assert.deepEqual(said([changed, gateway], false), []);
  const own = apiService('v1.apps', undefined, { service: { namespace: 'a', name: 'b' } });
  assert.deepEqual(said([own, gateway], true), [], 'what somebody made by hand stays');
  const gone = [
    apiService('v1.example.com', 'true'),
    apiService('v1beta1.apps', 'onstart'),
    apiService('v9.x', undefined),
  ];
  assert.deepEqual(said([...gone, gateway, apiService('v1.apps', 'onstart')], false), ['delete v1.example.com']);
  assert.deepEqual(said([...gone, gateway, apiService('v1.apps', 'onstart')], true), [
    'delete v1.example.com',
    'delete v1beta1.apps',
  ]);
});

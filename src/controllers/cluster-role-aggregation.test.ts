import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClusterRole } from '../api/schema/types/rbac-v1.ts';
import { clusterRoles } from '../client/resources.ts';
import { startWorld } from './testing.ts';

const rule = (resource: string) => ({ verbs: ['get'], apiGroups: [''], resources: [resource] });

const role = (name: string, label: string, ...resources: string[]): ClusterRole => ({
  metadata: { name, ...(label !== '' && { labels: { [label]: 'yes' } }) },
  rules: resources.map(rule),
});

const gathering = (name: string, wanted: string, label = ''): ClusterRole => ({
  ...role(name, label),
  aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [wanted]: 'yes' } }] },
});

test('an aggregated role holds the rules of those it chooses, each once, through several steps and as they change', async () => {
  const world = await startWorld();
  const resources = async (name: string) => {
    await world.clock.advance(1_000);
    const found = await world.client.get(clusterRoles, { namespace: '', name });
    return found.rules?.flatMap((one) => one.resources ?? []) ?? [];
  };
  await world.client.create(clusterRoles, gathering('top', 'to-top'));
  await world.client.create(clusterRoles, gathering('middle', 'to-middle', 'to-top'));
  await world.client.create(clusterRoles, role('b', 'to-middle', 'pods', 'nodes'));
  await world.client.create(clusterRoles, role('a', 'to-middle', 'secrets', 'pods'));
  await world.client.create(clusterRoles, role('other', 'elsewhere', 'services'));
  assert.deepEqual(await resources('middle'), ['secrets', 'pods', 'nodes']);
  assert.deepEqual(await resources('top'), ['secrets', 'pods', 'nodes']);
  await world.client.update(clusterRoles, role('b', 'to-middle', 'events'));
  assert.deepEqual(await resources('top'), ['secrets', 'pods', 'events']);
  await world.client.delete(clusterRoles, { namespace: '', name: 'a' });
  assert.deepEqual(await resources('top'), ['events']);
  await world.close();
});

/** What StatefulSets and DaemonSets share of their history: a case each, for both. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DaemonSet, StatefulSet } from '../../api/schema/types/apps-v1.ts';
import type { Resource } from '../../client/client.ts';
import { controllerRevisions, daemonSets, pods, statefulSets } from '../../client/resources.ts';
import { makeSet as makeDaemonSet } from '../daemon-set/testing.ts';
import { makeSet as makeStatefulSet } from '../stateful-set/testing.ts';
import { inDefault, startWorld, type World, withImage } from '../testing.ts';
import { controllerOf } from './ownership.ts';

interface Case {
  readonly resource: Resource<StatefulSet | DaemonSet>;
  readonly name: string;
  readonly make: () => StatefulSet | DaemonSet;
}

const cases: readonly Case[] = [
  { resource: statefulSets, name: 'db', make: () => makeStatefulSet({ replicas: 1 }) },
  { resource: daemonSets, name: 'agent', make: () => makeDaemonSet() },
];

const podUids = async (world: World): Promise<readonly unknown[]> =>
  (await world.list(pods)).map(({ metadata }) => metadata?.uid);

const revisions = async (world: World) => {
  const all = await world.list(controllerRevisions);
  return all.toSorted((a, b) => a.revision - b.revision);
};

for (const { resource, name, make } of cases) {
  describe(`the revision of a ${resource.kind}`, () => {
    async function startWithSet(): Promise<World> {
      const world = await startWorld();
      await world.client.create(resource, make());
      await world.clock.advance(5000);
      return world;
    }

    test('that lost the labels it was found by still stands for the template, and holds up nothing', async () => {
      const world = await startWithSet();
      const [revision] = await revisions(world);
      const before = await podUids(world);
      const body = { metadata: { labels: { app: 'other' } } };
      await world.client.patch(controllerRevisions, inDefault(revision?.metadata?.name ?? ''), { type: 'merge', body });
      await world.clock.advance(1000);
      const annotate = { metadata: { annotations: { look: 'again' } } };
      await world.client.patch(resource, inDefault(name), { type: 'merge', body: annotate });
      await world.clock.advance(20_000);
      assert.deepEqual(await podUids(world), before, 'no pod goes for it');
      const pod = (await world.list(pods))[0]?.metadata?.name ?? '';
      await world.client.delete(pods, inDefault(pod));
      await world.clock.advance(20_000);
      assert.equal((await world.list(pods)).length, 1, 'and pods still come back');
      await world.client.patch(resource, inDefault(name), withImage('image:2'));
      await world.clock.advance(20_000);
      assert.equal((await world.list(pods))[0]?.spec?.containers[0]?.image, 'image:2');
      await world.close();
    });

    test('is taken back by whoever is made anew under the name, with the pods that were left', async () => {
      const world = await startWithSet();
      const before = await podUids(world);
      const names = (await revisions(world)).map(({ metadata }) => metadata?.name);
      await world.client.delete(resource, inDefault(name), { propagationPolicy: 'Orphan' });
      await world.clock.advance(5000);
      const orphan = (await revisions(world))[0] ?? { revision: 0 };
      assert.equal(controllerOf(orphan), undefined);
      const { metadata } = await world.client.create(resource, make());
      await world.clock.advance(20_000);
      assert.deepEqual(await podUids(world), before);
      const after = await revisions(world);
      assert.deepEqual(
        after.map((revision) => [revision.metadata?.name, controllerOf(revision)?.uid]),
        names.map((one) => [one, metadata?.uid]),
      );
      await world.close();
    });

    test('of an earlier template takes the next number when the set comes back to it', async () => {
      const world = await startWithSet();
      const first = (await revisions(world))[0]?.metadata?.name;
      for (const image of ['image:2', 'image:3', 'image:1']) {
        await world.client.patch(resource, inDefault(name), withImage(image));
        await world.clock.advance(10_000);
      }
      const after = await revisions(world);
      assert.deepEqual(
        after.map(({ revision }) => revision),
        [2, 3, 4],
      );
      assert.equal(after.at(-1)?.metadata?.name, first);
      await world.close();
    });
  });
}

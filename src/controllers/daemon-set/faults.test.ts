/** DaemonSets and StatefulSets while calls fail: what they promise about their pods holds at every instant, and all comes right after. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { unreachable } from '../../client/errors.ts';
import { interceptCalls } from '../../client/intercept.ts';
import { controllerRevisions, daemonSets, persistentVolumeClaims, pods, statefulSets } from '../../client/resources.ts';
import { SeededPrng } from '../../lib/prng.ts';
import { isDeleting } from '../shared/context.ts';
import { isActive, isReady } from '../shared/pods.ts';
import { claimTemplate, makeSet as makeStatefulSet } from '../stateful-set/testing.ts';
import { inDefault, withImage } from '../testing.ts';
import { targetNodeOf } from './placement.ts';
import { makeSet, startDaemonWorld } from './testing.ts';

const isUp = (pod: Pod): boolean => !isDeleting(pod) && isReady(pod);

for (let seed = 1; seed <= 5; seed++) {
  test(`with a fifth of all calls failing, or answered into nothing, bounds hold and rollouts end (seed ${seed})`, async () => {
    const chance = new SeededPrng(seed);
    let faulty = false;
    const maybe = async (text: string): Promise<void> => {
      if (faulty && chance.next() < 0.1) throw unreachable(text);
    };
    const world = await startDaemonWorld(['a', 'b', 'c', 'd'], {
      wrap: (client) =>
        interceptCalls(
          client,
          () => maybe('the call got lost'),
          () => maybe('the answer got lost'),
        ),
    });
    const { client, clock } = world;
    await client.create(daemonSets, makeSet());
    await client.create(statefulSets, makeStatefulSet({ volumeClaimTemplates: [claimTemplate('data')] }));
    await clock.advance(20_000);

    const check = async (): Promise<void> => {
      const all = await world.list(pods);
      const [agents, members] = ['agent', 'db'].map((app) =>
        all.filter((pod) => pod.metadata?.labels?.['app'] === app),
      );
      const nodes = (agents ?? []).filter(isActive).map(targetNodeOf);
      assert.equal(new Set(nodes).size, nodes.length, 'two pods on a node');
      assert.ok((agents ?? []).filter(isUp).length >= 3, 'more than one agent is missing');
      assert.ok((members ?? []).filter(isUp).length >= 2, 'more than one member is missing');
    };
    const disturbed = async (forMs: number): Promise<void> => {
      for (let atMs = 0; atMs < forMs; atMs += 250) {
        faulty = true;
        await clock.advance(250);
        faulty = false;
        await check();
      }
    };
    for (const version of [2, 3]) {
      await client.patch(daemonSets, inDefault('agent'), withImage(`image:${version}`));
      await client.patch(statefulSets, inDefault('db'), withImage(`image:${version}`));
      await disturbed(15_000);
    }
    await clock.advance(200_000);
    await check();
    const images = (await world.list(pods)).map((pod) => pod.spec?.containers[0]?.image);
    assert.deepEqual(
      images,
      Array.from({ length: 7 }, () => 'image:3'),
    );
    assert.equal((await world.list(persistentVolumeClaims)).length, 3);
    const numbers = (await world.list(controllerRevisions)).map(({ revision }) => revision).sort();
    assert.deepEqual(numbers, [1, 1, 2, 2, 3, 3]);
    const { currentRevision, updateRevision, availableReplicas } = (await world.get(statefulSets, 'db'))?.status ?? {};
    assert.deepEqual([currentRevision, availableReplicas], [updateRevision, 3]);
    const { updatedNumberScheduled, numberAvailable } = (await world.get(daemonSets, 'agent'))?.status ?? {};
    assert.deepEqual([updatedNumberScheduled, numberAvailable], [4, 4]);
    await world.close();
  });
}

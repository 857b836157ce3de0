import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unreachable } from '../client/errors.ts';
import { interceptCalls } from '../client/intercept.ts';
import { deployments, namespaces, nodes, pods, replicaSets } from '../client/resources.ts';
import { SeededPrng } from '../lib/prng.ts';
import { Scheduler } from '../scheduler/scheduler.ts';
import { isActive } from './shared/pods.ts';
import { addNode, inDefault, makeDeployment, startWorld, withImage } from './testing.ts';

/** First anything may fail, then everything must come right. */
for (let seed = 1; seed <= 3; seed++) {
  test(`with a fifth of all calls failing, or answered into nothing, loops and scheduler still converge (seed ${seed})`, async () => {
    const chance = new SeededPrng(seed);
    let faulty = false;
    const maybe = async (text: string): Promise<void> => {
      if (faulty && chance.next() < 0.1) throw unreachable(text);
    };
    const world = await startWorld({
      seed,
      wrap: (client) =>
        interceptCalls(
          client,
          () => maybe('the call got lost'),
          () => maybe('the answer got lost'),
        ),
      services: (api) => [new Scheduler(api)],
    });
    for (const name of ['a', 'b', 'c']) await addNode(world.client, name);
    await world.client.create(deployments, makeDeployment('web', { spec: { replicas: 6 } }));
    await world.client.create(namespaces, { metadata: { name: 'going' } });
    const other = makeDeployment('other');
    await world.client.create(deployments, { ...other, metadata: { ...other.metadata, namespace: 'going' } });
    faulty = true;
    await world.clock.advance(20_000);
    faulty = false;
    await world.client.patch(deployments, inDefault('web'), withImage('image:2'));
    await world.client.delete(namespaces, { namespace: '', name: 'going' });
    faulty = true;
    await world.clock.advance(30_000);
    faulty = false;
    await world.clock.advance(200_000);

    const running = (await world.list(pods)).filter(isActive);
    assert.deepEqual(
      running.map((pod) => pod.spec?.containers[0]?.image),
      Array.from({ length: 6 }, () => 'image:2'),
    );
    assert.ok(running.every((pod) => pod.spec?.nodeName));
    const status = (await world.get(deployments, 'web'))?.status;
    assert.deepEqual([status?.replicas, status?.availableReplicas, status?.updatedReplicas], [6, 6, 6]);
    assert.deepEqual((await world.list(replicaSets)).map((set) => `${set.spec?.replicas}`).sort(), ['0', '6']);
    assert.equal(await world.get(namespaces, 'going'), undefined);
    assert.equal((await world.list(pods, 'going')).length, 0);
    assert.equal((await world.list(nodes)).length, 3);
    await world.close();
  });
}

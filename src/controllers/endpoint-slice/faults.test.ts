import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unreachable } from '../../client/errors.ts';
import { interceptCalls } from '../../client/intercept.ts';
import { endpoints, pods, services } from '../../client/resources.ts';
import { nextInt, SeededPrng } from '../../lib/prng.ts';
import { inDefault, type World } from '../testing.ts';
import { addPod, createService, endpointTexts, slicesOf, startServiceWorld, tell } from './testing.ts';

/** Services, pods and their readiness change; the calls of loops are what gets lost, ours are not. */
async function disturb(world: World, chance: SeededPrng): Promise<void> {
  for (let round = 0; round < 25; round++) {
    const standing = await world.list(pods);
    const picked = standing[nextInt(chance, standing.length)]?.metadata?.name ?? '';
    const act = nextInt(chance, 5);
    if (act === 0) await addPod(world, `new-${round}`, { ip: `10.9.0.${round}`, ready: chance.next() < 0.5 });
    else if (act === 1) await world.client.delete(pods, inDefault(picked), { gracePeriodSeconds: 0 });
    else if (act === 2) {
      const body = { metadata: { labels: { team: `${round}` } } };
      await world.client.patch(services, inDefault('web'), { type: 'merge', body });
    } else await tell(world, picked, { ready: chance.next() < 0.5 });
    await world.clock.advance(nextInt(chance, 1000));
  }
}

for (let seed = 1; seed <= 2; seed++) {
  test(`with a fifth of all calls failing, or answered into nothing, slices and Endpoints still converge (seed ${seed})`, async () => {
    const chance = new SeededPrng(seed);
    let faulty = false;
    const written = new Set(['endpoints', 'endpointslices']);
    const maybe = async (what: string, resource: string): Promise<void> => {
      if (faulty && written.has(resource) && chance.next() < 0.1) throw unreachable(what);
    };
    const world = await startServiceWorld({
      wrap: (client) =>
        interceptCalls(
          client,
          ({ resource }) => maybe('the call got lost', resource.resource),
          ({ resource }) => maybe('the answer got lost', resource.resource),
        ),
    });
    for (let index = 0; index < 101; index++) {
      await addPod(world, `pod-${index}`, { ip: `10.8.0.${index}`, ready: index % 3 > 0 });
    }
    faulty = true;
    await createService(world);
    await disturb(world, chance);
    faulty = false;
    await world.clock.advance(60_000);

    const running = await world.list(pods);
    const ready = (pod: (typeof running)[number]): boolean => pod.status?.conditions?.[0]?.status === 'True';
    const expected = running.map((pod) => `${pod.metadata?.name}${ready(pod) ? ' ready serving' : ''}`).toSorted();
    assert.deepEqual(await endpointTexts(world), expected);
    const slices = await slicesOf(world);
    assert.ok(slices.every((slice) => (slice.endpoints?.length ?? 0) <= 100));
    const team = (await world.get(services, 'web'))?.metadata?.labels?.['team'];
    for (const { metadata } of slices) assert.equal(metadata?.labels?.['team'], team);
    const [subset] = (await world.get(endpoints, 'web'))?.subsets ?? [];
    const namesOf = (list: readonly { readonly targetRef?: { readonly name?: string } }[] = []) =>
      list.map(({ targetRef }) => targetRef?.name).toSorted();
    const nameOf = (pod: (typeof running)[number]) => pod.metadata?.name;
    assert.deepEqual(namesOf(subset?.addresses), running.filter(ready).map(nameOf).toSorted());
    assert.deepEqual(
      namesOf(subset?.notReadyAddresses),
      running
        .filter((pod) => !ready(pod))
        .map(nameOf)
        .toSorted(),
    );
    await world.close();
  });
}

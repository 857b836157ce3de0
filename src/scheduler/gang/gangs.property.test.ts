/**
 * Random gangs, pods and nodes that come and go, in a random order: at rest no gang runs by part, no node holds more than it has, and nobody
 * who would fit still waits.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextInt, type Prng, SeededPrng } from '../../lib/prng.ts';
import { conditionOf, type GangWorld, startGangs } from './testing.ts';

interface Gang {
  readonly name: string;
  readonly minCount: number;
  readonly count: number;
  readonly cpu: number;
}

const randomGang = (prng: Prng, index: number): Gang => {
  const count = 1 + nextInt(prng, 5);
  return { name: `g${index}`, count, minCount: 1 + nextInt(prng, count), cpu: 1 + nextInt(prng, 2) };
};

/** In an order by chance. */
function shuffled<T>(items: readonly T[], prng: Prng): T[] {
  const left = [...items];
  const result: T[] = [];
  while (left.length > 0) result.push(...left.splice(nextInt(prng, left.length), 1));
  return result;
}

async function checkAtRest(
  world: GangWorld,
  gangs: readonly Gang[],
  cpuOf: ReadonlyMap<string, number>,
): Promise<void> {
  const places = await world.places();
  const taken = new Map<string, number>();
  for (const [name, node] of Object.entries(places)) {
    if (node !== '')
      taken.set(node, (taken.get(node) ?? 0) + (gangs.find((gang) => name.startsWith(`${gang.name}-`))?.cpu ?? 1));
  }
  for (const [node, cpu] of taken) assert.ok(cpu <= (cpuOf.get(node) ?? 0), `${node} holds ${cpu}`);
  const freeOn = [...cpuOf].map(([node, cpu]) => cpu - (taken.get(node) ?? 0));
  for (const { name, minCount, count, cpu } of gangs) {
    const bound = Object.entries(places).filter(([pod, node]) => pod.startsWith(`${name}-`) && node !== '').length;
    assert.ok(bound === 0 || bound >= minCount, `${name} runs ${bound} of at least ${minCount}`);
    const room = freeOn.reduce((sum, free) => sum + Math.floor(free / cpu), 0);
    if (bound === 0) assert.ok(room < minCount, `${name} waits, and ${room} of ${minCount} would fit`);
    else assert.ok(bound === count || room === 0, `${name} has ${bound} of ${count}, and there is room for ${room}`);
    const [status] = conditionOf(await world.group(name));
    if (bound === 0) assert.equal(status, 'False', name);
  }
}

test('whatever comes in whatever order, a gang runs with as many pods as it needs, or not at all', async () => {
  for (let seed = 1; seed <= 12; seed++) {
    const prng = new SeededPrng(seed);
    const world = await startGangs({ seed });
    const cpuOf = new Map<string, number>();
    const gangs = Array.from({ length: 2 + nextInt(prng, 4) }, (_, index) => randomGang(prng, index));
    const addNode = async (): Promise<void> => {
      const [name, cpu] = [`node-${cpuOf.size}`, 1 + nextInt(prng, 4)];
      cpuOf.set(name, cpu);
      await world.addNode(name, String(cpu));
    };
    const steps = [
      ...Array.from({ length: 1 + nextInt(prng, 4) }, () => addNode),
      ...gangs.flatMap(({ name, minCount, count, cpu }) => [
        () => world.addGroup(name, minCount),
        ...Array.from({ length: count }, (_, index) => () => world.addPod(`${name}-${index}`, name, String(cpu))),
      ]),
      ...Array.from({ length: nextInt(prng, 3) }, (_, index) => () => world.addPod(`single-${index}`)),
    ];
    for (const step of shuffled(steps, prng)) {
      await step();
      if (nextInt(prng, 3) === 0) await world.clock.advance(nextInt(prng, 3000));
    }
    await world.clock.advance(60_000);
    await checkAtRest(world, gangs, cpuOf);
    await addNode();
    await world.clock.advance(60_000);
    await checkAtRest(world, gangs, cpuOf);
    await world.close();
  }
});

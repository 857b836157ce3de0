/**
 * What the rules cost an object that keeps them all: its metadata's and its kind's, as every new object is held to, after defaults.
 * Baseline: JSON.parse of the same bytes.
 */
import type { JsonObject, KubeObject } from '../src/api/object.ts';
import { resourceTable } from '../src/api/resource-table.ts';
import { builtinSchema } from '../src/api/schema/load.ts';
import { RealClock } from '../src/lib/clock.ts';
import { silentLogger } from '../src/lib/log.ts';
import { SeededPrng } from '../src/lib/prng.ts';
import { bootstrap } from '../src/registry/bootstrap.ts';
import { Registry } from '../src/registry/registry.ts';
import { ServedResources } from '../src/registry/served-resource.ts';
import type { StrategyContext } from '../src/registry/strategy.ts';
import { validateNew } from '../src/registry/validate.ts';
import { MemoryStore } from '../src/store/memory-store.ts';
import { podBody } from './api/objects.ts';
import type { Benchmark, Figure } from './figure.ts';

const clock = new RealClock();
const user = { name: 'bench', groups: ['system:masters'] };

const benchmark: Benchmark = {
  name: 'validation',
  async run({ small }) {
    const rounds = small ? 5_000 : 200_000;
    const schema = builtinSchema();
    const resources = resourceTable();
    const info = resources.find('', 'v1', 'pods');
    if (info === undefined) throw new Error('there are pods');
    const served = new ServedResources({ schema, resources, prng: new SeededPrng(1) }).of(info);
    const store = new MemoryStore({ clock, log: silentLogger });
    await store.start();
    const registry = new Registry({ store, clock, prng: new SeededPrng(1), schema, resources, log: silentLogger });
    await bootstrap(registry);
    const target = { user, resource: info, namespace: 'default', name: '', subresource: '' };
    const body = JSON.parse(podBody('web').toString()) as JsonObject;
    const { object } = await registry.create(target, body, {});
    const context: StrategyContext = {
      user,
      nowMs: clock.now(),
      store,
      serviceFamilies: ['IPv4'],
      warn: () => undefined,
    };
    const text = JSON.stringify(object);
    const validated = microseconds(rounds, () => {
      if (validateNew(served, object, context).length > 0) throw new Error('the pod keeps all rules');
    });
    const parsed = microseconds(rounds, () => void (JSON.parse(text) as KubeObject));
    await store.close();
    return [figure(`the rules of a pod of ${(text.length / 1_024).toFixed(1)} KB`, validated, parsed)];
  },
};

export default benchmark;

function microseconds(rounds: number, work: () => void): number {
  for (let i = 0; i < rounds / 5; i++) work();
  const start = clock.monotonic();
  for (let i = 0; i < rounds; i++) work();
  return ((clock.monotonic() - start) * 1_000) / rounds;
}

function figure(name: string, us: number, baseline: number): Figure {
  const rounded = (value: number): number => Number(value.toFixed(2));
  return {
    bench: 'validation',
    figure: name,
    value: rounded(us),
    unit: 'µs',
    baseline: rounded(baseline),
    ratio: Number((us / baseline).toFixed(2)),
  };
}

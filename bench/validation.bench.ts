/**
 * What the rules cost an object that keeps them all: its metadata's and its kind's, as every new object is held to, after defaults; and
 * what a custom resource's schema costs.
 * Baseline: JSON.parse of the same bytes.
 */
import type { CustomDefinition } from '../src/api/custom-definition.ts';
import { decodeObject } from '../src/api/decode.ts';
import type { JsonObject, KubeObject } from '../src/api/object.ts';
import { resourceTable } from '../src/api/resource-table.ts';
import { builtinSchema } from '../src/api/schema/load.ts';
import type { CustomResourceDefinition } from '../src/api/schema/types/apiextensions-v1.ts';
import { messageTypeOf } from '../src/api/structural/message-type.ts';
import { structuralOf } from '../src/api/structural/structural-of.ts';
import { RealClock } from '../src/lib/clock.ts';
import { silentLogger } from '../src/lib/log.ts';
import { SeededPrng } from '../src/lib/prng.ts';
import { bootstrap } from '../src/registry/bootstrap.ts';
import { validateCustom } from '../src/registry/custom-values/validate-custom.ts';
import { Registry } from '../src/registry/registry.ts';
import { ServedResources } from '../src/registry/served-resource.ts';
import type { StrategyContext } from '../src/registry/strategy.ts';
import { validateNew } from '../src/registry/validate.ts';
import { MemoryStore } from '../src/store/memory-store.ts';
import { podBody } from './api/objects.ts';
import { websiteBody, websiteDefinition } from './extensions/definitions.ts';
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
    return [figure(`the rules of a pod of ${kilobytes(text)}`, validated, parsed), ...customFigures(rounds)];
  },
};

/** What a schema makes of a custom resource, and what it says of it. */
function customFigures(rounds: number): Figure[] {
  const { spec } = JSON.parse(websiteDefinition().toString()) as CustomResourceDefinition;
  const schema = spec.versions[0]?.schema?.openAPIV3Schema;
  if (schema === undefined) throw new Error('the definition has a schema');
  const structural = structuralOf(schema);
  const type = messageTypeOf({ group: spec.group, version: 'v1', kind: spec.names.kind }, structural);
  const text = websiteBody('web').toString();
  const { object } = decodeObject(type, JSON.parse(text) as JsonObject);
  const definition = { structural, scale: undefined } as unknown as CustomDefinition;
  const sent = JSON.parse(text) as JsonObject;
  const read = microseconds(rounds, () => void decodeObject(type, sent));
  const validated = microseconds(rounds, () => {
    if (validateCustom(definition, object).length > 0) throw new Error('the resource keeps to its schema');
  });
  const parsed = microseconds(rounds, () => void (JSON.parse(text) as JsonObject));
  const size = kilobytes(text);
  return [
    figure(`a custom resource of ${size} read by its schema`, read, parsed),
    figure(`a custom resource of ${size} validated`, validated, parsed),
  ];
}

const kilobytes = (text: string): string => `${(text.length / 1_024).toFixed(1)} KB`;

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

/** For tests of what stands above the registry: a whole API in this process, over a store in memory, with nothing that acts by itself but for definitions of custom kinds. */
import { LiveApi } from '../api/live-api.ts';
import { type ResourceTable, resourceTable } from '../api/resource-table.ts';
import { builtinSchema } from '../api/schema/load.ts';
import { type Clock, VirtualClock } from '../lib/clock.ts';
import { type Logger, silentLogger } from '../lib/log.ts';
import { type Prng, SeededPrng } from '../lib/prng.ts';
import { CustomKinds } from '../registry/custom/custom-kinds.ts';
import { DefinitionKeeper } from '../registry/custom/definition-keeper.ts';
import { Registry } from '../registry/registry.ts';
import type { Authorizer, UserInfo } from '../registry/request.ts';
import { MemoryStore } from '../store/memory-store.ts';
import type { Client } from './client.ts';
import { inProcessClient } from './in-process-client.ts';
import { InformerSet } from './informer.ts';
import { namespaces, serviceAccounts } from './resources.ts';

export interface TestApi<C extends Clock = VirtualClock> {
  readonly clock: C;
  readonly prng: Prng;
  readonly log: Logger;
  readonly store: MemoryStore;
  readonly registry: Registry;
  readonly resources: ResourceTable;
  readonly client: Client;
  readonly informers: InformerSet;
}

export const everythingAllowed: Authorizer = { decide: () => ({ allowed: true, reason: '' }) };

export const administrator: UserInfo = { name: 'admin', groups: ['system:masters', 'system:authenticated'] };

/** The store is started and the namespace `default` is there; the informers wait to be started. `wrap` puts faults before the informers and the client. */
export async function startTestApi(
  options: { seed?: number; log?: Logger; wrap?: (client: Client) => Client } = {},
): Promise<TestApi> {
  return startTestApiOn(new VirtualClock(), options);
}

export async function startTestApiOn<C extends Clock>(
  clock: C,
  {
    seed = 1,
    log = silentLogger,
    wrap = (client) => client,
  }: { seed?: number; log?: Logger; wrap?: (client: Client) => Client } = {},
): Promise<TestApi<C>> {
  const prng = new SeededPrng(seed);
  const store = new MemoryStore({ clock, log });
  await store.start();
  const api = new LiveApi(resourceTable(), builtinSchema());
  const { resources, schema } = api;
  const registry = new Registry({ store, clock, prng, schema, resources, log });
  await new CustomKinds({ store, api, log }).start();
  await new DefinitionKeeper({ handler: registry, store, resources, clock, prng, log }).start();
  const plain = inProcessClient({ handler: registry, authorizer: everythingAllowed, user: administrator, resources });
  await plain.create(namespaces, { metadata: { name: 'default' } });
  // Without a token for each pod, tests see the pods that they wrote.
  await plain.create(serviceAccounts, {
    metadata: { namespace: 'default', name: 'default' },
    automountServiceAccountToken: false,
  });
  const client = wrap(plain);
  const informers = new InformerSet({ client, clock, prng, log });
  return { clock, prng, log, store, registry, resources, client, informers };
}

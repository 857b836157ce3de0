/**
 * A node's part in addresses of pools: it holds those that are its own (`holders.ts`) on the interface that faces their network, where the kernel then
 * answers ARP and neighbour discovery for them, and lets go of the others.
 *
 * What it holds stands in a file before it is taken, so that `naru down`, or the next start, finds it after a crash. When the agent ends, it stays.
 */
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { objectKey } from '../../api/object.ts';
import type { Service as ServiceObject } from '../../api/schema/types/core-v1.ts';
import { ControlLoop, done, type Outcome } from '../../client/controller.ts';
import { endpointSlices, nodes as nodeResource, services as serviceResource } from '../../client/resources.ts';
import { writePrivateFile } from '../../lib/private-file.ts';
import type { Service } from '../../lib/service.ts';
import type { NetworkContext } from '../context.ts';
import { wantsAddress } from './allocate.ts';
import { readyNodesOf, sliceService } from './endpoint-nodes.ts';
import { heldBy } from './holders.ts';
import { type AddressKernel, kernelAddresses } from './kernel-addresses.ts';
import { loadBalancerSection } from './settings.ts';

const everything = 'all';
const byService = 'load-balancer service';
const stateFile = (folder: string): string => path.join(folder, 'load-balancer-addresses.json');

/** By address: the interface that it is on. */
type Held = ReadonlyMap<string, string>;

export const addressAnnouncerPart = (context: NetworkContext): Service => addressAnnouncer(context, kernelAddresses);

export function addressAnnouncer(context: NetworkContext, kernel: AddressKernel): Service {
  const { informers, nodeName, folder } = context;
  const settings = context.configuration.section('loadBalancer', loadBalancerSection);
  const services = informers.informer(serviceResource);
  const nodes = informers.informer(nodeResource);
  const slices = informers.informer(endpointSlices).addIndex(byService, (slice) => [sliceService(slice)]);
  let held: Held | undefined;

  async function reconcile(): Promise<Outcome> {
    const before = held ?? (await readHeld(folder));
    const { pools } = settings.current;
    const wanted = heldBy(nodeName, {
      services: services.cache.list(),
      nodes: nodes.cache.list(),
      pools,
      endpointNodes: (service) => readyNodesOf(slices.cache.byIndex(byService, objectKey(service))),
    });
    const now = new Map(before);
    // What is on its way is in the file, too: a crash leaves nothing behind that is not known.
    for (const [address, wish] of wanted)
      if (!now.has(address)) now.set(address, wish || (await kernel.interfaceFor(address)));
    if (now.size > 0 || before.size > 0) await writePrivateFile(stateFile(folder), JSON.stringify([...now]));
    for (const [address, device] of now) {
      if (wanted.has(address)) await kernel.hold(address, device, !before.has(address) || held === undefined);
      else {
        await kernel.drop(address, device);
        now.delete(address);
      }
    }
    if (now.size < before.size) await writePrivateFile(stateFile(folder), JSON.stringify([...now]));
    held = now;
    return done;
  }

  const loop = new ControlLoop({
    ...context,
    name: 'load balancer addresses',
    informers: [services, nodes, slices],
    reconcile,
    workers: 1,
    backoffMsMax: 10_000,
    begin: () => loop.queue.add(everything),
  });
  const wake = (): void => loop.queue.add(everything);
  const ifWanting = (service: ServiceObject): void => void (wantsAddress(service) && wake());
  const removals = [
    services.addHandler({
      added: ifWanting,
      updated: (service, before) => void ((wantsAddress(service) || wantsAddress(before)) && wake()),
      deleted: ifWanting,
    }),
    nodes.addHandler({ added: wake, updated: wake, deleted: wake }),
    slices.addHandler({ added: wakeIfPools, updated: wakeIfPools, deleted: wakeIfPools }),
    settings.onChange(wake),
  ];
  function wakeIfPools(): void {
    if (settings.current.pools.length > 0) wake();
  }
  return {
    name: 'load balancer addresses',
    start: () => loop.start(),
    close: async () => {
      for (const remove of removals) remove();
      await loop.close();
    },
  };
}

async function readHeld(folder: string): Promise<Held> {
  try {
    const content: unknown = JSON.parse(await readFile(stateFile(folder), 'utf8'));
    const isPair = (pair: unknown): pair is [string, string] =>
      Array.isArray(pair) && pair.length === 2 && pair.every((part) => typeof part === 'string');
    return new Map(Array.isArray(content) ? content.filter(isPair) : []);
  } catch {
    return new Map();
  }
}

/** For `naru down`: whatever this home holds goes. Idempotent. Resolves with what went. */
export async function dropAnnouncedAddresses(
  folder: string,
  kernel: AddressKernel = kernelAddresses,
): Promise<readonly string[]> {
  const held = await readHeld(folder);
  for (const [address, device] of held) await kernel.drop(address, device);
  await rm(stateFile(folder), { force: true });
  return [...held.keys()];
}

/**
 * What `naru down` takes away of a home's network, whatever state the machine is in: also after a crash, and twice. Each part of the network has a line here;
 * tables of nftables need none, since all carry the home's id in their names.
 *
 * What stays: that the machine forwards packets (`pod-network/forwarding.ts`), since others may have come to need it.
 */
import type { Clock } from '../lib/clock.ts';
import { dropHeldAddresses, heldAddresses } from './dns/local-address.ts';
import { tearDownGateway } from './gateway/teardown.ts';
import { dropAnnouncedAddresses } from './load-balancer/announcer.ts';
import { machineCommands, type NetworkCommands } from './pod-network/commands.ts';
import { KernelNetwork } from './pod-network/kernel-network.ts';

export interface NetworkHome {
  /** As in `NetworkContext`. */
  readonly id: string;
  readonly folder: string;
  readonly clock: Clock;
}

export interface NetworkTeardownReport {
  /** One line for each thing. */
  readonly removed: readonly string[];
  /** What could not be removed, and why; empty when nothing is left. */
  readonly left: readonly string[];
}

/** Removes one kind of things, and says which. */
type Remover = (home: NetworkHome, commands: NetworkCommands) => Promise<readonly string[]>;

/** Who sends packets goes before what their packets need. */
const removers: readonly Remover[] = [
  tearDownGateway,
  (home, commands) => new KernelNetwork(commands, home.id).remove(),
  dnsAddresses,
  announcedAddresses,
  nftTables,
];

export async function tearDownNetwork(
  home: NetworkHome,
  commands: NetworkCommands = machineCommands,
): Promise<NetworkTeardownReport> {
  const removed: string[] = [];
  const left: string[] = [];
  for (const remove of removers) {
    try {
      removed.push(...(await remove(home, commands)));
    } catch (error) {
      left.push((error as Error).message);
    }
  }
  return { removed, left };
}

async function dnsAddresses({ folder }: NetworkHome): Promise<readonly string[]> {
  const held = await heldAddresses(folder);
  await dropHeldAddresses(folder);
  return held.map((address) => `address ${address}`);
}

async function announcedAddresses({ folder }: NetworkHome): Promise<readonly string[]> {
  return (await dropAnnouncedAddresses(folder)).map((address) => `address ${address}`);
}

/** Last: rules hold until there is nobody left whom they could protect. Without nft there are none. */
async function nftTables({ id }: NetworkHome, commands: NetworkCommands): Promise<readonly string[]> {
  const listed = await commands.run('nft', ['list', 'tables']).catch(unlessMissing);
  const own = listed.split('\n').filter((line) => line.startsWith('table ') && line.includes(id));
  for (const line of own) await commands.run('nft', ['delete', ...line.trim().split(' ')]);
  return own;
}

function unlessMissing(error: unknown): string {
  if (/was not found/.test((error as Error).message)) return '';
  throw error;
}

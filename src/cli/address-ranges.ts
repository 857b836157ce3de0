/**
 * Where the addresses of a cluster's Services and pods come from: the options, and what a home has where nobody says.
 *
 * Clusters side by side on one machine need different addresses. The usual home has the first ranges, others those of a number that their path
 * makes, from 1 to 254:
 *
 * ```
 *             Services                          this machine's pods (a part of the cluster's 10.42.0.0/16)
 *  usual      10.43.0.0/16                      10.42.0.0/24
 *  number n   the n-th /19 from 10.58.0.0 on    10.42.n.0/24
 * ```
 * Kept true: a cluster that is there keeps its ranges; a second family may be added. One that was made before homes had ranges of their own
 * keeps what its state says.
 */
import { existsSync } from 'node:fs';
import process from 'node:process';
import type { Command } from 'commander';
import type { ServiceCIDR } from '../api/schema/types/networking-v1.ts';
import type { Home } from '../home.ts';
import { contains, formatCidr, formatIp, type IpNetwork, parseCidr } from '../lib/ip-addresses.ts';
import {
  changeRefused,
  cidrCollection,
  defaultServiceCidrs,
  mayBecome,
  ownCidrName,
} from '../registry/service-ranges.ts';
import { UserError } from './user-error.ts';

export interface RangeCommandOptions {
  /** One, or one of each family, separated by a comma; likewise below. */
  readonly serviceCidr?: string;
  readonly clusterCidr?: string;
}

export interface RangeSettings {
  /** Those of Services, the primary family first. Absent: what the state says. */
  readonly serviceCidrs?: readonly string[] | undefined;
  /** Those of pods, which nodes have parts of. */
  readonly clusterCidrs: readonly string[];
  /** The pods' addresses on this node, one range of a family, with a comma between. */
  readonly podCidr: string;
}

export function withRanges(command: Command): Command {
  return command
    .option('--service-cidr <ranges>', "the addresses of Services: a range, or one of IPv4 and one of IPv6 ('A,B')")
    .option('--cluster-cidr <ranges>', "the addresses of pods, likewise (default: '10.42.0.0/16')");
}

const defaultClusterCidrs = ['10.42.0.0/16'];

/** For a home that has no settings yet. */
export function freshRanges(home: Home): RangeSettings {
  const number = numberOf(home.root);
  return {
    ...(!existsSync(home.state) && { serviceCidrs: number === 0 ? defaultServiceCidrs : [serviceRange(number)] }),
    ...podRanges(defaultClusterCidrs, number),
  };
}

function numberOf(root: string): number {
  if (root === '/var/lib/naru') return 0;
  // Every command loads this file, and few need a hash.
  const { createHash } = process.getBuiltinModule('node:crypto');
  const byte = createHash('sha256').update(root).digest()[0] ?? 0;
  return 1 + (byte % 254);
}

const serviceRange = (number: number): string => `10.${58 + Math.floor(number / 8)}.${(number % 8) * 32}.0/19`;

/** Of each range the part that this machine's number gets. */
function podRanges(clusterCidrs: readonly string[], number: number): Omit<RangeSettings, 'serviceCidrs'> {
  return { clusterCidrs, podCidr: clusterCidrs.map((cidr) => partOf(cidr, number)).join() };
}

/** As nodes get them from the control loop: /24 of IPv4, /64 of IPv6. */
function partOf(cidr: string, number: number): string {
  const network = networkOf(cidr);
  const { width, partBits } = facts[network.address.family];
  const prefix = Math.max(partBits, network.prefix);
  const index = BigInt(number) % (1n << BigInt(prefix - network.prefix));
  const bits = network.address.bits + (index << BigInt(width - prefix));
  return `${formatIp({ ...network.address, bits })}/${prefix}`;
}

/** What was asked for, over what there is. @throws UserError where it cannot be had */
export async function rangeSettings(
  before: RangeSettings,
  options: RangeCommandOptions,
  home: Home,
): Promise<RangeSettings> {
  const wanted = {
    services: parseRanges(options.serviceCidr, serviceOption),
    pods: parseRanges(options.clusterCidr, clusterOption),
  };
  if (wanted.services && existsSync(home.state)) await refuseOtherServices(before, wanted.services, home);
  const { clusterCidrs, podCidr } = wanted.pods ? wantedPodRanges(before, wanted.pods, home) : before;
  const serviceCidrs = wanted.services ?? before.serviceCidrs;
  if (wanted.services || wanted.pods) refuseOverlap(serviceCidrs ?? [], clusterCidrs);
  return { serviceCidrs, clusterCidrs, podCidr };
}

/** A node's own ranges never change, so that of a cluster that is there they stay. */
function wantedPodRanges(
  before: RangeSettings,
  wanted: readonly string[],
  home: Home,
): Omit<RangeSettings, 'serviceCidrs'> {
  if (!existsSync(home.state)) return podRanges(wanted, numberOf(home.root));
  const { clusterCidrs } = before;
  if (mayBecome(clusterCidrs, wanted)) return { ...before, clusterCidrs: wanted };
  throw new UserError(
    `the pods of the cluster in ${home.root} have their addresses from ${clusterCidrs.join(',')}, which cannot become ${wanted.join(',')} (a range of the other family may be added behind it); for other addresses make a new cluster, with another NARU_HOME or after naru down --all`,
  );
}

/** The state knows best. */
async function refuseOtherServices(before: RangeSettings, wanted: readonly string[], home: Home): Promise<void> {
  const { lastWritten } = await import('../store/sqlite/state-survey.ts');
  const own: ServiceCIDR | undefined = lastWritten(home.state, cidrCollection, ownCidrName);
  const standing = own?.spec?.cidrs ?? before.serviceCidrs ?? defaultServiceCidrs;
  if (!mayBecome(standing, wanted)) throw new UserError(changeRefused(standing, wanted));
}

interface RangeOption {
  readonly name: string;
  readonly example: string;
  /** The prefixes that a range may have, by family. */
  readonly prefixes: Readonly<Record<'IPv4' | 'IPv6', readonly [least: number, most: number]>>;
}

/** DNS has the tenth address of the first. */
const serviceOption: RangeOption = {
  name: '--service-cidr',
  example: '10.43.0.0/16,fd00:43::/108',
  prefixes: { IPv4: [8, 28], IPv6: [64, 124] },
};

/** No more than 65,536 parts, and at least one. */
const clusterOption: RangeOption = {
  name: '--cluster-cidr',
  example: '10.42.0.0/16,fd00:42::/56',
  prefixes: { IPv4: [8, 24], IPv6: [48, 64] },
};

const facts = { IPv4: { width: 32, partBits: 24 }, IPv6: { width: 128, partBits: 64 } } as const;

function parseRanges(text: string | undefined, option: RangeOption): readonly string[] | undefined {
  if (text === undefined) return undefined;
  const wrong = (why: string): UserError =>
    new UserError(`${option.name} takes a range, or one of each family, as ${option.example}; ${why}`);
  const ranges = text.split(',').map((part) => part.trim());
  if (ranges.length > 2) throw wrong(`${text} are ${ranges.length}`);
  const networks = ranges.map((range) => {
    const network = parseCidr(range);
    if (network === undefined || network.address.mapped || network.leadingZeros)
      throw wrong(`${range || "''"} is none`);
    if (formatCidr(network) !== range) throw wrong(`${range} should be written ${formatCidr(network)}`);
    const [least, most] = option.prefixes[network.address.family];
    if (network.prefix < least || network.prefix > most) {
      throw wrong(`of ${network.address.family} it must be from /${least} to /${most}, and ${range} is not`);
    }
    return network;
  });
  const [first, second] = networks.map(({ address }) => address.family);
  if (first === second) throw wrong(`both are of ${first}`);
  return ranges;
}

function refuseOverlap(services: readonly string[], pods: readonly string[]): void {
  for (const service of services) {
    const pod = pods.find((cidr) => overlap(networkOf(service), networkOf(cidr)));
    if (pod === undefined) continue;
    throw new UserError(
      `the addresses of Services, ${service}, and those of pods, ${pod}, are partly the same; name other ranges with --service-cidr or --cluster-cidr`,
    );
  }
}

const overlap = (a: IpNetwork, b: IpNetwork): boolean => contains(a, b.address) || contains(b, a.address);

function networkOf(cidr: string): IpNetwork {
  const network = parseCidr(cidr);
  if (network === undefined) throw new UserError(`the settings name a range of addresses that is none: ${cidr}`);
  return network;
}

/**
 * Section `loadBalancer` of the settings: where the addresses of LoadBalancer Services come from. Without pools they are the nodes' own.
 *
 * ```yaml
 * loadBalancer:
 *   pools:
 *     - name: office
 *       addresses: [192.168.0.240-192.168.0.250, 10.9.0.0/28]
 *       autoAssign: true            # false: only to Services that name the pool or an address of it
 *       namespaces: [web]           # only to Services there; all where absent
 *       announce: true              # a node answers for each address (ARP, NDP); false: somebody routes them here
 *       interface: eth0             # where; that of the route out where absent
 * ```
 */
import { formatIp, type IpAddress, networkAddress, parseCidr, parseIp } from '../../lib/ip-addresses.ts';
import type { Section } from '../configuration.ts';
import { type FieldParser, fieldsOf, listOf, takes, text, textThat, yesOrNo } from '../settings-fields.ts';

/** Addresses from `first` to `last`, both included. */
export interface AddressSpan {
  readonly family: 'IPv4' | 'IPv6';
  readonly first: bigint;
  readonly last: bigint;
}

export interface AddressPool {
  readonly name: string;
  readonly addresses: readonly AddressSpan[];
  readonly autoAssign: boolean;
  /** Empty: all. */
  readonly namespaces: readonly string[];
  readonly announce: boolean;
  /** Empty: the one that the way out leads through. */
  readonly interface: string;
}

export interface LoadBalancerSettings {
  readonly pools: readonly AddressPool[];
}

const what = 'a range such as 192.168.0.240-192.168.0.250, or a network such as 10.9.0.0/28';

const span: FieldParser<AddressSpan> = (value, field) => {
  const found = typeof value === 'string' ? parseSpan(value) : undefined;
  if (found === undefined) throw takes(field, what, value);
  return found;
};

export function parseSpan(value: string): AddressSpan | undefined {
  if (value.includes('/')) {
    const network = parseCidr(value);
    if (network === undefined || network.leadingZeros) return undefined;
    const { family, bits } = networkAddress(network);
    return { family, first: bits, last: bits + (1n << BigInt((family === 'IPv4' ? 32 : 128) - network.prefix)) - 1n };
  }
  const [from = '', to = from, ...more] = value.split('-').map((part) => plainAddress(part.trim()));
  if (from === '' || to === '' || more.length > 0) return undefined;
  if (from.family !== to.family || from.bits > to.bits) return undefined;
  return { family: from.family, first: from.bits, last: to.bits };
}

function plainAddress(value: string): IpAddress | '' {
  const address = parseIp(value);
  return address === undefined || address.leadingZeros ? '' : address;
}

/** Whether both have an address in common. */
export const spansMeet = (left: AddressSpan, right: AddressSpan): boolean =>
  left.family === right.family && left.first <= right.last && right.first <= left.last;

export const spanHolds = ({ family, first, last }: AddressSpan, address: string): boolean => {
  const parsed = parseIp(address);
  return parsed !== undefined && parsed.family === family && parsed.bits >= first && parsed.bits <= last;
};

export const addressIn = ({ family, first }: AddressSpan, offset: bigint): string =>
  formatIp({ family, bits: first + offset, mapped: false, leadingZeros: false });

const emptyPool: AddressPool = {
  name: '',
  addresses: [],
  autoAssign: true,
  namespaces: [],
  announce: true,
  interface: '',
};

const poolFields = fieldsOf<AddressPool>(emptyPool, {
  name: textThat('a name such as office', (name) => /^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?$/.test(name)),
  addresses: listOf(span),
  autoAssign: yesOrNo,
  namespaces: listOf(text),
  announce: yesOrNo,
  interface: textThat('the name of a network interface', (name) => /^[A-Za-z0-9_.-]{1,15}$/.test(name)),
});

const pool: FieldParser<AddressPool> = (value, field) => {
  const parsed = poolFields(value, field);
  if (parsed.name === '') throw new Error(`${field}.name is missing`);
  if (parsed.addresses.length === 0) throw new Error(`${field}.addresses is missing; it takes ${what}`);
  return parsed;
};

const pools: FieldParser<readonly AddressPool[]> = (value, field) => {
  const parsed = listOf(pool)(value, field);
  for (const [index, one] of parsed.entries()) {
    const before = parsed.slice(0, index);
    if (before.some(({ name }) => name === one.name)) throw new Error(`${field}: two pools are called ${one.name}`);
    const clash = before.find((other) =>
      other.addresses.some((left) => one.addresses.some((right) => spansMeet(left, right))),
    );
    if (clash !== undefined)
      throw new Error(`${field}: the pools ${clash.name} and ${one.name} have addresses in common`);
  }
  return parsed;
};

const defaults: LoadBalancerSettings = { pools: [] };
const fields = fieldsOf<LoadBalancerSettings>(defaults, { pools });

export const loadBalancerSection: Section<LoadBalancerSettings> = { defaults, parse: (value) => fields(value, '') };

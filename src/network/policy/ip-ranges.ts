/**
 * Ranges of IP addresses as numbers: an `ipBlock` with its exceptions, and the union of many of them, as ranges that neither overlap nor touch,
 * which is what a set with intervals takes. Pure.
 */
import type { IPBlock } from '../../api/schema/types/networking-v1.ts';
import { formatIp, networkAddress, parseCidr, parseIp } from '../../lib/ip-addresses.ts';

export type Family = 'IPv4' | 'IPv6';

/** Both ends belong to it. */
export interface IpRange {
  readonly family: Family;
  readonly first: bigint;
  readonly last: bigint;
}

const bitsOf = { IPv4: 32, IPv6: 128 } as const;

/** What a block holds: its range without its exceptions. @throws Error that names what is not a CIDR */
export function rangesOfBlock({ cidr, except = [] }: IPBlock): readonly IpRange[] {
  let left: IpRange[] = [rangeOfCidr(cidr)];
  for (const hole of except.map(rangeOfCidr)) left = left.flatMap((range) => without(range, hole));
  return left;
}

/** @throws Error that names what is not a CIDR */
export function rangeOfCidr(cidr: string): IpRange {
  const network = parseCidr(cidr);
  if (network === undefined) throw new Error(`"${cidr}" is not a range of addresses, as 10.0.0.0/8`);
  const { family, bits } = networkAddress(network);
  const size = 1n << BigInt(bitsOf[family] - network.prefix);
  return { family, first: bits, last: bits + size - 1n };
}

function without(range: IpRange, hole: IpRange): IpRange[] {
  const { family } = range;
  if (family !== hole.family || hole.last < range.first || hole.first > range.last) return [range];
  const parts: IpRange[] = [];
  if (range.first < hole.first) parts.push({ family, first: range.first, last: hole.first - 1n });
  if (hole.last < range.last) parts.push({ family, first: hole.last + 1n, last: range.last });
  return parts;
}

/** The union of the ranges of one family, in order. */
export function mergeRanges(ranges: readonly IpRange[], family: Family): readonly IpRange[] {
  const sorted = ranges
    .filter((range) => range.family === family)
    .sort((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const merged: IpRange[] = [];
  for (const range of sorted) {
    const previous = merged.at(-1);
    if (previous === undefined || range.first > previous.last + 1n) merged.push(range);
    else if (range.last > previous.last) merged[merged.length - 1] = { ...previous, last: range.last };
  }
  return merged;
}

export function contains(range: IpRange, address: string): boolean {
  const ip = parseIp(address);
  return ip?.family === range.family && range.first <= ip.bits && ip.bits <= range.last;
}

/** As nft writes an element of a set with intervals. */
export function rangeText({ family, first, last }: IpRange): string {
  const text = (bits: bigint): string => formatIp({ family, bits, mapped: false, leadingZeros: false });
  return first === last ? text(first) : `${text(first)}-${text(last)}`;
}

/**
 * IP addresses and networks as Go reads and prints them. Pure; what a field accepts is said in `ip-rules.ts`.
 *
 * An address is one big number with its width; IPv4 in IPv6's clothes (`::ffff:1.2.3.4`) counts as IPv4 and remembers the
 * clothes. The sloppy forms that upstream once took (leading zeros) parse, and are marked.
 */
import { isIPv6 } from 'node:net';

export interface IpAddress {
  readonly family: 'IPv4' | 'IPv6';
  /** 32 bits or 128. */
  readonly bits: bigint;
  /** Written as IPv6. */
  readonly mapped: boolean;
  /** Zeros before an octet: some programs read these as octal. */
  readonly leadingZeros: boolean;
}

export interface IpNetwork {
  readonly address: IpAddress;
  /** Counted in the address's own family. */
  readonly prefix: number;
  readonly leadingZeros: boolean;
}

const textMax = 64;
const mappedStart = 0xffffn;

export function parseIp(text: string): IpAddress | undefined {
  if (text.length > textMax) return undefined;
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): IpAddress | undefined {
  if (!/^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$/.test(text)) return undefined;
  const octets = text.split('.');
  if (octets.some((octet) => Number(octet) > 255)) return undefined;
  const bits = octets.reduce((sum, octet) => (sum << 8n) | BigInt(Number(octet)), 0n);
  const leadingZeros = octets.some((octet) => octet.length > 1 && octet.startsWith('0'));
  return { family: 'IPv4', bits, mapped: false, leadingZeros };
}

/** Octets with leading zeros may end an IPv6 address as well; a scope (`%eth0`) may not. */
function parseIpv6(text: string): IpAddress | undefined {
  const colon = text.lastIndexOf(':');
  const last = text.slice(colon + 1);
  const tail = last.includes('.') ? parseIpv4(last) : undefined;
  const plain = tail ? `${text.slice(0, colon + 1)}${hexGroups(tail.bits)}` : text;
  if (!isIPv6(plain) || plain.includes('%')) return undefined;
  const bits = bitsOfGroups(plain);
  const leadingZeros = tail?.leadingZeros ?? false;
  if (bits >> 32n === mappedStart) return { family: 'IPv4', bits: bits & 0xffffffffn, mapped: true, leadingZeros };
  return { family: 'IPv6', bits, mapped: false, leadingZeros };
}

function hexGroups(bits: bigint): string {
  return `${(bits >> 16n).toString(16)}:${(bits & 0xffffn).toString(16)}`;
}

function bitsOfGroups(text: string): bigint {
  const [head = '', tail] = text.split('::');
  const groupsOf = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const front = groupsOf(head);
  const back = tail === undefined ? [] : groupsOf(tail);
  const gap = tail === undefined ? 0 : 8 - front.length - back.length;
  const groups = [...front, ...Array<string>(gap).fill('0'), ...back];
  return groups.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}

/** `10.0.0.0/8`: an address, a slash, a count of bits. */
export function parseCidr(text: string): IpNetwork | undefined {
  const slash = text.indexOf('/');
  if (slash < 0) return undefined;
  const address = parseIp(text.slice(0, slash));
  const count = text.slice(slash + 1);
  if (address === undefined || !/^[0-9]{1,6}$/.test(count)) return undefined;
  const written = Number(count);
  if (written > (address.family === 'IPv4' && !address.mapped ? 32 : 128)) return undefined;
  const leadingZeros = address.leadingZeros || (count.length > 1 && count.startsWith('0'));
  return { address, prefix: address.mapped ? Math.max(written - 96, 0) : written, leadingZeros };
}

const widthOf = ({ family }: IpAddress): number => (family === 'IPv4' ? 32 : 128);

/** The address with all bits after the prefix cleared. */
export function networkAddress({ address, prefix }: IpNetwork): IpAddress {
  const rest = BigInt(widthOf(address) - prefix);
  return { ...address, bits: (address.bits >> rest) << rest };
}

export function contains(network: IpNetwork, address: IpAddress): boolean {
  if (network.address.family !== address.family) return false;
  const rest = BigInt(widthOf(address) - network.prefix);
  return network.address.bits >> rest === address.bits >> rest;
}

/** Go's form (RFC 5952 for IPv6). */
export function formatIp({ family, bits }: IpAddress): string {
  if (family === 'IPv4') return [24n, 16n, 8n, 0n].map((shift) => String((bits >> shift) & 255n)).join('.');
  const groups = [112n, 96n, 80n, 64n, 48n, 32n, 16n, 0n].map((shift) => ((bits >> shift) & 0xffffn).toString(16));
  const { start, length } = longestZeros(groups);
  if (length < 2) return groups.join(':');
  return `${groups.slice(0, start).join(':')}::${groups.slice(start + length).join(':')}`;
}

function longestZeros(groups: readonly string[]): { readonly start: number; readonly length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  for (const [index, group] of groups.entries()) {
    if (group !== '0') start = index + 1;
    else if (index + 1 - start > best.length) best = { start, length: index + 1 - start };
  }
  return best;
}

export function formatCidr(network: IpNetwork): string {
  return `${formatIp(networkAddress(network))}/${network.prefix}`;
}

export function familyOf(text: string): 'IPv4' | 'IPv6' | undefined {
  return parseIp(text)?.family;
}

export function isCidr(text: string): boolean {
  return parseCidr(text) !== undefined;
}

/** Kubernetes' functions of IP addresses and networks: `ip('::1').isLoopback()`, `cidr('10.0.0.0/8').containsIP('10.1.2.3')`. */

import type { CallCost } from '../../../lib/cel/costs.ts';
import { fixedCost, perCharacter, range, scaled, sizeOf, sum, traversal, unknownSize } from '../../../lib/cel/costs.ts';
import type { CelImplementation, CelLibrary, CelOverload } from '../../../lib/cel/declarations.ts';
import { CelOpaque, fault } from '../../../lib/cel/values.ts';
import {
  contains,
  formatIp,
  type IpAddress,
  type IpNetwork,
  networkAddress,
  parseIp,
} from '../../../lib/ip-addresses.ts';
import { goQuote } from '../../field-error.ts';
import { addressProblem } from './address-problems.ts';

class IpValue extends CelOpaque {
  readonly typeName = 'net.IP';
  readonly address: IpAddress;

  constructor(address: IpAddress) {
    super();
    this.address = address;
  }

  equals({ address }: this): boolean {
    return this.address.family === address.family && this.address.bits === address.bits;
  }

  override get celSize(): number {
    return this.address.family === 'IPv4' ? 4 : 16;
  }
}

class CidrValue extends CelOpaque {
  readonly typeName = 'net.CIDR';
  readonly network: IpNetwork;

  constructor(network: IpNetwork) {
    super();
    this.network = network;
  }

  equals({ network: { address, prefix } }: this): boolean {
    const own = this.network;
    return own.prefix === prefix && own.address.family === address.family && own.address.bits === address.bits;
  }

  /** In bytes of the prefix. */
  override get celSize(): number {
    return Math.ceil(this.network.prefix / 8);
  }
}

/** A problem is told as a text. */
function readAddress(text: string): IpAddress | string {
  const zone = text.indexOf('%');
  const plain = zone < 0 ? text : text.slice(0, zone);
  const address = parseIp(plain);
  if (address === undefined || address.leadingZeros) {
    return `IP Address ${goQuote(text)} parse error during conversion from string: ${addressProblem(text)}`;
  }
  if (zone >= 0) {
    if (address.family === 'IPv6' && zone < text.length - 1) {
      return `IP address ${goQuote(text)} with zone value is not allowed`;
    }
    return `IP Address ${goQuote(text)} parse error during conversion from string: ${addressProblem(text)}`;
  }
  return address.mapped ? `IPv4-mapped IPv6 address ${goQuote(text)} is not allowed` : address;
}

function readNetwork(text: string): IpNetwork | string {
  const wrong = (why: string): string =>
    `network address parse error during conversion from string: netip.ParsePrefix(${goQuote(text)}): ${why}`;
  const slash = text.lastIndexOf('/');
  if (slash < 0) return wrong("no '/'");
  const [front, count] = [text.slice(0, slash), text.slice(slash + 1)];
  const address = parseIp(front);
  if (address === undefined || address.leadingZeros) return wrong(addressProblem(front));
  if (!/^(0|[1-9][0-9]*)$/.test(count)) return wrong(`bad bits after slash: ${goQuote(count)}`);
  const prefix = Number(count);
  if (prefix > (address.family === 'IPv4' && !address.mapped ? 32 : 128)) return wrong('prefix length out of range');
  if (address.mapped) return `IPv4-mapped IPv6 address ${goQuote(text)} is not allowed`;
  return { address, prefix, leadingZeros: false };
}

function ip(text: string): IpValue {
  const address = readAddress(text);
  return typeof address === 'string' ? fault(address) : new IpValue(address);
}

function cidr(text: string): CidrValue {
  const network = readNetwork(text);
  if (typeof network !== 'string') return new CidrValue(network);
  return fault(`network address parse error during conversion from string: ${network}`);
}

function isCanonical(text: string): boolean {
  return formatIp(ip(text).address) === text;
}

const containsIp = ({ network }: CidrValue, { address }: IpValue): boolean => contains(network, address);

const containsCidr = ({ network: outer }: CidrValue, { network: inner }: CidrValue): boolean =>
  outer.prefix <= inner.prefix && contains(outer, inner.address);

const formatNetwork = ({ address, prefix }: IpNetwork): string => `${formatIp(address)}/${prefix}`;

const kinds: Readonly<Record<string, (address: IpAddress) => boolean>> = {
  isUnspecified: ({ bits }) => bits === 0n,
  isLoopback: ({ family, bits }) => (family === 'IPv4' ? bits >> 24n === 127n : bits === 1n),
  isLinkLocalMulticast: ({ family, bits }) =>
    family === 'IPv4' ? bits >> 8n === 0xe00000n : multicastScope(bits) === 2n,
  isLinkLocalUnicast: ({ family, bits }) => (family === 'IPv4' ? bits >> 16n === 0xa9fen : bits >> 118n === 0x3fan),
  isGlobalUnicast: (address) =>
    !isBroadcast(address) &&
    !isMulticast(address) &&
    !['isUnspecified', 'isLoopback', 'isLinkLocalUnicast'].some((kind) => kinds[kind]?.(address)),
};

const multicastScope = (bits: bigint): bigint | undefined =>
  bits >> 120n === 0xffn ? (bits >> 112n) & 0xfn : undefined;
const isBroadcast = ({ family, bits }: IpAddress): boolean => family === 'IPv4' && bits === 0xffffffffn;
const isMulticast = ({ family, bits }: IpAddress): boolean =>
  family === 'IPv4' ? bits >> 28n === 0xen : bits >> 120n === 0xffn;

const nominal = fixedCost(1);
const cheap = (run: CelImplementation): CelOverload => ({ run, cost: nominal });
const parsing = (run: CelImplementation): CelOverload => ({ run, cost: traversal(0) });

/** An address of either family (bytes). */
const addressSize = range(4, 16);

/** Both networks' bytes are gone through, and what comes as a text is read before. `isNetwork`: its own bytes once more, and one. */
function comparing(isNetwork: boolean, isText: boolean): CallCost {
  return {
    actual([network, other]) {
      const size = sizeOf(network);
      const second = isNetwork ? Math.ceil(size * perCharacter) + 1 : 0;
      return Math.ceil(2 * size * perCharacter) + second + (isText ? Math.ceil(sizeOf(other) * perCharacter) : 0);
    },
    estimate([, other]) {
      const parts = [scaled(sum(addressSize, addressSize), perCharacter)];
      if (isNetwork) parts.push(scaled(addressSize, perCharacter), range(1));
      if (isText) parts.push(scaled(other?.size ?? unknownSize, perCharacter));
      return { cost: sum(...parts) };
    },
  };
}

export const ipLibrary: CelLibrary = {
  name: 'kubernetes.net.ip',
  types: ['net.IP'],
  functions: {
    'ip(string): net.IP': parsing(ip),
    'isIP(string): bool': parsing((text: string) => typeof readAddress(text) !== 'string'),
    'ip.isCanonical(string): bool': { run: isCanonical, cost: traversal(0, 2 * perCharacter) },
    'string(net.IP): string': ({ address }: IpValue) => formatIp(address),
    'net.IP.family(): int': cheap(({ address }: IpValue) => (address.family === 'IPv4' ? 4n : 6n)),
    ...Object.fromEntries(
      Object.entries(kinds).map(([name, test]) => [
        `net.IP.${name}(): bool`,
        cheap(({ address }: IpValue) => test(address)),
      ]),
    ),
  },
};

export const cidrLibrary: CelLibrary = {
  name: 'kubernetes.net.cidr',
  types: ['net.CIDR', 'net.IP'],
  functions: {
    'cidr(string): net.CIDR': parsing(cidr),
    'isCIDR(string): bool': parsing((text: string) => typeof readNetwork(text) !== 'string'),
    'string(net.CIDR): string': ({ network }: CidrValue) => formatNetwork(network),
    'net.CIDR.containsIP(string): bool': {
      run: (network: CidrValue, text: string) => containsIp(network, ip(text)),
      cost: comparing(false, true),
    },
    'net.CIDR.containsIP(net.IP): bool': { run: containsIp, cost: comparing(false, false) },
    'net.CIDR.containsCIDR(string): bool': {
      run: (network: CidrValue, text: string) => containsCidr(network, cidr(text)),
      cost: comparing(true, true),
    },
    'net.CIDR.containsCIDR(net.CIDR): bool': { run: containsCidr, cost: comparing(true, false) },
    'net.CIDR.ip(): net.IP': cheap(({ network }: CidrValue) => new IpValue(network.address)),
    'net.CIDR.prefixLength(): int': cheap(({ network }: CidrValue) => BigInt(network.prefix)),
    'net.CIDR.masked(): net.CIDR': cheap(
      ({ network }: CidrValue) => new CidrValue({ ...network, address: networkAddress(network) }),
    ),
  },
};

/** IP addresses in the one form in which they may stand in EndpointSlices. Pure. */
import { isIPv4, isIPv6, SocketAddress } from 'node:net';

export interface CanonicalIp {
  readonly family: 'IPv4' | 'IPv6';
  readonly text: string;
}

/** Octets with leading zeros, which old objects hold, are read as decimal; IPv4 in IPv6's clothes is IPv4. Undefined: not an address. */
export function canonicalIp(text: string): CanonicalIp | undefined {
  // Nearly all are of this form already.
  if (isIPv4(text)) return { family: 'IPv4', text };
  const plain = withoutLeadingZeros(text);
  if (isIPv4(plain)) return { family: 'IPv4', text: plain };
  if (!isIPv6(plain) || plain.includes('%')) return undefined;
  const { address } = new SocketAddress({ address: plain, family: 'ipv6' });
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1];
  return mapped === undefined ? { family: 'IPv6', text: address } : { family: 'IPv4', text: mapped };
}

const withoutLeadingZeros = (text: string): string =>
  text.includes('.') ? text.replace(/(^|[.:])0+(?=\d+(\.|$))/g, '$1') : text;

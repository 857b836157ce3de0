/** IP addresses for the DNS: their bytes, one text for each, and the names under which they are looked up backwards (RFC 1035 3.5, RFC 3596 2.5). Pure. */
import { isIPv4, isIPv6 } from 'node:net';
import { formatIp, parseIp } from '../../lib/ip-addresses.ts';

/** The one text that stands for it, whichever way it was written. Undefined where it is no address. */
export function canonicalAddress(text: string): string | undefined {
  if (isIPv4(text)) return text;
  const parsed = isIPv6(text) ? parseIp(text) : undefined;
  return parsed && formatIp(parsed);
}

/** 4 bytes or 16. Undefined where it is no address. */
export function addressBytes(text: string): Uint8Array | undefined {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number);
  const parsed = isIPv6(text) ? parseIp(text) : undefined;
  if (parsed === undefined) return undefined;
  const size = parsed.family === 'IPv4' ? 4 : 16;
  return Uint8Array.from({ length: size }, (_, index) =>
    Number((parsed.bits >> BigInt(8 * (size - 1 - index))) & 255n),
  );
}

/** `5.0.42.10.in-addr.arpa`, `….ip6.arpa`. */
export function reverseName(text: string): string | undefined {
  const bytes = addressBytes(text);
  if (bytes === undefined) return undefined;
  if (bytes.length === 4) return `${[...bytes].toReversed().join('.')}.in-addr.arpa`;
  const nibbles = [...bytes].flatMap((byte) => [byte >> 4, byte & 0xf]).toReversed();
  return `${nibbles.map((nibble) => nibble.toString(16)).join('.')}.ip6.arpa`;
}

/** The address that such a name stands for, as `canonicalAddress` writes it. Undefined for every other name, also for parts of one. */
export function addressOfReverseName(name: string): string | undefined {
  if (name.endsWith('.in-addr.arpa')) {
    const octets = name.slice(0, -'.in-addr.arpa'.length).split('.').toReversed();
    return octets.length === 4 ? canonicalAddress(octets.join('.')) : undefined;
  }
  if (!name.endsWith('.ip6.arpa')) return undefined;
  const nibbles = name.slice(0, -'.ip6.arpa'.length).split('.').toReversed();
  if (nibbles.length !== 32 || nibbles.some((nibble) => !/^[0-9a-f]$/.test(nibble))) return undefined;
  return canonicalAddress((nibbles.join('').match(/.{4}/g) ?? []).join(':'));
}

/**
 * How pods reach an API that listens on the loopback device only, as it does where nobody says otherwise: at the machine's own address, which the Service
 * `kubernetes` leads to. The way in is for this machine and its pods; other machines find it shut.
 */
import os from 'node:os';
import { contains, parseCidr, parseIp } from '../lib/ip-addresses.ts';
import { advertisedAddress, isLoopback } from './api-endpoints.ts';
import type { SideDoor } from './http/side-door.ts';

type Interfaces = ReturnType<typeof os.networkInterfaces>;

/** @param podRanges of the pods that are let in; none: there is no door */
export function podDoor(
  host: string,
  podRanges: readonly string[],
  family: 'IPv4' | 'IPv6',
  interfaces: () => Interfaces = os.networkInterfaces,
): SideDoor | undefined {
  const address = advertisedAddress(host, family, interfaces());
  const ranges = podRanges.flatMap((range) => parseCidr(range) ?? []);
  if (!isLoopback(host) || address === undefined || ranges.length === 0) return undefined;
  return {
    host: address,
    admits(text) {
      const ip = parseIp(text.replace(/^::ffff:(?=\d+\.)/, ''));
      if (ip === undefined) return false;
      return ranges.some((range) => contains(range, ip)) || isOwn(text, interfaces());
    },
  };
}

function isOwn(address: string, interfaces: Interfaces): boolean {
  return Object.values(interfaces).some((list) => list?.some((one) => one.address === address));
}

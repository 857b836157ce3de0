/**
 * Names and addresses that are the gateway's own machine to itself, or its surroundings' (a cloud's metadata): whoever may write an Ingress may not have
 * requests led there, where HAProxy would be let in and the user would not. Pure.
 */
import { contains, parseCidr, parseIp } from '../../lib/ip-addresses.ts';

const ranges = ['0.0.0.0/8', '127.0.0.0/8', '169.254.0.0/16', '224.0.0.0/4', '::/127', 'fe80::/10', 'ff00::/8'].flatMap(
  (range) => parseCidr(range) ?? [],
);

/** @param host a name, or an address without brackets */
export function isOwnMachine(host: string): boolean {
  const name = host.toLowerCase().replace(/\.$/, '');
  const address = parseIp(name);
  if (address === undefined) return name === 'localhost' || name.endsWith('.localhost');
  return ranges.some((range) => contains(range, address));
}

/**
 * What fields with IP addresses and networks accept: old fields any good address however it is written, newer ones only the
 * canonical form. Values that stood there before an update stay allowed. Beside the errors, the warnings for odd spellings.
 */
import { goQuote, invalidValue } from '../../api/field-error.ts';
import type { FieldError } from '../../api/status-error.ts';
import {
  contains,
  formatCidr,
  formatIp,
  type IpNetwork,
  networkAddress,
  parseCidr,
  parseIp,
} from '../../lib/ip-addresses.ts';

const notAnIp = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
const notACidr = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';

/** `before`: values of the old object, which need not become better. */
export function ipErrors(path: string, value: string, before?: ReadonlySet<string>): FieldError[] {
  if (before?.has(value)) return [];
  const address = parseIp(value);
  if (address === undefined) return [invalidValue(path, value, notAnIp)];
  if (address.leadingZeros) return [invalidValue(path, value, 'must not have leading 0s')];
  return address.mapped ? [invalidValue(path, value, 'must not be an IPv4-mapped IPv6 address')] : [];
}

/** Only the one form in which the address is printed. */
export function canonicalIpErrors(path: string, value: string): FieldError[] {
  const errors = ipErrors(path, value);
  const address = parseIp(value);
  if (errors.length > 0 || address === undefined || formatIp(address) === value) return errors;
  return [invalidValue(path, value, `must be in canonical form (${goQuote(formatIp(address))})`)];
}

export function cidrErrors(path: string, value: string, before?: ReadonlySet<string>): FieldError[] {
  if (before?.has(value)) return [];
  const network = parseCidr(value);
  if (network === undefined) return [invalidValue(path, value, notACidr)];
  if (network.leadingZeros) return [invalidValue(path, value, 'must not have leading 0s in IP or prefix length')];
  if (network.address.mapped) return [invalidValue(path, value, 'must not have an IPv4-mapped IPv6 address')];
  return hasHostBits(network) ? [invalidValue(path, value, 'must not have bits set beyond the prefix length')] : [];
}

export function canonicalCidrErrors(path: string, value: string): FieldError[] {
  const errors = cidrErrors(path, value);
  const network = parseCidr(value);
  if (errors.length > 0 || network === undefined || formatCidr(network) === value) return errors;
  return [invalidValue(path, value, `must be in canonical form (${goQuote(formatCidr(network))})`)];
}

function hasHostBits(network: IpNetwork): boolean {
  return networkAddress(network).bits !== network.address.bits;
}

/** Addresses that nothing outside of one machine or link can be reached at. */
const specialRanges = [
  { cidrs: ['127.0.0.0/8', '::1/128'], detail: 'may not be in the loopback range (127.0.0.0/8, ::1/128)' },
  { cidrs: ['169.254.0.0/16', 'fe80::/10'], detail: 'may not be in the link-local range (169.254.0.0/16, fe80::/10)' },
  {
    // The scope alone counts, whatever the four flags before it.
    cidrs: ['224.0.0.0/24', ...Array.from({ length: 16 }, (_, flags) => `ff${flags.toString(16)}2::/16`)],
    detail: 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)',
  },
].map(({ cidrs, detail }) => ({ networks: cidrs.flatMap((cidr) => parseCidr(cidr) ?? []), detail }));

/** An address of an endpoint, or one at which a Service is reached from outside. */
export function endpointIpErrors(path: string, value: string): FieldError[] {
  const address = parseIp(value);
  if (address === undefined) return [invalidValue(path, value, 'must be a valid IP address')];
  if (address.bits === 0n) return [invalidValue(path, value, `may not be unspecified (${value})`)];
  const found = specialRanges.find(({ networks }) => networks.some((network) => contains(network, address)));
  return found === undefined ? [] : [invalidValue(path, value, found.detail)];
}

/** For values that passed `ipErrors`. */
export function ipWarnings(path: string, value: string): string[] {
  const address = parseIp(value);
  if (address === undefined) return [];
  const good = formatIp(address);
  if (address.leadingZeros || address.mapped) {
    return [`${path}: non-standard IP address ${goQuote(value)} is invalid: use ${goQuote(good)}`];
  }
  if (address.family === 'IPv4' || good === value) return [];
  return [`${path}: IPv6 address ${goQuote(value)} should be in RFC 5952 canonical format (${goQuote(good)})`];
}

/** For values that passed `cidrErrors`, now or before. */
export function cidrWarnings(path: string, value: string): string[] {
  const network = parseCidr(value);
  if (network === undefined) return [];
  const good = formatCidr(network);
  const warnings: string[] = [];
  if (hasHostBits(network)) {
    const single = `${formatIp(network.address)}/${network.address.family === 'IPv4' ? 32 : 128}`;
    const choice = `should be ${goQuote(good)} or ${goQuote(single)}?`;
    warnings.push(`${path}: CIDR value ${goQuote(value)} is ambiguous in this context (${choice})`);
  }
  if (network.leadingZeros || network.address.mapped) {
    warnings.push(`${path}: non-standard CIDR value ${goQuote(value)} is invalid: use ${goQuote(good)}`);
  }
  if (warnings.length > 0 || network.address.family === 'IPv4' || good === value) return warnings;
  return [`${path}: IPv6 CIDR value ${goQuote(value)} should be in RFC 5952 canonical format (${goQuote(good)})`];
}

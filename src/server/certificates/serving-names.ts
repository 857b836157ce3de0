/**
 * By which names and addresses clients reach the API: what its serving certificate must say. Pods use the service's names and
 * its address (the first of the service range), people and agents the machine's.
 */

import { isIPv6 } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';

export interface ServingNameOptions {
  readonly hostname: string;
  /** Of this machine, and whatever else the API is reached by. */
  readonly addresses: readonly string[];
  /** Of the service `kubernetes`, where there is one. */
  readonly serviceAddress?: string | undefined;
  readonly clusterDomain?: string;
}

export function servingNames(options: ServingNameOptions): readonly string[] {
  const domain = options.clusterDomain ?? 'cluster.local';
  const names = [
    'localhost',
    'kubernetes',
    'kubernetes.default',
    'kubernetes.default.svc',
    `kubernetes.default.svc.${domain}`,
    options.hostname.toLowerCase(),
    '127.0.0.1',
    '::1',
    ...(options.serviceAddress === undefined ? [] : [options.serviceAddress]),
    ...options.addresses,
  ];
  return [...new Set(names)];
}

const isEverywhere = (host: string): boolean => host === '::' || host === '0.0.0.0';

/** Where this machine finds what listens at `host`: who listens everywhere listens at 127.0.0.1, too; others only where they do. */
export function localHost(host = '::'): string {
  if (isEverywhere(host)) return '127.0.0.1';
  return isIPv6(host) ? `[${host}]` : host;
}

/** Under which addresses other machines find what listens at `host`: all of this one's where it listens everywhere. */
export function servedAddresses(
  host: string,
  interfaces: Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>,
): readonly string[] {
  if (!isEverywhere(host)) return [host];
  const all = Object.values(interfaces).flatMap((list) => list ?? []);
  const outside = all.filter(({ internal, address }) => !internal && !/^fe[89ab]/i.test(address));
  return [...new Set(outside.map(({ address }) => address))];
}

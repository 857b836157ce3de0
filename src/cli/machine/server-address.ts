/**
 * At which address another machine reaches this cluster's API. A cluster that listens on the loopback device alone has none: then it is said what
 * to do about it.
 */
import os from 'node:os';
import type { Endpoints } from '../../api/schema/types/core-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import type { Client } from '../../client/client.ts';
import type { ClientConfig } from '../../client/kubeconfig.ts';
import { endpoints } from '../../client/resources.ts';
import type { Home } from '../../home.ts';
import { contains, parseCidr, parseIp } from '../../lib/ip-addresses.ts';
import { findRunning } from '../background.ts';
import { readSettings } from '../settings.ts';
import { UserError } from '../user-error.ts';

/** `192.168.1.5:6443`. @throws UserError where other machines find no way in */
export async function joinAddress(home: Home, config: ClientConfig, client: Client): Promise<string> {
  const url = new URL(config.server);
  const port = url.port || '443';
  if (!isLoopback(url.hostname)) return `${url.hostname}:${port}`;
  const isOwn = findRunning(home)?.server === config.server;
  if (!isOwn) {
    throw new UserError(
      `the kubeconfig reaches the cluster at ${url.host}, which is no address for other machines: run this on the machine of the server`,
    );
  }
  const { host, podCidr } = readSettings(home);
  if (isLoopback(host)) throw listensForItselfAlone(outsideAddresses(podCidr));
  const address = (await advertised(client)) ?? outsideAddresses(podCidr)[0];
  if (address === undefined) throw new UserError('this machine has no network address that others could reach it at');
  return `${address.includes(':') ? `[${address}]` : address}:${port}`;
}

export const isLoopback = (host: string): boolean => /^(127\.|\[?::1\]?$|localhost$)/.test(host);

/** What the server itself says (the Service `kubernetes`). */
async function advertised(client: Client): Promise<string | undefined> {
  try {
    const found: Endpoints = await client.get(endpoints, { namespace: 'default', name: 'kubernetes' });
    return found.subsets?.[0]?.addresses?.[0]?.ip;
  } catch (error) {
    if (hasReason(error, 'NotFound')) return undefined;
    throw error;
  }
}

function listensForItselfAlone(addresses: readonly string[]): UserError {
  const [first = 'ADDRESS', ...others] = addresses;
  const choice = others.length === 0 ? '' : ` (or another of its addresses: ${others.join(', ')})`;
  return new UserError(
    `the cluster listens on 127.0.0.1, where no other machine reaches it. Let it listen on this machine's address, while pods run on, and make the token then:
  naru up --host ${first}${choice}`,
  );
}

/** This machine's, without those of the ends of pods' cables. */
export function outsideAddresses(podCidr: string, interfaces = os.networkInterfaces()): string[] {
  const pods = podCidr.split(',').flatMap((range) => parseCidr(range) ?? []);
  return Object.values(interfaces)
    .flatMap((list) => list ?? [])
    .filter(({ internal, address }) => {
      const ip = parseIp(address);
      return !internal && ip !== undefined && !/^fe[89ab]/i.test(address) && !pods.some((range) => contains(range, ip));
    })
    .map(({ address }) => address);
}

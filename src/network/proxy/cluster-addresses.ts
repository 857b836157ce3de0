/**
 * Addresses that no Service may claim from outside (`externalIPs`, a load balancer's): those of other Services, of pods, and of API servers at their port.
 * Whoever may write Services in one namespace would else have everybody's DNS, or the agents' way to the API server, led to pods of his own
 * (CVE-2020-8554). Nodes' own addresses may be claimed otherwise, as is usual. Pure.
 */
import { BlockList } from 'node:net';
import { canonicalIp } from '../../controllers/shared/ip.ts';
import type { ProxiedPort } from './service-ports.ts';

export interface ClusterFacts {
  /** CIDRs of Services and of all nodes' pods. */
  readonly ranges: readonly string[];
  readonly apiServers: readonly { readonly ip: string; readonly port: number }[];
}

export class ClusterAddresses {
  readonly #ranges = new BlockList();
  readonly #apiServers: ReadonlySet<string>;

  constructor({ ranges, apiServers }: ClusterFacts) {
    for (const range of ranges) this.#add(range);
    this.#apiServers = new Set(apiServers.map(({ ip, port }) => `${ip} ${port}`));
  }

  mayBeClaimed(ip: string, port: number): boolean {
    const family = ip.includes(':') ? 'ipv6' : 'ipv4';
    return !this.#ranges.check(ip, family) && !this.#apiServers.has(`${ip} ${port}`);
  }

  #add(range: string): void {
    const [address = '', length = ''] = range.split('/');
    const ip = canonicalIp(address);
    if (ip !== undefined && /^\d{1,3}$/.test(length))
      this.#ranges.addSubnet(ip.text, Number(length), ip.family === 'IPv4' ? 'ipv4' : 'ipv6');
  }
}

/** Whose claims are looked at again when the cluster's own addresses change. */
export class ExternalClaims {
  readonly #facts: () => ClusterFacts;
  readonly #claimants = new Set<string>();
  #known: ClusterAddresses | undefined;

  /** @param facts asked when they are needed, which is seldom */
  constructor(facts: () => ClusterFacts) {
    this.#facts = facts;
  }

  /** There are other facts. Gives the Services to look at again. */
  changed(): Iterable<string> {
    this.#known = undefined;
    return this.#claimants;
  }

  /** The Service's ports without what it may not claim, and that. */
  judged(key: string, ports: readonly ProxiedPort[]): { ports: readonly ProxiedPort[]; refused: readonly string[] } {
    if (!ports.some(({ externalIps }) => externalIps.length > 0)) {
      this.#claimants.delete(key);
      return { ports, refused: [] };
    }
    this.#claimants.add(key);
    const known = (this.#known ??= new ClusterAddresses(this.#facts()));
    const refused = new Set<string>();
    const judged = ports.map((port) => {
      const isAllowed = (ip: string): boolean => known.mayBeClaimed(ip, port.port);
      for (const ip of port.externalIps) if (!isAllowed(ip)) refused.add(ip);
      return {
        ...port,
        externalIps: port.externalIps.filter(isAllowed),
        guardedIps: port.guardedIps.filter(isAllowed),
      };
    });
    return { ports: judged, refused: [...refused] };
  }
}

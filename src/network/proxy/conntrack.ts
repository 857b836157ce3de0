/**
 * Stale UDP flows. The kernel translates a flow's first packet by the rules and all later ones as the first, for as long as packets come: a client with a
 * fixed port stays with an endpoint that is gone, or with no endpoint at all where it asked too early. So after a change the flows to the changed ports are
 * looked at, and those that lead elsewhere than to an endpoint of now are forgotten. TCP and SCTP notice by themselves.
 *
 * After the change of rules, never before: a packet in between would renew the old flow. Flows are listed once for many ports, and forgotten by where they
 * lead: one program for each is too many where a client has thousands, and changes of Services wait meanwhile.
 */
import { canonicalIp } from '../../controllers/shared/ip.ts';
import type { Logger } from '../../lib/log.ts';
import { type CommandResult, run } from '../kernel/command.ts';
import type { ProxiedPort } from './service-ports.ts';

/** An address and port that clients send to; undefined: any address, the port is one of nodes. */
export interface UdpFrontend {
  readonly ip: string | undefined;
  readonly port: number;
  readonly family: 'IPv4' | 'IPv6';
  /** Addresses of endpoints, all that a flow may lead to. */
  readonly endpoints: ReadonlySet<string>;
}

export interface UdpFlow {
  readonly fromPort: number;
  readonly to: string;
  readonly toPort: number;
  /** Who answers. */
  readonly answerer: string;
}

export function udpFrontends(ports: readonly ProxiedPort[]): UdpFrontend[] {
  return ports.flatMap((port) => {
    if (port.protocol !== 'udp') return [];
    const { family } = port;
    const endpoints = new Set([...port.cluster, ...port.local].map(({ ip }) => ip));
    const addressed = [port.clusterIp, ...port.externalIps].map((ip) => ({ ip, port: port.port, family, endpoints }));
    return port.nodePort === undefined
      ? addressed
      : [...addressed, { ip: undefined, port: port.nodePort, family, endpoints }];
  });
}

/** `udp 17 29 src=… dst=… sport=… dport=… [UNREPLIED] src=… dst=… …`: what conntrack(8) writes. */
export function parseFlows(text: string): UdpFlow[] {
  return text.split('\n').flatMap((line) => {
    const fields = [...line.matchAll(/(src|dst|sport|dport)=(\S+)/g)].map(([, , value = '']) => value);
    if (!line.startsWith('udp') || fields.length < 8) return [];
    const [, to = '', fromPort, toPort, answerer = ''] = fields;
    const plain = (address: string): string => canonicalIp(address)?.text ?? address;
    return {
      to: plain(to),
      fromPort: Number(fromPort),
      toPort: Number(toPort),
      answerer: plain(answerer),
    };
  });
}

/** Those that lead to nobody's endpoint. A port without endpoints is left: its rule rejects, and no new flow comes to be. */
export function staleFlows(flows: readonly UdpFlow[], frontends: readonly UdpFrontend[]): UdpFlow[] {
  const byPlace = new Map(
    frontends.map((frontend) => [`${frontend.ip ?? frontend.family} ${frontend.port}`, frontend]),
  );
  return flows.filter(({ to, toPort, answerer }) => {
    const exact = byPlace.get(`${to} ${toPort}`);
    const onNode = exact ?? byPlace.get(`${canonicalIp(to)?.family} ${toPort}`);
    if (onNode === undefined || onNode.endpoints.has(answerer)) return false;
    // A port of nodes is a matter of flows that were translated: others go to somebody else's address.
    return exact !== undefined || answerer !== to;
  });
}

type Run = (program: string, args: readonly string[]) => Promise<CommandResult>;

export class StaleFlows {
  readonly #log: Logger;
  readonly #run: Run;
  #isMissing = false;

  constructor(log: Logger, runProgram: Run = run) {
    this.#log = log;
    this.#run = runProgram;
  }

  /** Never rejects: what cannot be forgotten is told once, and ends by its own time. */
  async forget(frontends: readonly UdpFrontend[]): Promise<void> {
    if (frontends.length === 0 || this.#isMissing) return;
    try {
      for (const family of ['IPv4', 'IPv6'] as const) {
        const ours = frontends.filter((frontend) => frontend.family === family);
        if (ours.length > 0) await this.#forget(family, ours);
      }
    } catch (error) {
      this.#isMissing = /not installed/.test((error as Error).message);
      this.#log.warn('stale UDP flows are not cleared: clients may go on to endpoints that are gone', { error });
    }
  }

  async #forget(family: 'IPv4' | 'IPv6', frontends: readonly UdpFrontend[]): Promise<void> {
    const byFamily = ['-f', family.toLowerCase(), '-p', 'udp'];
    // One address: the kernel need not tell of all others.
    const only = frontends.length === 1 && frontends[0]?.ip !== undefined ? ['--orig-dst', frontends[0].ip] : [];
    const { code, stdout, stderr } = await this.#run('conntrack', ['-L', ...byFamily, ...only]);
    if (code !== 0) throw new Error(`conntrack -L: ${stderr.trim()}`);
    const stale = staleFlows(parseFlows(stdout), frontends);
    const ways = new Map(stale.map((flow) => [`${flow.to} ${flow.toPort} ${flow.answerer}`, flow]));
    for (const { to, toPort, answerer } of ways.values()) {
      const way = ['--orig-dst', to, '--orig-port-dst', String(toPort), '--reply-src', answerer];
      // Flows that have gone by themselves are an error of conntrack's, and none of ours.
      await this.#run('conntrack', ['-D', ...byFamily, ...way]);
    }
  }
}

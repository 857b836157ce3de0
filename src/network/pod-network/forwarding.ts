/**
 * That the machine lets pods' packets pass: pure.
 *
 * What is set, and stays when naru is gone, since others on the machine may have come to need it:
 * - `net.ipv4.ip_forward`, and with IPv6 pods `net.ipv6.conf.all.forwarding`. A machine that forwards IPv6 listens no longer to the routers that gave it its
 *   own addresses, unless told to (`accept_ra` 2): so it is told, for each interface that listened.
 * - The tunnel's `rp_filter` is loose: packets from a peer may come by it and go back by another way, while nodes and routers change.
 *
 * Docker, ufw and others let the machine drop what it forwards (`-P FORWARD DROP`). An accept in our own tables does not help against theirs, so their
 * chain gets four rules with our comment, for the node's own ranges. Other firewalls are told of, not changed.
 */
import { firstAddress } from './routes.ts';

export interface Setting {
  readonly name: string;
  readonly value: string;
  /** Values that will do as well. */
  readonly accepted: readonly string[];
}

export function forwardingSettings(ranges: readonly string[], tunnel: string | undefined): Setting[] {
  const on = (name: string): Setting => ({ name, value: '1', accepted: ['1'] });
  return [
    ...(ranges.some((range) => !range.includes(':')) ? [on('net/ipv4/ip_forward')] : []),
    ...(ranges.some((range) => range.includes(':')) ? [on('net/ipv6/conf/all/forwarding')] : []),
    ...(tunnel === undefined ? [] : [{ name: `net/ipv4/conf/${tunnel}/rp_filter`, value: '2', accepted: ['2'] }]),
  ];
}

/** To be set before the machine forwards IPv6. @param devices its interfaces */
export function routerListeners(devices: readonly string[]): Setting[] {
  return devices.map((device) => ({ name: `net/ipv6/conf/${device}/accept_ra`, value: '2', accepted: ['0', '2'] }));
}

export type FilterProgram = 'iptables' | 'ip6tables';

export const filterProgramOf = (range: string): FilterProgram => (range.includes(':') ? 'ip6tables' : 'iptables');

export const forwardComment = (id: string): string => `naru-${id}`;

/**
 * The arguments of calls that let the ranges through, where the chain drops by default.
 * @param listed what `iptables -S FORWARD` wrote
 */
export function forwardRules(listed: string, ranges: readonly string[], id: string): string[][] {
  if (!/^-P FORWARD DROP$/m.test(listed)) return [];
  return ranges.flatMap((range) =>
    (['-s', '-d'] as const).flatMap((side) => {
      const cidr = `${firstAddress(range)}/${range.split('/')[1]}`;
      if (listed.split('\n').some((line) => line.includes(`${side} ${cidr} `) && line.includes(forwardComment(id))))
        return [];
      return [
        ['-w', '5', '-I', 'FORWARD', '1', side, cidr, '-m', 'comment', '--comment', forwardComment(id), '-j', 'ACCEPT'],
      ];
    }),
  );
}

/** Takes out what `forwardRules` put in. */
export function forwardRulesRemoved(listed: string, id: string): string[][] {
  return listed
    .split('\n')
    .filter((line) => line.startsWith('-A FORWARD ') && line.includes(` ${forwardComment(id)} `))
    .map((line) => ['-w', '5', '-D', ...line.replaceAll('"', '').trim().split(' ').slice(1)]);
}

/**
 * At which addresses a machine is reached by the others of its cluster, where nobody says so: the first of its network, and one of each family
 * where its pods have both. Pure.
 */
import { isIPv6 } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';

type Interfaces = Readonly<Record<string, readonly NetworkInterfaceInfo[] | undefined>>;
type Family = 'IPv4' | 'IPv6';

const linkLocal = /^(fe[89ab]|169\.254\.)/i;
/** Pods' cables, tunnels, and bridges of containers and virtual machines: nobody outside reaches these. */
const inner = /^(?:veth|naru-|docker\d|br-[0-9a-f]{12}$|podman|cni|cbr|virbr|flannel|cali|vxlan)/;

/** @param podCidr of the node's pods, one range of a family with a comma between: its families, in its order. IPv4 where absent, else IPv6. */
export function nodeAddresses(interfaces: Interfaces, podCidr?: string): readonly string[] {
  const outer = Object.entries(interfaces).filter(([name]) => !inner.test(name));
  const all = outer.flatMap(([, list]) => list ?? []);
  const outside = all.filter(({ internal, address }) => !internal && !linkLocal.test(address));
  const first = (family: Family): string | undefined => outside.find((each) => each.family === family)?.address;
  const wanted = familiesOf(podCidr).flatMap((family) => first(family) ?? []);
  if (wanted.length > 0) return wanted;
  return [first('IPv4') ?? first('IPv6') ?? '127.0.0.1'];
}

function familiesOf(podCidr: string | undefined): readonly Family[] {
  if (podCidr === undefined) return [];
  return podCidr.split(',').map((range) => (isIPv6(range.split('/')[0] ?? '') ? 'IPv6' : 'IPv4'));
}

/**
 * What becomes of a ServiceCIDR: it is ready from the start, and goes when no Service's address needs it any more. Pure.
 *
 * ```
 *  there ─────────▶ finalizer, Ready
 *  being deleted ─▶ each of its networks lies within another's, or no address hangs on it alone?
 *                     ├─ no ──▶ not Ready (Terminating); looked at again when addresses or ServiceCIDRs change
 *                     └─ yes ─▶ 10 s after it was told to go, so that nobody is still giving addresses from it: the finalizer goes
 * ```
 */
import { BlockList, isIPv6 } from 'node:net';
import type { Condition } from '../../api/schema/types/meta-v1.ts';
import type { IPAddress, ServiceCIDR } from '../../api/schema/types/networking-v1.ts';
import { isDeleting, nameOf, timeMs } from '../shared/context.ts';

export const finalizer = 'networking.k8s.io/service-cidr-finalizer';
const managedBy = ['ipaddress.kubernetes.io/managed-by', 'ipallocator.k8s.io'] as const;
const graceMs = 10_000;

export type Plan =
  | { readonly kind: 'keep'; readonly ready: ReadyCondition }
  | { readonly kind: 'blocked'; readonly ready: ReadyCondition }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'let go' };

type ReadyCondition = Pick<Condition, 'type' | 'status' | 'reason' | 'message'>;

const isReady: ReadyCondition = {
  type: 'Ready',
  status: 'True',
  reason: '',
  message: 'Kubernetes Service CIDR is ready',
};

const isHeld: ReadyCondition = {
  type: 'Ready',
  status: 'False',
  reason: 'Terminating',
  message: 'There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR',
};

/** `all` are the ServiceCIDRs, this one among them; `addresses` all IPAddresses. */
export function decide(
  cidr: ServiceCIDR,
  all: readonly ServiceCIDR[],
  addresses: readonly IPAddress[],
  nowMs: number,
): Plan {
  if (!isDeleting(cidr)) return { kind: 'keep', ready: isReady };
  const others = all.filter((other) => nameOf(other) !== nameOf(cidr)).flatMap(networksOf);
  if (!networksOf(cidr).every((network) => others.some((other) => isWithin(network, other)))) {
    const own = networksOf(cidr);
    const hangsOnIt = ({ metadata }: IPAddress): boolean => {
      const address = metadata?.name ?? '';
      return own.some((network) => has(network, address)) && !others.some((network) => has(network, address));
    };
    if (addresses.some((address) => isManaged(address) && hangsOnIt(address)))
      return { kind: 'blocked', ready: isHeld };
  }
  const leftMs = timeMs(cidr.metadata?.deletionTimestamp) + graceMs - nowMs;
  return leftMs > 0 ? { kind: 'wait', ms: leftMs } : { kind: 'let go' };
}

/** Those of the API's own allocator; what others made is no matter. */
export function isManaged({ metadata }: IPAddress): boolean {
  const [name, value] = managedBy;
  return metadata?.labels?.[name] === value;
}

/** Does the ServiceCIDR hold the address? */
export const holds = (cidr: ServiceCIDR, address: string): boolean =>
  networksOf(cidr).some((network) => has(network, address));

/** Do the two share any address? */
export const overlap = (left: ServiceCIDR, right: ServiceCIDR): boolean =>
  networksOf(left).some((a) => networksOf(right).some((b) => isWithin(a, b) || isWithin(b, a)));

interface Network {
  readonly address: string;
  readonly prefix: number;
}

/** The API took them as networks in Go's form. */
function networksOf({ spec }: ServiceCIDR): Network[] {
  return (spec?.cidrs ?? []).map((cidr) => {
    const [address = '', prefix] = cidr.split('/');
    return { address, prefix: Number(prefix) };
  });
}

const familyOf = (address: string): 'ipv4' | 'ipv6' => (isIPv6(address) ? 'ipv6' : 'ipv4');

function has({ address, prefix }: Network, text: string): boolean {
  const family = familyOf(address);
  if (familyOf(text) !== family) return false;
  const list = new BlockList();
  list.addSubnet(address, prefix, family);
  return list.check(text, family);
}

const isWithin = (inner: Network, outer: Network): boolean => inner.prefix >= outer.prefix && has(outer, inner.address);

/**
 * Pods that may take only so much of the network: annotations `kubernetes.io/ingress-bandwidth` and `kubernetes.io/egress-bandwidth` (quantities, bits a
 * second), as upstream's kubelets hand them to the bandwidth plugin. Pure.
 *
 * What goes to the pod is queued on the host's end of its cable, and delayed (a token bucket); what comes from it is dropped beyond the rate by nftables, to
 * which TCP adapts, so that no further interface is needed.
 */
import { integerValue } from '../../api/quantity.ts';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { canonicalIp } from '../../controllers/shared/ip.ts';
import type { NftFragment } from '../kernel/nft-table.ts';

export interface BandwidthLimit {
  readonly addresses: readonly string[];
  /** Bits a second. */
  readonly ingress?: number;
  readonly egress?: number;
}

const annotations = { ingress: 'kubernetes.io/ingress-bandwidth', egress: 'kubernetes.io/egress-bandwidth' } as const;

/** As upstream's: what lies outside is no limit, and told. */
const bitsMin = 1000;
const bitsMax = 1e15;

/** @throws Error that names the annotation and what it takes */
export function bandwidthLimit({ metadata, spec, status }: Pod): BandwidthLimit | undefined {
  const texts = metadata?.annotations;
  const ended = status?.phase === 'Succeeded' || status?.phase === 'Failed';
  if (texts === undefined || spec?.hostNetwork || ended) return undefined;
  const addresses = (status?.podIPs ?? []).flatMap(({ ip }) => canonicalIp(ip)?.text ?? []);
  if (addresses.length === 0) return undefined;
  const ingress = bitsOf(texts, annotations.ingress);
  const egress = bitsOf(texts, annotations.egress);
  if (ingress === undefined && egress === undefined) return undefined;
  return { addresses, ...(ingress !== undefined && { ingress }), ...(egress !== undefined && { egress }) };
}

function bitsOf(texts: Readonly<Record<string, string>>, name: string): number | undefined {
  const text = texts[name];
  if (text === undefined) return undefined;
  const bits = bitsIn(text);
  if (Number.isNaN(bits) || bits < bitsMin || bits > bitsMax) {
    throw new Error(
      `annotation ${name} takes bits a second from 1k to 1P, as 10M, and got "${text.slice(0, 40)}"; it is not limited`,
    );
  }
  return bits;
}

function bitsIn(text: string): number {
  try {
    return integerValue(text);
  } catch {
    return Number.NaN;
  }
}

/** How long (s) of the rate may come at once; and how long a packet waits at most (ms). */
const burstSeconds = 0.02;
const burstBytesMin = 32 * 1024;
/** The kernel counts what may come in a word of its own. */
const burstBytesMax = 64 * 1024 * 1024;
const latencyMs = 25;

/** Nor does it count faster (bits a second). */
const countedMax = 100e9;

const burstOf = (bits: number): number =>
  Math.min(burstBytesMax, Math.max(burstBytesMin, Math.round((bits / 8) * burstSeconds)));

/** For `tc qdisc replace dev DEVICE root …`; undefined: no limit. */
export function ingressQueue({ ingress }: BandwidthLimit): string | undefined {
  return ingress === undefined ? undefined : `tbf rate ${ingress}bit burst ${burstOf(ingress)} latency ${latencyMs}ms`;
}

/** Before anything else is decided about a packet. */
export function egressFragment(limits: readonly BandwidthLimit[]): NftFragment | undefined {
  const rules = limits.flatMap(({ addresses, egress }) => {
    if (egress === undefined || egress > countedMax) return [];
    const over = `limit rate over ${Math.ceil(egress / 8)} bytes/second burst ${burstOf(egress)} bytes drop`;
    return addresses.map((address) => `${address.includes(':') ? 'ip6' : 'ip'} saddr ${address} ${over}`);
  });
  if (rules.length === 0) return undefined;
  return { chains: { bandwidth: { hook: 'type filter hook prerouting priority -290; policy accept;', rules } } };
}

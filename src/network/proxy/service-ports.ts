/** What a Service asks of a node's proxy, port by port and family by family: pure. */
import type { Service, ServicePort } from '../../api/schema/types/core-v1.ts';
import { canonicalIp } from '../../controllers/shared/ip.ts';
import { headlessLabel } from '../../controllers/shared/service-pods.ts';
import { type ChosenEndpoints, chooseEndpoints, type Place, policiesOf } from '../services/choose-endpoints.ts';
import type { Endpoint, Protocol } from '../services/endpoints.ts';
import type { Family } from '../services/read-slices.ts';

export interface ProxiedPort extends ChosenEndpoints {
  readonly family: Family;
  readonly protocol: Lowercase<Protocol>;
  readonly port: number;
  readonly clusterIp: string;
  /** External addresses and those of load balancers. */
  readonly externalIps: readonly string[];
  /** Those of the above that only `sourceRanges` may reach. */
  readonly guardedIps: readonly string[];
  readonly sourceRanges: readonly string[];
  readonly nodePort?: number;
  /** How long a client stays with its endpoint (s). */
  readonly affinitySeconds?: number;
  readonly internalLocal: boolean;
  readonly externalLocal: boolean;
}

/** Somebody else proxies Services with one of these labels, or nobody: as upstream, whatever their values. */
const otherProxyLabels = ['service.kubernetes.io/service-proxy-name', headlessLabel] as const;
const affinitySecondsDefault = 10_800;

/** A node's own DNS server has this Service's address, and answers there itself. */
export const servedByNode = 'kube-system/kube-dns';

export function isProxied({ metadata, spec }: Service): boolean {
  if (otherProxyLabels.some((label) => metadata?.labels?.[label] !== undefined)) return false;
  if (`${metadata?.namespace}/${metadata?.name}` === servedByNode) return false;
  return spec?.type !== 'ExternalName' && canonicalIp(spec?.clusterIP ?? '') !== undefined;
}

/** @param endpointsOf all endpoints of a port in a family, whatever their state */
export function proxiedPorts(
  service: Service,
  place: Place,
  endpointsOf: (port: ServicePort, family: Family) => readonly Endpoint[],
): ProxiedPort[] {
  if (!isProxied(service)) return [];
  const { spec } = service;
  const clusterIps = addresses(spec?.clusterIPs?.length ? spec.clusterIPs : [spec?.clusterIP ?? '']);
  const affinitySeconds =
    spec?.sessionAffinity === 'ClientIP'
      ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? affinitySecondsDefault)
      : undefined;
  return clusterIps.flatMap(({ family, text }) =>
    (spec?.ports ?? []).map((port) => ({
      ...chooseEndpoints(endpointsOf(port, family), place),
      ...policiesOf(service),
      ...outside(service, port, family),
      ...(affinitySeconds === undefined ? {} : { affinitySeconds }),
      family,
      protocol: (port.protocol ?? 'TCP').toLowerCase() as Lowercase<Protocol>,
      port: port.port,
      clusterIp: text,
    })),
  );
}

function outside({ spec, status }: Service, { nodePort = 0 }: ServicePort, family: Family) {
  const isBalanced = spec?.type === 'LoadBalancer';
  // A load balancer that is a proxy sends to the nodes' ports: short cuts to its address would go round it.
  const balanced = (isBalanced ? (status?.loadBalancer?.ingress ?? []) : []).filter(
    ({ ipMode = 'VIP' }) => ipMode === 'VIP',
  );
  const texts = (all: readonly string[]): string[] =>
    addresses(all).flatMap((one) => (one.family === family ? one.text : []));
  const balancedIps = texts(balanced.map(({ ip = '' }) => ip));
  const wanted = (spec?.loadBalancerSourceRanges ?? []).map((range) => range.trim()).filter((range) => range !== '');
  const hasPort = nodePort !== 0 && (spec?.type === 'NodePort' || isBalanced);
  return {
    externalIps: [...new Set([...texts(spec?.externalIPs ?? []), ...balancedIps])],
    guardedIps: wanted.length === 0 ? [] : balancedIps,
    sourceRanges: wanted.filter((range) => rangeFamily(range) === family).map(plainRange),
    ...(hasPort ? { nodePort } : {}),
  };
}

function addresses(texts: readonly string[]) {
  return texts.flatMap((text) => canonicalIp(text) ?? []);
}

/** nft would read octets with leading zeros as octal. */
function plainRange(range: string): string {
  const [address = '', length = ''] = range.split('/');
  return `${canonicalIp(address)?.text ?? address}/${Number(length)}`;
}

/** Undefined: not a range of addresses. */
export function rangeFamily(range: string): Family | undefined {
  const [, address = '', length = ''] = /^([^/]+)\/(\d{1,3})$/.exec(range) ?? [];
  const family = canonicalIp(address)?.family;
  if (family === undefined || Number(length) > (family === 'IPv4' ? 32 : 128)) return undefined;
  return family;
}

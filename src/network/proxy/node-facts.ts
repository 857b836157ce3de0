/** What the service proxy knows of its node, and what of Services stands by itself on a node: pure. */
import type { Node, Service } from '../../api/schema/types/core-v1.ts';
import { familiesOf } from '../services/read-slices.ts';
import type { ServiceDirectory } from '../services/service-directory.ts';
import type { HealthCheck } from './health-checks.ts';
import { rangeFamily } from './service-ports.ts';

export interface NodeFacts {
  readonly zone: string;
  readonly podRanges: readonly string[];
}

const zoneLabel = 'topology.kubernetes.io/zone';

export function factsOf({ metadata, spec }: Node): NodeFacts {
  const ranges = spec?.podCIDRs?.length ? spec.podCIDRs : [spec?.podCIDR ?? ''];
  return {
    zone: metadata?.labels?.[zoneLabel] ?? '',
    podRanges: ranges.filter((range) => rangeFamily(range) !== undefined),
  };
}

/** Ranges lie in each other or beside each other; those that lie in another one are left out, for sets that take no overlap. */
export function unnested(ranges: readonly string[]): string[] {
  const known = [...new Set(ranges)].filter((range) => rangeFamily(range) !== undefined);
  return known.filter((range) => !known.some((other) => other !== range && contains(other, range)));
}

function contains(outer: string, inner: string): boolean {
  const [a, b] = [bitsOf(outer), bitsOf(inner)];
  return rangeFamily(outer) === rangeFamily(inner) && b.startsWith(a) && (a.length < b.length || outer < inner);
}

/** The range's own bits, as 0 and 1. */
function bitsOf(range: string): string {
  const [address = '', length = ''] = range.split('/');
  const bits = address.includes(':')
    ? groupsOf(address).map((group) => group.toString(2).padStart(16, '0'))
    : address.split('.').map((octet) => Number(octet).toString(2).padStart(8, '0'));
  return bits.join('').slice(0, Number(length));
}

function groupsOf(address: string): number[] {
  const [head = '', tail] = address.split('::');
  const read = (part: string): number[] =>
    part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16));
  if (tail === undefined) return read(head);
  const [before, after] = [read(head), read(tail)];
  return [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after];
}

export function healthCheckOf(
  key: string,
  service: Service,
  nodeName: string,
  directory: ServiceDirectory,
): HealthCheck | undefined {
  const { spec } = service;
  const port = spec?.healthCheckNodePort ?? 0;
  if (spec?.type !== 'LoadBalancer' || spec.externalTrafficPolicy !== 'Local' || port === 0) return undefined;
  const here = (spec.ports ?? [])
    .flatMap((one) => familiesOf(service).flatMap((family) => directory.endpoints(service, one, family)))
    .filter((endpoint) => endpoint.ready && endpoint.nodeName === nodeName);
  return { service: key, port, localEndpoints: new Set(here.map(({ podName, ip }) => podName ?? ip)).size };
}

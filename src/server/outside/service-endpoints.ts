/**
 * Where the API's own calls to a Service may go, best first: its ready endpoints, each a pod's port or an address.
 *
 * A pod is reached through its node, for nodes only dial out (ARCHITECTURE.md, D7). An endpoint that is no pod's, and the name of an
 * ExternalName, are dialled from here, as upstream does. That reaches whatever this machine reaches, but its own loopback and link by an
 * address: those no EndpointSlice may hold. A name may lead anywhere, as upstream, since what listens there must prove by its certificate
 * that it is the Service; only whoever registers a webhook or an APIService can do without that proof.
 */
import { isIPv6 } from 'node:net';
import type { ResourceTable } from '../../api/resource-table.ts';
import type { Endpoints, Pod, Service } from '../../api/schema/types/core-v1.ts';
import type { EndpointSlice } from '../../api/schema/types/discovery-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import { isProxyable } from '../../client/node-proxy.ts';
import { nextInt, type Prng } from '../../lib/prng.ts';
import type { RequestHandler, UserInfo } from '../../registry/request.ts';
import { NamespaceReader, podsOfSelector } from '../proxy/backends.ts';

export interface ServiceReference {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
}

/** `pod` is absent where the address is dialled from here. */
export interface Endpoint {
  readonly pod?: { readonly namespace: string; readonly name: string; readonly node: string };
  readonly host: string;
  readonly port: number;
}

export interface ServiceEndpointsOptions {
  readonly handler: RequestHandler;
  readonly resources: ResourceTable;
  readonly prng: Prng;
}

/** Whatever the caller of the API may: it is the API itself that calls. */
const apiServer: UserInfo = { name: 'system:apiserver', groups: ['system:masters', 'system:authenticated'] };

interface Place {
  readonly pod: string | undefined;
  readonly ip: string;
  readonly port: number;
}

/** Why a Service cannot be reached, in upstream's words. */
export class NoEndpoints extends Error {}

const showsAddresses: ReadonlySet<string> = new Set(['ClusterIP', 'LoadBalancer', 'NodePort']);

export class ServiceEndpoints {
  readonly #options: ServiceEndpointsOptions;

  constructor(options: ServiceEndpointsOptions) {
    this.#options = options;
  }

  /** At least one. @throws NoEndpoints, StatusError */
  async find({ namespace, name, port }: ServiceReference): Promise<readonly Endpoint[]> {
    const reader = new NamespaceReader(this.#options, apiServer, namespace);
    const service = await serviceOf(reader, name);
    const { type = 'ClusterIP', externalName = '', ports = [] } = service.spec ?? {};
    if (type === 'ExternalName') return [{ host: externalName, port }];
    const named = ports.find((each) => each.port === port);
    if (!showsAddresses.has(type)) throw new NoEndpoints(`unsupported service type ${JSON.stringify(type)}`);
    if (named === undefined) throw new NoEndpoints(`no service port ${port} found for service ${JSON.stringify(name)}`);
    const found = await endpointsOf(reader, service, named.name ?? '');
    if (found.length === 0) throw new NoEndpoints(`no endpoints available for service ${JSON.stringify(name)}`);
    const first = nextInt(this.#options.prng, found.length);
    return primaryFirst([...found.slice(first), ...found.slice(0, first)], service);
  }
}

/** @throws NoEndpoints */
async function serviceOf(reader: NamespaceReader, name: string): Promise<Service> {
  try {
    return await reader.get<Service>('services', name);
  } catch (error) {
    if (hasReason(error, 'NotFound')) throw new NoEndpoints(`service ${JSON.stringify(name)} not found`);
    throw error;
  }
}

async function endpointsOf(reader: NamespaceReader, service: Service, port: string): Promise<readonly Endpoint[]> {
  const name = service.metadata?.name ?? '';
  const labelSelector = `kubernetes.io/service-name=${name}`;
  const slices = await reader.list<EndpointSlice>('endpointslices', { labelSelector });
  if (slices.length > 0)
    return reachable(
      reader,
      slices.flatMap((slice) => ofSlice(slice, port)),
    );
  const endpoints = await reader.find<Endpoints>('endpoints', name);
  if (endpoints !== undefined) return reachable(reader, ofEndpoints(endpoints, port));
  const pods = await podsOfSelector(reader, service, port);
  return pods.map(({ pod, ip, port: number }) => ofPod(pod, ip, number));
}

function primaryFirst(endpoints: readonly Endpoint[], { spec }: Service): readonly Endpoint[] {
  const primary = spec?.ipFamilies?.[0];
  const rank = ({ host }: Endpoint): number => (isIPv6(host) === (primary === 'IPv6') ? 0 : 1);
  return primary === undefined ? endpoints : endpoints.toSorted((one, other) => rank(one) - rank(other));
}

function ofSlice({ endpoints = [], ports = [] }: EndpointSlice, name: string): Place[] {
  const port = ports.find((each) => (each.name ?? '') === name)?.port;
  if (port === undefined) return [];
  return endpoints
    .filter(({ conditions }) => conditions?.ready !== false)
    .map(({ addresses, targetRef }) => ({ pod: podName(targetRef), ip: addresses?.[0] ?? '', port }));
}

function ofEndpoints({ subsets = [] }: Endpoints, name: string): Place[] {
  return subsets.flatMap(({ addresses = [], ports = [] }) => {
    const port = ports.find((each) => (each.name ?? '') === name)?.port;
    if (port === undefined) return [];
    return addresses.map(({ ip, targetRef }) => ({ pod: podName(targetRef), ip, port }));
  });
}

function podName(target: { readonly kind?: string; readonly name?: string } | undefined): string | undefined {
  return target?.kind === 'Pod' ? target.name : undefined;
}

/** A pod's endpoint counts while the address is that pod's own. */
async function reachable(reader: NamespaceReader, places: readonly Place[]): Promise<readonly Endpoint[]> {
  const found: Endpoint[] = [];
  for (const { pod: name, ip, port } of places) {
    if (!isProxyable(ip)) continue;
    if (name === undefined) found.push({ host: ip, port });
    else {
      const pod = await reader.find<Pod>('pods', name);
      if (pod?.status?.podIPs?.some((each) => each.ip === ip)) found.push(ofPod(pod, ip, port));
    }
  }
  return found;
}

function ofPod({ metadata, spec }: Pod, host: string, port: number): Endpoint {
  const { namespace = '', name = '' } = metadata ?? {};
  return { pod: { namespace, name, node: spec?.nodeName ?? '' }, host, port };
}

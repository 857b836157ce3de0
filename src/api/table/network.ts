/** How networking kinds are printed: services, endpoints, ingresses, policies, addresses. */
import type { Endpoints, Service } from '../schema/types/core-v1.ts';
import type { EndpointSlice } from '../schema/types/discovery-v1.ts';
import type { Ingress, IngressClass, IPAddress, NetworkPolicy, ServiceCIDR } from '../schema/types/networking-v1.ts';
import {
  ageColumn,
  defaultableName,
  labelsText,
  nameColumn,
  type Printer,
  printer,
  selectorText,
  shortList,
  text,
  wide,
} from './column.ts';

const shownMax = 3;

interface IngressPoint {
  readonly ip?: string;
  readonly hostname?: string;
}

function addresses(points: readonly IngressPoint[] = []): string[] {
  const found = points.map(({ ip, hostname }) => ip || hostname || '').filter((address) => address !== '');
  return [...new Set(found)].sort();
}

function externalIp({ spec, status }: Service): string {
  const external = spec?.externalIPs ?? [];
  const type: string = spec?.type ?? '';
  switch (type) {
    case 'ClusterIP':
    case 'NodePort':
      return external.join(',') || '<none>';
    case 'LoadBalancer':
      return [...addresses(status?.loadBalancer?.ingress), ...external].join(',') || '<pending>';
    case 'ExternalName':
      return spec?.externalName ?? '';
    default:
      return '<unknown>';
  }
}

function servicePorts({ spec }: Service): string {
  const ports = (spec?.ports ?? []).map(({ port, nodePort, protocol }) =>
    nodePort ? `${port}:${nodePort}/${protocol}` : `${port}/${protocol}`,
  );
  return ports.join(',') || '<none>';
}

const services = printer<Service>(
  nameColumn,
  text('Type', ({ spec }) => spec?.type ?? ''),
  text('Cluster-IP', ({ spec }) => spec?.clusterIPs?.[0] || spec?.clusterIP || '<none>'),
  text('External-IP', externalIp),
  text('Port(s)', servicePorts),
  ageColumn,
  wide(text('Selector', ({ spec }) => labelsText(spec?.selector))),
);

function joinHostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function endpointsText({ subsets = [] }: Endpoints): string {
  if (subsets.length === 0) return '<none>';
  const all = subsets.flatMap(({ addresses = [], ports = [] }) =>
    ports.length === 0
      ? addresses.map(({ ip }) => ip)
      : ports.flatMap(({ port }) => addresses.map(({ ip }) => joinHostPort(ip, port))),
  );
  return shortList(all, shownMax);
}

const endpoints = printer<Endpoints>(nameColumn, text('Endpoints', endpointsText), ageColumn);

const endpointSlices = printer<EndpointSlice>(
  nameColumn,
  text('AddressType', ({ addressType }) => addressType),
  text('Ports', ({ ports }) => {
    const numbers = (ports ?? []).map(({ port, name }) => (port === undefined ? (name ?? '*') : String(port)));
    return shortList(numbers, shownMax) || '<unset>';
  }),
  text('Endpoints', ({ endpoints: all }) => {
    const found = (all ?? []).flatMap(({ addresses }) => addresses ?? []);
    return shortList(found, shownMax) || '<unset>';
  }),
  ageColumn,
);

/** Once three hosts are shown, every further rule counts as left out, whether it names a host or not. */
function hosts({ spec }: Ingress): string {
  const rules = spec?.rules ?? [];
  const shown: string[] = [];
  let isCut = false;
  for (const { host } of rules) {
    if (shown.length === shownMax) isCut = true;
    else if (host) shown.push(host);
  }
  if (shown.length === 0) return '*';
  return isCut ? `${shown.join(',')} + ${rules.length - shownMax} more...` : shown.join(',');
}

const ingresses = printer<Ingress>(
  nameColumn,
  text('Class', ({ spec }) => spec?.ingressClassName ?? '<none>'),
  text('Hosts', hosts),
  text('Address', ({ status }) => addresses(status?.loadBalancer?.ingress).join(',')),
  text('Ports', ({ spec }) => (spec?.tls?.length ? '80, 443' : '80')),
  ageColumn,
);

const ingressClasses = printer<IngressClass>(
  defaultableName('ingressclass.kubernetes.io/is-default-class'),
  text('Controller', ({ spec }) => spec?.controller ?? ''),
  text('Parameters', ({ spec }) => {
    const parameters = spec?.parameters;
    if (parameters === undefined) return '<none>';
    const kind = parameters.apiGroup === undefined ? parameters.kind : `${parameters.kind}.${parameters.apiGroup}`;
    return `${kind}/${parameters.name}`;
  }),
  ageColumn,
);

const networkPolicies = printer<NetworkPolicy>(
  nameColumn,
  text('Pod-Selector', ({ spec }) => selectorText(spec?.podSelector ?? {})),
  ageColumn,
);

const serviceCidrs = printer<ServiceCIDR>(
  nameColumn,
  text('CIDRs', ({ spec }) => (spec?.cidrs ?? []).join(',')),
  ageColumn,
);

const ipAddresses = printer<IPAddress>(
  nameColumn,
  text('ParentRef', ({ spec }) => {
    const parent = spec?.parentRef;
    if (parent === undefined) return '<none>';
    const resource = parent.group ? `${parent.resource}.${parent.group}` : (parent.resource ?? '');
    return [resource.toLowerCase(), ...(parent.namespace ? [parent.namespace] : []), parent.name].join('/');
  }),
);

export const networkPrinters: Readonly<Record<string, Printer>> = {
  services,
  endpoints,
  'endpointslices.discovery.k8s.io': endpointSlices,
  'ingresses.networking.k8s.io': ingresses,
  'ingressclasses.networking.k8s.io': ingressClasses,
  'networkpolicies.networking.k8s.io': networkPolicies,
  'servicecidrs.networking.k8s.io': serviceCidrs,
  'ipaddresses.networking.k8s.io': ipAddresses,
};

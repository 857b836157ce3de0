/**
 * Where an application is reached, from its objects as they are in the cluster: hosts of Ingresses and routes, load balancers, ports of nodes
 * and of pods. Pure.
 */
import type { KubeObject } from '../api/object.ts';
import type { Pod, Service, ServicePort } from '../api/schema/types/core-v1.ts';
import type { Ingress } from '../api/schema/types/networking-v1.ts';

export interface Address {
  /** `http://shop.localhost/`, `10.0.0.5:5432` */
  readonly address: string;
  /** What answers there: `ingress/shop`. */
  readonly of: string;
  /** What one must do before it works. */
  readonly hint?: string;
}

export interface Reached {
  readonly addresses: readonly Address[];
  /** A Service that only the cluster reaches, where there is no address at all: `svc/web 8080:80` for a port-forward. */
  readonly forward?: string;
}

/** @param nodes addresses at which users reach the nodes */
export function addressesOf(objects: readonly KubeObject[], nodes: readonly string[]): Reached {
  const addresses = objects.flatMap((object) => (ways[object.kind ?? ''] ?? none)(object as never, nodes));
  const unique = [...new Map(addresses.map((one) => [`${one.address} ${one.of}`, one])).values()];
  const forward = unique.length > 0 ? undefined : forwardable(objects);
  return { addresses: unique, ...(forward !== undefined && { forward }) };
}

type Way = (object: never, nodes: readonly string[]) => readonly Address[];

const none: Way = () => [];

const ways: Readonly<Record<string, Way>> = {
  Ingress: ingress,
  Gateway: gateway,
  HTTPRoute: route,
  Service: service,
  Pod: (pod: Pod, nodes) => published(pod.spec, `pod/${nameOf(pod)}`, nodes),
  Deployment: workload,
  StatefulSet: workload,
  DaemonSet: workload,
};

const nameOf = ({ metadata }: KubeObject): string => metadata?.name ?? '';

interface HasIngress {
  readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string; readonly hostname?: string }[] };
}

const pointsOf = (status: HasIngress | undefined): string[] =>
  (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip ?? hostname ?? '').filter((point) => point !== '');

function ingress(object: Ingress): Address[] {
  const { spec, status } = object;
  const secure = new Set((spec?.tls ?? []).flatMap(({ hosts = [] }) => hosts));
  const points = pointsOf(status);
  const of = `ingress/${nameOf(object)}`;
  return (spec?.rules ?? [{}]).flatMap((rule) => {
    const paths = (rule.http?.paths ?? []).map(({ path = '/' }) => path);
    const path = paths.includes('/') || paths.length === 0 ? '/' : (paths[0] ?? '/');
    return hostAddresses(rule.host, path, points, of, (host) => secure.has(host));
  });
}

function hostAddresses(
  host: string | undefined,
  path: string,
  points: readonly string[],
  of: string,
  isSecure: (host: string) => boolean,
): Address[] {
  if (host === undefined || host === '') {
    return points.slice(0, 1).map((point) => ({ address: `http://${bracketed(point)}${path}`, of }));
  }
  const address = `${isSecure(host) ? 'https' : 'http'}://${host}${path}`;
  const hint =
    /(?:^|\.)localhost$/.test(host) || points.length === 0 ? undefined : `${host} must point to ${points.join(' or ')}`;
  return [{ address, of, ...(hint !== undefined && { hint }) }];
}

interface Gateway extends KubeObject {
  readonly spec?: {
    readonly listeners?: readonly { readonly port: number; readonly protocol: string; readonly hostname?: string }[];
  };
  readonly status?: { readonly addresses?: readonly { readonly value: string }[] };
}

function gateway(object: Gateway): Address[] {
  const points = (object.status?.addresses ?? []).map(({ value }) => value);
  const of = `gateway/${nameOf(object)}`;
  return (object.spec?.listeners ?? []).flatMap(({ port, protocol, hostname }) => {
    if (hostname !== undefined && !hostname.startsWith('*')) return [];
    return points.slice(0, 1).map((point) => ({ address: withScheme(point, port, protocol), of }));
  });
}

interface HostRoute extends KubeObject {
  readonly spec?: { readonly hostnames?: readonly string[] };
}

function route(object: HostRoute): Address[] {
  const of = `httproute/${nameOf(object)}`;
  return (object.spec?.hostnames ?? []).map((host) => ({ address: `http://${host}/`, of }));
}

function service(object: Service, nodes: readonly string[]): Address[] {
  const { spec = {}, status } = object;
  const of = `service/${nameOf(object)}`;
  const ports = spec.ports ?? [];
  if (spec.type === 'LoadBalancer') {
    return pointsOf(status)
      .slice(0, 1)
      .flatMap((point) => ports.map((port) => ({ address: portAddress(point, port.port, port), of })));
  }
  if (spec.type !== 'NodePort') return [];
  return nodes
    .slice(0, 1)
    .flatMap((node) =>
      ports.flatMap((port) =>
        port.nodePort === undefined ? [] : [{ address: portAddress(node, port.nodePort, port), of }],
      ),
    );
}

interface Templated extends KubeObject {
  readonly spec?: { readonly template?: { readonly spec?: Pod['spec'] } };
}

function workload(object: Templated, nodes: readonly string[]): Address[] {
  return published(object.spec?.template?.spec, `${(object.kind ?? '').toLowerCase()}/${nameOf(object)}`, nodes);
}

/** Ports of the node that containers ask for. */
function published(spec: Pod['spec'], of: string, nodes: readonly string[]): Address[] {
  return (spec?.containers ?? []).flatMap(({ ports = [] }) =>
    ports.flatMap(({ hostPort, hostIP, containerPort, name, protocol }) => {
      const point = hostIP !== undefined && hostIP !== '' && hostIP !== '0.0.0.0' ? hostIP : nodes[0];
      if (hostPort === undefined || point === undefined) return [];
      const port = {
        port: containerPort,
        ...(name !== undefined && { name }),
        ...(protocol !== undefined && { protocol }),
      };
      return [{ address: portAddress(point, hostPort, port), of }];
    }),
  );
}

/** Ports that mostly speak HTTP, where nothing says so. */
const httpPorts: ReadonlySet<number> = new Set([80, 3000, 5000, 8000, 8080, 8888, 9090]);

type NamedPort = Pick<ServicePort, 'port' | 'name' | 'protocol' | 'appProtocol'>;

function portAddress(
  point: string,
  at: number,
  { port, name = '', protocol = 'TCP', appProtocol = '' }: NamedPort,
): string {
  const place = `${bracketed(point)}:${at}`;
  if (protocol !== 'TCP') return `${place}/${protocol.toLowerCase()}`;
  if (port === 443 || name.startsWith('https') || appProtocol === 'https') return withScheme(point, at, 'HTTPS');
  if (/^(?:http|web|www)/.test(name) || /^http|^kubernetes\.io\/ws$/.test(appProtocol) || httpPorts.has(port)) {
    return withScheme(point, at, 'HTTP');
  }
  return place;
}

function withScheme(point: string, port: number, protocol: string): string {
  const scheme = protocol === 'HTTPS' ? 'https' : protocol === 'HTTP' ? 'http' : '';
  if (scheme === '') return `${bracketed(point)}:${port}`;
  const isUsual = port === (scheme === 'https' ? 443 : 80);
  return `${scheme}://${bracketed(point)}${isUsual ? '' : `:${port}`}/`;
}

const bracketed = (address: string): string => (address.includes(':') ? `[${address}]` : address);

/** The first Service whose port looks as if people would open it in a browser. */
function forwardable(objects: readonly KubeObject[]): string | undefined {
  const services = objects.filter(({ kind }) => kind === 'Service') as readonly Service[];
  for (const object of services) {
    const port = (object.spec?.ports ?? []).find((one) => portAddress('x', one.port, one).startsWith('http'));
    if (port !== undefined)
      return `svc/${nameOf(object)} ${port.port < 1024 ? 8000 + (port.port % 1000) : port.port}:${port.port}`;
  }
  return undefined;
}

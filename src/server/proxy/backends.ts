/**
 * Whom a proxied request is for: a pod, one of a service's pods, or a node. Reads the API's objects; the texts are upstream's.
 *
 * A service's pods are those that its EndpointSlices call ready, or its Endpoints where there are no slices; where nobody keeps either for
 * it, the ready pods that its selector matches. An address that is no pod's is never dialled: every candidate must be one of its pod's.
 */
import type { KubeObject } from '../../api/object.ts';
import type { ResourceTable } from '../../api/resource-table.ts';
import type { Container, Endpoints, Node, Pod, Service } from '../../api/schema/types/core-v1.ts';
import type { EndpointSlice } from '../../api/schema/types/discovery-v1.ts';
import { matchLabels } from '../../api/selector.ts';
import { badRequest, hasReason, notFound, StatusError } from '../../api/status-error.ts';
import { isProxyable, type ProxyTarget } from '../../client/node-proxy.ts';
import { nextInt, type Prng } from '../../lib/prng.ts';
import type { ListOptions, RequestHandler, UserInfo } from '../../registry/request.ts';
import type { ResourcePath } from '../request-info.ts';
import { type ProxyName, parseProxyName, portNumber } from './proxy-name.ts';

export interface Backend {
  readonly node: string;
  /** Undefined: the agent itself, by its own paths. */
  readonly target: ProxyTarget | undefined;
  /** `10.0.0.7:80`, `10.0.0.7` where the client named no port: what a link of the answer may name. */
  readonly host: string;
}

export interface BackendsOptions {
  readonly handler: RequestHandler;
  readonly resources: ResourceTable;
  readonly prng: Prng;
}

/** Where a service's traffic may go. */
interface Candidate {
  readonly pod: Pod;
  readonly ip: string;
  readonly port: number;
}

const agentPort = '10250';

export class Backends {
  readonly #options: BackendsOptions;

  constructor(options: BackendsOptions) {
    this.#options = options;
  }

  /** @throws StatusError NotFound, BadRequest, ServiceUnavailable */
  async find(user: UserInfo, { resource, namespace, name: text }: ResourcePath): Promise<Backend> {
    const name = parseProxyName(text);
    const kind = resource.slice(0, -1);
    if (name === undefined) throw badRequest(`invalid ${kind} request ${JSON.stringify(text)}`);
    const reader = new NamespaceReader(this.#options, user, namespace);
    if (resource === 'nodes') return nodeBackend(await reader.get<Node>('nodes', name.name), name);
    if (resource === 'pods') return podBackend(await reader.get<Pod>('pods', name.name), name);
    return this.#service(reader, name, text);
  }

  async #service(reader: NamespaceReader, name: ProxyName, text: string): Promise<Backend> {
    const port = await portName(reader, name);
    const candidates = await candidatesOf(reader, name.name, port);
    const chosen = candidates[nextInt(this.#options.prng, Math.max(candidates.length, 1))];
    if (chosen === undefined) throw unavailable(`no endpoints available for service ${JSON.stringify(text)}`);
    return backendOf(chosen.pod, chosen.ip, schemeOf(name), String(chosen.port));
  }
}

const unavailable = (message: string): StatusError => new StatusError(503, 'ServiceUnavailable', message);

const schemeOf = ({ scheme }: ProxyName): 'http' | 'https' => (scheme === 'https' ? 'https' : 'http');

function nodeBackend({ metadata, status }: Node, name: ProxyName): Backend {
  const node = metadata?.name ?? '';
  if (name.port === '' || name.port === agentPort) return { node, target: undefined, host: node };
  const address = status?.addresses?.find(({ type }) => type === 'InternalIP')?.address ?? '';
  if (!isProxyable(address)) throw badRequest('address not allowed');
  const scheme = schemeOf(name);
  return { node, target: { scheme, port: portNumber(name.port, scheme) }, host: joined(address, name.port) };
}

function podBackend(pod: Pod, name: ProxyName): Backend {
  const port = name.port === '' ? firstPort(pod.spec?.containers ?? []) : name.port;
  return backendOf(pod, pod.status?.podIP ?? '', schemeOf(name), port);
}

function firstPort(containers: readonly Container[]): string {
  const ports = containers.find((container) => container.ports?.length)?.ports;
  return String(ports?.[0]?.containerPort ?? '');
}

function backendOf(pod: Pod, ip: string, scheme: 'http' | 'https', port: string): Backend {
  if (!isProxyable(ip)) throw badRequest('address not allowed');
  const { namespace = '', name = '' } = pod.metadata ?? {};
  const target = { pod: { namespace, name }, scheme, port: portNumber(port, scheme) };
  return { node: pod.spec?.nodeName ?? '', target, host: joined(ip, port) };
}

function joined(ip: string, port: string): string {
  const host = ip.includes(':') ? `[${ip}]` : ip;
  return port === '' ? host : `${host}:${port}`;
}

/** A service's port is named by its name; whoever gives its number means the one with that number. */
async function portName(reader: NamespaceReader, { name, port }: ProxyName): Promise<string> {
  if (!/^-?\d+$/.test(port)) return port;
  const { spec } = await reader.get<Service>('services', name);
  const found = spec?.ports?.find((each) => each.port === Number(port));
  if (found === undefined)
    throw unavailable(`no service port ${Number(port)} found for service ${JSON.stringify(name)}`);
  return found.name ?? '';
}

async function candidatesOf(reader: NamespaceReader, service: string, port: string): Promise<readonly Candidate[]> {
  const labelSelector = `kubernetes.io/service-name=${service}`;
  const slices = await reader.list<EndpointSlice>('endpointslices', { labelSelector });
  if (slices.length > 0)
    return known(
      reader,
      slices.flatMap((slice) => slicePlaces(slice, port)),
    );
  const endpoints = await reader.find<Endpoints>('endpoints', service);
  if (endpoints !== undefined) return known(reader, endpointPlaces(endpoints, port));
  return podsOfSelector(reader, await reader.get<Service>('services', service), port);
}

interface Place {
  readonly pod: string;
  readonly ip: string;
  readonly port: number;
}

function slicePlaces({ endpoints = [], ports = [] }: EndpointSlice, name: string): Place[] {
  const port = ports.find((each) => (each.name ?? '') === name)?.port;
  if (port === undefined) return [];
  const ready = endpoints.filter(
    ({ conditions, targetRef }) => conditions?.ready !== false && targetRef?.kind === 'Pod',
  );
  return ready.flatMap(({ addresses, targetRef }) =>
    (addresses ?? []).map((ip) => ({ pod: targetRef?.name ?? '', ip, port })),
  );
}

function endpointPlaces({ subsets = [] }: Endpoints, name: string): Place[] {
  return subsets.flatMap(({ addresses = [], ports = [] }) => {
    const port = ports.find((each) => (each.name ?? '') === name)?.port;
    const ofPods = addresses.filter(({ targetRef }) => targetRef?.kind === 'Pod');
    return port === undefined ? [] : ofPods.map(({ ip, targetRef }) => ({ pod: targetRef?.name ?? '', ip, port }));
  });
}

/** Those that are still a pod's own address. */
async function known(reader: NamespaceReader, places: readonly Place[]): Promise<readonly Candidate[]> {
  const found: Candidate[] = [];
  for (const { pod: name, ip, port } of places) {
    const pod = await reader.find<Pod>('pods', name);
    if (pod?.status?.podIPs?.some((each) => each.ip === ip)) found.push({ pod, ip, port });
  }
  return found;
}

/** The ready pods that a service's selector matches, with their port of this name. */
export async function podsOfSelector(
  reader: NamespaceReader,
  { spec = {} }: Service,
  name: string,
): Promise<readonly Candidate[]> {
  const servicePort = spec.ports?.find((each) => (each.name ?? '') === name);
  if (servicePort === undefined || !spec.selector || Object.keys(spec.selector).length === 0) return [];
  const pods = await reader.list<Pod>('pods', { labelSelector: matchLabels(spec.selector).toString() });
  return pods.filter(isReady).flatMap((pod) => {
    const port = targetPort(pod, servicePort.targetPort ?? servicePort.port);
    return port === undefined ? [] : [{ pod, ip: pod.status?.podIP ?? '', port }];
  });
}

const isReady = ({ metadata, status }: Pod): boolean =>
  metadata?.deletionTimestamp === undefined &&
  (status?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false);

function targetPort({ spec }: Pod, port: number | string): number | undefined {
  if (typeof port === 'number') return port;
  const ports = spec?.containers.flatMap((container) => container.ports ?? []) ?? [];
  return ports.find(({ name }) => name === port)?.containerPort;
}

/** Reads the namespace's objects. The caller's right to the proxy was asked for before; what it reads on the way needs no other. */
export class NamespaceReader {
  readonly #options: BackendsOptions;
  readonly #user: UserInfo;
  readonly #namespace: string;

  constructor(options: BackendsOptions, user: UserInfo, namespace: string) {
    this.#options = options;
    this.#user = user;
    this.#namespace = namespace;
  }

  async get<T extends KubeObject>(resource: string, name: string): Promise<T> {
    const target = this.#target(resource, name);
    return (await this.#options.handler.get(target)).object as T;
  }

  async find<T extends KubeObject>(resource: string, name: string): Promise<T | undefined> {
    try {
      return await this.get<T>(resource, name);
    } catch (error) {
      if (hasReason(error, 'NotFound')) return undefined;
      throw error;
    }
  }

  async list<T extends KubeObject>(resource: string, options: ListOptions): Promise<readonly T[]> {
    return (await this.#options.handler.list(this.#target(resource, ''), options)).objects as readonly T[];
  }

  #target(resource: string, name: string) {
    const group = resource === 'endpointslices' ? 'discovery.k8s.io' : '';
    const info = this.#options.resources.find(group, 'v1', resource);
    if (info === undefined) throw notFound({ group, kind: resource, name });
    const namespace = info.namespaced ? this.#namespace : '';
    return { user: this.#user, resource: info, namespace, name, subresource: '' };
  }
}

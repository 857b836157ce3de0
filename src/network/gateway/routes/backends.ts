/**
 * From the references of routes to backends of the plan: Services, their ports, how they are spoken to. Pure.
 *
 * A backend's id says all that makes it what it is, so that routes that want the same share one: `gateway/default/web:http`, and a hash where a
 * protocol or TLS makes it another.
 */
import { createHash } from 'node:crypto';
import type { Service, ServicePort } from '../../../api/schema/types/core-v1.ts';
import type { BackendObjectReference } from '../../../api/schema/types/gateway-v1.ts';
import type { Backend, Certificate, Source } from '../plan.ts';
import { wantedProxy } from '../proxy-protocol.ts';
import type { TranslatorSources } from '../translator.ts';
import type { Grants } from './grants.ts';
import { bad, good, type RouteKind, type Verdict } from './objects.ts';
import type { Policies, ReadPolicy } from './policies.ts';

export type ServiceSources = Pick<TranslatorSources['services'], 'find'> & Partial<TranslatorSources['services']>;

export interface FoundBackend {
  readonly verdict: Verdict;
  /** Absent where the reference leads nowhere. */
  readonly backend?: Backend;
  /** The policy that is for it. */
  readonly policy?: ReadPolicy;
}

export interface BackendWish {
  readonly reference: BackendObjectReference;
  readonly routeKind: RouteKind;
  readonly source: Source;
  /** Where it stands in the route: `spec.rules[0].backendRefs[1]`. */
  readonly at: string;
  /** Bytes go on as they came: what they are is their two ends' business. */
  readonly isPassedOn?: boolean;
  /** What the Gateway shows to a backend that asks. */
  readonly clientCertificate?: Certificate | undefined;
}

type Protocol = Backend['protocol'];

/** By `appProtocol` (KEP-3726), for HTTPRoutes. What is not here is HTTP/1.1. */
const appProtocols: Readonly<Record<string, Protocol | undefined>> = { 'kubernetes.io/h2c': 'h2c' };
/** Needs a BackendTLSPolicy that says how. */
const secureAppProtocol = 'kubernetes.io/wss';

const secured: Readonly<Record<Protocol, Protocol>> = {
  http: 'https',
  https: 'https',
  h2c: 'h2',
  h2: 'h2',
  tcp: 'tls',
  tls: 'tls',
};

export class Backends {
  readonly all = new Map<string, Backend>();
  readonly #services: ServiceSources;
  readonly #grants: Grants;
  readonly #policies: Policies;

  constructor(services: ServiceSources, grants: Grants, policies: Policies) {
    this.#services = services;
    this.#grants = grants;
    this.#policies = policies;
  }

  find(wish: BackendWish): FoundBackend {
    const { reference, routeKind, source, at } = wish;
    const { group = '', kind = 'Service', name, namespace = source.namespace, port: number } = reference;
    const refuse = (reason: string, message: string): FoundBackend => ({ verdict: bad(reason, `${at}: ${message}`) });
    if (group !== '' || kind !== 'Service') return refuse('InvalidKind', `${kind} ${name} is no Service`);
    const from = { fromKind: routeKind, fromNamespace: source.namespace };
    if (!this.#grants.allow({ ...from, group, kind, namespace, name })) {
      return refuse(
        'RefNotPermitted',
        `no ReferenceGrant in ${namespace} lets ${routeKind}s of ${source.namespace} use Service ${name}`,
      );
    }
    const service = this.#services.find({ namespace, name });
    if (service === undefined) return refuse('BackendNotFound', `there is no Service ${namespace}/${name}`);
    // It could name any host, in any namespace: grants would mean nothing.
    if (service.spec?.type === 'ExternalName')
      return refuse('BackendNotFound', `Service ${name} is an ExternalName, which is not taken`);
    const port = service.spec?.ports?.find((each) => each.port === number && fits(each, routeKind));
    if (port === undefined) return refuse('BackendNotFound', `Service ${namespace}/${name} has no port ${number}`);
    return this.#backend(wish, service, port);
  }

  #backend(
    { routeKind, source, at, isPassedOn, clientCertificate }: BackendWish,
    service: Service,
    port: ServicePort,
  ): FoundBackend {
    const { namespace = '', name = '' } = service.metadata ?? {};
    const policy = isPassedOn ? undefined : this.#policies.find(namespace, name, port.name ?? '');
    if (policy !== undefined && policy.tls === undefined) {
      return { verdict: good('ResolvedRefs'), policy };
    }
    if (port.appProtocol === secureAppProtocol && policy === undefined) {
      const message = `${at}: port ${port.port} of Service ${name} is ${secureAppProtocol}, and no BackendTLSPolicy says how`;
      return { verdict: bad('UnsupportedProtocol', message) };
    }
    const proxy = wantedProxy(service);
    if ('problem' in proxy) return { verdict: bad('UnsupportedProtocol', `${at}: ${proxy.problem}`) };
    const plain = protocolOf(routeKind, port);
    const protocol = policy === undefined ? plain : secured[plain];
    const tls = policy?.tls && { ...policy.tls, ...(clientCertificate && { clientCertificate }) };
    const facts = { protocol, ...(tls && { tls }), ...proxy };
    const id = `gateway/${namespace}/${name}:${port.name || port.port}${variant(facts)}`;
    const backend = this.all.get(id) ?? { id, source, servers: this.#servers(namespace, name, port), ...facts };
    this.all.set(id, backend);
    return { verdict: good('ResolvedRefs'), backend, ...(policy && { policy }) };
  }

  #servers(namespace: string, name: string, { name: portName = '' }: ServicePort): Backend['servers'] {
    return this.#services.servers?.({ namespace, name }, portName) ?? [];
  }
}

function fits({ protocol = 'TCP' }: ServicePort, kind: RouteKind): boolean {
  return (protocol === 'UDP') === (kind === 'UDPRoute');
}

function protocolOf(kind: RouteKind, { appProtocol = '' }: ServicePort): Protocol {
  if (kind === 'GRPCRoute') return 'h2c';
  return kind === 'HTTPRoute' ? (appProtocols[appProtocol] ?? 'http') : 'tcp';
}

/** Nothing for what most are. */
function variant(facts: object): string {
  const text = JSON.stringify(facts);
  return text === '{"protocol":"http"}' ? '' : `~${createHash('sha256').update(text).digest('hex').slice(0, 12)}`;
}

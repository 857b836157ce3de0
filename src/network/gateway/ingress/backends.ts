/**
 * From the backend that a path names to where its requests go: a Service's port, and the servers behind it. Pure.
 *
 * A backend's id tells all that makes it what it is (protocol, balance, TLS), so that two Ingresses that want the same share one, and others do not.
 */
import { createHash } from 'node:crypto';
import { nameWithin } from '../../../api/ingress-classes.ts';
import type { Service, ServicePort } from '../../../api/schema/types/core-v1.ts';
import type { IngressBackend, ServiceBackendPort } from '../../../api/schema/types/networking-v1.ts';
import { isOwnMachine } from '../own-machine.ts';
import type { Backend, Server, Target } from '../plan.ts';
import { wantedProxy } from '../proxy-protocol.ts';
import type { Annotations } from './annotations.ts';
import type { ReadIngress, Work } from './reading.ts';

const protocols = { HTTP: 'http', AUTO_HTTP: 'http', HTTPS: 'https', GRPC: 'h2c', GRPCS: 'h2' } as const;
const balances = { round_robin: 'roundrobin', ewma: 'leastconn', least_conn: 'leastconn', random: 'random' } as const;
/** A port of a Service says so by itself (KEP-3726). */
const protocolOfApp: Readonly<Record<string, Backend['protocol']>> = { 'kubernetes.io/h2c': 'h2c' };

const nowhere: Target = { backend: '', weight: 1, filters: [], unresolvedStatus: 503 };

export interface BackendWish {
  readonly backend: IngressBackend;
  /** Where in the Ingress it stands: `spec.rules[0].http.paths[1]`. */
  readonly at: string;
  /** Bytes of TLS go on as they are. */
  readonly isPassedThrough?: boolean;
}

/** Always a target: one that leads nowhere answers 503, and the problem is told. */
export function targetOf(work: Work, read: ReadIngress, wish: BackendWish, values: Annotations = read.values): Target {
  const { source } = read;
  const { service: named, resource } = wish.backend;
  if (named === undefined) {
    const what = resource === undefined ? 'no backend' : `a backend of kind ${resource.kind}, which is not taken`;
    work.tell(source, 'UnsupportedBackend', `${wish.at}: has ${what}: only Services are`);
    return nowhere;
  }
  const found = serversOf(work, read, named.name, named.port ?? {}, wish.at, values);
  if (found === undefined) return nowhere;
  const spare = found.servers.some(({ isDraining }) => !isDraining) ? undefined : spareOf(work, read, values, wish.at);
  const { name, port, servers, appProtocol, sendProxy } = spare ?? found;
  const protocol = wish.isPassedThrough ? 'tcp' : protocolFor(values, appProtocol);
  const tls = tlsOf(work, read, values, protocol, name);
  if (tls === 'closed') return nowhere;
  const balance = values['load-balance'] && balances[values['load-balance']];
  const facts = { protocol, ...(balance && { balance }), ...(tls && { tls }), ...(sendProxy && { sendProxy }) };
  const base = `ingress/${source.namespace}/${name}:${port}`;
  const suffix = values['service-upstream'] ? { ...facts, through: 'service' } : facts;
  const id = `${base}${variant(suffix)}`;
  work.backends.set(id, { id, source, servers, ...facts });
  return { backend: id, weight: 1, filters: [] };
}

const protocolFor = (values: Annotations, appProtocol: string | undefined): Backend['protocol'] =>
  values['backend-protocol'] === undefined
    ? (protocolOfApp[appProtocol ?? ''] ?? 'http')
    : protocols[values['backend-protocol']];

/** Nothing for what most are. */
function variant(facts: object): string {
  const text = JSON.stringify(facts);
  if (text === '{"protocol":"http"}') return '';
  return `~${createHash('sha256').update(text).digest('hex').slice(0, 12)}`;
}

interface FoundServers {
  readonly name: string;
  readonly port: string;
  readonly appProtocol: string | undefined;
  readonly servers: readonly Server[];
  readonly sendProxy?: NonNullable<Backend['sendProxy']>;
}

function serversOf(
  work: Work,
  { source }: ReadIngress,
  name: string,
  wanted: ServiceBackendPort,
  at: string,
  values: Annotations,
): FoundServers | undefined {
  const { namespace } = source;
  const service = work.sources.services.find({ namespace, name });
  if (service === undefined) {
    work.tell(source, 'ServiceNotFound', `${at}: there is no Service ${name} in ${namespace}`);
    return undefined;
  }
  const port = portOf(service, wanted);
  if (port === undefined) {
    const told = wanted.name || String(wanted.number ?? '');
    work.tell(source, 'ServicePortNotFound', `${at}: Service ${name} has no port ${told}`);
    return undefined;
  }
  const proxy = wantedProxy(service);
  if ('problem' in proxy) {
    work.tell(source, 'UnsupportedBackend', `${at}: ${proxy.problem}`);
    return undefined;
  }
  const { appProtocol } = port;
  const text = port.name || String(port.port);
  if (service.spec?.type === 'ExternalName' && isOwnMachine(service.spec.externalName ?? '')) {
    const what = `Service ${name} leads to ${service.spec.externalName}, which is the gateway's own machine`;
    work.tell(source, 'ForbiddenBackend', `${at}: ${what}`);
    return undefined;
  }
  const servers = serversBehind(work, service, port, values);
  return { name, port: text, appProtocol, servers, ...proxy };
}

/** ExternalName Services need not list their ports. */
function portOf({ spec }: Service, { name, number }: ServiceBackendPort): ServicePort | undefined {
  const known = spec?.ports?.find((port) => (name ? port.name === name : port.port === number));
  return known ?? (spec?.type === 'ExternalName' && number ? { port: number } : undefined);
}

function serversBehind(work: Work, service: Service, port: ServicePort, values: Annotations): readonly Server[] {
  const { spec, metadata } = service;
  if (spec?.type === 'ExternalName') {
    return spec.externalName ? [{ address: spec.externalName, port: port.port, isDraining: false }] : [];
  }
  const hasAddress = spec?.clusterIP !== undefined && spec.clusterIP !== '' && spec.clusterIP !== 'None';
  if (values['service-upstream'] && hasAddress) {
    return [{ address: spec.clusterIP ?? '', port: port.port, isDraining: false }];
  }
  const reference = { namespace: metadata?.namespace ?? '', name: metadata?.name ?? '' };
  return work.sources.services.servers(reference, port.name ?? '');
}

/** Who answers where nobody is ready: the Service of the annotation `default-backend`, by its first port. */
function spareOf(work: Work, read: ReadIngress, values: Annotations, at: string): FoundServers | undefined {
  const name = values['default-backend'];
  if (name === undefined) return undefined;
  const service = work.sources.services.find({ namespace: read.source.namespace, name });
  const number = service?.spec?.ports?.[0]?.port ?? 0;
  return serversOf(work, read, name, { number }, `${at}, default-backend`, values);
}

function tlsOf(
  work: Work,
  read: ReadIngress,
  values: Annotations,
  protocol: Backend['protocol'],
  service: string,
): Backend['tls'] | 'closed' {
  if (protocol !== 'https' && protocol !== 'h2') return undefined;
  const { namespace } = read.source;
  const verifiedName = values['proxy-ssl-name'] ?? `${service}.${namespace}.svc`;
  const serverName = values['proxy-ssl-server-name'] === 'on' ? { serverName: verifiedName } : {};
  const isVerified = values['proxy-ssl-verify'] === 'on';
  const text = values['proxy-ssl-secret'];
  if (text === undefined) {
    return isVerified ? { ...serverName, authorities: 'system', verifiedNames: [verifiedName] } : serverName;
  }
  const name = nameWithin(namespace, text);
  if (name === undefined) {
    work.tell(read.source, 'BadAnnotation', 'proxy-ssl-secret must be in the namespace of the Ingress');
    return 'closed';
  }
  const reference = { namespace, name };
  const own = work.sources.named.certificate(reference);
  // It may hold authorities alone, where nothing is to be shown.
  const shown = own.kind === 'bad' && isVerified ? undefined : work.take(own, read, 'proxy-ssl-secret', reference);
  const clientCertificate = shown && { clientCertificate: { serverName: verifiedName, id: shown.id, pem: shown.pem } };
  if (!isVerified) return { ...serverName, ...clientCertificate };
  const found = work.sources.named.authorities('Secret', reference);
  const authorities = work.take(found, read, 'proxy-ssl-secret', reference);
  if (authorities === undefined) return 'closed';
  return { ...serverName, authorities, verifiedNames: [verifiedName], ...clientCertificate };
}

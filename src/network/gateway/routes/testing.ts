/**
 * For tests of the Gateway API: objects in few words, with the defaults that the API gives them; what a plan made of them does with a request, in
 * one line; and what the statuses say.
 */
import { gatewayController } from '../../../api/gateway-references.ts';
import type { JsonObject, KubeObject } from '../../../api/object.ts';
import { builtinSchema } from '../../../api/schema/load.ts';
import type { Namespace, Service } from '../../../api/schema/types/core-v1.ts';
import type { Condition, ListenerStatus, RouteStatus } from '../../../api/schema/types/gateway-v1.ts';
import { applySchemaDefaults } from '../../../api/schema-defaults.ts';
import { evaluate, type PlanRequest } from '../testing.ts';
import type { CertificateFacts, Contribution, Found, NamedObjectSource } from '../translator.ts';
import { type AnyRoute, type GatewayObjects, gatewayGroup, type RouteKind } from './objects.ts';
import { type Resolved, resolve } from './resolve.ts';
import { decideStatuses, type StatusUpdate } from './status.ts';
import { planOf } from './translate.ts';

/** Services go by `namespace/name:port`, those in `default` by `name:port`. */
export interface WorldOptions {
  /** `name:port[/appProtocol]`, in another namespace `namespace/name:port`. */
  readonly services?: readonly string[];
  /** Secrets with good certificates: `namespace/name` (or `name`) to the names in them. */
  readonly certificates?: Readonly<Record<string, readonly string[]>>;
  /** Secrets that hold none. */
  readonly badSecrets?: readonly string[];
  /** ConfigMaps with authorities. */
  readonly authorities?: readonly string[];
  readonly namespaces?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly addresses?: readonly string[];
  /** The port of a real server on loopback, by the Service's name. */
  readonly serverPorts?: Readonly<Record<string, number>>;
  /** Real keys and chains (PEM), by the Secret's name. */
  readonly pems?: Readonly<Record<string, string>>;
  readonly now?: string;
}

let born = 0;

/** Each is a second younger than the one made before. */
export function make(kind: string, name: string, spec: object, metadata: object = {}): KubeObject {
  const type = builtinSchema().kind({ group: gatewayGroup, version: 'v1', kind });
  if (type === undefined) throw new Error(`no kind ${kind}`);
  const creationTimestamp = new Date(Date.UTC(2026, 0, 1) + 1000 * born++).toISOString().replace('.000', '');
  const { status: _first, ...object } = applySchemaDefaults(type, { spec: spec as JsonObject });
  return {
    apiVersion: `${gatewayGroup}/v1`,
    kind,
    metadata: { namespace: 'default', name, generation: 1, creationTimestamp, ...metadata },
    ...object,
  };
}

export const ownClass = make('GatewayClass', 'naru', { controllerName: gatewayController }, { namespace: undefined });

export const gateway = (name: string, listeners: object[], more: object = {}, metadata: object = {}): KubeObject =>
  make('Gateway', name, { gatewayClassName: 'naru', listeners, ...more }, metadata);

export const http = (port = 80, more: object = {}): object => ({
  name: `http-${port}`,
  port,
  protocol: 'HTTP',
  ...more,
});
export const fromAll = { allowedRoutes: { namespaces: { from: 'All' } } };

/** `parents`: names of Gateways, with a section after `#`. */
export function route(
  kind: RouteKind,
  name: string,
  parents: string,
  spec: object = {},
  metadata: object = {},
): KubeObject {
  return make(kind, name, { parentRefs: parents.split(' ').map(parent), ...spec }, metadata);
}

function parent(text: string): object {
  const [path = '', sectionName] = text.split('#');
  const [name = '', namespace] = path.split('/').reverse();
  return { name, ...(namespace && { namespace }), ...(sectionName && { sectionName }) };
}

/** `web:80`, `other/web:80*3` with a weight. */
export function to(...texts: string[]): object[] {
  return texts.map((text) => {
    const [path = '', weight] = text.split('*');
    const [place = '', port] = path.split(':');
    const [name = '', namespace] = place.split('/').reverse();
    return {
      name,
      ...(port && { port: Number(port) }),
      ...(namespace && { namespace }),
      ...(weight && { weight: Number(weight) }),
    };
  });
}

export const grant = (namespace: string, fromKind: string, from: string, toKind: string, name?: string): KubeObject =>
  make(
    'ReferenceGrant',
    `grant-${born}`,
    {
      from: [{ group: gatewayGroup, kind: fromKind, namespace: from }],
      to: [{ group: '', kind: toKind, ...(name && { name }) }],
    },
    { namespace },
  );

export class GatewayWorld {
  readonly objects: GatewayObjects;
  readonly resolved: Resolved;
  readonly plan: Contribution;
  readonly updates: readonly StatusUpdate[];

  constructor(all: readonly KubeObject[], options: WorldOptions = {}) {
    const of = <T>(kind: string): T[] => all.filter((each) => each.kind === kind) as T[];
    const labels = options.namespaces ?? {};
    this.objects = {
      classes: [ownClass as never, ...of<never>('GatewayClass')],
      gateways: of('Gateway'),
      listenerSets: of('ListenerSet'),
      routes: {
        GRPCRoute: of<AnyRoute>('GRPCRoute'),
        HTTPRoute: of<AnyRoute>('HTTPRoute'),
        TCPRoute: of<AnyRoute>('TCPRoute'),
        TLSRoute: of<AnyRoute>('TLSRoute'),
        UDPRoute: of<AnyRoute>('UDPRoute'),
      },
      grants: of('ReferenceGrant'),
      policies: of('BackendTLSPolicy'),
      namespace: (name): Namespace => ({ metadata: { name, labels: labels[name] ?? {} } }),
    };
    const services = new Map((options.services ?? []).map(readService));
    const find = ({ namespace, name }: { namespace: string; name: string }) => services.get(`${namespace}/${name}`);
    const { serverPorts } = options;
    const servers = ({ name }: { name: string }) => {
      if (serverPorts === undefined) return [{ address: '10.42.0.1', port: 8080, isDraining: false }];
      const port = serverPorts[name];
      return port === undefined ? [] : [{ address: '127.0.0.1', port, isDraining: false }];
    };
    this.resolved = resolve(this.objects, { services: { find, servers }, named: namedSource(options) });
    this.plan = planOf(this.resolved);
    const { addresses = ['192.0.2.1'], now = '2026-06-01T00:00:00Z' } = options;
    this.updates = decideStatuses(this.objects, this.resolved, { addresses, nodeAddresses: new Set(addresses), now });
  }

  /** `web:80`, `web:80 25%, other/api:80 75%`, `404`, `302 https://…`, `refused`. */
  ask(request: PlanRequest): string {
    const outcome = evaluate(this.plan, request);
    switch (outcome.kind) {
      case 'refused':
        return 'refused';
      case 'respond':
        return String(outcome.status);
      case 'redirect':
        return `${outcome.status} ${outcome.location}`;
      case 'forward': {
        const shares = Object.entries(outcome.shares).filter(([, share]) => share > 0);
        if (shares.length === 1) return shortName(shares[0]?.[0] ?? '');
        return shares.map(([id, share]) => `${shortName(id)} ${Math.round(share * 100)}%`).join(', ');
      }
    }
  }

  /** Where a TLS connection for a server name goes: `passed to web:443`, `opened for web:80`, `refused`. */
  connect(port: number, serverName: string): string {
    const entry = this.plan.entries.find((each) => each.port === port);
    const passed = bestFor(entry?.passThrough ?? [], serverName);
    const opened = bestFor(entry?.terminated ?? [], serverName);
    const best = bestFor([...(passed ? [passed] : []), ...(opened ? [opened] : [])], serverName);
    if (best === undefined) return 'refused';
    const [target] = best.targets;
    return `${best === passed ? 'passed to' : 'opened for'} ${target?.unresolvedStatus ? 'nobody' : shortName(target?.backend ?? '')}`;
  }

  /** `Accepted=True/Accepted ResolvedRefs=False/BackendNotFound`, in the order of the status; of a route by parent. */
  conditions(kind: string, name: string, parentIndex = 0): string {
    const status = this.statusOf(kind, name) as
      | (RouteStatus & { readonly conditions?: readonly Condition[] })
      | undefined;
    return conditionsText(status?.parents ? status.parents[parentIndex]?.conditions : status?.conditions);
  }

  listener(name: string, listenerName: string, kind = 'Gateway'): ListenerStatus & { readonly text: string } {
    const { listeners = [] } = this.statusOf(kind, name) as { readonly listeners?: readonly ListenerStatus[] };
    const found = listeners.find((each) => each.name === listenerName);
    if (found === undefined) throw new Error(`${name} has no status of its listener ${listenerName}`);
    return { ...found, text: conditionsText(found.conditions.filter(({ type }) => type !== 'Conflicted')) };
  }

  statusOf(kind: string, name: string): unknown {
    const [short = '', namespace = 'default'] = name.split('/').reverse();
    const isIt = ({ object }: StatusUpdate): boolean => {
      const { metadata } = object as KubeObject;
      return metadata?.name === short && (metadata.namespace ?? 'default') === namespace;
    };
    return this.updates.find((each) => each.kind === kind && isIt(each))?.status;
  }
}

export function conditionsText(conditions: readonly Condition[] = []): string {
  return conditions.map(({ type, status, reason }) => `${type}=${status}/${reason}`).join(' ');
}

/** Without what only its ids need: `gateway/default/web:80~0123…` is `web:80`. */
const shortName = (id: string): string =>
  id
    .replace(/^gateway\//, '')
    .replace(/~.*$/, '')
    .replace(/^default\//, '');

function bestFor<T extends { readonly serverName: string }>(all: readonly T[], name: string): T | undefined {
  const wild = all.filter(({ serverName }) => serverName.startsWith('*.') && name.endsWith(serverName.slice(1)));
  const longest = wild.toSorted((a, b) => b.serverName.length - a.serverName.length)[0];
  return (
    all.find(({ serverName }) => serverName === name) ?? longest ?? all.find(({ serverName }) => serverName === '*')
  );
}

function readService(text: string): [string, Service] {
  const [, namespace = 'default', name = '', port = '80', appProtocol] =
    /^(?:([^/:]+)\/)?([^/:]+):(\d+)(?:\/(.+))?$/.exec(text) ?? [];
  const ports = [
    { port: Number(port), ...(appProtocol === 'UDP' ? { protocol: 'UDP' as const } : appProtocol && { appProtocol }) },
  ];
  return [`${namespace}/${name}`, { metadata: { namespace, name }, spec: { ports } }];
}

function namedSource({
  certificates = {},
  badSecrets = [],
  authorities = [],
  pems = {},
}: WorldOptions): NamedObjectSource {
  const whole = (name: string): string => (name.includes('/') ? name : `default/${name}`);
  const known = new Map(Object.entries(certificates).map(([name, names]) => [whole(name), names]));
  const isBad = new Set(badSecrets.map(whole));
  const hasAuthorities = new Set(authorities.map(whole));
  return {
    certificate({ namespace, name }): Found<CertificateFacts> {
      const id = `${namespace}/${name}`;
      const names = known.get(id);
      if (isBad.has(id)) return { kind: 'bad', why: 'it has no tls.key' };
      if (names === undefined) return { kind: 'missing' };
      return { kind: 'found', value: { id, pem: pems[name] ?? `PEM ${id}`, names, notBeforeMs: 0, notAfterMs: 1 } };
    },
    authorities: (_kind, { namespace, name }) =>
      hasAuthorities.has(`${namespace}/${name}`)
        ? { kind: 'found', value: `CA ${namespace}/${name}` }
        : { kind: 'missing' },
    users: () => ({ kind: 'missing' }),
  };
}

/**
 * The listeners of our Gateways and of the ListenerSets that joined them, with what is to be said of each: protocol, routes that it takes, conflicts
 * with those before it. Pure. Certificates are `certificates.ts`'s.
 *
 * ```
 *   Gateways, oldest first ─▶ own listeners, then those of their ListenerSets, oldest first ─▶ one port after the other
 * ```
 * Kept true: who came first keeps what it has. Of listeners of one object that contradict each other, none is accepted: there is no first among them.
 */
import type { Gateway, Listener, ListenerSet, RouteGroupKind } from '../../../api/schema/types/gateway-v1.ts';
import { labelMatcher } from '../../../api/selector.ts';
import { gatewayVerdict, type OurGateway, ourGateways } from './gateway-classes.ts';
import { anyHost } from './hostnames.ts';
import {
  bad,
  type GatewayObjects,
  gatewayGroup,
  good,
  oldestFirst,
  type RouteKind,
  sourceOf,
  type Verdict,
} from './objects.ts';

/** An object that has listeners, and its place in a Gateway. */
export interface ListenerOwner {
  readonly kind: 'Gateway' | 'ListenerSet';
  readonly namespace: string;
  readonly name: string;
  readonly object: Gateway | ListenerSet;
}

/** What a port is opened for. */
export type Form = 'http' | 'https' | 'terminated' | 'passthrough' | 'tcp';

export interface ReadListener {
  readonly gateway: Gateway;
  readonly owner: ListenerOwner;
  readonly listener: Listener;
  readonly index: number;
  readonly port: number;
  /** `*` where it takes every name. */
  readonly hostname: string;
  readonly form: Form | undefined;
  /** Routes that it takes, of those that fit its protocol. */
  readonly kinds: readonly RouteKind[];
  readonly accepted: Verdict;
  readonly kindsVerdict: Verdict;
  /** The reason of a conflict with another. */
  readonly conflict?: { readonly reason: string; readonly message: string };
}

export interface ReadGateway extends OurGateway {
  readonly verdict: Verdict;
  readonly listeners: readonly ReadListener[];
  /** Those that name it as their parent, let in or not. */
  readonly listenerSets: readonly { readonly set: ListenerSet; readonly verdict: Verdict }[];
}

const kindsOfForm: Readonly<Record<Form, readonly RouteKind[]>> = {
  http: ['HTTPRoute', 'GRPCRoute'],
  https: ['HTTPRoute', 'GRPCRoute'],
  terminated: ['TLSRoute'],
  passthrough: ['TLSRoute'],
  tcp: ['TCPRoute'],
};

/** Forms that share a port: names tell them apart. */
const together: Readonly<Record<Form, readonly Form[]>> = {
  http: ['http'],
  https: ['https', 'passthrough'],
  terminated: ['terminated', 'passthrough'],
  passthrough: ['https', 'terminated', 'passthrough'],
  tcp: [],
};

export function readGateways(objects: GatewayObjects): ReadGateway[] {
  const ours = ourGateways(objects);
  const ages = new Map(oldestFirst(ours.map(({ gateway }) => gateway)).map((gateway, index) => [gateway, index]));
  const sorted = ours.toSorted((a, b) => (ages.get(a.gateway) ?? 0) - (ages.get(b.gateway) ?? 0));
  const setsByParent = Map.groupBy(oldestFirst(objects.listenerSets), parentKey);
  const ports: PortUse[] = [];
  return sorted.map((our) => {
    const verdict = gatewayVerdict(our);
    const key = `${our.gateway.metadata?.namespace}/${our.gateway.metadata?.name}`;
    const listenerSets = (setsByParent.get(key) ?? []).map((set) => ({
      set,
      verdict: joins(set, our, verdict, objects),
    }));
    const owners = [our.gateway, ...listenerSets.filter((each) => each.verdict.isGood).map(({ set }) => set)];
    const listeners = verdict.isGood ? owners.flatMap((owner) => readOwner(our.gateway, owner, ports)) : [];
    return { ...our, verdict, listeners, listenerSets };
  });
}

function parentKey({ metadata, spec }: ListenerSet): string {
  const { group = gatewayGroup, kind = 'Gateway', namespace, name } = spec.parentRef;
  return group === gatewayGroup && kind === 'Gateway' ? `${namespace ?? metadata?.namespace}/${name}` : '';
}

/** Whether a ListenerSet may add to a Gateway. */
function joins({ metadata }: ListenerSet, { gateway }: OurGateway, verdict: Verdict, objects: GatewayObjects): Verdict {
  if (!verdict.isGood) return bad('ParentNotAccepted', `Gateway ${gateway.metadata?.name} is not accepted`);
  const { from = 'None', selector } = gateway.spec.allowedListeners?.namespaces ?? {};
  const own = gateway.metadata?.namespace ?? '';
  if (takesNamespace({ from, selector }, own, metadata?.namespace ?? '', objects)) return good('Accepted', '');
  return bad(
    'NotAllowed',
    `Gateway ${own}/${gateway.metadata?.name} takes no ListenerSets of this namespace (${from})`,
  );
}

interface NamespaceRule {
  readonly from?: string | undefined;
  readonly selector?: Parameters<typeof labelMatcher>[0] | undefined;
}

export function takesNamespace(
  { from = 'Same', selector }: NamespaceRule,
  own: string,
  asking: string,
  objects: Pick<GatewayObjects, 'namespace'>,
): boolean {
  if (from === 'All') return true;
  if (from === 'Same') return asking === own;
  const namespace = objects.namespace(asking);
  return from === 'Selector' && namespace !== undefined && matches(selector, namespace.metadata?.labels ?? {});
}

/** A selector that cannot be read selects nothing: the schema does not look into it. */
function matches(selector: NamespaceRule['selector'], labels: Readonly<Record<string, string>>): boolean {
  try {
    return labelMatcher(selector).matches(labels);
  } catch {
    return false;
  }
}

/** What of a port is taken, and by whom. */
interface PortUse {
  readonly gateway: Gateway;
  readonly owner: Gateway | ListenerSet;
  readonly name: string;
  readonly port: number;
  readonly form: Form;
  readonly hostname: string;
}

function readOwner(gateway: Gateway, object: Gateway | ListenerSet, ports: PortUse[]): ReadListener[] {
  const kind = object === gateway ? 'Gateway' : 'ListenerSet';
  const { namespace, name } = sourceOf(kind, object);
  const owner: ListenerOwner = { kind, namespace, name, object };
  const uses = object.spec.listeners.flatMap((listener) => useOf(gateway, object, listener));
  const read = object.spec.listeners.map((listener, index) =>
    readListener({ gateway, owner, listener, index }, uses, ports),
  );
  ports.push(...uses.filter((use) => read.some((each) => each.listener.name === use.name && each.accepted.isGood)));
  return read;
}

const hostnameOf = ({ hostname }: Listener): string => hostname?.toLowerCase() || anyHost;

function useOf(gateway: Gateway, owner: Gateway | ListenerSet, listener: Listener): PortUse[] {
  const form = formOf(listener);
  if (form === undefined) return [];
  return [{ gateway, owner, name: listener.name, port: listener.port, form, hostname: hostnameOf(listener) }];
}

function formOf({ protocol, tls }: Listener): Form | undefined {
  switch (protocol) {
    case 'HTTP':
      return 'http';
    case 'HTTPS':
      return 'https';
    case 'TLS':
      return tls?.mode === 'Passthrough' ? 'passthrough' : 'terminated';
    case 'TCP':
      return 'tcp';
    default:
      return undefined;
  }
}

type Placed = Pick<ReadListener, 'gateway' | 'owner' | 'listener' | 'index'>;

function readListener(placed: Placed, siblings: readonly PortUse[], before: readonly PortUse[]): ReadListener {
  const { listener } = placed;
  const form = formOf(listener);
  const { kinds, verdict: kindsVerdict } = kindsOf(listener, form);
  const read = { ...placed, port: listener.port, hostname: hostnameOf(listener), form, kinds, kindsVerdict };
  if (form === undefined) {
    const message = `protocol ${listener.protocol} is not supported: HTTP, HTTPS, TLS and TCP are`;
    return { ...read, accepted: bad('UnsupportedProtocol', message) };
  }
  const conflict = conflictOf(placed, siblings, before);
  if (conflict?.isForeign) return { ...read, accepted: bad('PortUnavailable', conflict.message) };
  if (conflict === undefined) return { ...read, accepted: good('Accepted', 'The listener is served') };
  return { ...read, accepted: bad(conflict.reason, conflict.message), conflict };
}

function kindsOf({ allowedRoutes }: Listener, form: Form | undefined): { kinds: RouteKind[]; verdict: Verdict } {
  const fitting = form === undefined ? [] : kindsOfForm[form];
  const wanted: readonly RouteGroupKind[] = allowedRoutes?.kinds ?? [];
  if (wanted.length === 0) return { kinds: [...fitting], verdict: good('ResolvedRefs') };
  const fits = ({ group = gatewayGroup, kind }: RouteGroupKind): boolean =>
    group === gatewayGroup && fitting.some((each) => each === kind);
  const kinds = wanted.filter(fits).map(({ kind }) => kind as RouteKind);
  const others = wanted.filter((each) => !fits(each)).map(({ kind }) => kind);
  if (others.length === 0) return { kinds, verdict: good('ResolvedRefs') };
  return {
    kinds,
    verdict: bad('InvalidRouteKinds', `allowedRoutes.kinds: ${others.join(', ')} do not fit this listener`),
  };
}

interface Conflict {
  readonly reason: 'HostnameConflict' | 'ProtocolConflict';
  readonly message: string;
  /** The port is another Gateway's, who is served at the same addresses. */
  readonly isForeign: boolean;
}

function conflictOf(
  { gateway, owner, listener }: Placed,
  siblings: readonly PortUse[],
  before: readonly PortUse[],
): Conflict | undefined {
  const own = siblings.find(({ name }) => name === listener.name);
  if (own === undefined) return undefined;
  const others = [...before, ...siblings.filter((use) => use !== own)].filter(({ port }) => port === own.port);
  for (const other of others) {
    const isForeign = other.gateway !== gateway;
    const who = `listener ${other.name} of ${sourceText(other.owner, owner)}`;
    if (!together[own.form].includes(other.form)) {
      const message = `port ${own.port} is taken for ${other.form} by ${who}`;
      // Twice the same, where no name tells two apart.
      const reason = own.form === other.form ? 'HostnameConflict' : 'ProtocolConflict';
      return { reason, message, isForeign };
    }
    // Gateways at the same addresses share their hosts: routes come in order of age.
    if (other.hostname === own.hostname && !isForeign) {
      return {
        reason: 'HostnameConflict',
        message: `port ${own.port} and its hostname are taken by ${who}`,
        isForeign,
      };
    }
  }
  return undefined;
}

function sourceText(object: Gateway | ListenerSet, { object: own }: ListenerOwner): string {
  if (object === own) return 'the same object';
  return `${object.kind ?? 'Gateway'} ${object.metadata?.namespace}/${object.metadata?.name}`;
}

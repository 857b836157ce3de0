/**
 * What the gateway reads of the Gateway API: the objects, and the words that several files here share.
 */
import type { KubeObject } from '../../../api/object.ts';
import type { Namespace } from '../../../api/schema/types/core-v1.ts';
import type {
  BackendTLSPolicy,
  Gateway,
  GatewayClass,
  GRPCRoute,
  HTTPRoute,
  ListenerSet,
  ReferenceGrant,
  TCPRoute,
  TLSRoute,
  UDPRoute,
} from '../../../api/schema/types/gateway-v1.ts';
import type { Source } from '../plan.ts';

export { gatewayGroup } from '../../../api/gateway-references.ts';

export type AnyRoute = GRPCRoute | HTTPRoute | TCPRoute | TLSRoute | UDPRoute;
export type RouteKind = 'GRPCRoute' | 'HTTPRoute' | 'TCPRoute' | 'TLSRoute' | 'UDPRoute';

export interface GatewayObjects {
  readonly classes: readonly GatewayClass[];
  readonly gateways: readonly Gateway[];
  readonly listenerSets: readonly ListenerSet[];
  readonly routes: Readonly<Record<RouteKind, readonly AnyRoute[]>>;
  readonly grants: readonly ReferenceGrant[];
  readonly policies: readonly BackendTLSPolicy[];
  /** Undefined where there is no such namespace. */
  namespace(name: string): Namespace | undefined;
}

/** What the API says of something, in a condition. */
export interface Verdict {
  readonly isGood: boolean;
  readonly reason: string;
  readonly message: string;
}

export const good = (reason: string, message = ''): Verdict => ({ isGood: true, reason, message });
export const bad = (reason: string, message: string): Verdict => ({ isGood: false, reason, message });

export function sourceOf(kind: string, { metadata }: KubeObject): Source {
  const { namespace = '', name = '', creationTimestamp } = metadata ?? {};
  return { kind, namespace, name, ...(creationTimestamp !== undefined && { created: creationTimestamp }) };
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** The older first, then by namespace and name: who wins where two want the same. */
export function compareSources(a: Source, b: Source): number {
  return compare(a.created ?? '', b.created ?? '') || compare(a.namespace, b.namespace) || compare(a.name, b.name);
}

export function oldestFirst<T extends KubeObject>(objects: readonly T[]): T[] {
  const keyed = objects.map((object) => ({ object, source: sourceOf('', object) }));
  return keyed.sort((a, b) => compareSources(a.source, b.source)).map(({ object }) => object);
}

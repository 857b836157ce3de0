/**
 * Which endpoints of a port get traffic on a node: pure, by the rules of Kubernetes' service proxies.
 *
 * - Ready ones; where there is none, those that terminate and still serve: for each policy by itself.
 * - `Cluster`: all of them, or those that hints keep to this node or this zone, if every ready endpoint has such a hint and one is for us.
 * - `Local`: those on this node.
 */
import type { Service } from '../../api/schema/types/core-v1.ts';
import type { Endpoint } from './endpoints.ts';

export interface Place {
  readonly nodeName: string;
  /** '' where the node has none. */
  readonly zone: string;
}

export interface ChosenEndpoints {
  readonly cluster: readonly Endpoint[];
  readonly local: readonly Endpoint[];
  /** Somebody in the cluster would answer, be it not from here. */
  readonly hasAny: boolean;
}

export interface Policies {
  readonly internalLocal: boolean;
  readonly externalLocal: boolean;
}

export function policiesOf({ spec }: Service): Policies {
  const isExternal = spec?.type === 'NodePort' || spec?.type === 'LoadBalancer' || (spec?.externalIPs ?? []).length > 0;
  return {
    internalLocal: spec?.internalTrafficPolicy === 'Local',
    externalLocal: isExternal && spec?.externalTrafficPolicy === 'Local',
  };
}

export function chooseEndpoints(endpoints: readonly Endpoint[], place: Place): ChosenEndpoints {
  const ready = endpoints.filter((endpoint) => endpoint.ready);
  const lasting = endpoints.filter(({ ready, serving, terminating }) => !ready && serving && terminating);
  const isHere = ({ nodeName }: Endpoint): boolean => nodeName === place.nodeName;
  return {
    cluster: ready.length > 0 ? near(ready, place) : lasting,
    local: ready.some(isHere) ? ready.filter(isHere) : lasting.filter(isHere),
    hasAny: ready.length > 0 || lasting.length > 0,
  };
}

function near(ready: readonly Endpoint[], { nodeName, zone }: Place): readonly Endpoint[] {
  const onNode = hinted(ready, ({ hintedNodes }) => hintedNodes, nodeName);
  return onNode ?? hinted(ready, ({ hintedZones }) => hintedZones, zone) ?? ready;
}

/** Undefined: hints of this kind do not count. */
function hinted(
  ready: readonly Endpoint[],
  hintsOf: (endpoint: Endpoint) => readonly string[],
  here: string,
): readonly Endpoint[] | undefined {
  if (!ready.every((endpoint) => hintsOf(endpoint).length > 0)) return undefined;
  const ours = ready.filter((endpoint) => hintsOf(endpoint).includes(here));
  return ours.length > 0 ? ours : undefined;
}

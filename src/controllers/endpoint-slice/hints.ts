/**
 * Hints of `spec.trafficDistribution`: each ready endpoint is for its own zone, or for its own node. Whether a proxy can follow them is
 * the proxy's to judge, which sees all endpoints. Pure.
 */
import type { Service } from '../../api/schema/types/core-v1.ts';
import type { Endpoint, EndpointHints, EndpointSlice } from '../../api/schema/types/discovery-v1.ts';
import { semanticallyEqual } from '../shared/equality.ts';

/** What endpoints get a hint for, by what the Service wishes. */
const hintsOf: Readonly<Record<string, (endpoint: Endpoint) => EndpointHints | undefined>> = {
  PreferClose: zoneHints,
  PreferSameZone: zoneHints,
  PreferSameNode: (endpoint) => {
    const { nodeName } = endpoint;
    return nodeName ? { ...zoneHints(endpoint), forNodes: [{ name: nodeName }] } : zoneHints(endpoint);
  },
};

function zoneHints({ zone }: Endpoint): EndpointHints | undefined {
  return zone === undefined ? undefined : { forZones: [{ name: zone }] };
}

export const isReadyEndpoint = ({ conditions }: Endpoint): boolean => conditions?.ready === true;

export type Hinting = (endpoint: Endpoint) => EndpointHints | undefined;

export const noHints: Hinting = () => undefined;

/** Undefined where the Service wishes nothing, or what nobody knows. */
export function hintingOf({ spec }: Service): Hinting | undefined {
  const hints = Object.hasOwn(hintsOf, spec?.trafficDistribution ?? '')
    ? hintsOf[spec?.trafficDistribution ?? '']
    : undefined;
  return hints && ((endpoint) => (isReadyEndpoint(endpoint) ? hints(endpoint) : endpoint.hints));
}

/** The slice with these hints; the same object where they stand there already. */
export function withHints(slice: EndpointSlice, hinting: Hinting): EndpointSlice {
  const { endpoints = [] } = slice;
  if (endpoints.every((endpoint) => semanticallyEqual(endpoint.hints, hinting(endpoint)))) return slice;
  return { ...slice, endpoints: endpoints.map((endpoint) => hinted(endpoint, hinting(endpoint))) };
}

export function hinted(old: Endpoint, hints: EndpointHints | undefined): Endpoint {
  const { hints: _, ...endpoint } = old;
  return hints === undefined ? endpoint : { ...endpoint, hints };
}

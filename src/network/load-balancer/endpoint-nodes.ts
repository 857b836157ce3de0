/** Where a Service has ready endpoints, for those whose addresses live only there (`externalTrafficPolicy: Local`). Pure. */
import type { EndpointSlice } from '../../api/schema/types/discovery-v1.ts';

/** `namespace/name` of the Service that a slice belongs to. */
export const sliceService = ({ metadata }: EndpointSlice): string =>
  `${metadata?.namespace ?? ''}/${metadata?.labels?.['kubernetes.io/service-name'] ?? ''}`;

/** Names of nodes. */
export function readyNodesOf(slices: readonly EndpointSlice[]): ReadonlySet<string> {
  const ready = slices.flatMap(({ endpoints }) =>
    (endpoints ?? []).filter(({ conditions }) => conditions?.ready !== false),
  );
  return new Set(ready.flatMap(({ nodeName }) => (nodeName === undefined ? [] : [nodeName])));
}

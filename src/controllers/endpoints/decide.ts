/** What the Endpoints of a Service must say, and whether they say it. Pure. */
import type { EndpointAddress, Endpoints, Pod, Service } from '../../api/schema/types/core-v1.ts';
import { nameOf, namespaceOf } from '../shared/context.ts';
import { semanticallyEqual } from '../shared/equality.ts';
import { canonicalIp } from '../shared/ip.ts';
import { isReady } from '../shared/pods.ts';
import {
  headlessLabel,
  hostnameIn,
  isHeadless,
  podReference,
  servesSomebody,
  targetPortOf,
  triggerTimeAnnotation,
} from '../shared/service-pods.ts';
import { addressCountOf, addressesMax, type Reached, subsetsOf, truncated } from './subsets.ts';

export const managedByLabel = 'endpoints.kubernetes.io/managed-by';
export const manager = 'endpoint-controller';
const overCapacityAnnotation = 'endpoints.kubernetes.io/over-capacity';

/** Undefined: `current` says all. @param triggerTime when what is written now began to change */
export function decideEndpoints(
  service: Service,
  pods: readonly Pod[],
  current: Endpoints | undefined,
  triggerTime: string | undefined,
): Endpoints | undefined {
  const all = subsetsOf(pods.flatMap((pod) => reachedAt(service, pod)));
  const subsets = truncated(all);
  const isOver = addressCountOf(all) > addressesMax;
  const labels = labelsOf(service);
  const { annotations = {} } = current?.metadata ?? {};
  if (
    current !== undefined &&
    semanticallyEqual(current.subsets, subsets) &&
    sameLabels(current.metadata?.labels, labels) &&
    overCapacityAnnotation in annotations === isOver
  ) {
    return undefined;
  }
  const { [triggerTimeAnnotation]: _time, [overCapacityAnnotation]: _over, ...others } = annotations;
  return {
    metadata: {
      ...(current?.metadata ?? { namespace: namespaceOf(service), name: nameOf(service) }),
      labels,
      annotations: {
        ...others,
        ...(triggerTime !== undefined && { [triggerTimeAnnotation]: triggerTime }),
        ...(isOver && { [overCapacityAnnotation]: 'truncated' }),
      },
    },
    subsets,
  };
}

/** Empty values of labels count. */
function sameLabels(a: Readonly<Record<string, string>> = {}, b: Readonly<Record<string, string>> = {}): boolean {
  return (
    Object.keys(a).length === Object.keys(b).length && Object.entries(a).every(([name, value]) => b[name] === value)
  );
}

function labelsOf(service: Service): Readonly<Record<string, string>> {
  const { [headlessLabel]: _, ...labels } = service.metadata?.labels ?? {};
  return { ...labels, ...(isHeadless(service) && { [headlessLabel]: '' }), [managedByLabel]: manager };
}

function reachedAt(service: Service, pod: Pod): readonly Reached[] {
  const { ports = [], publishNotReadyAddresses = false } = service.spec ?? {};
  if (!servesSomebody(pod, publishNotReadyAddresses)) return [];
  const address = addressOf(service, pod);
  if (address === undefined) return [];
  const ready = publishNotReadyAddresses || isReady(pod);
  if (ports.length === 0) return service.spec?.clusterIP === 'None' ? [{ address, port: undefined, ready }] : [];
  return ports.flatMap((each) => {
    const number = targetPortOf(pod, each);
    if (number === undefined) return [];
    const { name, protocol = 'TCP', appProtocol } = each;
    const port = { port: number, protocol, ...(name && { name }), ...(appProtocol !== undefined && { appProtocol }) };
    return [{ address, port, ready }];
  });
}

/** Of the Service's first family: these objects know no two. */
function addressOf(service: Service, pod: Pod): EndpointAddress | undefined {
  const { podIP, podIPs = podIP ? [{ ip: podIP }] : [] } = pod.status ?? {};
  const family = service.spec?.ipFamilies?.[0] ?? familyOf(service) ?? canonicalIp(podIP ?? '')?.family;
  const ip = podIPs.map((each) => canonicalIp(each.ip ?? '')).find((each) => each?.family === family)?.text;
  if (ip === undefined) return undefined;
  const hostname = hostnameIn(service, pod);
  const { nodeName } = pod.spec ?? {};
  return { ip, ...(nodeName && { nodeName }), targetRef: podReference(pod), ...(hostname && { hostname }) };
}

function familyOf({ spec }: Service): string | undefined {
  if (!spec?.clusterIP || spec.clusterIP === 'None') return undefined;
  return canonicalIp(spec.clusterIP)?.family;
}

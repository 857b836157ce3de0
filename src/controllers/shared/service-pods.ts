/**
 * Which pods stand behind a Service, and at which port: what the loops of Endpoints and of EndpointSlices share. Pure, save
 * for `followServices`, which wakes a loop.
 */
import { objectKey } from '../../api/object.ts';
import type { Container, Pod, Service, ServicePort } from '../../api/schema/types/core-v1.ts';
import { matchLabels } from '../../api/selector.ts';
import type { Informer } from '../../client/informer.ts';
import type { ReadonlyCache } from '../../client/object-cache.ts';
import { isDeleting, nameOf, namespaceOf } from './context.ts';
import { semanticallyEqual } from './equality.ts';
import { isFinished, isReady } from './pods.ts';

export const headlessLabel = 'service.kubernetes.io/headless';
export const triggerTimeAnnotation = 'endpoints.kubernetes.io/last-change-trigger-time';
export const leaderAnnotation = 'control-plane.alpha.kubernetes.io/leader';

/** A selector that names nothing is none: such Services get their endpoints from somebody else. */
export const hasSelector = ({ spec }: Service): boolean => Object.keys(spec?.selector ?? {}).length > 0;

/** Are its endpoints ours to find? */
export const isServed = (service: Service): boolean => service.spec?.type !== 'ExternalName' && hasSelector(service);

export const isHeadless = ({ spec }: Service): boolean => !spec?.clusterIP || spec.clusterIP === 'None';

export function podsOf(service: Service, pods: ReadonlyCache<Pod>): readonly Pod[] {
  const selector = matchLabels(service.spec?.selector ?? {});
  return pods.list(namespaceOf(service)).filter((pod) => selector.matches(pod.metadata?.labels));
}

/** A pod that has ended serves nobody, nor does one without an address; one that is ending may. */
export function servesSomebody(pod: Pod, includeTerminating: boolean): boolean {
  if (isFinished(pod)) return false;
  if (!pod.status?.podIP && !pod.status?.podIPs?.length) return false;
  return includeTerminating || !isDeleting(pod);
}

/** The pod's own name in the Service's domain; undefined where it has none there. */
export function hostnameIn(service: Service, pod: Pod): string | undefined {
  const { hostname, subdomain } = pod.spec ?? {};
  return hostname && subdomain === nameOf(service) && namespaceOf(service) === namespaceOf(pod) ? hostname : undefined;
}

/** Where `servicePort` leads in this pod: the number that stands there, or that of the container port of this name. */
export function targetPortOf(pod: Pod, { port, targetPort, protocol = 'TCP' }: ServicePort): number | undefined {
  if (typeof targetPort !== 'string') return targetPort || port;
  const lasting = (pod.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  const named = ({ ports = [] }: Container): number | undefined =>
    ports.find((each) => each.name === targetPort && (each.protocol ?? 'TCP') === protocol)?.containerPort;
  for (const container of [...(pod.spec?.containers ?? []), ...lasting]) {
    const found = named(container);
    if (found !== undefined) return found;
  }
  return undefined;
}

export const podReference = (pod: Pod) => ({
  kind: 'Pod',
  namespace: namespaceOf(pod),
  name: nameOf(pod),
  uid: pod.metadata?.uid ?? '',
});

const selectorIndex = 'selector';

/** One pair of a selector is enough to find it by: a pod that it matches has that label. */
function selectorIndexValues(service: Service): readonly string[] {
  if (!isServed(service)) return [];
  const [pair] = Object.entries(service.spec?.selector ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return pair === undefined ? [] : [labelKey(namespaceOf(service), ...pair)];
}

const labelKey = (namespace: string, name: string, value: string): string => `${namespace}/${name}=${value}`;

/** Wakes a loop of Services: for each that changes, and for those whose pods change in what endpoints show. */
export function followServices(services: Informer<Service>, pods: Informer<Pod>, wake: (key: string) => void): void {
  services.addIndex(selectorIndex, selectorIndexValues);
  const enqueue = (service: Service): void => wake(objectKey(service));
  services.addHandler({ added: enqueue, updated: enqueue, deleted: enqueue });
  const wakeFor = (pod: Pod): void => {
    const { labels = {} } = pod.metadata ?? {};
    for (const [name, value] of Object.entries(labels)) {
      for (const service of services.cache.byIndex(selectorIndex, labelKey(namespaceOf(pod), name, value))) {
        if (matchLabels(service.spec?.selector ?? {}).matches(labels)) enqueue(service);
      }
    }
  };
  pods.addHandler({
    added: wakeFor,
    updated(pod, previous) {
      const moved = !semanticallyEqual(pod.metadata?.labels, previous.metadata?.labels);
      if (!moved && semanticallyEqual(shownOf(pod), shownOf(previous))) return;
      wakeFor(pod);
      if (moved) wakeFor(previous);
    },
    deleted: wakeFor,
  });
}

/** What of a pod its endpoints show. */
function shownOf(pod: Pod): unknown {
  const { nodeName, hostname, subdomain } = pod.spec ?? {};
  const { podIP, podIPs } = pod.status ?? {};
  const states = [isDeleting(pod), isReady(pod), isFinished(pod)].map(String);
  return { nodeName, hostname, subdomain, podIP, podIPs, states, uid: pod.metadata?.uid };
}

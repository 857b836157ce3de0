/**
 * Gives LoadBalancer Services their addresses, by writing their status. The proxy on each node programs what stands there, and `announcer.ts` answers
 * for addresses of pools on the network.
 *
 * One key for all Services, since addresses are given to all of them together. There is no finalizer: nothing outside of the cluster has to be taken
 * down, and what is gone from the API is free.
 */
import { ingressClassName } from '../../api/ingress-classes.ts';
import { objectKey, parseObjectKey } from '../../api/object.ts';
import type { LoadBalancerIngress, Service as ServiceObject } from '../../api/schema/types/core-v1.ts';
import type { EndpointSlice } from '../../api/schema/types/discovery-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import { ControlLoop, done, type Outcome } from '../../client/controller.ts';
import {
  endpointSlices,
  gatewayClasses as gatewayClassResource,
  gateways as gatewayResource,
  ingressClasses as ingressClassResource,
  ingresses as ingressResource,
  nodes as nodeResource,
  services as serviceResource,
} from '../../client/resources.ts';
import { contextFor, referenceOf } from '../../controllers/shared/context.ts';
import type { Service } from '../../lib/service.ts';
import { ingressSection } from '../gateway/settings.ts';
import { apiService, takenPorts } from '../gateway/taken-ports.ts';
import type { NetworkLoopContext } from '../loops.ts';
import { type Assignment, addressesOf, allocate, wantsAddress } from './allocate.ts';
import { readyNodesOf, sliceService } from './endpoint-nodes.ts';
import { loadBalancerSection } from './settings.ts';

const account = 'service-controller';
const everything = 'all';
const byService = 'service';

export function loadBalancerController(context: NetworkLoopContext): Service[] {
  const { client, events, informers, ...own } = contextFor(context, account);
  const services = informers.informer(serviceResource);
  const nodes = informers.informer(nodeResource);
  const ingresses = informers.informer(ingressResource);
  const ingressClasses = informers.informer(ingressClassResource);
  const gateways = informers.informer(gatewayResource);
  const gatewayClasses = informers.informer(gatewayClassResource);
  const slices = informers.informer(endpointSlices).addIndex(byService, (slice) => [sliceService(slice)]);
  const settings = context.configuration.section('loadBalancer', loadBalancerSection);
  const ingressSettings = context.configuration.section('ingress', ingressSection);
  /** By Service: why it has no address. Each reason is told once. */
  const told = new Map<string, string>();

  async function reconcile(): Promise<Outcome> {
    const all = services.cache.list();
    const assignments = allocate({
      services: all,
      nodes: nodes.cache.list(),
      pools: settings.current.pools,
      takenPorts: takenPorts({
        ingresses: ingresses.cache.list(),
        ingressClass: (name) => ingressClasses.cache.byKey(name),
        gateways: gateways.cache.list(),
        gatewayClass: (name) => gatewayClasses.cache.byKey(name),
        settings: ingressSettings.current,
        apiSlices: slices.cache.byIndex(byService, apiService),
      }),
      endpointNodes: (service) => readyNodesOf(slices.cache.byIndex(byService, objectKey(service))),
    });
    const results = await Promise.allSettled(all.map((service) => bring(service, assignments.get(objectKey(service)))));
    for (const result of results) if (result.status === 'rejected') throw result.reason;
    return done;
  }

  async function bring(service: ServiceObject, assignment: Assignment | undefined): Promise<void> {
    const key = objectKey(service);
    if (assignment?.kind !== 'refused') told.delete(key);
    else if (told.get(key) !== assignment.message) {
      told.set(key, assignment.message);
      const message = `Error syncing load balancer: failed to ensure load balancer: ${assignment.message}`;
      events.record(serviceResource, service, 'Warning', 'SyncLoadBalancerFailed', message);
    }
    // What another load balancer wrote is its own; what this one wrote goes with the type.
    if (assignment === undefined && service.spec?.type === 'LoadBalancer') return;
    const wanted = assignment?.kind === 'given' ? assignment.addresses.map(ingressOf) : [];
    if (isSame(service, wanted)) return;
    const body = { status: { loadBalancer: { ingress: wanted.length === 0 ? null : wanted } } };
    await client
      .patch(serviceResource, referenceOf(service), { type: 'merge', body }, { subresource: 'status' })
      .catch((error: unknown) => {
        if (!hasReason(error, 'NotFound')) throw error;
      });
    if (wanted.length > 0)
      events.record(serviceResource, service, 'Normal', 'EnsuredLoadBalancer', 'Ensured load balancer');
  }

  const loop = new ControlLoop({
    ...own,
    name: 'load-balancer',
    informers: [services, nodes, slices, ingresses, ingressClasses, gateways, gatewayClasses],
    reconcile,
    workers: 1,
    begin: () => loop.queue.add(everything),
  });
  const wake = (): void => loop.queue.add(everything);
  const always = { added: wake, updated: wake, deleted: wake };
  services.addHandler({
    added: (service) => void (concerns(service) && wake()),
    updated: (service, before) => void ((concerns(service) || concerns(before)) && wake()),
    deleted: (service) => void (told.delete(objectKey(service)), concerns(service) && wake()),
  });
  const ifConcerned = (slice: EndpointSlice): void => {
    const key = sliceService(slice);
    if (key === apiService) wake();
    const { namespace, name } = parseObjectKey(key);
    const service = services.cache.get({ namespace, name });
    if (service?.spec?.externalTrafficPolicy === 'Local' && wantsAddress(service)) wake();
  };
  slices.addHandler({ added: ifConcerned, updated: ifConcerned, deleted: ifConcerned });
  nodes.addHandler(always);
  // Of Ingresses only whose they are counts.
  ingresses.addHandler({
    added: wake,
    updated: (ingress, before) => void (ingressClassName(ingress) !== ingressClassName(before) && wake()),
    deleted: wake,
  });
  ingressClasses.addHandler(always);
  gateways.addHandler(always);
  gatewayClasses.addHandler(always);
  settings.onChange(wake);
  ingressSettings.onChange(wake);
  return [loop];
}

const concerns = (service: ServiceObject): boolean => wantsAddress(service) || addressesOf(service).length > 0;

const ingressOf = (ip: string): LoadBalancerIngress => ({ ip, ipMode: 'VIP' });

function isSame({ status }: ServiceObject, wanted: readonly LoadBalancerIngress[]): boolean {
  const there = status?.loadBalancer?.ingress ?? [];
  return (
    there.length === wanted.length &&
    there.every(
      ({ ip, ipMode, hostname }, index) => hostname === undefined && ip === wanted[index]?.ip && ipMode === 'VIP',
    )
  );
}

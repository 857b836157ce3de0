/** Services, as quotas count them: all, those that ask for a load balancer, and the node ports that they will be given. */
import { quantityFromInteger } from '../quantity.ts';
import type { Service } from '../schema/types/core-v1.ts';
import { one, zero } from './amounts.ts';
import type { Evaluator } from './evaluator.ts';

const names: ReadonlySet<string> = new Set([
  'services',
  'count/services',
  'services.nodeports',
  'services.loadbalancers',
]);

export const services: Evaluator<Service> = {
  measures: (name) => names.has(name),
  handles: ({ subresource }) => subresource === '',
  usage: (service) =>
    new Map([
      ['count/services', one],
      ['services', one],
      ['services.loadbalancers', service.spec?.type === 'LoadBalancer' ? one : zero],
      ['services.nodeports', quantityFromInteger(nodePorts(service))],
    ]),
  frees: (service, old) => quotaType(service) !== quotaType(old) || nodePorts(service) < nodePorts(old),
};

/** As intended: at the time of asking, none may be allocated yet. */
function nodePorts({ spec }: Service): number {
  const ports = spec?.ports ?? [];
  if (spec?.type === 'NodePort') return ports.length;
  if (spec?.type !== 'LoadBalancer') return 0;
  return spec.allocateLoadBalancerNodePorts === false ? ports.filter(({ nodePort }) => nodePort).length : ports.length;
}

const quotaType = ({ spec }: Service): string =>
  spec?.type === 'NodePort' || spec?.type === 'LoadBalancer' ? spec.type : '';

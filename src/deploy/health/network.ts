/** Health of ways in: a Service has somebody behind it, an Ingress or Gateway an address, a route somebody who carries it. */

import type { KubeObject } from '../../api/object.ts';
import type { Service } from '../../api/schema/types/core-v1.ts';
import type { Condition } from '../../api/schema/types/meta-v1.ts';
import type { Ingress } from '../../api/schema/types/networking-v1.ts';
import {
  conditionText,
  counted,
  failing,
  type Health,
  type HealthRules,
  healthy,
  progressing,
  type Related,
} from './base.ts';

const gatewayRoutes = ['HTTPRoute', 'GRPCRoute', 'TLSRoute', 'TCPRoute', 'UDPRoute'];

export const networkHealth: HealthRules = {
  'Service.': service,
  'Ingress.networking.k8s.io': ingress,
  ...Object.fromEntries(gatewayRoutes.map((kind) => [`${kind}.gateway.networking.k8s.io`, route])),
};

function service({ spec = {}, status }: Service, { endpointSlices }: Related): Health {
  if (spec.type === 'ExternalName') return healthy(`it stands for ${spec.externalName ?? ''}`);
  if (endpointSlices !== undefined) {
    const ready = endpointSlices
      .flatMap(({ endpoints }) => endpoints ?? [])
      .filter(({ conditions }) => conditions?.ready !== false).length;
    if (ready === 0) return progressing('nothing that is ready stands behind it');
    if (spec.type !== 'LoadBalancer') return healthy(`${counted(ready, 'endpoint')} behind it`);
  }
  if (spec.type !== 'LoadBalancer') return healthy('the Service exists');
  const addresses = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip ?? hostname ?? '');
  return addresses.length > 0 ? healthy(`at ${addresses.join(', ')}`) : progressing('it has no address yet');
}

function ingress({ status }: Ingress): Health {
  const addresses = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip ?? hostname ?? '');
  return addresses.length > 0 ? healthy(`at ${addresses.join(', ')}`) : progressing('it has no address yet');
}

interface Route extends KubeObject {
  readonly status?: { readonly parents?: readonly { readonly conditions?: readonly Condition[] }[] };
}

function route({ status }: Route): Health {
  const parents = status?.parents ?? [];
  const refused = parents.flatMap(({ conditions = [] }) =>
    conditions.filter((condition) => condition.status === 'False'),
  );
  const [first] = refused;
  if (first !== undefined) return failing(`${first.type} is false: ${conditionText(first)}`);
  return parents.length === 0 ? progressing('no Gateway has taken it yet') : healthy('it is taken');
}

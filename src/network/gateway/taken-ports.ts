/** The ports of entry nodes that gateways listen on, and for whom: nothing else may have them there. Pure. */
import type { Gateway } from '../../api/schema/types/gateway-v1.ts';
import type { Ingress } from '../../api/schema/types/networking-v1.ts';
import type { NetworkConfigurationSource } from '../configuration.ts';

const httpPorts = [80, 443] as const;

export function takenPorts(
  ingresses: readonly Ingress[],
  gateways: readonly Gateway[],
  _configuration: NetworkConfigurationSource,
): ReadonlyMap<number, string> {
  const taken = new Map<number, string>();
  for (const { metadata, spec } of gateways)
    for (const { port } of spec.listeners) taken.set(port, `Gateway ${metadata?.namespace}/${metadata?.name}`);
  if (ingresses.length > 0) for (const port of httpPorts) taken.set(port, 'the Ingresses');
  return taken;
}

/** The control loops of the network: they run with the control plane, and write statuses, addresses, certificates and names. A line each. */
import { EventRecorder } from '../client/events.ts';
import type { ControllerContext } from '../controllers/shared/context.ts';
import type { Service } from '../lib/service.ts';
import type { NetworkConfigurationSource } from './configuration.ts';
import { externalDnsController } from './external-dns/controller.ts';
import { acmeController } from './gateway/acme/controller.ts';
import { ingressController } from './gateway/ingress/controller.ts';
import { gatewayController } from './gateway/routes/controller.ts';
import { loadBalancerController } from './load-balancer/controller.ts';
import { NetworkConfiguration } from './network-configuration.ts';

export interface NetworkLoopContext extends ControllerContext {
  readonly configuration: NetworkConfigurationSource;
}

export type NetworkLoops = (context: NetworkLoopContext) => readonly Service[];

const loops: readonly NetworkLoops[] = [
  gatewayController,
  ingressController,
  acmeController,
  loadBalancerController,
  externalDnsController,
];

export function networkLoops(context: ControllerContext): Service[] {
  const events = new EventRecorder({ ...context, component: 'naru-network' });
  context.recorders?.add(events);
  const configuration = new NetworkConfiguration({ ...context, events });
  // Nobody waits for settings: loops hear of them as of every later change.
  const reading: Service = {
    name: configuration.name,
    start: async () => void configuration.start(),
    close: () => configuration.close(),
  };
  return [reading, ...loops.flatMap((make) => make({ ...context, configuration }))];
}

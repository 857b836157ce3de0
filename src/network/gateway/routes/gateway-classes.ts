/** Which Gateways are ours, and what is to be said of their classes. Pure. */

import { gatewayController } from '../../../api/gateway-references.ts';
import type { Gateway, GatewayClass } from '../../../api/schema/types/gateway-v1.ts';
import { bad, type GatewayObjects, good, type Verdict } from './objects.ts';

export function isOurClass({ spec }: GatewayClass): boolean {
  return spec.controllerName === gatewayController;
}

export function classVerdict({ spec }: GatewayClass): Verdict {
  const { parametersRef } = spec;
  if (parametersRef === undefined) return good('Accepted', 'The class is served by this cluster');
  const { kind, name } = parametersRef;
  return bad(
    'InvalidParameters',
    `spec.parametersRef: this controller takes no parameters, ${kind} ${name} among them`,
  );
}

export interface OurGateway {
  readonly gateway: Gateway;
  readonly gatewayClass: GatewayClass;
}

export function ourGateways({ classes, gateways }: Pick<GatewayObjects, 'classes' | 'gateways'>): OurGateway[] {
  const byName = new Map(classes.filter(isOurClass).map((each) => [each.metadata?.name ?? '', each]));
  return gateways.flatMap((gateway) => {
    const gatewayClass = byName.get(gateway.spec.gatewayClassName);
    return gatewayClass === undefined ? [] : [{ gateway, gatewayClass }];
  });
}

/** Of the Gateway as a whole, its listeners apart. */
export function gatewayVerdict({ gateway, gatewayClass }: OurGateway): Verdict {
  if (!classVerdict(gatewayClass).isGood) {
    return bad('InvalidParameters', `GatewayClass ${gateway.spec.gatewayClassName} is not accepted`);
  }
  const { addresses = [], infrastructure } = gateway.spec;
  if (infrastructure?.parametersRef !== undefined) {
    const { kind, name } = infrastructure.parametersRef;
    const message = `spec.infrastructure.parametersRef: this controller takes no parameters, ${kind} ${name} among them`;
    return bad('InvalidParameters', message);
  }
  const index = addresses.findIndex(({ type = 'IPAddress' }) => type !== 'IPAddress');
  if (index >= 0) {
    const message = `spec.addresses[${index}]: addresses of type ${addresses[index]?.type} are not supported, IPAddress is`;
    return bad('UnsupportedAddress', message);
  }
  return good('Accepted', 'The Gateway is served');
}

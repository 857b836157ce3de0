/** Whether the server behind an APIService can be there: what the API's objects say of its Service, in upstream's reasons and words. Pure. */
import type { Service } from '../../api/schema/types/core-v1.ts';
import type { EndpointSlice } from '../../api/schema/types/discovery-v1.ts';
import type { RemoteApi } from './api-service-index.ts';

export interface Availability {
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

export const passed: Availability = { status: 'True', reason: 'Passed', message: 'all checks passed' };

/** Of what this server answers for itself. */
export const localAvailability: Availability = {
  status: 'True',
  reason: 'Local',
  message: 'Local APIServices are always available',
};

export const discoveryFailed = (message: string): Availability => missing('FailedDiscoveryCheck', message);

const missing = (reason: string, message: string): Availability => ({ status: 'False', reason, message });

/** Undefined: nothing speaks against asking it. */
export function decideAvailability(
  { service: { namespace, name, port } }: RemoteApi,
  service: Service | undefined,
  slices: readonly EndpointSlice[],
): Availability | undefined {
  const place = `service/${name} in ${JSON.stringify(namespace)}`;
  if (service === undefined) return missing('ServiceNotFound', `${place} is not present`);
  if ((service.spec?.type ?? 'ClusterIP') !== 'ClusterIP') return undefined;
  const servicePort = service.spec?.ports?.find((each) => each.port === port);
  if (servicePort === undefined) return missing('ServicePortError', `${place} is not listening on port ${port}`);
  if (slices.length === 0) return missing('EndpointsNotFound', `cannot find endpoints for ${place}`);
  const portName = servicePort.name ?? '';
  if (slices.some((slice) => isReady(slice, portName))) return undefined;
  const what = `endpoints for ${place} have no addresses with port name ${JSON.stringify(portName)}`;
  return missing('MissingEndpoints', what);
}

function isReady({ endpoints = [], ports = [] }: EndpointSlice, portName: string): boolean {
  return (
    ports.some(({ name }) => (name ?? '') === portName) &&
    endpoints.some(({ addresses, conditions }) => addresses.length > 0 && conditions?.ready !== false)
  );
}

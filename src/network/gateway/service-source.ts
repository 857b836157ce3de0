/** Services as translators ask for them: where requests for a port go, from the node's one directory. Pure. */

import type { Endpoint } from '../services/endpoints.ts';
import type { ServiceDirectory } from '../services/service-directory.ts';
import type { Server } from './plan.ts';
import type { ServiceSource } from './translator.ts';

export function serviceSource(directory: ServiceDirectory): ServiceSource {
  return {
    find: (reference) => directory.find(reference),
    servers(reference, portName) {
      const service = directory.find(reference);
      const port = service?.spec?.ports?.find(({ name = '' }) => name === portName);
      if (service === undefined || port === undefined) return [];
      return serversOf(directory.endpoints(service, port));
    },
  };
}

/** Ready ones take requests; where there is none, those that end and still serve. What ends beside ready ones only finishes what it has. */
export function serversOf(endpoints: readonly Endpoint[]): Server[] {
  const hasReady = endpoints.some(({ ready }) => ready);
  return endpoints
    .filter(({ ready, serving, terminating }) => ready || (serving && terminating))
    .map(({ ip, port, ready, nodeName }) => ({
      address: ip,
      port,
      isDraining: hasReady && !ready,
      ...(nodeName !== undefined && { nodeName }),
    }));
}

/** Services that nothing stands behind although all pods are ready: mostly a selector with a slip of the pen. Told, since nothing waits for them. */

import type { Service } from '../api/schema/types/core-v1.ts';
import type { EndpointSlice } from '../api/schema/types/discovery-v1.ts';
import type { Client } from '../client/client.ts';
import { endpointSlices } from '../client/resources.ts';
import type { Clock } from '../lib/clock.ts';
import { healthOf } from './health.ts';
import { shownName } from './target.ts';
import type { State } from './wait.ts';

export interface IdleService {
  readonly name: string;
  readonly why: string;
}

/** Endpoints follow pods within moments. */
const looks = 8;
const pauseMs = 200;

/** Who may not read endpoints is told nothing. */
export async function servicesWithoutPods(
  client: Client,
  clock: Clock,
  states: readonly State[],
): Promise<readonly IdleService[]> {
  let services = states.filter(
    ({ target, object }) => target.resource.kind === 'Service' && hasSelector(object as Service),
  );
  for (let look = 0; look < looks && services.length > 0; look++) {
    if (look > 0) await clock.sleep(pauseMs);
    const slices = await slicesOf(client, services);
    if (slices === undefined) return [];
    services = services.filter(({ target, object }) => {
      const own = slices.filter(
        ({ metadata }) =>
          metadata?.namespace === target.reference.namespace &&
          metadata.labels?.['kubernetes.io/service-name'] === target.reference.name,
      );
      return !isServed(object, own);
    });
  }
  return services.map(({ target, object }) => ({ name: shownName(target), why: whyIdle(object as Service) }));
}

const hasSelector = ({ spec }: Service): boolean =>
  spec?.type !== 'ExternalName' && Object.keys(spec?.selector ?? {}).length > 0;

async function slicesOf(client: Client, services: readonly State[]): Promise<readonly EndpointSlice[] | undefined> {
  const namespaces = [...new Set(services.map(({ target }) => target.reference.namespace))];
  try {
    const lists = await Promise.all(namespaces.map((namespace) => client.list(endpointSlices, { namespace })));
    return lists.flatMap(({ items }) => items);
  } catch {
    return undefined;
  }
}

function isServed(service: Service, slices: readonly EndpointSlice[]): boolean {
  const asClusterIp = {
    ...service,
    apiVersion: 'v1',
    kind: 'Service',
    spec: { ...service.spec, type: 'ClusterIP' },
  } as Service;
  return healthOf(asClusterIp, { endpointSlices: slices }).state === 'healthy';
}

function whyIdle({ spec }: Service): string {
  const selector = Object.entries(spec?.selector ?? {})
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
  return `no ready pod has the labels that it asks for (${selector})`;
}

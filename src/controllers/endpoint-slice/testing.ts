/** For tests of the loops behind Services: a world without a kubelet, in which pods are as the test says. */
import type { Pod, PodStatus, Service, ServiceSpec } from '../../api/schema/types/core-v1.ts';
import type { EndpointSlice } from '../../api/schema/types/discovery-v1.ts';
import type { Client } from '../../client/client.ts';
import { endpointSlices, pods, services } from '../../client/resources.ts';
import type { MetricRegistry } from '../../lib/metrics.ts';
import { inDefault, startWorld, type World } from '../testing.ts';

export const labels = { app: 'web' };

export async function startServiceWorld(
  options: { wrap?: (client: Client) => Client; metrics?: MetricRegistry } = {},
): Promise<World> {
  const world = await startWorld(options);
  world.kubelet.ignore = () => true;
  return world;
}

export function makeService(spec: ServiceSpec = {}, metadata: Service['metadata'] = {}): Service {
  const ports = [{ name: 'http', port: 80, protocol: 'TCP' as const, targetPort: 8080 }];
  return { metadata: { ...inDefault('web'), ...metadata }, spec: { selector: labels, ports, ...spec } };
}

export interface Told {
  readonly ip?: string;
  readonly ready?: boolean;
  readonly phase?: NonNullable<PodStatus['phase']>;
}

/** A pod of the Service `web` on the node `node`, with what its kubelet would tell. */
export async function addPod(
  { client, clock }: Pick<World, 'client' | 'clock'>,
  name: string,
  { ip = `10.0.0.${name.length}`, ready = true, phase = 'Running' }: Told = {},
  spec: Partial<NonNullable<Pod['spec']>> = {},
): Promise<void> {
  const containers = [{ name: 'main', image: 'image', ports: [{ name: 'web', containerPort: 8080 }] }];
  await client.create(pods, {
    metadata: { ...inDefault(name), labels },
    spec: { nodeName: 'node', containers, terminationGracePeriodSeconds: 30, ...spec },
  });
  await tell({ client, clock }, name, { ip, ready, phase });
}

export async function tell(
  { client, clock }: Pick<World, 'client' | 'clock'>,
  name: string,
  { ip, ready, phase }: Told,
): Promise<void> {
  const lastTransitionTime = new Date(clock.now()).toISOString().replace(/\.\d+Z/, 'Z');
  const conditions = [{ type: 'Ready', status: ready ? 'True' : 'False', lastTransitionTime }];
  const status = {
    ...(phase && { phase }),
    ...(ready !== undefined && { conditions }),
    ...(ip && { podIP: ip, podIPs: [{ ip }] }),
  };
  await client.patch(pods, inDefault(name), { type: 'strategic', body: { status } }, { subresource: 'status' });
}

/** Those of `web`, the oldest names first. */
export async function slicesOf(world: World): Promise<readonly EndpointSlice[]> {
  const all = await world.list(endpointSlices);
  return all
    .filter((slice) => slice.metadata?.labels?.['kubernetes.io/service-name'] === 'web')
    .toSorted((a, b) => ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1));
}

/** `pod ready serving terminating` of each endpoint of `web`, by name. */
export async function endpointTexts(world: World): Promise<readonly string[]> {
  const endpoints = (await slicesOf(world)).flatMap((slice) => slice.endpoints ?? []);
  return endpoints
    .map(({ targetRef, conditions: { ready, serving, terminating } = {} }) => {
      const states = [ready && 'ready', serving && 'serving', terminating && 'terminating'].filter(Boolean);
      return [targetRef?.name ?? '', ...states].join(' ');
    })
    .toSorted();
}

export const createService = (world: World, spec: ServiceSpec = {}, metadata: Service['metadata'] = {}) =>
  world.client.create(services, makeService(spec, metadata));

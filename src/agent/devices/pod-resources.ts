/**
 * The pod-resources API (v1) on `pod-resources/kubelet.sock`: who has which devices, for monitors on this machine. CPUs and memory are not
 * given out one by one here, so none are listed.
 */

import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Container, Pod } from '../../api/schema/types/core-v1.ts';
import type { Logger } from '../../lib/log.ts';
import { loadService } from '../plugins/grpc-service.ts';
import { CallError, SocketServer } from '../plugins/socket-server.ts';
import { appContainers, initContainers } from '../pod/containers.ts';
import { type ClaimedDevices, devicesOf } from './claimed-devices.ts';
import type { DeviceInventory } from './device-inventory.ts';
import type { DeviceManager } from './device-manager.ts';
import type { PluginDevice } from './device-plugin.ts';

const protocolFile = fileURLToPath(new URL('pod-resources.proto', import.meta.url));
const notFound = 5;

export interface PodResourcesOptions {
  /** Absolute. */
  readonly folder: string;
  /** The pods that the node has taken, and that have not ended. */
  readonly pods: () => readonly Pod[];
  readonly inventory: DeviceInventory;
  readonly manager: DeviceManager;
  readonly claims: ClaimedDevices;
  readonly log: Logger;
}

interface PodName {
  readonly pod_name: string;
  readonly pod_namespace: string;
}

export function podResources(options: PodResourcesOptions): SocketServer {
  const { folder, pods, inventory, log } = options;
  return new SocketServer({
    name: 'pod resources',
    socket: path.join(folder, 'kubelet.sock'),
    load: () => loadService(protocolFile, 'v1.PodResourcesLister'),
    methods: {
      List: () => ({ pod_resources: pods().map((pod) => resourcesOf(pod, options)) }),
      GetAllocatableResources: () => ({
        devices: inventory.names.flatMap((name) =>
          byTopology(
            name,
            inventory.devices(name).filter(({ isHealthy }) => isHealthy),
          ),
        ),
      }),
      Get: ({ pod_name: name, pod_namespace: namespace }: PodName) => {
        const pod = pods().find(({ metadata }) => metadata?.name === name && metadata.namespace === namespace);
        if (pod === undefined) throw new CallError(notFound, `pod ${name} in namespace ${namespace} not found`);
        return { pod_resources: resourcesOf(pod, options) };
      },
    },
    log,
  });
}

/** Init containers only while they live as long as the pod: sidecars. */
function resourcesOf(pod: Pod, options: PodResourcesOptions): object {
  const { name = '', namespace = '' } = pod.metadata ?? {};
  const sidecars = initContainers(pod).filter(({ restartPolicy }) => restartPolicy === 'Always');
  const containers = [...sidecars, ...appContainers(pod)].map((container) => ({
    name: container.name,
    devices: devicesFor(pod, container, options),
    dynamic_resources: dynamicFor(pod, container, options),
  }));
  return { name, namespace, containers };
}

function devicesFor({ metadata }: Pod, { name }: Container, { manager, inventory }: PodResourcesOptions): object[] {
  const given = manager.of(metadata?.uid ?? '')?.get(name) ?? new Map();
  return [...given].flatMap(([resource, { ids }]) =>
    byTopology(
      resource,
      ids.map((id: string) => inventory.device(resource, id) ?? { id, isHealthy: true, numaNodes: [] }),
    ),
  );
}

function dynamicFor(pod: Pod, container: Container, { claims }: PodResourcesOptions): object[] {
  let found: ReturnType<typeof devicesOf>;
  try {
    found = devicesOf(pod, container, claims);
  } catch {
    // Not prepared yet.
    return [];
  }
  return found.map(({ claim, devices }) => ({
    claim_name: claim.name,
    claim_namespace: claim.namespace,
    claim_resources: devices.map(({ driver, pool, device, cdiIds }) => ({
      driver_name: driver,
      pool_name: pool,
      device_name: device,
      cdi_devices: cdiIds.map((name) => ({ name })),
    })),
  }));
}

/** Those of one place together, as monitors expect. */
function byTopology(resource: string, devices: readonly PluginDevice[]): object[] {
  const places = Map.groupBy(devices, ({ numaNodes }) => numaNodes.join());
  return [...places.values()].map((here) => ({
    resource_name: resource,
    device_ids: here.map(({ id }) => id),
    ...(here[0] !== undefined &&
      here[0].numaNodes.length > 0 && { topology: { nodes: here[0].numaNodes.map((ID) => ({ ID })) } }),
  }));
}

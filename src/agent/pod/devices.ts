/**
 * The devices of a pod, before its sandbox is made: every claim must be there, be the pod's own where it was made for one, be reserved for
 * it, and each driver that its devices come from must be able to prepare them here. As in a kubelet the pod waits, and is tried again.
 */
import { claimNameOf, isGenerated, isOwnedBy, isReservedFor } from '../../api/pod-resource-claims.ts';
import type { Pod, PodResourceClaim } from '../../api/schema/types/core-v1.ts';
import type { ResourceClaim } from '../../api/schema/types/resource-v1.ts';
import type { Client } from '../../client/client.ts';
import { resourceClaims } from '../../client/resources.ts';
import { allContainers } from './containers.ts';
import type { PodHook } from './pod-hook.ts';

/** The node's side of drivers. */
export interface DeviceDrivers {
  canPrepare(driver: string): boolean;
}

/** Where no driver has registered with the node. */
export const noDrivers: DeviceDrivers = { canPrepare: () => false };

/** The pod's hook: see `pod-hook.ts`. */
export function dynamicResources(client: Client, drivers: DeviceDrivers): PodHook {
  return {
    name: 'dynamic-resources',
    failureReason: 'FailedPrepareDynamicResources',
    failurePrefix: 'prepare dynamic resources: prepare dynamic resources',
    prepare: (pod) => prepareDevices(client, drivers, pod),
  };
}

/** @throws Error that says, in the kubelet's words, why the pod cannot have its devices yet */
export async function prepareDevices(client: Client, drivers: DeviceDrivers, pod: Pod): Promise<void> {
  for (const entry of pod.spec?.resourceClaims ?? []) {
    const claim = await claimOf(client, pod, entry);
    if (claim === undefined) continue;
    checkReservation(claim, pod);
    if (isUsed(entry, pod)) checkDrivers(claim, drivers);
  }
  const extended = pod.status?.extendedResourceClaimStatus?.resourceClaimName;
  if (!extended) return;
  const claim = await fetchClaim(client, pod, extended);
  checkReservation(claim, pod);
  checkDrivers(claim, drivers);
}

/** What no container asks for is not prepared. */
const isUsed = ({ name }: PodResourceClaim, pod: Pod): boolean =>
  allContainers(pod).some(({ resources }) => resources?.claims?.some((claim) => claim.name === name));

/** Undefined: none is needed. */
async function claimOf(client: Client, pod: Pod, entry: PodResourceClaim): Promise<ResourceClaim | undefined> {
  const { namespace = '', name = '' } = pod.metadata ?? {};
  const claimName = claimNameOf(pod, entry);
  if (claimName === null) return undefined;
  if (claimName === undefined) {
    throw new Error(`prepare ResourceClaim: pod "${namespace}/${name}": ResourceClaim not created yet`);
  }
  const claim = await fetchClaim(client, pod, claimName);
  if (!isGenerated(entry) || isOwnedBy(claim, pod)) return claim;
  const [whose, who] = [`${namespace}/${claimName}`, `${namespace}/${name}`];
  throw new Error(`ResourceClaim ${whose} was not created for pod ${who} (pod is not owner)`);
}

async function fetchClaim(client: Client, { metadata }: Pod, name: string): Promise<ResourceClaim> {
  try {
    return await client.get(resourceClaims, { namespace: metadata?.namespace ?? '', name });
  } catch (error) {
    throw new Error(`fetch ResourceClaim ${name}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}

function checkReservation(claim: ResourceClaim, pod: Pod): void {
  if (claim.status?.allocation !== undefined && isReservedFor(claim, pod)) return;
  const who = `${pod.metadata?.name}(${pod.metadata?.uid})`;
  throw new Error(`pod ${who} is not allowed to use ResourceClaim ${claim.metadata?.name}(${claim.metadata?.uid})`);
}

function checkDrivers({ status }: ResourceClaim, drivers: DeviceDrivers): void {
  for (const { driver } of status?.allocation?.devices?.results ?? []) {
    if (!drivers.canPrepare(driver)) throw new Error(`DRA driver ${driver} is not registered`);
  }
}

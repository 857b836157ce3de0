/**
 * The devices of a pod's claims, before its sandbox is made: every claim must be there, be the pod's own where it was made for one, be reserved for
 * it, and each driver that its devices come from must be able to prepare them here. As in a kubelet the pod waits, and is tried again.
 * Once prepared (`claimed-devices.ts`), its containers get them by the names of the Container Device Interface.
 */
import { claimNameOf, isGenerated, isOwnedBy, isReservedFor } from '../../api/pod-resource-claims.ts';
import type { Container, Pod, PodResourceClaim } from '../../api/schema/types/core-v1.ts';
import type { ResourceClaim } from '../../api/schema/types/resource-v1.ts';
import type { Client } from '../../client/client.ts';
import { resourceClaims } from '../../client/resources.ts';
import { allContainers } from '../pod/containers.ts';
import type { PodHook } from '../pod/pod-hook.ts';
import type { ContainerConfig } from '../runtime.ts';
import { type ClaimedDevices, cdiDevicesOf } from './claimed-devices.ts';

/** The node's side of drivers. */
export interface DeviceDrivers {
  canPrepare(driver: string): boolean;
  /** Has them prepare claims; absent where what was handed out counts as prepared. */
  readonly claims?: ClaimedDevices;
}

/** Where no driver has registered with the node. */
export const noDrivers: DeviceDrivers = { canPrepare: () => false };

/** The pod's hook: see `pod-hook.ts`. */
export function dynamicResources(client: Client, drivers: DeviceDrivers): PodHook {
  return {
    name: 'dynamic-resources',
    failureReason: 'FailedPrepareDynamicResources',
    failurePrefix: 'prepare dynamic resources: prepare dynamic resources',
    prepare: async (pod, { uid }) => {
      const claims = await checkedClaims(client, drivers, pod);
      if (claims.length > 0) await drivers.claims?.prepare(uid, claims);
    },
    container: (config, { pod, container }) =>
      drivers.claims === undefined ? config : withClaims(config, pod, container, drivers.claims),
    cleanUp: async (uid) => drivers.claims?.unprepare(uid),
    uids: () => drivers.claims?.uids ?? [],
  };
}

function withClaims(config: ContainerConfig, pod: Pod, container: Container, claims: ClaimedDevices): ContainerConfig {
  const names = cdiDevicesOf(pod, container, claims);
  if (names.length === 0) return config;
  return { ...config, cdiDevices: [...new Set([...(config.cdiDevices ?? []), ...names])] };
}

/**
 * The claims that are to be prepared for it.
 * @throws Error that says, in the kubelet's words, why the pod cannot have its devices yet
 */
async function checkedClaims(client: Client, drivers: DeviceDrivers, pod: Pod): Promise<readonly ResourceClaim[]> {
  const claims: ResourceClaim[] = [];
  for (const entry of pod.spec?.resourceClaims ?? []) {
    const claim = await claimOf(client, pod, entry);
    if (claim === undefined) continue;
    checkReservation(claim, pod);
    if (!isUsed(entry, pod)) continue;
    checkDrivers(claim, drivers);
    claims.push(claim);
  }
  const extended = pod.status?.extendedResourceClaimStatus?.resourceClaimName;
  if (!extended) return claims;
  const claim = await fetchClaim(client, pod, extended);
  checkReservation(claim, pod);
  checkDrivers(claim, drivers);
  return [...claims, claim];
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

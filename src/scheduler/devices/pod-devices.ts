/** All that a pod wants of devices: its claims, and the extended resources that a DeviceClass stands for. Pure. */
import type { ContainerExtendedResourceRequest, Pod } from '../../api/schema/types/core-v1.ts';
import type { DeviceClass, ResourceClaim } from '../../api/schema/types/resource-v1.ts';
import type { PodFacts } from '../pod-facts.ts';
import type { NodeInfo } from '../snapshot/snapshot.ts';
import type { DeviceReader } from './device-reader.ts';
import { extendedClaimFor, extendedWishes } from './extended-resources.ts';
import { claimsOfPod } from './pod-claims.ts';

export interface PodDevices {
  readonly claims: readonly ResourceClaim[];
  /** Resources by the class that stands for each. */
  readonly resources: ReadonlyMap<string, DeviceClass>;
  /** A claim for them that is there from an attempt that failed; it goes before the next. */
  readonly extended?: ResourceClaim;
  readonly isStale: boolean;
}

type PodDevicesOutcome = 'none' | PodDevices | { readonly problem: string };

const noResources: ReadonlyMap<string, DeviceClass> = new Map();

/** None: the pod has nothing to do with devices; that is found out in no time. */
export function podDevicesOf(pod: PodFacts, devices: DeviceReader): PodDevicesOutcome {
  const hasClaims = (pod.pod.spec?.resourceClaims?.length ?? 0) > 0;
  const resources = devices.hasClasses ? resourcesOf(pod, devices) : noResources;
  if (!hasClaims && resources.size === 0) return 'none';
  const found = claimsOfPod(pod.pod, (namespace, name) => devices.claim(namespace, name));
  if ('problem' in found) return found;
  const extended = resources.size === 0 ? undefined : devices.extendedClaimOf(pod.pod);
  if (found.claims.length === 0 && resources.size === 0) return 'none';
  return { claims: found.claims, resources, isStale: extended !== undefined, ...(extended && { extended }) };
}

function resourcesOf({ requests }: PodFacts, devices: DeviceReader): ReadonlyMap<string, DeviceClass> {
  let found: Map<string, DeviceClass> | undefined;
  for (const [resource, amount] of requests.amounts) {
    if (amount === 0 || !resource.includes('/')) continue;
    const deviceClass = devices.classFor(resource);
    if (deviceClass !== undefined) (found ??= new Map()).set(resource, deviceClass);
  }
  return found ?? noResources;
}

interface WantedOnNode {
  readonly claims: readonly ResourceClaim[];
  /** The claim among them that is yet to be made. */
  readonly extended?: {
    readonly claim: ResourceClaim;
    readonly mappings: readonly ContainerExtendedResourceRequest[];
  };
}

/** Of the extended resources, only those that the node itself has none of come as devices. */
export function wantedOn(
  { allocatable }: NodeInfo,
  pod: Pod,
  { claims, resources, isStale }: PodDevices,
): WantedOnNode | { readonly problem: string } {
  if (isStale) return { problem: 'cannot schedule extended resource claim' };
  const missing = new Map([...resources].filter(([resource]) => (allocatable.get(resource) ?? 0) === 0));
  if (missing.size === 0) return { claims };
  const { requests, mappings } = extendedWishes(pod, missing);
  const claim = extendedClaimFor(pod, requests);
  return { claims: [...claims, claim], extended: { claim, mappings } };
}

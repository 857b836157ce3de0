/** What plugins read about devices, and what they ask for once a pod has its node. */
import type { ContainerExtendedResourceRequest, Node, Pod } from '../../api/schema/types/core-v1.ts';
import type { AllocationResult, DeviceClass, ResourceClaim } from '../../api/schema/types/resource-v1.ts';
import type { Reservation } from '../framework/plugin.ts';
import { DeviceSelectors } from './device-selectors.ts';
import { Ledger, type LedgerReader } from './ledger.ts';
import type { Pool } from './pools.ts';

/** A claim of a pod that got its node. */
export interface ReservedClaim {
  readonly claim: ResourceClaim;
  /** Absent where the claim has its devices already. */
  readonly allocation?: AllocationResult;
}

export interface DevicePlan {
  readonly claims: readonly ReservedClaim[];
  /** The claim among them that does not exist yet: for what the pod's containers ask for as extended resources. */
  readonly extended?: {
    readonly claim: ResourceClaim;
    readonly mappings: readonly ContainerExtendedResourceRequest[];
  };
  readonly node: string;
  /** How long devices may take to become ready. */
  readonly bindingTimeoutMs: number;
}

export interface DeviceReader {
  readonly ledger: LedgerReader;
  readonly selectors: DeviceSelectors;
  /** As decisions see it: what was written and did not come back yet counts. */
  claim(namespace: string, name: string): ResourceClaim | undefined;
  /** A pod that got its node brings the claim its devices; that is not written yet. */
  isBeingAllocated(claim: ResourceClaim): boolean;
  /** The claim that was made for the pod's extended resources, if any was. */
  extendedClaimOf(pod: Pod): ResourceClaim | undefined;
  classOf(name: string): DeviceClass | undefined;
  /** The class that stands for an extended resource. */
  classFor(resource: string): DeviceClass | undefined;
  /** Of classes: where none is there, no extended resource can be meant. */
  readonly hasClasses: boolean;
  poolsOf(node: Node): readonly Pool[];
  nowMs(): number;
  /** A new name for a share of a device. */
  newShareId(): string;
  /** Sets the devices aside. Its `preBind` writes that, and waits until they are ready. */
  reserve(plan: DevicePlan, pod: Pod): Reservation;
  /** Takes a claim's devices back, or, of one made for extended resources, deletes it: for a pod that cannot be where they are. */
  free(claim: ResourceClaim): Promise<void>;
}

/** For whoever decides without devices. */
export const noDevices: DeviceReader = {
  ledger: new Ledger(),
  selectors: new DeviceSelectors(),
  claim: () => undefined,
  isBeingAllocated: () => false,
  extendedClaimOf: () => undefined,
  classOf: () => undefined,
  classFor: () => undefined,
  hasClasses: false,
  poolsOf: () => [],
  nowMs: () => 0,
  newShareId: () => '',
  reserve: () => ({ undo: () => {} }),
  free: () => Promise.resolve(),
};

/** Devices that have to be made ready before a pod is bound to its node (KEP-5007): what their drivers said so far. Pure. */
import type {
  AllocatedDeviceStatus,
  DeviceRequestAllocationResult,
  ResourceClaim,
} from '../../api/schema/types/resource-v1.ts';

/** `failed` says why, in upstream's words. */
export type Readiness = 'ready' | 'waiting' | { readonly failed: string };

const resultsOf = ({ status }: ResourceClaim): readonly DeviceRequestAllocationResult[] =>
  status?.allocation?.devices?.results ?? [];

const needsPreparing = ({ bindingConditions = [] }: DeviceRequestAllocationResult): boolean =>
  bindingConditions.length > 0;

export const hasBindingConditions = (claim: ResourceClaim): boolean => resultsOf(claim).some(needsPreparing);

export function readinessOf(claim: ResourceClaim): Readiness {
  if (claim.status?.allocation === undefined) return 'waiting';
  for (const result of resultsOf(claim).filter(needsPreparing)) {
    const device = claim.status.devices?.find((each) => isOf(each, result));
    if (device === undefined) return 'waiting';
    const failure = trueOnes(device, result.bindingFailureConditions)[0];
    if (failure !== undefined) {
      const { reason, message } = failure;
      const why = `claim=${claim.metadata?.name}, reason=${reason}, message=${JSON.stringify(message)}`;
      return { failed: `device binding failed: ${why}` };
    }
    const { bindingConditions = [] } = result;
    if (trueOnes(device, bindingConditions).length < bindingConditions.length) return 'waiting';
  }
  return 'ready';
}

/** Its devices have been waited for so long that others should be tried. */
export function isOverdue(claim: ResourceClaim, timeoutMs: number, nowMs: number): boolean {
  const since = claim.status?.allocation?.allocationTimestamp;
  return since !== undefined && hasBindingConditions(claim) && Date.parse(since) + timeoutMs < nowMs;
}

const isOf = (
  status: AllocatedDeviceStatus,
  { driver, pool, device, shareID }: DeviceRequestAllocationResult,
): boolean =>
  status.driver === driver && status.pool === pool && status.device === device && status.shareID === shareID;

const trueOnes = (
  { conditions = [] }: AllocatedDeviceStatus,
  types: readonly string[] = [],
): NonNullable<AllocatedDeviceStatus['conditions']> =>
  conditions.filter(({ type, status }) => types.includes(type) && status === 'True');

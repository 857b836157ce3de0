/** ResourceClaims, as quotas count them: how many, and for each device class the most devices that they may be given (KEP-4381). */
import { addQuantities, type Quantity, quantityFromInteger } from '../quantity.ts';
import type { DeviceRequest, DeviceSubRequest, ResourceClaim } from '../schema/types/resource-v1.ts';
import { one, zero } from './amounts.ts';
import type { Evaluator } from './evaluator.ts';

const countName = 'count/resourceclaims.resource.k8s.io';
const perClass = '.deviceclass.resource.k8s.io/devices';

/** Nobody is given more devices at once: upstream's `AllocationResultsMaxSize`. */
const allocationResultsMax = 32;

export const deviceClaims: Evaluator<ResourceClaim> = {
  measures: (name) => name === countName || name.endsWith(perClass),
  handles: ({ subresource }) => subresource === '',
  usage({ spec }) {
    const amounts = new Map<string, Quantity>([[countName, one]]);
    for (const request of spec?.devices?.requests ?? []) {
      for (const [deviceClass, devices] of devicesByClass(request)) {
        const name = `${deviceClass}${perClass}`;
        amounts.set(name, addQuantities(amounts.get(name) ?? zero, quantityFromInteger(devices)));
      }
    }
    return amounts;
  },
};

/** Of alternatives only one is taken: of each class, the most that any of them asks for. */
function devicesByClass({ exactly, firstAvailable = [] }: DeviceRequest): ReadonlyMap<string, number> {
  if (firstAvailable.length === 0) {
    return exactly === undefined ? new Map() : new Map([[exactly.deviceClassName, devicesOf(exactly)]]);
  }
  const most = new Map<string, number>();
  for (const request of firstAvailable) {
    const devices = Math.max(most.get(request.deviceClassName) ?? 0, devicesOf(request));
    if (devices > 0) most.set(request.deviceClassName, devices);
  }
  return most;
}

function devicesOf({ allocationMode, count }: Pick<DeviceSubRequest, 'allocationMode' | 'count'>): number {
  if (allocationMode === 'All') return allocationResultsMax;
  return allocationMode === 'ExactCount' ? (count ?? 0) : 0;
}

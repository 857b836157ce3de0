/**
 * What a claim asks for, in one form: each of its requests as a list of alternatives, of which the first that can be had is taken. A plain
 * request has one. Pure.
 */
import { objectKey } from '../../api/object.ts';
import type {
  CapacityRequirements,
  DeviceClass,
  DeviceSelector,
  DeviceSubRequest,
  DeviceToleration,
  ExactDeviceRequest,
  ResourceClaim,
} from '../../api/schema/types/resource-v1.ts';
import { AllocationError } from './allocation-error.ts';

/** As the API bounds a claim's results. */
export const devicesMax = 32;

export interface Wish {
  /** As results name it: `request` or `request/alternative`. */
  readonly name: string;
  /** The request's name, which constraints and configurations may mean, too. */
  readonly request: string;
  readonly deviceClass: DeviceClass;
  readonly selectors: readonly DeviceSelector[];
  readonly wantsAll: boolean;
  /** How many, unless all. */
  readonly count: number;
  readonly adminAccess: boolean;
  readonly tolerations: readonly DeviceToleration[];
  readonly capacity: CapacityRequirements['requests'];
}

/** By request, in the claim's order. */
export type Wishes = readonly (readonly Wish[])[];

export type ClassReader = (name: string) => DeviceClass | undefined;

/** @throws AllocationError where a class is missing, or a request is of no kind known here */
export function wishesOf(claim: ResourceClaim, classOf: ClassReader): Wishes {
  const key = objectKey(claim);
  const wish = (request: string, name: string, asked: ExactDeviceRequest | DeviceSubRequest): Wish => {
    const deviceClass = classOf(asked.deviceClassName);
    if (deviceClass === undefined) {
      throw new AllocationError(`request ${name}: device class ${asked.deviceClassName} does not exist`);
    }
    const { allocationMode = 'ExactCount', selectors = [], tolerations = [], count = 1, capacity } = asked;
    if (allocationMode !== 'ExactCount' && allocationMode !== 'All') {
      throw new AllocationError(`claim ${key}, request ${name}: unsupported count mode ${String(allocationMode)}`);
    }
    const adminAccess = 'adminAccess' in asked && asked.adminAccess;
    const wantsAll = allocationMode === 'All';
    const requests = capacity?.requests;
    return { name, request, deviceClass, selectors, wantsAll, count, adminAccess, tolerations, capacity: requests };
  };
  return (claim.spec.devices?.requests ?? []).map((request) => {
    if (request.exactly !== undefined) return [wish(request.name, request.name, request.exactly)];
    const { firstAvailable = [] } = request;
    if (firstAvailable.length > 0) {
      return firstAvailable.map((each) => wish(request.name, `${request.name}/${each.name}`, each));
    }
    throw new AllocationError(`resource claim ${key}, request ${request.name}: unknown request type`);
  });
}

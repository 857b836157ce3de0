/** Makers of claims, classes and slices for tests of devices. */
import type {
  Device,
  DeviceClaim,
  DeviceClass,
  DeviceClassSpec,
  DeviceRequest,
  DeviceSubRequest,
  ExactDeviceRequest,
  ResourceClaim,
  ResourceSlice,
  ResourceSliceSpec,
} from '../../api/schema/types/resource-v1.ts';

export const testDriver = 'gpu.example.com';

export function makeClass(name: string, spec: DeviceClassSpec = {}): DeviceClass {
  return { metadata: { name }, spec };
}

export const byAttribute = (name: string, value: string): DeviceClassSpec => ({
  selectors: [{ cel: { expression: `device.attributes["${testDriver}"].${name} == "${value}"` } }],
});

/** A request of class `gpu`. */
export function request(name: string, form: Partial<ExactDeviceRequest> = {}): DeviceRequest {
  return { name, exactly: { deviceClassName: 'gpu', allocationMode: 'ExactCount', count: 1, ...form } };
}

export function alternatives(name: string, ...forms: readonly Partial<DeviceSubRequest>[]): DeviceRequest {
  const firstAvailable = forms.map(
    (form, index): DeviceSubRequest => ({
      name: `sub-${index}`,
      deviceClassName: 'gpu',
      allocationMode: 'ExactCount',
      count: 1,
      ...form,
    }),
  );
  return { name, firstAvailable };
}

export function makeClaim(name: string, requests: readonly DeviceRequest[], more: DeviceClaim = {}): ResourceClaim {
  return { metadata: { namespace: 'default', name, uid: `uid-${name}` }, spec: { devices: { requests, ...more } } };
}

/** The pool `name` of one slice, on the node of that name, unless `spec` says otherwise. */
export function makeSlice(
  name: string,
  devices: readonly Device[],
  spec: Partial<ResourceSliceSpec> = {},
): ResourceSlice {
  const pool = { name, generation: 1, resourceSliceCount: 1 };
  const isOpen = spec.allNodes || spec.nodeSelector !== undefined || spec.perDeviceNodeSelection;
  const where = isOpen ? {} : { nodeName: name };
  return { metadata: { name: `slice-${name}` }, spec: { driver: testDriver, pool, ...where, devices, ...spec } };
}

export const plainDevices = (count: number): Device[] =>
  Array.from({ length: count }, (_, index) => ({ name: `gpu-${index}` }));

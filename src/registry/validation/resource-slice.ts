/** ResourceSlices: which devices a driver has, where they can be used, and what is shared between them. */
import { goQuote, invalidValue, required, tooLong, tooMany } from '../../api/field-error.ts';
import { isDns1123Label, isDns1123Subdomain } from '../../api/names.ts';
import type { NodeSelector } from '../../api/schema/types/core-v1.ts';
import type {
  CounterSet,
  Device,
  DeviceAttribute,
  DeviceCounterConsumption,
  ResourcePool,
  ResourceSlice,
  ResourceSliceSpec,
} from '../../api/schema/types/resource-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { sameJson } from '../draft.ts';
import { immutableField, invalidEach, requiredName, validateDriverName } from './checks.ts';
import { validateCapacity } from './device-capacity.ts';
import {
  validateAttributeName,
  validateBindingConditions,
  validateDeviceTaint,
  validateList,
  validateMap,
  validatePoolName,
  validateSet,
} from './device-lists.ts';
import { validateNodeSelector } from './node-selector.ts';

const devicesMax = 128;
const advancedDevicesMax = 64;
const counterSetsMax = 8;
const countersMax = 32;
const consumptionsMax = 2;
const attributesMax = 32;
const taintsMax = 16;
const valueBytesMax = 64;

export function validateResourceSlice({ spec }: ResourceSlice, old?: ResourceSlice): FieldError[] {
  const { driver, pool, nodeName, devices, sharedCounters, perDeviceNodeSelection = false } = spec ?? {};
  const stood = new Map((old?.spec.devices ?? []).map((device) => [device.name, device]));
  const isAdvanced = (devices ?? []).some(({ taints, consumesCounters }) => taints?.length || consumesCounters?.length);
  return [
    ...validateDriverName('spec.driver', driver),
    ...validatePool('spec.pool', pool),
    ...(old
      ? [
          ...immutableField('spec.pool.name', pool?.name, old.spec.pool?.name),
          ...immutableField('spec.driver', driver, old.spec.driver),
          ...immutableField('spec.nodeName', nodeName, old.spec.nodeName),
        ]
      : []),
    ...validatePlace(spec ?? {}),
    ...(sharedCounters && devices
      ? [invalidValue('spec', '', 'only one of `sharedCounters` or `devices` is allowed')]
      : []),
    ...validateSet(
      'spec.devices',
      devices,
      isAdvanced ? advancedDevicesMax : devicesMax,
      (at, device) => validateDevice(at, device, stood.get(device.name), perDeviceNodeSelection),
      ({ name }) => name,
    ),
    ...validateSet('spec.sharedCounters', sharedCounters, counterSetsMax, validateCounterSet, ({ name }) => name),
  ];
}

function validatePool(path: string, pool: ResourcePool | undefined): FieldError[] {
  const { name, resourceSliceCount = 0, generation = 0 } = pool ?? {};
  const errors = validatePoolName(`${path}.name`, name);
  if (resourceSliceCount <= 0) {
    errors.push(invalidValue(`${path}.resourceSliceCount`, resourceSliceCount, 'must be greater than zero'));
  }
  if (generation < 0) {
    errors.push(invalidValue(`${path}.generation`, generation, 'must be greater than or equal to zero'));
  }
  return errors;
}

interface Place {
  readonly nodeName?: string;
  readonly nodeSelector?: NodeSelector;
  readonly allNodes?: boolean;
}

/** The ways to say where: those said, and what is wrong with them. */
function placesOf(path: string, place: Place, noName: string): { set: string[]; errors: FieldError[] } {
  const { nodeName, nodeSelector, allNodes } = place;
  const set: string[] = [];
  const errors: FieldError[] = [];
  if (nodeName) {
    set.push('`nodeName`');
    errors.push(...invalidEach(`${path}.nodeName`, nodeName, isDns1123Subdomain(nodeName)));
  } else if (nodeName === '') errors.push(invalidValue(`${path}.nodeName`, '', noName));
  if (nodeSelector) {
    set.push('`nodeSelector`');
    errors.push(...validateNodeSelector(`${path}.nodeSelector`, nodeSelector));
  }
  if (allNodes) set.push('`allNodes`');
  return { set, errors };
}

const notFalse = 'must be either unset or set to true';

function validatePlace(spec: Partial<ResourceSliceSpec>): FieldError[] {
  const { set, errors } = placesOf('spec', spec, 'must be either unset or set to a non-empty string');
  const terms = spec.nodeSelector?.nodeSelectorTerms ?? null;
  if (spec.nodeSelector && terms?.length !== 1) {
    errors.push(invalidValue('spec.nodeSelector.nodeSelectorTerms', terms, 'must have exactly one node selector term'));
  }
  if (spec.allNodes === false) errors.push(invalidValue('spec.allNodes', false, notFalse));
  if (spec.perDeviceNodeSelection) set.push('`perDeviceNodeSelection`');
  else if (spec.perDeviceNodeSelection === false) {
    errors.push(invalidValue('spec.perDeviceNodeSelection', false, notFalse));
  }
  const one = 'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required';
  if (set.length === 0) errors.push(required('spec', one));
  if (set.length > 1) errors.push(invalidValue('spec', `{${set.join(', ')}}`, `${one}, but multiple fields are set`));
  return errors;
}

function validateDevice(path: string, device: Device, old: Device | undefined, chooses: boolean): FieldError[] {
  const { attributes, capacity, taints } = device;
  const name = device.name ?? '';
  const count = Object.keys(attributes ?? {}).length + Object.keys(capacity ?? {}).length;
  const many = `the total number of attributes and capacities must not exceed ${attributesMax}`;
  return [
    ...invalidEach(`${path}.name`, name, isDns1123Label(name)),
    ...(count > attributesMax ? [invalidValue(path, count, many)] : []),
    ...validateMap(`${path}.attributes`, attributes, validateAttributeName, validateAttribute),
    ...(old && sameJson(old.capacity, capacity) ? [] : validateCapacities(path, device)),
    ...(old && sameJson(old.taints, taints)
      ? []
      : validateList(`${path}.taints`, taints, taintsMax, validateDeviceTaint)),
    ...validateSet(
      `${path}.consumesCounters`,
      device.consumesCounters,
      consumptionsMax,
      validateConsumption,
      ({ counterSet }) => counterSet,
    ),
    ...validateDevicePlace(path, device, chooses),
    ...validateBindingConditions(path, device),
  ];
}

function validateCapacities(path: string, { capacity, allowMultipleAllocations }: Device): FieldError[] {
  return validateMap(`${path}.capacity`, capacity, validateAttributeName, (at, each) =>
    validateCapacity(at, each, allowMultipleAllocations ?? false),
  );
}

function validateDevicePlace(path: string, device: Device, chooses: boolean): FieldError[] {
  const { nodeName, nodeSelector, allNodes } = device;
  if (!chooses) {
    if (nodeName === undefined && nodeSelector === undefined && allNodes === undefined) return [];
    const why =
      '`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec';
    return [invalidValue(path, null, why)];
  }
  const { set, errors } = placesOf(path, device, 'must not be empty');
  if (allNodes === false) errors.push(invalidValue(`${path}.allNodes`, false, notFalse));
  const one =
    'exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec';
  if (set.length === 0) errors.push(required(path, one));
  if (set.length > 1) errors.push(invalidValue(path, `{${set.join(', ')}}`, one));
  return errors;
}

const number = '(0|[1-9]\\d*)';
const version = new RegExp(
  `^${number}\\.${number}\\.${number}(-[0-9A-Za-z-]+(\\.[0-9A-Za-z-]+)*)?(\\+[0-9A-Za-z-]+(\\.[0-9A-Za-z-]+)*)?$`,
);

function isVersion(text: string): boolean {
  if (!version.test(text)) return false;
  const release = /^[^+]*?-([^+]*)/.exec(text)?.[1] ?? '';
  return release.split('.').every((part) => !/^0\d+$/.test(part));
}

function validateAttribute(path: string, attribute: DeviceAttribute): FieldError[] {
  const { string: text, version: release } = attribute;
  const errors: FieldError[] = [];
  if (Buffer.byteLength(text ?? '') > valueBytesMax) errors.push(tooLong(`${path}.string`, valueBytesMax));
  if (release !== undefined && !isVersion(release)) {
    errors.push(invalidValue(`${path}.version`, release, 'must be a string compatible with semver.org spec 2.0.0'));
  }
  if (Buffer.byteLength(release ?? '') > valueBytesMax) errors.push(tooLong(`${path}.version`, valueBytesMax));
  const count = [attribute.int, attribute.bool, text, release].filter((value) => value !== undefined).length;
  if (count === 1) return errors;
  return [...errors, invalidValue(path, count === 0 ? '' : attribute, 'exactly one value must be specified')];
}

function validateCounterSet(path: string, { name, counters }: CounterSet): FieldError[] {
  return [...requiredName(`${path}.name`, name, isDns1123Label), ...validateCounters(`${path}.counters`, counters)];
}

function validateConsumption(path: string, { counterSet, counters }: DeviceCounterConsumption): FieldError[] {
  return [
    ...requiredName(`${path}.counterSet`, counterSet, isDns1123Label),
    ...validateCounters(`${path}.counters`, counters),
  ];
}

function validateCounters(path: string, counters: CounterSet['counters'] | undefined): FieldError[] {
  const names = Object.keys(counters ?? {});
  if (names.length === 0) return [required(path)];
  if (names.length > countersMax) return [tooMany(path, names.length, countersMax)];
  return names.flatMap((name) => invalidEach(path, name, isDns1123Label(name)));
}

export function sliceWarnings({ spec }: ResourceSlice): string[] {
  const driver = spec?.driver ?? '';
  if (driver === driver.toLowerCase()) return [];
  return [`spec.driver: driver names should be lowercase; ${goQuote(driver)} contains uppercase characters`];
}

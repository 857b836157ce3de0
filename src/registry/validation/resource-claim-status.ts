/** What a claim got, who may use it, and how its devices are. */
import { forbiddenField, invalidValue, notSupported, required, tooLong, tooMany } from '../../api/field-error.ts';
import { isDns1123Label } from '../../api/names.ts';
import type {
  AllocatedDeviceStatus,
  AllocationResult,
  DeviceRequestAllocationResult,
  NetworkDeviceData,
  ResourceClaim,
  ResourceClaimConsumerReference,
} from '../../api/schema/types/resource-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { immutableField, invalidEach, requiredText, validateDriverName } from './checks.ts';
import { validateConditions } from './conditions.ts';
import {
  validateBindingConditions,
  validateConfiguration,
  validateDeviceToleration,
  validateList,
  validateParameters,
  validatePoolName,
  validateSet,
} from './device-lists.ts';
import { formatCidr, parseCidr } from './ip-addresses.ts';
import { validateNodeSelector } from './node-selector.ts';
import {
  configurationsMax,
  type RequestNames,
  requestNames,
  validateReference,
  validateReferences,
} from './resource-claim.ts';

const consumersMax = 256;
const resultsMax = 32;
const conditionsMax = 8;
const addressesMax = 16;
const interfaceNameBytesMax = 256;
const hardwareAddressBytesMax = 128;

interface DeviceId {
  readonly driver: string;
  readonly pool: string;
  readonly device: string;
  readonly shareID?: string;
}

/** As upstream writes it. */
export function idOf({ driver, pool, device, shareID }: DeviceId): string {
  return `${driver}/${pool}/${device}${shareID === undefined ? '' : `/${shareID}`}`;
}

export function validateResourceClaimStatus(claim: ResourceClaim, old: ResourceClaim): FieldError[] {
  const { allocation, reservedFor, devices } = claim.status ?? {};
  const allocated = new Set((allocation?.devices?.results ?? []).map(idOf));
  const before = old.status?.allocation;
  return [
    ...validateSet('status.reservedFor', reservedFor, consumersMax, validateConsumer, ({ uid }) => uid),
    ...validateSet('status.devices', devices, Infinity, (at, device) => validateDevice(at, device, allocated), idOf),
    ...validateReservation(claim, old),
    ...(allocation === undefined
      ? []
      : before === undefined
        ? validateAllocation('status.allocation', allocation, requestNames(claim.spec?.devices ?? {}))
        : immutableField('status.allocation', allocation, before)),
  ];
}

function validateConsumer(path: string, { resource, name, uid }: ResourceClaimConsumerReference): FieldError[] {
  return [
    ...requiredText(`${path}.resource`, resource),
    ...requiredText(`${path}.name`, name),
    ...requiredText(`${path}.uid`, uid),
  ];
}

/** Of a claim that goes, nobody becomes a user any more. */
function validateReservation({ status, metadata }: ResourceClaim, { status: old }: ResourceClaim): FieldError[] {
  const consumers = status?.reservedFor ?? [];
  if (consumers.length === 0) return [];
  if (!status?.allocation) {
    return [forbiddenField('status.reservedFor', 'may not be specified when `allocated` is not set')];
  }
  const known = new Set((old?.reservedFor ?? []).map((consumer) => JSON.stringify(consumer)));
  if (!metadata?.deletionTimestamp || consumers.every((each) => known.has(JSON.stringify(each)))) return [];
  const why = 'new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set';
  return [forbiddenField('status.reservedFor', why)];
}

function validateDevice(path: string, device: AllocatedDeviceStatus, allocated: ReadonlySet<string>): FieldError[] {
  const errors = validateDeviceId(path, device);
  if (!allocated.has(idOf(device))) {
    errors.push(invalidValue(path, idOf(device), 'must be an allocated device in the claim'));
  }
  const count = device.conditions?.length ?? 0;
  if (count > conditionsMax) errors.push(tooMany(`${path}.conditions`, count, conditionsMax));
  errors.push(...validateConditions(`${path}.conditions`, device.conditions));
  if (device.data !== undefined) errors.push(...validateParameters(`${path}.data`, device.data));
  return [...errors, ...validateNetworkData(`${path}.networkData`, device.networkData)];
}

function validateDeviceId(path: string, { driver, pool, device }: DeviceId): FieldError[] {
  return [
    ...validateDriverName(`${path}.driver`, driver),
    ...validatePoolName(`${path}.pool`, pool),
    ...invalidEach(`${path}.device`, device ?? '', isDns1123Label(device ?? '')),
  ];
}

function validateNetworkData(path: string, data: NetworkDeviceData | undefined): FieldError[] {
  if (data === undefined) return [];
  const { interfaceName = '', hardwareAddress = '', ips } = data;
  const errors: FieldError[] = [];
  if (Buffer.byteLength(interfaceName) > interfaceNameBytesMax) {
    errors.push(tooLong(`${path}.interfaceName`, interfaceNameBytesMax));
  }
  if (Buffer.byteLength(hardwareAddress) > hardwareAddressBytesMax) {
    errors.push(tooLong(`${path}.hardwareAddress`, hardwareAddressBytesMax));
  }
  return [...errors, ...validateSet(`${path}.ips`, ips, addressesMax, validateInterfaceAddress, (address) => address)];
}

function validateInterfaceAddress(path: string, address: string): FieldError[] {
  const network = parseCidr(address);
  const rule = 'must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)';
  if (network === undefined) return [invalidValue(path, address, rule)];
  const canonical = formatCidr(network);
  if (canonical === address) return [];
  return [invalidValue(path, address, `must be in canonical form ("${canonical}")`)];
}

function validateAllocation(path: string, allocation: AllocationResult, names: RequestNames): FieldError[] {
  const { devices, nodeSelector } = allocation;
  return [
    ...validateList(`${path}.devices.results`, devices?.results, resultsMax, (at, result) =>
      validateResult(at, result, names),
    ),
    ...validateList(`${path}.devices.config`, devices?.config, 2 * configurationsMax, (at, config) => [
      ...validateConfigSource(`${at}.source`, config.source),
      ...validateReferences(`${at}.requests`, config.requests, names),
      ...validateConfiguration(at, config),
    ]),
    ...(nodeSelector ? validateNodeSelector(`${path}.nodeSelector`, nodeSelector) : []),
  ];
}

function validateConfigSource(path: string, source: string | undefined): FieldError[] {
  if (!source) return [required(path)];
  const sources = ['FromClaim', 'FromClass'];
  return sources.includes(source) ? [] : [notSupported(path, source, sources)];
}

function validateResult(path: string, result: DeviceRequestAllocationResult, names: RequestNames): FieldError[] {
  return [
    ...validateReference(`${path}.request`, result.request ?? '', names),
    ...validateDeviceId(path, result),
    ...validateBindingConditions(path, result),
    ...(result.tolerations ?? []).flatMap((each, index) =>
      validateDeviceToleration(`${path}.tolerations[${index}]`, each),
    ),
  ];
}

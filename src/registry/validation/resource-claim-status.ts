/** What a claim got, who may use it, and how its devices are. */
import {
  forbiddenField,
  goQuote,
  invalidValue,
  notSupported,
  required,
  tooLong,
  tooMany,
} from '../../api/field-error.ts';
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
import { formatIp, parseCidr } from '../../lib/ip-addresses.ts';
import { immutableField, invalidEach, requiredText, validateDriverName } from './checks.ts';
import { validateConditions } from './conditions.ts';
import {
  validateBindingConditions,
  validateConfiguration,
  validateList,
  validateParameters,
  validatePoolName,
  validateSet,
} from './device-lists.ts';
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
  const errors = [...validateDeviceId(path, device), ...validateShareId(`${path}.shareID`, device.shareID)];
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

/** Which share of a device: a UUID in its usual form. Others that can be read as one are told of differently. */
function validateShareId(path: string, id: string | undefined): FieldError[] {
  if (id === undefined || /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) return [];
  const problem = uuidProblem(id);
  const normal =
    'uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters';
  return [invalidValue(path, id, problem === undefined ? normal : `error validating uid: ${problem}`)];
}

const uuidForms = new Map([
  [32, /^[0-9a-f]{32}$/i],
  [36, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i],
  [38, /^\{[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\}$/i],
  [45, /^urn:uuid:[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i],
]);

/** In the words of the library that upstream asks. */
function uuidProblem(text: string): string | undefined {
  const bytes = Buffer.byteLength(text);
  const form = uuidForms.get(bytes);
  if (form === undefined) return `invalid UUID length: ${bytes}`;
  const prefix = text.slice(0, 9);
  if (bytes === 45 && prefix.toLowerCase() !== 'urn:uuid:') return `invalid urn prefix: ${goQuote(prefix)}`;
  if (bytes === 38 && !(text.startsWith('{') && text.endsWith('}'))) return 'invalid bracketed UUID format';
  return form.test(text) ? undefined : 'invalid UUID format';
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

/** An address within its network, not the network: what is behind the prefix counts. */
function validateInterfaceAddress(path: string, address: string): FieldError[] {
  const network = parseCidr(address);
  const rule = 'must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)';
  if (network === undefined) return [invalidValue(path, address, rule)];
  const canonical = `${formatIp(network.address)}/${network.prefix}`;
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
    ...validateShareId(`${path}.shareID`, result.shareID),
  ];
}

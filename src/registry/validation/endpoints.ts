/** The rules of Endpoints and EndpointSlices: where the pods of a Service are reached. */
import { duplicate, invalidValue, notSupported, required, tooMany } from '../../api/field-error.ts';
import { isDns1123Label, isDns1123Subdomain, isLabelValue, isPortNumber, isQualifiedName } from '../../api/names.ts';
import type { EndpointAddress, EndpointPort, EndpointSubset, Endpoints } from '../../api/schema/types/core-v1.ts';
import type { Endpoint, EndpointSlice, EndpointPort as SlicePort } from '../../api/schema/types/discovery-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { familyOf } from '../../lib/ip-addresses.ts';
import { sameJson } from '../draft.ts';
import { immutableField, invalidEach, requiredOneOf, validateLabels } from './checks.ts';
import { endpointIpErrors, ipErrors, ipWarnings } from './ip-rules.ts';

const protocols = ['SCTP', 'TCP', 'UDP'];

/** What did not change is not looked at again: old versions took more. */
export function validateEndpoints({ metadata, subsets = [] }: Endpoints, old?: Endpoints): FieldError[] {
  const errors = subsets.flatMap((subset, index) => validateSubset(`subsets[${index}]`, subset));
  const isOld = errors.length > 0 && old !== undefined && sameJson(old.subsets ?? [], subsets);
  return [...validateTriggerTime(metadata?.annotations), ...(isOld ? [] : errors)];
}

const triggerTime = 'endpoints.kubernetes.io/last-change-trigger-time';

function validateTriggerTime(annotations: Readonly<Record<string, string>> = {}): FieldError[] {
  const time = annotations[triggerTime];
  if (time === undefined || isTime(time)) return [];
  return [invalidValue(`annotations[${triggerTime}]`, time, `parsing time "${time}" as "${goNanoTime}": cannot parse`)];
}

const goNanoTime = '2006-01-02T15:04:05.999999999Z07:00';

const isTime = (text: string): boolean =>
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([.,]\d+)?(Z|[-+]\d\d:\d\d)$/.test(text) && !Number.isNaN(Date.parse(text));

function validateSubset(path: string, { addresses, notReadyAddresses, ports = [] }: EndpointSubset): FieldError[] {
  const errors: FieldError[] = [];
  if (!addresses?.length && !notReadyAddresses?.length) {
    errors.push(required(path, 'must specify `addresses` or `notReadyAddresses`'));
  }
  for (const [name, list] of Object.entries({ addresses, notReadyAddresses })) {
    for (const [index, address] of (list ?? []).entries()) {
      errors.push(...validateAddress(`${path}.${name}[${index}]`, address));
    }
  }
  for (const [index, port] of ports.entries()) {
    errors.push(...validatePort(`${path}.ports[${index}]`, port, ports.length > 1));
  }
  return errors;
}

function validateAddress(path: string, { ip, hostname, nodeName }: EndpointAddress): FieldError[] {
  return [
    ...ipErrors(`${path}.ip`, ip),
    ...(hostname ? invalidEach(`${path}.hostname`, hostname, isDns1123Label(hostname)) : []),
    ...(nodeName === undefined ? [] : invalidEach(`${path}.nodeName`, nodeName, isDns1123Subdomain(nodeName))),
    ...endpointIpErrors(`${path}.ip`, ip),
  ];
}

function validatePort(path: string, endpointPort: EndpointPort, needsName: boolean): FieldError[] {
  const { name, port, protocol, appProtocol } = endpointPort;
  const errors = name ? invalidEach(`${path}.name`, name, isDns1123Label(name)) : [];
  if (!name && needsName) errors.push(required(`${path}.name`));
  return [
    ...errors,
    ...invalidEach(`${path}.port`, port, isPortNumber(port)),
    ...requiredOneOf(`${path}.protocol`, protocol, protocols),
    ...appProtocolErrors(`${path}.appProtocol`, appProtocol),
  ];
}

export function appProtocolErrors(path: string, name: string | undefined): FieldError[] {
  return name === undefined ? [] : invalidEach(path, name, isQualifiedName(name));
}

export function endpointsWarnings({ subsets = [] }: Endpoints): string[] {
  return subsets.flatMap(({ addresses = [], notReadyAddresses = [] }, index) => {
    const warn = (name: string, list: readonly EndpointAddress[]): string[] =>
      list.flatMap(({ ip }, which) => ipWarnings(`subsets[${index}].${name}[${which}].ip`, ip));
    return [...warn('addresses', addresses), ...warn('notReadyAddresses', notReadyAddresses)];
  });
}

const addressTypes = ['FQDN', 'IPv4', 'IPv6'];
const endpointsMax = 1000;
const addressesMax = 100;
const portsMax = 20_000;
const topologyMax = 16;
const hintsMax = 8;

export function validateEndpointSlice(slice: EndpointSlice, old?: EndpointSlice): FieldError[] {
  const { addressType, endpoints = [], ports = [] } = slice;
  const errors =
    endpoints.length > endpointsMax
      ? [tooMany('endpoints', endpoints.length, endpointsMax)]
      : endpoints.flatMap((endpoint, index) => validateEndpoint(`endpoints[${index}]`, endpoint, addressType));
  const isOld = errors.length > 0 && old !== undefined && sameJson(old.endpoints ?? [], endpoints);
  return [
    ...requiredOneOf('addressType', addressType, addressTypes),
    ...(isOld ? [] : errors),
    ...validateSlicePorts('ports', ports),
  ];
}

export function validateEndpointSliceUpdate(slice: EndpointSlice, old: EndpointSlice): FieldError[] {
  return immutableField('addressType', slice.addressType, old.addressType);
}

function validateEndpoint(path: string, endpoint: Endpoint, addressType: string): FieldError[] {
  const { addresses, nodeName, deprecatedTopology: topology = {}, hostname, hints } = endpoint;
  const at = `${path}.addresses`;
  const errors: FieldError[] = [];
  if (addresses.length === 0) errors.push(required(at, 'must contain at least 1 address'));
  else if (addresses.length > addressesMax) errors.push(tooMany(at, addresses.length, addressesMax));
  for (const [index, address] of addresses.entries()) {
    errors.push(...sliceAddressErrors(`${at}[${index}]`, address, addressType));
  }
  if (nodeName !== undefined) errors.push(...invalidEach(`${path}.nodeName`, nodeName, isDns1123Subdomain(nodeName)));
  const labels = Object.keys(topology).length;
  if (labels > topologyMax) errors.push(tooMany(`${path}.deprecatedTopology`, labels, topologyMax));
  errors.push(...validateLabels(`${path}.deprecatedTopology`, topology));
  if (hostname !== undefined) errors.push(...invalidEach(`${path}.hostname`, hostname, isDns1123Label(hostname)));
  if (hints === undefined) return errors;
  errors.push(...validateHints(`${path}.hints.forZones`, hints.forZones ?? [], isLabelValue));
  return [...errors, ...validateHints(`${path}.hints.forNodes`, hints.forNodes ?? [], isDns1123Subdomain)];
}

function sliceAddressErrors(path: string, address: string, type: string): FieldError[] {
  if (type === 'FQDN') return fullNameErrors(path, address);
  if (type !== 'IPv4' && type !== 'IPv6') return [];
  const errors = ipErrors(path, address);
  if (errors.length > 0) return errors;
  const family = familyOf(address) === type ? [] : [invalidValue(path, address, `must be an ${type} address`)];
  return [...family, ...endpointIpErrors(path, address)];
}

function fullNameErrors(path: string, name: string): FieldError[] {
  if (name === '') return [required(path)];
  const plain = name.replace(/\.$/, '');
  const errors = isDns1123Subdomain(plain);
  if (errors.length > 0) return [invalidValue(path, plain, errors.join(','))];
  const labels = plain.split('.');
  if (labels.length < 2) {
    return [invalidValue(path, plain, 'should be a domain with at least two segments separated by dots')];
  }
  const bad = labels.find((label) => isDns1123Label(label).length > 0);
  return bad === undefined ? [] : [invalidValue(path, bad, isDns1123Label(bad).join(','))];
}

function validateHints(
  path: string,
  hints: readonly { readonly name: string }[],
  rule: (name: string) => string[],
): FieldError[] {
  if (hints.length > hintsMax) return [tooMany(path, hints.length, hintsMax)];
  const seen = new Set<string>();
  return hints.flatMap(({ name }, index) => {
    const at = `${path}[${index}].name`;
    const twice = seen.has(name) ? [duplicate(at, name)] : [];
    seen.add(name);
    return [...twice, ...invalidEach(at, name, rule(name))];
  });
}

function validateSlicePorts(path: string, ports: readonly SlicePort[]): FieldError[] {
  if (ports.length > portsMax) return [tooMany(path, ports.length, portsMax)];
  const seen = new Set<string>();
  return ports.flatMap(({ name = '', protocol, appProtocol }, index) => {
    const at = `${path}[${index}]`;
    const errors = name === '' ? [] : invalidEach(`${at}.name`, name, isDns1123Label(name));
    if (seen.has(name)) errors.push(duplicate(`${at}.name`, name));
    seen.add(name);
    if (protocol === undefined) errors.push(required(`${at}.protocol`));
    else if (!protocols.includes(protocol)) errors.push(notSupported(`${at}.protocol`, protocol, protocols));
    return [...errors, ...appProtocolErrors(`${at}.appProtocol`, appProtocol)];
  });
}

/** What makes the slices of Services writes its addresses well. */
const managers = ['endpointslice-controller.k8s.io', 'endpointslicemirroring-controller.k8s.io'];

export function endpointSliceWarnings({ metadata, addressType, endpoints = [] }: EndpointSlice): string[] {
  if (addressType === 'FQDN') return ['spec.addressType: FQDN endpoints are deprecated'];
  if (managers.includes(metadata?.labels?.['endpointslice.kubernetes.io/managed-by'] ?? '')) return [];
  return endpoints.flatMap(({ addresses }, index) =>
    addresses.flatMap((address, which) => ipWarnings(`endpoints[${index}].addresses[${which}]`, address)),
  );
}

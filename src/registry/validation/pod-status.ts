/** What a node may report of a pod: conditions and addresses in their forms, and no container back from the dead. */
import { duplicate, forbiddenField, invalidValue, notSupported, required, tooLong } from '../../api/field-error.ts';
import { isDns1123Label, isDns1123Subdomain, isQualifiedName } from '../../api/names.ts';
import type {
  Container,
  ContainerStatus,
  Pod,
  PodCondition,
  PodExtendedResourceClaimStatus,
  PodResourceClaimStatus,
  PodSpec,
  PodStatus,
  ResourceHealth,
  ResourceStatus,
} from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { familyOf } from '../../lib/ip-addresses.ts';
import { immutableField, invalidEach } from './checks.ts';
import { ipErrors } from './ip-rules.ts';
import { validatePodAnnotations, validatePodAnnotationsUpdate } from './pod-annotations.ts';
import { strictPod } from './pod-options.ts';
import { validateRestarts } from './pod-restarts.ts';
import { validateId } from './security-context.ts';

const noSpec: PodSpec = { containers: [] };
const statusLists = ['containerStatuses', 'initContainerStatuses', 'ephemeralContainerStatuses'] as const;

export function validatePodStatusUpdate(pod: Pod, old: Pod): FieldError[] {
  const { spec = noSpec, status = {} } = pod;
  const before = old.status ?? {};
  return [
    ...validateAnnotations(pod, old, spec),
    ...validateConditions('status.conditions', status.conditions),
    ...validateNomination(spec, status, before),
    ...notNegative('status.observedGeneration', status.observedGeneration),
    ...immutableField('status.qosClass', status.qosClass ?? '', before.qosClass ?? ''),
    ...validateRestarts(spec, status, before),
    ...validateClaims('status.resourceClaimStatuses', status.resourceClaimStatuses, spec),
    ...validateExtendedClaim('status.extendedResourceClaimStatus', status.extendedResourceClaimStatus, spec),
    ...validatePodAddresses(status, before),
    ...validateHostAddresses(status, before),
    ...statusLists.flatMap((list) => validateUsers(`status.${list}`, status[list], spec)),
    ...validateAllocations('status.containerStatuses', status.containerStatuses, spec.containers),
    ...validateAllocations('status.initContainerStatuses', status.initContainerStatuses, spec.initContainers),
    ...refuseAllocations('status.ephemeralContainerStatuses', status.ephemeralContainerStatuses),
  ];
}

function validateAnnotations(pod: Pod, old: Pod, spec: PodSpec): FieldError[] {
  const [now, before] = [pod.metadata?.annotations, old.metadata?.annotations];
  if (now === undefined && before === undefined) return [];
  return [
    ...validatePodAnnotationsUpdate('metadata.annotations', now, before),
    ...validatePodAnnotations('metadata.annotations', now, spec, strictPod),
  ];
}

const systemConditions = new Set(['Initialized', 'PodScheduled', 'Ready']);

function notNegative(path: string, value = 0): FieldError[] {
  return value < 0 ? [invalidValue(path, value, 'must be a non-negative integer')] : [];
}

function validateConditions(path: string, conditions: readonly PodCondition[] | undefined): FieldError[] {
  return (conditions ?? []).flatMap(({ type = '', observedGeneration }: Partial<PodCondition>, index) => [
    ...notNegative(`${path}[${index}].observedGeneration`, observedGeneration),
    ...(systemConditions.has(type) ? [] : invalidEach(`${path}[${index}].Type`, type, isQualifiedName(type))),
  ]);
}

/** A node for which room is being made, while the pod has none. */
function validateNomination(spec: PodSpec, { nominatedNodeName: name }: PodStatus, before: PodStatus): FieldError[] {
  const path = 'status.nominatedNodeName';
  if (!name || name === before.nominatedNodeName) return [];
  const errors = invalidEach(path, name, isDns1123Subdomain(name));
  if (spec.nodeName) errors.push(forbiddenField(path, 'may not be set on pods that are already bound to a node'));
  return errors;
}

function validateClaims(
  path: string,
  statuses: readonly PodResourceClaimStatus[] | undefined,
  { resourceClaims }: PodSpec,
): FieldError[] {
  const known = new Set((resourceClaims ?? []).map(({ name }) => name));
  const seen = new Set<string>();
  return (statuses ?? []).flatMap(({ name = '', resourceClaimName: claim }: Partial<PodResourceClaimStatus>, index) => {
    const at = `${path}[${index}]`;
    const errors: FieldError[] = [];
    if (!known.has(name)) {
      errors.push(invalidValue(`${at}.name`, name, 'must match the name of an entry in `spec.resourceClaims`'));
    }
    if (seen.has(name)) errors.push(duplicate(`${at}.name`, name));
    seen.add(name);
    if (claim === undefined) return errors;
    return [...errors, ...invalidEach(`${at}.resourceClaimName`, claim, isDns1123Subdomain(claim))];
  });
}

function validateExtendedClaim(
  path: string,
  status: Partial<PodExtendedResourceClaimStatus> | undefined,
  spec: PodSpec,
): FieldError[] {
  if (status === undefined) return [];
  const { requestMappings: mappings = [], resourceClaimName: claim } = status;
  const at = `${path}.requestMappings`;
  const errors = mappings.length > 0 ? [] : [required(at, 'at least one request mapping is required')];
  const containers = new Map([...(spec.initContainers ?? []), ...spec.containers].map((each) => [each.name, each]));
  const seen = new Set<string>();
  for (const [index, { containerName, resourceName, requestName = '' }] of mappings.entries()) {
    const here = `${at}[${index}]`;
    errors.push(...validateMapping(here, containers.get(containerName), containerName, resourceName));
    errors.push(...invalidEach(`${path}.requestName`, requestName, isDns1123Label(requestName)));
    const key = JSON.stringify([containerName, resourceName, requestName]);
    if (seen.has(key)) {
      errors.push(duplicate(`${here}.containerName`, containerName), duplicate(`${here}.resourceName`, resourceName));
      errors.push(duplicate(`${here}.requestName`, requestName));
    }
    seen.add(key);
  }
  if (!claim) return [...errors, required(`${path}.resourceClaimName`)];
  return [...errors, ...invalidEach(`${path}.resourceClaimName`, claim, isDns1123Subdomain(claim))];
}

function validateMapping(path: string, container: Container | undefined, name: string, resource: string): FieldError[] {
  if (container === undefined) {
    const detail = 'must match the name of an entry in spec.initContainers.name or spec.containers.name';
    return [invalidValue(`${path}.containerName`, name ?? '', detail)];
  }
  if (container.resources?.requests?.[resource] !== undefined) return [];
  const detail =
    'must match the extended resource name of an entry in spec.initContainers.resources.requests or spec.containers.resources.requests';
  return [invalidValue(`${path}.resourceName`, resource ?? '', detail)];
}

interface Address {
  readonly ip?: string;
}

const textsOf = (list: readonly Address[] | undefined): string[] => (list ?? []).map(({ ip }) => ip ?? '');

function validatePodAddresses({ podIPs }: PodStatus, before: PodStatus): FieldError[] {
  return validateAddresses('status.podIPs', textsOf(podIPs), textsOf(before.podIPs));
}

function validateHostAddresses({ hostIP, hostIPs }: PodStatus, before: PodStatus): FieldError[] {
  const addresses = textsOf(hostIPs);
  const [first] = addresses;
  if (first === undefined) return [];
  const errors = validateAddresses('status.hostIPs', addresses, textsOf(before.hostIPs));
  if (first === (hostIP ?? '')) return errors;
  return [invalidValue('status.hostIPs[0].ip', first, 'must be equal to `hostIP`'), ...errors];
}

/** Of each family one; what stood there before need not become better. */
function validateAddresses(path: string, addresses: readonly string[], before: readonly string[]): FieldError[] {
  const known = new Set(before);
  const errors = addresses.flatMap((address, index) => ipErrors(`${path}[${index}]`, address, known));
  if (
    addresses.length < 2 ||
    (addresses.length === 2 && familyOf(addresses[0] ?? '') !== familyOf(addresses[1] ?? ''))
  ) {
    return errors;
  }
  const shown = addresses.map((address) => ({ IP: address }));
  return [...errors, invalidValue(path, shown, 'may specify no more than one IP for each IP family')];
}

function validateUsers(path: string, statuses: readonly ContainerStatus[] | undefined, { os }: PodSpec): FieldError[] {
  return (statuses ?? []).flatMap(({ user }, index) => {
    if (user?.linux === undefined) return [];
    const at = `${path}[${index}].user.linux`;
    if (os?.name === 'windows') return [forbiddenField(at, 'cannot be set for a windows pod')];
    const { uid, gid, supplementalGroups } = user.linux;
    return [
      ...validateId(`${at}.uid`, uid),
      ...validateId(`${at}.gid`, gid),
      ...(supplementalGroups ?? []).flatMap((id, which) => validateId(`${at}.supplementalGroups[${which}]`, id)),
    ];
  });
}

function refuseAllocations(path: string, statuses: readonly ContainerStatus[] | undefined): FieldError[] {
  return (statuses ?? []).flatMap(({ allocatedResourcesStatus }, index) => {
    if (!allocatedResourcesStatus?.length) return [];
    return [forbiddenField(`${path}[${index}].allocatedResourcesStatus`, 'must not be specified in container status')];
  });
}

/** The health of the devices that a container has. */
function validateAllocations(
  path: string,
  statuses: readonly ContainerStatus[] | undefined,
  containers: readonly Container[] | undefined,
): FieldError[] {
  const byName = new Map((containers ?? []).map((container) => [container.name, container]));
  return (statuses ?? []).flatMap(({ name, allocatedResourcesStatus }, index) =>
    (allocatedResourcesStatus ?? []).flatMap((resource, which) => {
      const at = `${path}[${index}].allocatedResourcesStatus[${which}]`;
      return [...validateAllocated(at, resource, byName.get(name)), ...validateHealth(`${at}.resources`, resource)];
    }),
  );
}

function validateAllocated(
  path: string,
  { name = '' }: Partial<ResourceStatus>,
  container: Container | undefined,
): FieldError[] {
  if (container === undefined) return [];
  const { claims, requests } = container.resources ?? {};
  if (!name.startsWith('claim:')) {
    const detail = "must match one of the container's resource requests";
    return Object.hasOwn(requests ?? {}, name) ? [] : [invalidValue(`${path}.name`, name, detail)];
  }
  const known = (claims ?? []).some(
    (claim) => `claim:${claim.name}${claim.request ? `/${claim.request}` : ''}` === name,
  );
  const detail =
    "must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty";
  return known ? [] : [invalidValue(`${path}.name`, name, detail)];
}

const healthValues = ['Healthy', 'Unhealthy', 'Unknown'];
const healthMessageBytesMax = 1024;

function validateHealth(path: string, { resources }: ResourceStatus): FieldError[] {
  const seen = new Set<string>();
  return (resources ?? []).flatMap(({ health = '', message, resourceID = '' }: Partial<ResourceHealth>, index) => {
    const at = `${path}[${index}]`;
    const errors = healthValues.includes(health) ? [] : [notSupported(`${at}.health`, health, healthValues)];
    if (message === '') errors.push(required(`${at}.message`, 'must be non-empty if specified'));
    if (Buffer.byteLength(message ?? '') > healthMessageBytesMax) {
      errors.push(tooLong(`${at}.message`, healthMessageBytesMax));
    }
    if (seen.has(resourceID)) errors.push(duplicate(`${at}.resourceID`, resourceID));
    seen.add(resourceID);
    return errors;
  });
}

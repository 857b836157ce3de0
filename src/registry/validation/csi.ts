/** What CSI drivers say of themselves, of nodes and of free space. */
import { duplicate, forbiddenField, invalidValue, notSupported, required } from '../../api/field-error.ts';
import { isDns1123Subdomain, isQualifiedName } from '../../api/names.ts';
import type {
  CSIDriver,
  CSIDriverSpec,
  CSINode,
  CSINodeDriver,
  CSIStorageCapacity,
} from '../../api/schema/types/storage-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { sameJson } from '../draft.ts';
import { immutableField, invalidEach, nonNegative, validateDriverName, validateLabelSelector } from './checks.ts';
import { validateNonNegative } from './quantities.ts';

const groupPolicies = ['File', 'None', 'ReadWriteOnceWithFSType'];
const lifecycleModes = ['Persistent', 'Ephemeral'];
const tokenSecondsMin = 10 * 60;
const tokenSecondsMax = 2 ** 32;
const nodeIdBytesMax = 256;

export function validateCsiDriver({ spec }: CSIDriver): FieldError[] {
  const path = 'spec.nodeAllocatableUpdatePeriodSeconds';
  const period = spec?.nodeAllocatableUpdatePeriodSeconds;
  return [
    ...mustBeSaid(spec ?? {}),
    ...(spec?.fsGroupPolicy === undefined || groupPolicies.includes(spec.fsGroupPolicy)
      ? []
      : [notSupported('spec.fsGroupPolicy', spec.fsGroupPolicy, groupPolicies)]),
    ...validateTokenRequests(spec?.tokenRequests ?? []),
    ...(spec?.volumeLifecycleModes ?? []).flatMap((mode) =>
      lifecycleModes.includes(mode) ? [] : [notSupported('spec.volumeLifecycleModes', mode, lifecycleModes)],
    ),
    ...(period !== undefined && period < 10
      ? [invalidValue(path, period, 'must be greater than or equal to 10 seconds')]
      : []),
    ...validateOthers(spec ?? {}),
  ];
}

/** By the name that upstream gives the field. */
function mustBeSaid({ attachRequired, podInfoOnMount, storageCapacity }: CSIDriverSpec): FieldError[] {
  return [
    ...(attachRequired === undefined ? [required('spec.attachedRequired')] : []),
    ...(podInfoOnMount === undefined ? [required('spec.podInfoOnMount')] : []),
    ...(storageCapacity === undefined ? [required('spec.storageCapacity')] : []),
  ];
}

function validateTokenRequests(requests: NonNullable<CSIDriverSpec['tokenRequests']>): FieldError[] {
  const audiences = new Set<string>();
  return requests.flatMap(({ audience: given, expirationSeconds: seconds }, index) => {
    const audience = given ?? '';
    const path = `spec.tokenRequests[${index}]`;
    if (audiences.has(audience)) return [duplicate(`${path}.audience`, audience)];
    audiences.add(audience);
    if (seconds === undefined || (seconds >= tokenSecondsMin && seconds <= tokenSecondsMax)) return [];
    const bound = seconds < tokenSecondsMin ? 'less than 10 minutes' : 'larger than 2^32 seconds';
    return [invalidValue(`${path}.expirationSeconds`, seconds, `may not specify a duration ${bound}`)];
  });
}

function validateOthers({ serviceAccountTokenInSecrets, tokenRequests, ...spec }: CSIDriverSpec): FieldError[] {
  const errors: FieldError[] = [];
  if (serviceAccountTokenInSecrets !== undefined && !tokenRequests?.length) {
    const why = 'serviceAccountTokenInSecrets is set but no tokenRequests are specified';
    errors.push(invalidValue('spec.serviceAccountTokenInSecrets', serviceAccountTokenInSecrets, why));
  }
  if (spec.preventPodSchedulingIfMissing !== undefined) {
    const why = 'preventPodSchedulingIfMissing requires the VolumeLimitScaling feature gate to be enabled';
    errors.push(forbiddenField('spec.preventPodSchedulingIfMissing', why));
  }
  return errors;
}

export function validateCsiDriverUpdate({ spec }: CSIDriver, { spec: old }: CSIDriver): FieldError[] {
  return [
    ...immutableField('spec.attachedRequired', spec?.attachRequired, old?.attachRequired),
    ...immutableField('spec.volumeLifecycleModes', spec?.volumeLifecycleModes, old?.volumeLifecycleModes),
  ];
}

export function validateCsiNode({ spec }: CSINode): FieldError[] {
  const names = new Set<string>();
  return (spec?.drivers ?? []).flatMap((driver, index) => {
    const path = `spec.drivers[${index}]`;
    const errors = validateNodeDriver(path, driver);
    if (names.has(driver.name)) errors.push(duplicate(`${path}.name`, driver.name));
    names.add(driver.name);
    return [...errors, ...validateTopologyKeys(path, driver.topologyKeys ?? [])];
  });
}

function validateNodeDriver(path: string, { name, nodeID: id, allocatable }: CSINodeDriver): FieldError[] {
  const nodeID = id ?? '';
  const errors = validateDriverName(`${path}.name`, name);
  if (nodeID === '') errors.push(required(`${path}.nodeID`));
  if (Buffer.byteLength(nodeID) > nodeIdBytesMax) {
    errors.push(invalidValue(`${path}.nodeID`, nodeID, `must be ${nodeIdBytesMax} characters or less`));
  }
  return [...errors, ...nonNegative(`${path}.allocatable.count`, allocatable?.count)];
}

function validateTopologyKeys(path: string, keys: readonly string[]): FieldError[] {
  const seen = new Set<string>();
  return keys.flatMap((key) => {
    const errors = key === '' ? [required(path)] : [];
    if (seen.has(key)) errors.push(duplicate(path, key));
    seen.add(key);
    return [...errors, ...invalidEach(path, key, isQualifiedName(key))];
  });
}

/** Drivers come and go; of one that stays only the number of volumes may change. */
export function validateCsiNodeUpdate({ spec }: CSINode, { spec: old }: CSINode): FieldError[] {
  const now = new Map((spec?.drivers ?? []).map((driver) => [driver.name, driver]));
  return (old?.drivers ?? []).flatMap((before) => {
    const after = now.get(before.name);
    if (after === undefined) return [];
    const [{ allocatable: _was, ...fixed }, { allocatable: _is, ...wanted }] = [before, after];
    return sameJson(fixed, wanted) ? [] : immutableField('spec.drivers', wanted, fixed);
  });
}

export function validateCsiStorageCapacity(capacity: CSIStorageCapacity): FieldError[] {
  const { nodeTopology } = capacity;
  const storageClassName = capacity.storageClassName ?? '';
  return [
    ...validateLabelSelector('nodeTopology', nodeTopology),
    ...invalidEach('storageClassName', storageClassName, isDns1123Subdomain(storageClassName)),
    ...(capacity.capacity === undefined ? [] : validateNonNegative('capacity', capacity.capacity)),
  ];
}

export function validateCsiStorageCapacityUpdate(now: CSIStorageCapacity, old: CSIStorageCapacity): FieldError[] {
  return [
    ...immutableField('nodeTopology', now.nodeTopology, old.nodeTopology),
    ...immutableField('storageClassName', now.storageClassName, old.storageClassName),
  ];
}

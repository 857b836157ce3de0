/**
 * Claims that reach devices as an administrator does, whoever else uses them: only in namespaces that are labelled for it. The label is
 * looked for where such a claim, or a template of one, is made, and where such a device is handed out; losing it later changes nothing.
 */
import { forbiddenField } from '../../api/field-error.ts';
import type { ObjectMeta } from '../../api/schema/types/meta-v1.ts';
import type { AllocationResult, DeviceRequest, ResourceClaim } from '../../api/schema/types/resource-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import type { StrategyContext } from '../strategy.ts';

const label = 'resource.kubernetes.io/admin-access';
const refusal = `admin access to devices requires the \`${label}: true\` label on the containing namespace`;

type Objects = Pick<StrategyContext, 'store'>;

/** Of templates, too, the path is the claim's; only the first such request is named. */
export function validateAdminRequests(
  { namespace }: ObjectMeta,
  requests: readonly DeviceRequest[] | undefined,
  objects: Objects,
): FieldError[] {
  const index = (requests ?? []).findIndex(({ exactly }) => exactly?.adminAccess);
  return refuseAt('spec.devices.requests', index, namespace, objects);
}

/** What was handed out before stays. */
export function validateAdminDevices(
  { metadata, status }: ResourceClaim,
  { status: old }: ResourceClaim,
  objects: Objects,
): FieldError[] {
  if (adminDevice(old?.allocation) >= 0) return [];
  const index = adminDevice(status?.allocation);
  return refuseAt('status.allocation.devices.results', index, metadata?.namespace, objects);
}

const adminDevice = (allocation: AllocationResult | undefined): number =>
  (allocation?.devices?.results ?? []).findIndex(({ adminAccess }) => adminAccess);

function refuseAt(path: string, index: number, name = '', { store }: Objects): FieldError[] {
  if (index < 0) return [];
  const labels = store.get({ collection: 'namespaces', namespace: '', name })?.object.metadata?.labels;
  return labels?.[label] === 'true' ? [] : [forbiddenField(`${path}[${index}].adminAccess`, refusal)];
}

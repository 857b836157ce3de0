/** Defaults of claims and slices of devices. */
import type {
  DeviceRequest,
  DeviceToleration,
  ResourceClaim,
  ResourceClaimTemplate,
  ResourceSlice,
} from '../../api/schema/types/resource-v1.ts';
import { formatTime } from '../../lib/clock.ts';
import { type Draft, setDefaultText } from '../draft.ts';

export function setResourceClaimDefaults({ spec, status }: Draft<ResourceClaim>): void {
  setRequestDefaults(spec?.devices?.requests);
  for (const { tolerations } of status?.allocation?.devices?.results ?? []) setTolerationDefaults(tolerations);
}

export function setResourceClaimTemplateDefaults({ spec }: Draft<ResourceClaimTemplate>): void {
  setRequestDefaults(spec?.spec?.devices?.requests);
}

function setRequestDefaults(requests: Draft<DeviceRequest>[] | undefined): void {
  for (const { exactly, firstAvailable } of requests ?? []) {
    for (const each of [...(exactly ? [exactly] : []), ...(firstAvailable ?? [])]) {
      setDefaultText(each, 'allocationMode', 'ExactCount');
      if (each.allocationMode === 'ExactCount') each.count ||= 1;
      setTolerationDefaults(each.tolerations);
    }
  }
}

function setTolerationDefaults(tolerations: Draft<DeviceToleration>[] | undefined): void {
  for (const toleration of tolerations ?? []) setDefaultText(toleration, 'operator', 'Equal');
}

/** A taint without a time is of now. */
export function stampTaints({ spec }: Draft<ResourceSlice>, nowMs: number): void {
  for (const { taints } of spec?.devices ?? []) {
    for (const taint of taints ?? []) taint.timeAdded ??= formatTime(nowMs);
  }
}

/** Devices that drivers hand out: claims, their templates, classes, slices. */
import type {
  DeviceClass,
  ResourceClaim,
  ResourceClaimTemplate,
  ResourceSlice,
} from '../../api/schema/types/resource-v1.ts';
import type { DeviceTaintRule } from '../../api/schema/types/resource-v1beta2.ts';
import { formatTime } from '../../lib/clock.ts';
import { setResourceClaimDefaults, setResourceClaimTemplateDefaults, stampTaints } from '../defaults/devices.ts';
import type { Draft } from '../draft.ts';
import type { Strategy } from '../strategy.ts';
import { validateAdminDevices, validateAdminRequests } from '../validation/admin-access.ts';
import { validateDeviceTaintRule, validateDeviceTaintRuleStatus } from '../validation/device-taint-rule.ts';
import {
  specStays,
  validateDeviceClass,
  validateResourceClaim,
  validateResourceClaimTemplate,
} from '../validation/resource-claim.ts';
import { idOf, validateResourceClaimStatus } from '../validation/resource-claim-status.ts';
import { sliceWarnings, validateResourceSlice } from '../validation/resource-slice.ts';

export const resourceClaimStrategy: Strategy<ResourceClaim> = {
  setDefaults: setResourceClaimDefaults,
  validateCreate: ({ metadata, spec }, context) =>
    validateAdminRequests(metadata ?? {}, spec?.devices?.requests, context),
  validate: validateResourceClaim,
  updateRules: 'change only',
  validateUpdate: specStays,
  prepareForStatusUpdate: forgetReturned,
  validateStatusUpdate: (claim, old, context) => [
    ...validateAdminDevices(claim, old, context),
    ...validateResourceClaimStatus(claim, old),
  ],
};

/** Of devices that the claim no longer has, nobody reports. */
function forgetReturned({ status }: Draft<ResourceClaim>, { status: old }: ResourceClaim): void {
  if (!status?.devices?.length) return;
  const kept = new Set((status.allocation?.devices?.results ?? []).map(idOf));
  const had = new Set((old?.allocation?.devices?.results ?? []).map(idOf));
  const devices = status.devices.filter((device) => kept.has(idOf(device)) || !had.has(idOf(device)));
  if (devices.length > 0) status.devices = devices;
  else delete status.devices;
}

export const resourceClaimTemplateStrategy: Strategy<ResourceClaimTemplate> = {
  setDefaults: setResourceClaimTemplateDefaults,
  validateCreate: ({ metadata, spec }, context) =>
    validateAdminRequests(metadata ?? {}, spec?.spec?.devices?.requests, context),
  validate: validateResourceClaimTemplate,
  updateRules: 'change only',
  validateUpdate: specStays,
};

export const deviceClassStrategy: Strategy<DeviceClass> = { generation: true, validate: validateDeviceClass };

export const resourceSliceStrategy: Strategy<ResourceSlice> = {
  generation: true,
  prepareForCreate(slice, { nowMs }) {
    dropDisabledFields(slice);
    stampTaints(slice, nowMs);
  },
  prepareForUpdate(slice, _old, { nowMs }) {
    dropDisabledFields(slice);
    stampTaints(slice, nowMs);
  },
  validate: validateResourceSlice,
  warnings: sliceWarnings,
  fields: {
    'spec.nodeName': ({ spec }) => spec?.nodeName ?? '',
    'spec.driver': ({ spec }) => spec?.driver ?? '',
  },
};

/** Lists as attributes, and devices that use up a node's own resources, are alpha features, which are off. */
function dropDisabledFields({ spec }: Draft<ResourceSlice>): void {
  for (const device of spec?.devices ?? []) {
    delete device.nodeAllocatableResourceMappings;
    for (const attribute of Object.values(device.attributes ?? {})) {
      delete attribute.ints;
      delete attribute.bools;
      delete attribute.strings;
      delete attribute.versions;
    }
  }
}

/** The time of the taint is that of its effect: tolerations count from there. */
export const deviceTaintRuleStrategy: Strategy<DeviceTaintRule> = {
  generation: true,
  statusKeepsMetadata: true,
  prepareForCreate: ({ spec }, { nowMs }) => {
    if (spec?.taint) spec.taint.timeAdded ??= formatTime(nowMs);
  },
  prepareForUpdate({ spec }, { spec: old }, { nowMs }) {
    if (!spec?.taint) return;
    const { taint } = spec;
    taint.timeAdded ??= formatTime(nowMs);
    if (taint.effect !== old.taint?.effect && taint.timeAdded === old.taint?.timeAdded) {
      taint.timeAdded = formatTime(nowMs);
    }
  },
  validate: validateDeviceTaintRule,
  validateStatusUpdate: validateDeviceTaintRuleStatus,
};

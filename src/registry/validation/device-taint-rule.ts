/** DeviceTaintRules: a taint for all devices that a selector matches, and how far the eviction of their pods is. */
import { tooMany } from '../../api/field-error.ts';
import { isDns1123Label } from '../../api/names.ts';
import type { DeviceTaintRule, DeviceTaintSelector } from '../../api/schema/types/resource-v1beta2.ts';
import type { FieldError } from '../../api/status-error.ts';
import { invalidEach, validateDriverName } from './checks.ts';
import { validateConditions } from './conditions.ts';
import { validateDeviceTaint, validatePoolName } from './device-lists.ts';

const conditionsMax = 8;

export function validateDeviceTaintRule({ spec }: DeviceTaintRule): FieldError[] {
  return [
    ...validateSelector('spec.deviceSelector', spec?.deviceSelector ?? {}),
    ...validateDeviceTaint('spec.taint', spec?.taint ?? {}),
  ];
}

/** What is left out matches all; what is there must be able to match something. */
function validateSelector(path: string, { driver, pool, device }: DeviceTaintSelector): FieldError[] {
  return [
    ...(driver === undefined ? [] : validateDriverName(`${path}.driver`, driver)),
    ...(pool === undefined ? [] : validatePoolName(`${path}.pool`, pool)),
    ...(device === undefined ? [] : invalidEach(`${path}.device`, device, isDns1123Label(device))),
  ];
}

export function validateDeviceTaintRuleStatus({ status }: DeviceTaintRule): FieldError[] {
  const conditions = status?.conditions ?? [];
  const errors = validateConditions('status.conditions', conditions);
  return conditions.length > conditionsMax
    ? [...errors, tooMany('status.conditions', conditions.length, conditionsMax)]
    : errors;
}

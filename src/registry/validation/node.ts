/** Nodes: taints, address ranges, amounts. The kubelet's configuration from a ConfigMap is gone; its fields are dropped. */
import { duplicate, forbiddenField, invalidValue } from '../../api/field-error.ts';
import { isLabelValue, isQualifiedName } from '../../api/names.ts';
import type { Node, Taint } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { sameJson } from '../draft.ts';
import { invalidEach, requiredOneOf } from './checks.ts';
import { cidrErrors, cidrWarnings } from './ip-rules.ts';
import { type Amounts, validateAmount } from './quantities.ts';

export function validateNode({ spec, status }: Node): FieldError[] {
  return [
    ...validateTaints(spec?.taints),
    ...validateAmounts('status.capacity', status?.capacity),
    ...validateAmounts('status.allocatable', status?.allocatable),
    ...validatePodCidrs(spec?.podCIDRs ?? []),
  ];
}

function validateAmounts(path: string, amounts: Amounts | undefined): FieldError[] {
  return Object.entries(amounts ?? {}).flatMap(([name, value]) => validateAmount(`${path}.${name}`, name, value));
}

const taintEffects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

/** The path is upstream's, who looks for taints below the metadata. */
function validateTaints(taints: readonly Taint[] | undefined): FieldError[] {
  const seen = new Set<string>();
  return (taints ?? []).flatMap((taint, index) => {
    const path = `metadata.taints[${index}]`;
    const key = `${taint.effect}:${taint.key}`;
    const errors = validateTaint(path, taint);
    if (seen.has(key)) errors.push(repeatedTaint(path, taint));
    seen.add(key);
    return errors;
  });
}

function repeatedTaint(path: string, taint: Taint): FieldError {
  const error = duplicate(path, taint);
  return { ...error, message: `${error.message}: taints must be unique by key and effect pair` };
}

function validateTaint(path: string, { key, value, effect }: Taint): FieldError[] {
  const errors = invalidEach(`${path}.key`, key ?? '', isQualifiedName(key ?? ''));
  const valueErrors = isLabelValue(value ?? '');
  if (valueErrors.length > 0) errors.push(invalidValue(`${path}.value`, value, valueErrors.join(';')));
  return [...errors, ...requiredOneOf(`${path}.effect`, effect, taintEffects)];
}

function validatePodCidrs(ranges: readonly string[]): FieldError[] {
  const path = 'spec.podCIDRs';
  const errors = ranges.flatMap((range, index) => cidrErrors(`${path}[${index}]`, range));
  if (ranges.length < 2) return errors;
  const families = new Set(ranges.map((range) => range.includes(':')));
  if (families.size < 2 || ranges.length > 2) {
    errors.push(invalidValue(path, ranges, 'may specify no more than one CIDR for each IP family'));
  }
  const seen = new Set<string>();
  for (const [index, range] of ranges.entries()) {
    if (seen.has(range)) errors.push(duplicate(`${path}[${index}]`, range));
    seen.add(range);
  }
  return errors;
}

/** A node gets its address ranges and its provider's name once. A report of its status is held to the same. */
export function validateNodeUpdate({ spec = {}, status }: Node, { spec: old = {} }: Node): FieldError[] {
  const errors = [
    ...validateAmounts('status.capacity', status?.capacity),
    ...validateAmounts('status.allocatable', status?.allocatable),
    ...duplicateAddresses(status?.addresses ?? []),
  ];
  if (old.podCIDRs?.length && !sameJson(spec.podCIDRs, old.podCIDRs)) {
    errors.push(forbiddenField('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid'));
  }
  if (old.providerID && spec.providerID !== old.providerID) {
    errors.push(forbiddenField('spec.providerID', 'node updates may not change providerID except from "" to valid'));
  }
  errors.push(...validateTaints(spec.taints));
  if ((spec.externalID ?? '') !== (old.externalID ?? '')) {
    errors.push(forbiddenField('spec.externalID', 'may not be updated'));
  }
  return errors;
}

function duplicateAddresses(addresses: readonly { readonly type: string; readonly address: string }[]): FieldError[] {
  const seen = new Set<string>();
  return addresses.flatMap((each, index) => {
    const key = `${each.type} ${each.address}`;
    if (seen.has(key)) return [duplicate(`status.addresses[${index}]`, { type: each.type, address: each.address })];
    seen.add(key);
    return [];
  });
}

/** Of the ranges: whatever else is deprecated is dropped. */
export function nodeWarnings({ spec }: Node): string[] {
  return (spec?.podCIDRs ?? []).flatMap((range, index) => cidrWarnings(`spec.podCIDRs[${index}]`, range));
}

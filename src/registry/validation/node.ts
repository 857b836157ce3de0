/** Nodes: taints, address ranges, amounts. The kubelet's configuration from a ConfigMap is gone; its fields are dropped. */
import { duplicate, forbiddenField, goQuote, invalidValue } from '../../api/field-error.ts';
import { isLabelValue, isQualifiedName } from '../../api/names.ts';
import type { Node, NodeStatus, Taint } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { invalidEach, requiredOneOf } from './checks.ts';
import { cidrErrors, cidrWarnings } from './ip-rules.ts';
import { validateNodeAnnotations } from './node-annotations.ts';
import { type Amounts, validateAmount } from './quantities.ts';

export function validateNode({ metadata, spec, status }: Node): FieldError[] {
  return [
    ...validateNodeAnnotations(metadata?.annotations, validateTaints),
    ...validateTaints(taintsPath, spec?.taints),
    ...validateAmounts('status.capacity', status?.capacity),
    ...validateAmounts('status.allocatable', status?.allocatable),
    ...validateSwap(status?.nodeInfo?.swap?.capacity),
    ...validateFeatures('status.declaredFeatures', status?.declaredFeatures),
    ...validatePodCidrs(spec?.podCIDRs ?? []),
  ];
}

function validateAmounts(path: string, amounts: Amounts | undefined): FieldError[] {
  return Object.entries(amounts ?? {}).flatMap(([name, value]) => validateAmount(`${path}.${name}`, name, value));
}

/** The path is upstream's, who looks for it below the metadata, as for taints. */
function validateSwap(capacity: number | undefined): FieldError[] {
  const path = 'metadata.nodeSwapStatus.capacity';
  return capacity === undefined || capacity > 0 ? [] : [invalidValue(path, capacity, 'must be greater than zero')];
}

const featureForm = /^[A-Z][a-zA-Z0-9]*(\/[a-zA-Z][a-zA-Z0-9]*)*$/;
const featureLengthMax = 253;

/** What a kubelet says it can do: names in order, each once. */
function validateFeatures(path: string, names: NodeStatus['declaredFeatures'] = []): FieldError[] {
  return names.flatMap((name, index) => {
    const [at, before] = [`${path}[${index}]`, names[index - 1]];
    const errors = before === name ? [duplicate(at, name)] : [];
    if (before !== undefined && before > name)
      errors.push(invalidValue(at, name, 'list must be sorted alphabetically'));
    const problem = featureProblem(name);
    return problem === undefined ? errors : [...errors, invalidValue(at, name, problem)];
  });
}

function featureProblem(name: string): string | undefined {
  const refused = `invalid feature name ${goQuote(name)}:`;
  if (Buffer.byteLength(name) > featureLengthMax)
    return `${refused} must be no more than ${featureLengthMax} characters`;
  if (featureForm.test(name)) return undefined;
  const form = "must start with an UpperCamelCase segment, with subsequent segments separated by '/'";
  return `${refused} ${form} (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes`;
}

const taintEffects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];
/** Upstream's, who looks for taints below the metadata. */
const taintsPath = 'metadata.taints';

function validateTaints(at: string, taints: readonly Taint[] | undefined): FieldError[] {
  const seen = new Set<string>();
  return (taints ?? []).flatMap((taint, index) => {
    const path = `${at}[${index}]`;
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
  return errors;
}

/** A node gets its address ranges and its provider's name once. A report of its status is held to the same. */
export function validateNodeUpdate({ metadata, spec = {}, status }: Node, { spec: old = {} }: Node): FieldError[] {
  const errors = [
    ...validateNodeAnnotations(metadata?.annotations, validateTaints),
    ...validateAmounts('status.capacity', status?.capacity),
    ...validateAmounts('status.allocatable', status?.allocatable),
    ...validateFeatures('status.declaredFeatures', status?.declaredFeatures),
    ...duplicateAddresses(status?.addresses ?? []),
    ...rangeChanges(spec.podCIDRs ?? [], old.podCIDRs ?? []),
  ];
  if (old.providerID && spec.providerID !== old.providerID) {
    errors.push(forbiddenField('spec.providerID', 'node updates may not change providerID except from "" to valid'));
  }
  errors.push(...validateTaints(taintsPath, spec.taints));
  if ((spec.externalID ?? '') !== (old.externalID ?? '')) {
    errors.push(forbiddenField('spec.externalID', 'may not be updated'));
  }
  return errors;
}

/** One error for each range that is another, where there are as many as before. */
function rangeChanges(now: readonly string[], before: readonly string[]): FieldError[] {
  if (before.length === 0) return [];
  const changed = now.length === before.length ? before.filter((range, index) => range !== now[index]) : [before];
  return changed.map(() =>
    forbiddenField('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid'),
  );
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

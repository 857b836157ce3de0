/** Which nodes and which other pods a pod wants to be near to, or far from. */
import { forbiddenField, invalidValue, required } from '../../api/field-error.ts';
import { isDns1123Label, isQualifiedName } from '../../api/names.ts';
import type { Affinity, NodeAffinity, PodAffinity, PodAffinityTerm } from '../../api/schema/types/core-v1.ts';
import type { LabelSelector } from '../../api/schema/types/meta-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { invalidEach, validateLabelSelector } from './checks.ts';
import { validateNodeSelector, validateNodeSelectorTerm } from './node-selector.ts';
import type { PodOptions } from './pod-options.ts';

const always = 'requiredDuringSchedulingIgnoredDuringExecution';
const ifPossible = 'preferredDuringSchedulingIgnoredDuringExecution';

export function validateAffinity(path: string, affinity: Affinity | undefined, options: PodOptions): FieldError[] {
  if (affinity === undefined) return [];
  const { nodeAffinity, podAffinity, podAntiAffinity } = affinity;
  return [
    ...(nodeAffinity ? validateNodeAffinity(`${path}.nodeAffinity`, nodeAffinity, options) : []),
    ...(podAffinity ? validatePodAffinity(`${path}.podAffinity`, podAffinity, options) : []),
    ...(podAntiAffinity ? validatePodAffinity(`${path}.podAntiAffinity`, podAntiAffinity, options) : []),
  ];
}

function validateNodeAffinity(path: string, affinity: NodeAffinity, { tolerated }: PodOptions): FieldError[] {
  const selector = affinity[always];
  const errors = selector
    ? validateNodeSelector(`${path}.${always}`, selector, tolerated.has('node affinity values'))
    : [];
  for (const [index, { weight, preference }] of (affinity[ifPossible] ?? []).entries()) {
    const at = `${path}.${ifPossible}[${index}]`;
    errors.push(...validateWeight(`${at}.weight`, weight));
    errors.push(...validateNodeSelectorTerm(`${at}.preference`, preference ?? {}, true));
  }
  return errors;
}

function validateWeight(path: string, weight = 0): FieldError[] {
  return weight > 0 && weight <= 100 ? [] : [invalidValue(path, weight, 'must be in the range 1-100')];
}

function validatePodAffinity(path: string, affinity: PodAffinity, options: PodOptions): FieldError[] {
  const errors: FieldError[] = [];
  for (const [index, term] of (affinity[always] ?? []).entries()) {
    errors.push(...validateTerm(`${path}.${always}[${index}]`, term, options));
  }
  for (const [index, { weight, podAffinityTerm }] of (affinity[ifPossible] ?? []).entries()) {
    const at = `${path}.${ifPossible}[${index}]`;
    errors.push(...validateWeight(`${at}.weight`, weight));
    errors.push(...validateTerm(`${at}.podAffinityTerm`, podAffinityTerm ?? { topologyKey: '' }, options));
  }
  return errors;
}

function validateTerm(path: string, term: Partial<PodAffinityTerm>, options: PodOptions): FieldError[] {
  const { labelSelector, namespaceSelector, namespaces, matchLabelKeys, mismatchLabelKeys, topologyKey = '' } = term;
  const anyValue = options.tolerated.has('selector values');
  const errors = [
    ...validateSelector(`${path}.labelSelector`, labelSelector, anyValue),
    ...validateSelector(`${path}.namespaceSelector`, namespaceSelector, anyValue),
  ];
  for (const name of namespaces ?? []) errors.push(...invalidEach(`${path}.namespace`, name, isDns1123Label(name)));
  errors.push(...validateLabelKeys(path, matchLabelKeys, mismatchLabelKeys, labelSelector));
  if (!topologyKey) errors.push(required(`${path}.topologyKey`, 'can not be empty'));
  return [...errors, ...invalidEach(`${path}.topologyKey`, topologyKey, isQualifiedName(topologyKey))];
}

function validateSelector(path: string, selector: LabelSelector | undefined, anyValue: boolean): FieldError[] {
  const errors = validateLabelSelector(path, selector);
  return anyValue ? errors.filter(({ field }) => !/\.values\[\d+\]$/.test(field)) : errors;
}

/** Keys whose values the pod's own labels give. They become part of the selector, so it cannot name them, too. */
export function validateLabelKeys(
  path: string,
  match: readonly string[] | undefined,
  mismatch: readonly string[] | undefined,
  selector: LabelSelector | undefined,
): FieldError[] {
  if (!match?.length && !mismatch?.length) return [];
  const different = new Set(mismatch);
  return [
    ...validateKeys(`${path}.matchLabelKeys`, match, selector),
    ...validateKeys(`${path}.mismatchLabelKeys`, mismatch, selector),
    ...keysInSelector(path, match ?? [], selector),
    ...(match ?? []).flatMap((key, index) => {
      if (!different.has(key)) return [];
      return [
        invalidValue(`${path}.matchLabelKeys[${index}]`, key, 'exists in both matchLabelKeys and mismatchLabelKeys'),
      ];
    }),
  ];
}

function validateKeys(path: string, keys: readonly string[] = [], selector: LabelSelector | undefined): FieldError[] {
  if (keys.length === 0) return [];
  if (selector === undefined) {
    return [forbiddenField(path, 'must not be specified when labelSelector is not set')];
  }
  return keys.flatMap((key, index) => invalidEach(`${path}[${index}]`, key, isQualifiedName(key)));
}

/** The keys were put into the selector when the pod was prepared: one that is there twice was there before. */
function keysInSelector(path: string, keys: readonly string[], selector: LabelSelector | undefined): FieldError[] {
  const indexOf = new Map(keys.map((key, index) => [key, index]));
  const seen = new Set(Object.keys(selector?.matchLabels ?? {}));
  const errors: FieldError[] = [];
  for (const { key } of selector?.matchExpressions ?? []) {
    const index = indexOf.get(key);
    if (index !== undefined && seen.has(key)) {
      errors.push(invalidValue(`${path}[${index}]`, key, 'exists in both matchLabelKeys and labelSelector'));
    }
    seen.add(key);
  }
  return errors;
}

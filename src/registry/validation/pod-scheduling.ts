/** What decides where a pod may run, beside affinity: tolerations, spread, gates, its group. */
import { duplicate, invalidValue, notSupported, required } from '../../api/field-error.ts';
import { isDns1123Subdomain, isLabelValue, isQualifiedName } from '../../api/names.ts';
import type {
  PodReadinessGate,
  PodSchedulingGate,
  PodSchedulingGroup,
  Toleration,
  TopologySpreadConstraint,
} from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { validateLabelKeys } from './affinity.ts';
import { invalidEach, validateLabelSelector } from './checks.ts';
import type { PodOptions } from './pod-options.ts';

const taintEffects = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];
const tolerationOperators = ['Equal', 'Exists'];
/** These come with TaintTolerationComparisonOperators, which 1.36 has switched off; they are named where one is refused. */
const comparingOperators = ['Lt', 'Gt'];

export function validateTolerations(path: string, tolerations: readonly Toleration[] | undefined): FieldError[] {
  const errors: FieldError[] = [];
  for (const [index, toleration] of (tolerations ?? []).entries()) {
    errors.push(...validateToleration(`${path}[${index}]`, toleration));
  }
  return errors;
}

export function validateToleration(path: string, toleration: Toleration): FieldError[] {
  const { key, operator = '', effect = '', tolerationSeconds } = toleration;
  const errors = key ? invalidEach(`${path}.key`, key, isQualifiedName(key)) : [];
  if (!key && operator !== 'Exists') {
    const detail = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
    errors.push(invalidValue(`${path}.operator`, operator, detail));
  }
  if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
    errors.push(invalidValue(`${path}.effect`, effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"));
  }
  errors.push(...validateTolerated(`${path}.operator`, operator, toleration.value ?? ''));
  if (effect && !taintEffects.includes(effect)) errors.push(notSupported(`${path}.effect`, effect, taintEffects));
  return errors;
}

function validateTolerated(path: string, operator: string, value: string): FieldError[] {
  if (operator === 'Exists') {
    return value ? [invalidValue(path, value, "value must be empty when `operator` is 'Exists'")] : [];
  }
  if (operator === '' || operator === 'Equal') {
    const errors = isLabelValue(value);
    return errors.length > 0 ? [invalidValue(path, value, errors.join(';'))] : [];
  }
  const named = comparingOperators.includes(operator) ? comparingOperators : [];
  return [notSupported(path, operator, [...tolerationOperators, ...named])];
}

const whenUnsatisfiables = ['DoNotSchedule', 'ScheduleAnyway'];
const inclusionPolicies = ['Honor', 'Ignore'];

export function validateSpread(
  path: string,
  constraints: readonly TopologySpreadConstraint[] | undefined,
  options: PodOptions,
): FieldError[] {
  if (!constraints?.length) return [];
  const repeated = repeatedLater(constraints);
  return constraints.flatMap((constraint, index) =>
    validateConstraint(`${path}[${index}]`, constraint, repeated.has(index), options),
  );
}

const kindOf = ({ topologyKey, whenUnsatisfiable }: TopologySpreadConstraint): string =>
  `{${topologyKey ?? ''}, ${whenUnsatisfiable ?? ''}}`;

/** Of constraints of one kind, all but the last. */
function repeatedLater(constraints: readonly TopologySpreadConstraint[]): ReadonlySet<number> {
  const repeated = new Set<number>();
  const later = new Set<string>();
  for (const [index, constraint] of [...constraints.entries()].reverse()) {
    if (later.has(kindOf(constraint))) repeated.add(index);
    later.add(kindOf(constraint));
  }
  return repeated;
}

function validateConstraint(
  path: string,
  constraint: TopologySpreadConstraint,
  isRepeated: boolean,
  { tolerated }: PodOptions,
): FieldError[] {
  const { maxSkew, topologyKey, labelSelector, matchLabelKeys } = constraint;
  const whenUnsatisfiable: string = constraint.whenUnsatisfiable ?? '';
  const errors = positive(`${path}.maxSkew`, maxSkew ?? 0);
  if (!topologyKey) errors.push(required(`${path}.topologyKey`, 'can not be empty'));
  if (!whenUnsatisfiables.includes(whenUnsatisfiable)) {
    errors.push(notSupported(`${path}.whenUnsatisfiable`, whenUnsatisfiable, whenUnsatisfiables));
  }
  if (isRepeated) errors.push(duplicate(`${path}.{topologyKey, whenUnsatisfiable}`, kindOf(constraint)));
  errors.push(...validateMinDomains(`${path}.minDomains`, constraint));
  for (const field of ['nodeAffinityPolicy', 'nodeTaintsPolicy'] as const) {
    const policy = constraint[field];
    if (policy !== undefined && !inclusionPolicies.includes(policy)) {
      errors.push(notSupported(`${path}.${field}`, policy, inclusionPolicies));
    }
  }
  const keys = validateLabelKeys(path, matchLabelKeys, undefined, labelSelector);
  const selector = tolerated.has('spread selectors')
    ? []
    : validateLabelSelector(`${path}.labelSelector`, labelSelector);
  return [...errors, ...keys, ...selector];
}

function positive(path: string, value: number): FieldError[] {
  return value > 0 ? [] : [invalidValue(path, value, 'must be greater than zero')];
}

function validateMinDomains(path: string, { minDomains, whenUnsatisfiable }: TopologySpreadConstraint): FieldError[] {
  if (minDomains === undefined) return [];
  const errors = positive(path, minDomains);
  if (whenUnsatisfiable === 'DoNotSchedule') return errors;
  const detail = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable ?? ''}`;
  return [...errors, invalidValue(path, minDomains, detail)];
}

export function validateReadinessGates(path: string, gates: readonly PodReadinessGate[] | undefined): FieldError[] {
  return (gates ?? []).flatMap(({ conditionType = '' }: Partial<PodReadinessGate>, index) =>
    invalidEach(`${path}[${index}].conditionType`, conditionType, isQualifiedName(conditionType)),
  );
}

export function validateSchedulingGates(path: string, gates: readonly PodSchedulingGate[] | undefined): FieldError[] {
  const seen = new Set<string>();
  return (gates ?? []).flatMap(({ name = '' }: Partial<PodSchedulingGate>, index) => {
    const at = `${path}[${index}]`;
    const errors = invalidEach(at, name, isQualifiedName(name));
    if (seen.has(name)) errors.push(duplicate(at, name));
    seen.add(name);
    return errors;
  });
}

/** The group itself may come later, and change. */
export function validateSchedulingGroup(path: string, group: PodSchedulingGroup | undefined): FieldError[] {
  if (group === undefined) return [];
  const { podGroupName: name } = group;
  if (name === undefined) return [invalidValue(path, '', 'must specify one of: `podGroupName`')];
  return invalidEach(`${path}.podGroupName`, name, isDns1123Subdomain(name));
}

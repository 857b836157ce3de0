/** Validating and mutating webhooks. What an older version let through stays possible in objects that have it. */
import { duplicate, invalidValue, notSupported, required } from '../../api/field-error.ts';
import { isDns1035Label, isDns1123Subdomain } from '../../api/names.ts';
import type {
  MutatingWebhook,
  MutatingWebhookConfiguration,
  ValidatingWebhook,
  ValidatingWebhookConfiguration,
} from '../../api/schema/types/admissionregistration-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { sameJson } from '../draft.ts';
import {
  failurePolicies,
  matchPolicies,
  reinvocationPolicies,
  validateChoice,
  validateMatchConditions,
  validateOperationRule,
} from './admission-rules.ts';
import { invalidEach, validateLabelSelector } from './checks.ts';
import { PolicyExpressionChecks } from './policy-expressions.ts';
import { validateWebhookClient } from './webhook-client.ts';

type Webhook = ValidatingWebhook | MutatingWebhook;
type Configuration = ValidatingWebhookConfiguration | MutatingWebhookConfiguration;

export const reviewVersions = ['v1', 'v1beta1'];
const withoutSideEffects = ['None', 'NoneOnDryRun'];
const anySideEffects = ['None', 'NoneOnDryRun', 'Some', 'Unknown'];
const timeoutSecondsMax = 30;

/** What is asked of an object, given what it replaces. */
interface Strictness {
  readonly noSideEffects: boolean;
  readonly knownVersion: boolean;
  readonly uniqueNames: boolean;
  readonly conditions: boolean;
}

function strictnessFor(hooks: readonly Webhook[], old: readonly Webhook[] | undefined): Strictness {
  if (old === undefined) return { noSideEffects: true, knownVersion: true, uniqueNames: true, conditions: true };
  const sameConditions =
    hooks.length === old.length &&
    hooks.every(({ matchConditions }, index) => sameJson(matchConditions, old[index]?.matchConditions));
  return {
    noSideEffects: old.every(({ sideEffects }) => withoutSideEffects.includes(sideEffects)),
    knownVersion: old.every(({ admissionReviewVersions: versions }) => !versions?.length || versions.some(isKnown)),
    uniqueNames: new Set(old.map(({ name }) => name)).size === old.length,
    conditions: !sameConditions,
  };
}

const isKnown = (version: string): boolean => reviewVersions.includes(version);

export function validateWebhooks(configuration: Configuration, old?: Configuration): FieldError[] {
  const hooks = configuration.webhooks ?? [];
  const strictness = strictnessFor(hooks, old && (old.webhooks ?? []));
  const names = new Set<string>();
  return hooks.flatMap((hook, index) => {
    const path = `webhooks[${index}]`;
    const errors = validateWebhook(path, hook, strictness);
    errors.push(...validateVersions(`${path}.admissionReviewVersions`, hook.admissionReviewVersions, strictness));
    if (strictness.uniqueNames && hook.name && names.has(hook.name)) errors.push(duplicate(`${path}.name`, hook.name));
    names.add(hook.name);
    return errors;
  });
}

const conditions = new PolicyExpressionChecks({}, undefined);

const compiles = (path: string, expression: string): FieldError[] => conditions.matchCondition(path, expression);

function validateWebhook(path: string, hook: Webhook, strictness: Strictness): FieldError[] {
  const { timeoutSeconds: timeout } = hook;
  const reinvocation = 'reinvocationPolicy' in hook ? hook.reinvocationPolicy : undefined;
  const errors = [
    ...validateFullName(`${path}.name`, hook.name),
    ...(hook.rules ?? []).flatMap((rule, index) => validateOperationRule(`${path}.rules[${index}]`, rule)),
    ...validateChoice(`${path}.failurePolicy`, hook.failurePolicy, failurePolicies),
    ...validateChoice(`${path}.matchPolicy`, hook.matchPolicy, matchPolicies),
    ...validateSideEffects(`${path}.sideEffects`, hook.sideEffects, strictness),
  ];
  if (timeout !== undefined && (timeout < 1 || timeout > timeoutSecondsMax)) {
    const why = 'the timeout value must be between 1 and 30 seconds';
    errors.push(invalidValue(`${path}.timeoutSeconds`, timeout, why));
  }
  return [
    ...errors,
    ...validateLabelSelector(`${path}.namespaceSelector`, hook.namespaceSelector),
    ...validateLabelSelector(`${path}.objectSelector`, hook.objectSelector),
    ...validateChoice(`${path}.reinvocationPolicy`, reinvocation, reinvocationPolicies),
    ...validateWebhookClient(`${path}.clientConfig`, hook.clientConfig),
    ...(strictness.conditions
      ? validateMatchConditions(`${path}.matchConditions`, hook.matchConditions, compiles)
      : []),
  ];
}

function validateFullName(path: string, name: string | undefined): FieldError[] {
  if (!name) return [required(path)];
  const errors = isDns1123Subdomain(name);
  if (errors.length > 0) return [invalidValue(path, name, errors.join(','))];
  if (name.split('.').length >= 3) return [];
  return [invalidValue(path, name, 'should be a domain with at least three segments separated by dots')];
}

function validateSideEffects(path: string, value: string | undefined, { noSideEffects }: Strictness): FieldError[] {
  const allowed = noSideEffects ? withoutSideEffects : anySideEffects;
  if (value === undefined) return [required(path, `must specify one of ${allowed.join(', ')}`)];
  return allowed.includes(value) ? [] : [notSupported(path, value, allowed)];
}

function validateVersions(path: string, given: readonly string[] | undefined, strictness: Strictness): FieldError[] {
  const versions = given ?? [];
  const known = reviewVersions.join(', ');
  if (versions.length === 0) return [required(path, `must specify one of ${known}`)];
  const errors = validateVersionNames(path, versions);
  if (strictness.knownVersion && !versions.some(isKnown)) {
    errors.push(invalidValue(path, versions, `must include at least one of ${known}`));
  }
  return errors;
}

/** For conversion, too. */
export function validateVersionNames(path: string, versions: readonly string[]): FieldError[] {
  const seen = new Set<string>();
  return versions.flatMap((version, index) => {
    const at = `${path}[${index}]`;
    if (seen.has(version)) return [invalidValue(at, version, 'duplicate version')];
    seen.add(version);
    return invalidEach(at, version, isDns1035Label(version));
  });
}

/** Validating and mutating admission policies and their bindings. Whether expressions compile: `policy-expressions.ts`. */
import { duplicate, forbiddenField, invalidValue, notSupported, required } from '../../api/field-error.ts';
import { isDns1035Label, isDns1123Subdomain, isPathSegmentName, isQualifiedName } from '../../api/names.ts';
import type {
  AuditAnnotation,
  MatchResources,
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  Mutation,
  ParamKind,
  ParamRef,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingAdmissionPolicySpec,
  Validation,
  Variable,
} from '../../api/schema/types/admissionregistration-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { sameJson } from '../draft.ts';
import {
  failurePolicies,
  matchPolicies,
  reinvocationPolicies,
  validateChoice,
  validateMatchConditions,
  validateNamedRule,
} from './admission-rules.ts';
import { invalidEach, requiredName, requiredOneOf, validateLabelSelector } from './checks.ts';
import { validateConditions as validateStatusConditions } from './conditions.ts';
import { PolicyExpressionChecks } from './policy-expressions.ts';

type Policy = ValidatingAdmissionPolicy | MutatingAdmissionPolicy;

const auditAnnotationsMax = 20;
const auditExpressionBytesMax = 5 * 1024;
/** What is deleted cannot be changed; `*` leaves it out. */
const mutableOperations = ['*', 'CONNECT', 'CREATE', 'UPDATE'];

export function validateValidatingPolicy(
  policy: ValidatingAdmissionPolicy,
  old?: ValidatingAdmissionPolicy,
): FieldError[] {
  const { metadata, spec = {} } = policy;
  const checks = new PolicyExpressionChecks(spec, old?.spec);
  const tooMuch = checks.bounds();
  if (tooMuch.length > 0) return tooMuch;
  return [
    ...validateFrame(policy, false),
    ...validateConditions(policy, old, checks),
    ...validateVariables('spec.variables', spec.variables, checks),
    ...validateChecks(metadata?.name ?? '', spec, checks),
  ];
}

/** What stood already is not looked at again. */
function sameConditions({ spec }: Policy, old: Policy | undefined): boolean {
  if (old === undefined) return false;
  return sameJson(spec?.paramKind, old.spec?.paramKind) && sameJson(spec?.matchConditions, old.spec?.matchConditions);
}

function validateConditions(policy: Policy, old: Policy | undefined, checks: PolicyExpressionChecks): FieldError[] {
  if (sameConditions(policy, old)) return [];
  return validateMatchConditions('spec.matchConditions', policy.spec?.matchConditions, (path, expression) =>
    checks.matchCondition(path, expression),
  );
}

function validateFrame({ spec = {} }: Policy, isMutating: boolean): FieldError[] {
  const { failurePolicy, paramKind, matchConstraints } = spec;
  return [
    ...requiredChoice('spec.failurePolicy', failurePolicy, failurePolicies),
    ...(paramKind === undefined ? [] : validateParamKind('spec.paramKind', paramKind)),
    ...validateConstraints('spec.matchConstraints', matchConstraints),
    ...(isMutating ? validateMutable('spec.matchConstraints', matchConstraints) : []),
  ];
}

/** An empty text is a value like any other, and no good one. */
function requiredChoice(path: string, value: string | undefined, allowed: readonly string[]): FieldError[] {
  return value === undefined ? [required(path)] : validateChoice(path, value, allowed);
}

function validateConstraints(path: string, constraints: MatchResources | undefined): FieldError[] {
  if (constraints === undefined) return [required(path)];
  const errors = validateMatchResources(path, constraints);
  return constraints.resourceRules?.length ? errors : [...errors, required(`${path}.resourceRules`)];
}

function validateMutable(path: string, resources: MatchResources | undefined): FieldError[] {
  const given = (resources?.resourceRules ?? []).flatMap((rule) => rule.operations ?? []);
  return given
    .filter((operation) => !mutableOperations.includes(operation))
    .map((operation) => notSupported(`${path}.resourceRules.operations`, operation, mutableOperations));
}

function validateMatchResources(path: string, resources: MatchResources): FieldError[] {
  const { matchPolicy, namespaceSelector, objectSelector } = resources;
  const rules = (field: 'resourceRules' | 'excludeResourceRules'): FieldError[] =>
    (resources[field] ?? []).flatMap((rule, index) => validateNamedRule(`${path}.${field}[${index}]`, rule));
  return [
    ...requiredChoice(`${path}.matchPolicy`, matchPolicy, matchPolicies),
    ...(namespaceSelector ? [] : [required(`${path}.namespaceSelector`)]),
    ...validateLabelSelector(`${path}.namespaceSelector`, namespaceSelector),
    ...(objectSelector ? [] : [required(`${path}.objectSelector`)]),
    ...validateLabelSelector(`${path}.objectSelector`, objectSelector),
    ...rules('resourceRules'),
    ...rules('excludeResourceRules'),
  ];
}

function validateParamKind(path: string, { apiVersion, kind }: ParamKind): FieldError[] {
  const errors = validateApiVersion(`${path}.apiVersion`, apiVersion);
  if (!kind) return [...errors, required(`${path}.kind`)];
  const wrong = isDns1035Label(kind.toLowerCase());
  if (wrong.length === 0) return errors;
  const why = `may have mixed case, but should otherwise match: ${wrong.join(',')}`;
  return [...errors, invalidValue(`${path}.kind`, kind, why)];
}

function validateApiVersion(path: string, apiVersion: string | undefined): FieldError[] {
  if (!apiVersion) return [required(path)];
  const parts = apiVersion === '/' ? [''] : apiVersion.split('/');
  if (parts.length > 2) return [invalidValue(path, apiVersion, `unexpected GroupVersion string: ${apiVersion}`)];
  const [version = '', group = ''] = parts.toReversed();
  const errors: FieldError[] = [];
  const groupErrors = group === '' ? [] : isDns1123Subdomain(group);
  if (groupErrors.length > 0) errors.push(invalidValue(path, group, groupErrors.join(',')));
  const versionErrors = isDns1035Label(version);
  if (version === '') errors.push(invalidValue(path, apiVersion, 'version must be specified'));
  else if (versionErrors.length > 0) errors.push(invalidValue(path, version, versionErrors.join(',')));
  return errors;
}

const reservedWords = new Set(
  (
    'true false null in as break const continue else for function if import let loop package namespace return var void ' +
    'while'
  ).split(' '),
);

function validateVariables(
  path: string,
  variables: readonly Variable[] | undefined,
  checks: PolicyExpressionChecks,
): FieldError[] {
  return (variables ?? []).flatMap(({ name, expression }, index) => {
    const at = `${path}[${index}]`;
    const isIdentifier = /^[_a-zA-Z][_a-zA-Z0-9]*$/.test(name) && !reservedWords.has(name);
    const errors: FieldError[] = [];
    if (!name?.trim()) errors.push(required(`${at}.name`, 'name is not specified'));
    else if (!isIdentifier) errors.push(invalidValue(`${at}.name`, name, 'must be a valid CEL identifier'));
    if (!expression?.trim()) errors.push(required(`${at}.expression`, 'expression is not specified'));
    else errors.push(...checks.variable(`${at}.expression`, name, expression));
    return errors;
  });
}

function validateChecks(
  name: string,
  spec: ValidatingAdmissionPolicySpec,
  checks: PolicyExpressionChecks,
): FieldError[] {
  const [validations, annotations] = [spec.validations ?? [], spec.auditAnnotations ?? []];
  if (validations.length === 0 && annotations.length === 0) {
    const why = 'validations or auditAnnotations must contain at least one item';
    return [required('spec.validations', why), required('spec.auditAnnotations', why)];
  }
  return [
    ...validations.flatMap((each, index) => validateValidation(`spec.validations[${index}]`, each, checks)),
    ...validateAnnotations(name, annotations, checks),
  ];
}

const reasons = ['Forbidden', 'Invalid', 'RequestEntityTooLarge'];
const hasLineBreak = (text: string): boolean => /[\n\r]/.test(text);

function validateValidation(path: string, validation: Validation, checks: PolicyExpressionChecks): FieldError[] {
  const { expression, message = '', messageExpression = '', reason } = validation;
  const errors: FieldError[] = [];
  const at = `${path}.expression`;
  if (!expression?.trim()) errors.push(required(at, 'expression is not specified'));
  else errors.push(...checks.expression(at, 'condition', expression));
  errors.push(...validateMessageExpression(`${path}.messageExpression`, messageExpression, checks));
  if (message !== '' && message.trim() === '') {
    errors.push(invalidValue(`${path}.message`, message, 'must be non-empty if specified'));
  } else if (hasLineBreak(message.trim())) {
    errors.push(invalidValue(`${path}.message`, message, 'must not contain line breaks'));
  }
  if (reason !== undefined && !reasons.includes(reason)) errors.push(notSupported(`${path}.reason`, reason, reasons));
  return errors;
}

function validateMessageExpression(path: string, expression: string, checks: PolicyExpressionChecks): FieldError[] {
  if (expression === '') return [];
  if (expression.trim() !== '') return checks.expression(path, 'message', expression);
  return [invalidValue(path, expression, 'must be non-empty if specified')];
}

function validateAnnotations(
  name: string,
  annotations: readonly AuditAnnotation[],
  checks: PolicyExpressionChecks,
): FieldError[] {
  const path = 'spec.auditAnnotations';
  const errors: FieldError[] = [];
  if (annotations.length > auditAnnotationsMax) {
    errors.push(invalidValue(path, annotations, `must not have more than ${auditAnnotationsMax} auditAnnotations`));
  }
  const keys = new Set<string>();
  for (const [index, annotation] of annotations.entries()) {
    const at = `${path}[${index}]`;
    errors.push(...validateAnnotation(at, name, annotation, checks));
    if (keys.has(annotation.key)) errors.push(duplicate(`${at}.key`, annotation.key));
    keys.add(annotation.key);
  }
  return errors;
}

function validateAnnotation(
  path: string,
  name: string,
  { key, valueExpression }: AuditAnnotation,
  checks: PolicyExpressionChecks,
): FieldError[] {
  const full = `${name}/${key ?? ''}`;
  const expression = valueExpression?.trim() ?? '';
  const at = `${path}.valueExpression`;
  const errors = invalidEach(`${path}.key`, full, isQualifiedName(full));
  if (expression === '') errors.push(required(at, 'valueExpression is not specified'));
  else if (Buffer.byteLength(expression) > auditExpressionBytesMax) {
    errors.push(required(at, `must not exceed ${auditExpressionBytesMax} bytes in length`));
  } else errors.push(...checks.expression(at, 'auditAnnotation', expression, valueExpression));
  return errors;
}

export function validateValidatingPolicyStatus({ status }: ValidatingAdmissionPolicy): FieldError[] {
  const warnings = status?.typeChecking?.expressionWarnings ?? [];
  const errors = warnings.flatMap(({ warning, fieldRef }, index) => {
    const path = `status.typeChecking.expressionWarnings[${index}]`;
    return [
      ...(warning ? [] : [required(`${path}.warning`)]),
      ...(fieldRef?.trim() ? [] : [required(`${path}.fieldRef`)]),
    ];
  });
  return [...errors, ...validateStatusConditions('status.conditions', status?.conditions)];
}

export function validateValidatingBinding({ spec }: ValidatingAdmissionPolicyBinding): FieldError[] {
  return [
    ...requiredName('spec.policyName', spec?.policyName, isDns1123Subdomain),
    ...validateParamRef('spec.paramRef', spec?.paramRef),
    ...(spec?.matchResources ? validateMatchResources('spec.matchResources', spec.matchResources) : []),
    ...validateActions('spec.validationActions', spec?.validationActions ?? []),
  ];
}

const actions = ['Audit', 'Deny', 'Warn'];

function validateActions(path: string, given: readonly string[]): FieldError[] {
  const seen = new Set<string>();
  const errors = given.flatMap((action, index) => {
    const at = `${path}[${index}]`;
    const unknown = actions.includes(action) ? [] : [notSupported(at, action, actions)];
    const repeated = seen.has(action) ? [duplicate(at, action)] : [];
    seen.add(action);
    return [...unknown, ...repeated];
  });
  if (seen.has('Deny') && seen.has('Warn')) {
    const why =
      'must not contain both Deny and Warn (repeating the same validation failure information in the API response ' +
      'and headers serves no purpose)';
    errors.push(invalidValue(path, given, why));
  }
  if (seen.size === 0) errors.push(required(path, 'at least one validation action is required'));
  return errors;
}

function validateParamRef(path: string, reference: ParamRef | undefined): FieldError[] {
  if (reference === undefined) return [];
  const { name, selector, parameterNotFoundAction: action } = reference;
  const exclusive = 'name and selector are mutually exclusive';
  const errors: FieldError[] = [];
  if (name) errors.push(...invalidEach(`${path}.name`, name, isPathSegmentName(name)));
  if (name && selector) errors.push(forbiddenField(`${path}.name`, exclusive));
  errors.push(...validateLabelSelector(`${path}.selector`, selector));
  if (name && selector) errors.push(forbiddenField(`${path}.selector`, exclusive));
  if (!name && !selector) errors.push(required(path, 'one of name or selector must be specified'));
  return [...errors, ...requiredOneOf(`${path}.parameterNotFoundAction`, action, ['Deny', 'Allow'])];
}

export function validateMutatingPolicy(policy: MutatingAdmissionPolicy, old?: MutatingAdmissionPolicy): FieldError[] {
  const { spec = {} } = policy;
  const mutations = spec.mutations ?? [];
  const checks = new PolicyExpressionChecks(spec, old?.spec);
  const tooMuch = checks.bounds();
  if (tooMuch.length > 0) return tooMuch;
  return [
    ...validateFrame(policy, true),
    ...validateConditions(policy, old, checks),
    ...validateVariables('spec.variables', spec.variables, checks),
    ...(mutations.length === 0 ? [required('spec.mutations', 'mutations must contain at least one item')] : []),
    ...mutations.flatMap((each, index) => validateMutation(`spec.mutations[${index}]`, each, checks)),
    ...requiredOneOf('spec.reinvocationPolicy', spec.reinvocationPolicy, reinvocationPolicies),
  ];
}

const patchTypes = ['ApplyConfiguration', 'JSONPatch'];

function validateMutation(path: string, mutation: Mutation, checks: PolicyExpressionChecks): FieldError[] {
  const { patchType } = mutation;
  const typeErrors = requiredOneOf(`${path}.patchType`, patchType, patchTypes);
  if (typeErrors.length > 0) return typeErrors;
  const [own, other] =
    patchType === 'JSONPatch'
      ? (['jsonPatch', 'applyConfiguration'] as const)
      : (['applyConfiguration', 'jsonPatch'] as const);
  const patch = mutation[own];
  const errors: FieldError[] = [];
  if (patch === undefined) errors.push(required(`${path}.${own}`, `must be specified when patchType is ${patchType}`));
  else if (!patch.expression?.trim()) errors.push(required(`${path}.${own}.expression`));
  else errors.push(...checks.expression(`${path}.${own}.expression`, own, patch.expression));
  if (mutation[other] !== undefined) {
    errors.push(invalidValue(`${path}.${other}`, `{${other}}`, `must not be specified when patchType is ${patchType}`));
  }
  return errors;
}

export function validateMutatingBinding({ spec = {} }: MutatingAdmissionPolicyBinding): FieldError[] {
  const { matchResources } = spec;
  return [
    ...requiredName('spec.policyName', spec.policyName, isDns1123Subdomain),
    ...validateParamRef('spec.paramRef', spec.paramRef),
    ...(matchResources ? validateMatchResources('spec.matchResources', matchResources) : []),
    ...validateMutable('spec.matchResources', matchResources),
  ];
}

/**
 * What an access review has to be: one question, about a resource or about a path, and nothing in its metadata. Rules, order and texts are
 * upstream's. Pure.
 */
import { forbiddenField, invalidValue, required, tooMany } from '../../api/field-error.ts';
import { isLabelValue, isQualifiedName } from '../../api/names.ts';
import type { KubeObject } from '../../api/object.ts';
import type {
  FieldSelectorAttributes,
  LabelSelectorAttributes,
  ResourceAttributes,
  SelfSubjectAccessReviewSpec,
  SubjectAccessReviewSpec,
} from '../../api/schema/types/authorization-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { limits } from '../../lib/limits.ts';

type SelectorAttributes = FieldSelectorAttributes | LabelSelectorAttributes;
type Requirement = NonNullable<SelectorAttributes['requirements']>[number];

/** About whom, and whose namespace counts. */
export type ReviewScope = 'self' | 'subject' | 'local';

/** `metadata` as the server completed it. */
export function accessReviewErrors(
  review: KubeObject,
  spec: SubjectAccessReviewSpec,
  scope: ReviewScope,
): FieldError[] {
  return [
    ...questionErrors(spec),
    ...(scope === 'self' ? [] : subjectErrors(spec)),
    ...selectorsErrors('spec.resourceAttributes', spec.resourceAttributes),
    ...metadataErrors(review, scope),
    ...(scope === 'local' ? localErrors(review, spec) : []),
  ];
}

function questionErrors({ resourceAttributes, nonResourceAttributes }: SelfSubjectAccessReviewSpec): FieldError[] {
  if (resourceAttributes && nonResourceAttributes) {
    const why = 'cannot be specified in combination with resourceAttributes';
    return [invalidValue('spec.nonResourceAttributes', nonResourceAttributes, why)];
  }
  if (resourceAttributes || nonResourceAttributes) return [];
  const why = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';
  return [invalidValue('spec.resourceAttributes', null, why)];
}

function subjectErrors({ user, groups }: SubjectAccessReviewSpec): FieldError[] {
  if (user || groups?.length) return [];
  return [invalidValue('spec.user', '', 'at least one of user or group must be specified')];
}

function selectorsErrors(path: string, attributes: ResourceAttributes | undefined): FieldError[] {
  const { fieldSelector, labelSelector } = attributes ?? {};
  return [
    ...selectorErrors(`${path}.fieldSelector`, fieldSelector, fieldRequirementErrors),
    ...selectorErrors(`${path}.labelSelector`, labelSelector, labelRequirementErrors),
  ];
}

function selectorErrors(
  path: string,
  selector: SelectorAttributes | undefined,
  check: (path: string, requirement: Requirement) => FieldError[],
): FieldError[] {
  if (!selector) return [];
  const { rawSelector = '', requirements = [] } = selector;
  const errors: FieldError[] = [];
  if (rawSelector !== '' && requirements.length > 0) {
    errors.push(invalidValue(`${path}.rawSelector`, rawSelector, 'may not specified at the same time as requirements'));
  }
  if (rawSelector === '' && requirements.length === 0) {
    const why = `when ${path} is specified, requirements or rawSelector is required`;
    errors.push(required(`${path}.requirements`, why));
  }
  const parts = requirements.reduce((sum, { values = [] }) => sum + 1 + values.length, 0);
  const most = limits.reviewRequirementsMax;
  if (parts > most) return [...errors, tooMany(`${path}.requirements`, parts, most)];
  return [...errors, ...requirements.flatMap((one, index) => check(`${path}.requirements[${index}]`, one))];
}

function fieldRequirementErrors(path: string, requirement: Requirement): FieldError[] {
  const missing = requirement.key ? [] : [required(`${path}.key`, 'must be specified')];
  return [...missing, ...valuesErrors(path, requirement)];
}

function labelRequirementErrors(path: string, given: Partial<Requirement>): FieldError[] {
  // What was left out is an empty text, as Go reads it.
  const requirement = { ...given, key: given.key ?? '', operator: given.operator ?? '' };
  const { key, values = [] } = requirement;
  return [
    ...valuesErrors(path, requirement),
    ...isQualifiedName(key).map((message) => invalidValue(`${path}.key`, key, message)),
    ...values.flatMap((value, index) =>
      isLabelValue(value).map((message) => invalidValue(`${path}.values[${index}]`, value, message)),
    ),
  ];
}

/** Operators that are not known here are let pass: a newer client may know them. */
function valuesErrors(path: string, { operator, values = [] }: Requirement): FieldError[] {
  const at = `${path}.values`;
  switch (operator) {
    case 'In':
    case 'NotIn':
      return values.length > 0 ? [] : [required(at, "must be specified when `operator` is 'In' or 'NotIn'")];
    case 'Exists':
    case 'DoesNotExist':
      if (values.length === 0) return [];
      return [forbiddenField(at, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")];
    default:
      return [];
  }
}

function metadataErrors({ metadata = {} }: KubeObject, scope: ReviewScope): FieldError[] {
  const { managedFields: _managed, namespace, ...rest } = metadata;
  const rejected = scope === 'local' ? rest : { ...rest, ...(namespace && { namespace }) };
  if (Object.values(rejected).every(isEmpty)) return [];
  const why = scope === 'local' ? 'must be empty except for namespace' : 'must be empty';
  return [invalidValue('metadata', metadata, why)];
}

function isEmpty(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length === 0;
  return value === undefined || value === null || value === '' || value === 0;
}

function localErrors({ metadata }: KubeObject, spec: SubjectAccessReviewSpec): FieldError[] {
  const { resourceAttributes, nonResourceAttributes } = spec;
  const errors: FieldError[] = [];
  const asked = resourceAttributes?.namespace ?? '';
  if (resourceAttributes && asked !== (metadata?.namespace ?? '')) {
    errors.push(invalidValue('spec.resourceAttributes.namespace', asked, 'must match metadata.namespace'));
  }
  if (nonResourceAttributes) {
    const why = 'disallowed on this kind of request';
    errors.push(invalidValue('spec.nonResourceAttributes', nonResourceAttributes, why));
  }
  return errors;
}

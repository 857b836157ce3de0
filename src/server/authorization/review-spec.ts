/**
 * The attributes of a request as the spec of a SubjectAccessReview, and back: what a webhook is asked, and what somebody asks us. Pure.
 *
 * Kept true: what of a selector cannot be read, or has an operator that is not known here, is left out. That only widens the question, so
 * nobody is allowed more than the answer to it allows.
 */
import type {
  FieldSelectorAttributes,
  LabelSelectorAttributes,
  ResourceAttributes,
  SubjectAccessReviewSpec,
} from '../../api/schema/types/authorization-v1.ts';
import type { FieldSelectorRequirement, LabelSelectorRequirement } from '../../api/schema/types/meta-v1.ts';
import { escapeFieldValue, parseFieldSelector } from '../../api/selector/field.ts';
import { parseRequirements } from '../../api/selector/parser.ts';
import { type LabelOperator, makeRequirement, requirementText } from '../../api/selector/requirement.ts';
import type { AuthorizationAttributes, UserInfo } from '../../registry/request.ts';

export type ReviewSpec = SubjectAccessReviewSpec;

/** Fields without a value are left out, as in the JSON that upstream sends. */
export function reviewSpecOf(attributes: AuthorizationAttributes): ReviewSpec {
  const { user, verb, path } = attributes;
  const caller = {
    user: user.name,
    ...(user.groups.length > 0 && { groups: user.groups }),
    ...(user.extra && { extra: user.extra }),
    ...(user.uid && { uid: user.uid }),
  };
  if (attributes.resource === '' && path !== '') return { ...caller, nonResourceAttributes: { path, verb } };
  return { ...caller, resourceAttributes: resourceAttributesOf(attributes) };
}

function resourceAttributesOf(attributes: AuthorizationAttributes): ResourceAttributes {
  const { namespace, verb, group, version, resource, subresource, name } = attributes;
  const texts = { namespace, verb, group, version, resource, subresource, name };
  const fields = fieldRequirements(attributes.fieldSelector);
  const labels = labelRequirements(attributes.labelSelector);
  return {
    ...Object.fromEntries(Object.entries(texts).filter(([, text]) => text !== '')),
    ...(fields.length > 0 && { fieldSelector: { requirements: fields } }),
    ...(labels.length > 0 && { labelSelector: { requirements: labels } }),
  };
}

function fieldRequirements(text: string | undefined): FieldSelectorRequirement[] {
  return readable(() => parseFieldSelector(text ?? '')).map(({ field, operator, value }) => ({
    key: field,
    operator: operator === '=' ? 'In' : 'NotIn',
    values: [value],
  }));
}

/** Those that compare numbers have no name in the API. */
const operatorNames: Readonly<Partial<Record<LabelOperator, string>>> = {
  in: 'In',
  '=': 'In',
  '==': 'In',
  notin: 'NotIn',
  '!=': 'NotIn',
  exists: 'Exists',
  '!': 'DoesNotExist',
};

function labelRequirements(text: string | undefined): LabelSelectorRequirement[] {
  return readable(() => parseRequirements(text ?? '')).flatMap(({ key, operator, values }) => {
    const name = operatorNames[operator];
    return name === undefined ? [] : [{ key, operator: name, ...(values.length > 0 && { values }) }];
  });
}

function readable<T>(read: () => readonly T[]): readonly T[] {
  try {
    return read();
  } catch {
    return [];
  }
}

/** What is asked, with upstream's words on selectors that were not understood, or not whole. */
export interface ReviewQuestion {
  readonly attributes: AuthorizationAttributes;
  readonly problems: readonly string[];
}

export function questionOf(spec: ReviewSpec, user: UserInfo): ReviewQuestion {
  const { resourceAttributes, nonResourceAttributes } = spec;
  const none = { user, group: '', version: '', resource: '', subresource: '', namespace: '', name: '', path: '' };
  if (!resourceAttributes) {
    const { verb = '', path = '' } = nonResourceAttributes ?? {};
    return { attributes: { ...none, verb, path }, problems: [] };
  }
  const { verb = '', group = '', version, resource = '', subresource = '' } = resourceAttributes;
  const { namespace = '', name = '' } = resourceAttributes;
  const fields = fieldSelectorOf(resourceAttributes.fieldSelector);
  const labels = labelSelectorOf(resourceAttributes.labelSelector);
  const what = { verb, group, version: version || '*', resource, subresource, namespace, name };
  return {
    attributes: {
      ...none,
      ...what,
      ...(fields.text !== '' && { fieldSelector: fields.text }),
      ...(labels.text !== '' && { labelSelector: labels.text }),
    },
    problems: [...problemOf('fieldSelector', fields), ...problemOf('labelSelector', labels)],
  };
}

/** What of a selector was understood. */
interface Understood {
  readonly text: string;
  readonly isWhole: boolean;
}

function problemOf(field: string, { text, isWhole }: Understood): string[] {
  if (isWhole) return [];
  return [`spec.resourceAttributes.${field} ${text === '' ? '' : 'partially '}ignored due to parse error`];
}

function fieldSelectorOf({ rawSelector = '', requirements = [] }: FieldSelectorAttributes = {}): Understood {
  if (requirements.length === 0) return rawSelectorOf(rawSelector, parseFieldSelector);
  const terms = requirements.flatMap(({ key, operator, values = [] }) => {
    const sign = operator === 'In' ? '=' : operator === 'NotIn' ? '!=' : undefined;
    const [value] = values;
    return sign === undefined || value === undefined || values.length > 1 || /[=!,\\]/.test(key)
      ? []
      : [`${key}${sign}${escapeFieldValue(value)}`];
  });
  return { text: terms.join(','), isWhole: terms.length === requirements.length };
}

const labelOperators: Readonly<Record<string, LabelOperator>> = {
  In: 'in',
  NotIn: 'notin',
  Exists: 'exists',
  DoesNotExist: '!',
};

function labelSelectorOf({ rawSelector = '', requirements = [] }: LabelSelectorAttributes = {}): Understood {
  if (requirements.length === 0) return rawSelectorOf(rawSelector, parseRequirements);
  const terms = requirements.flatMap(({ key, operator, values = [] }) => {
    const known = Object.hasOwn(labelOperators, operator) ? labelOperators[operator] : undefined;
    return known === undefined ? [] : readable(() => [requirementText(makeRequirement(key, known, values))]);
  });
  return { text: terms.join(','), isWhole: terms.length === requirements.length };
}

function rawSelectorOf(text: string, parse: (text: string) => unknown): Understood {
  try {
    parse(text);
    return { text, isWhole: true };
  } catch {
    return { text: '', isWhole: false };
  }
}

/**
 * Label and field selectors: upstream's grammar, meaning and error texts.
 *
 *   selector    = [ requirement { "," requirement } ]
 *   requirement = [ "!" ] key | key ("=" | "==" | "!=" | ">" | "<") [ value ] | key ("in" | "notin") "(" values ")"
 *
 * A `LabelMatcher` is immutable and keeps no reference to what it was made from. Which fields a resource can be selected
 * by is the registry's to say; here a field selector is only taken apart.
 */
import { childPath, forbiddenField, indexPath, invalidValue, required } from './field-error.ts';
import { isLabelValue, isQualifiedName } from './names.ts';
import type { LabelSelector } from './schema/types/meta-v1.ts';
import { parseRequirements } from './selector/parser.ts';
import {
  compare,
  type LabelOperator,
  type LabelRequirement,
  type Labels,
  makeRequirement,
  meets,
  requirementText,
} from './selector/requirement.ts';
import { badRequest, type FieldError } from './status-error.ts';

export { escapeFieldValue, type FieldRequirement, nameInFieldSelector, parseFieldSelector } from './selector/field.ts';
export type { LabelOperator, LabelRequirement, Labels } from './selector/requirement.ts';

export interface LabelMatcher {
  /** All must hold, ordered by key. Empty for both matchers below: ask `kind`. */
  readonly requirements: readonly LabelRequirement[];
  readonly kind: 'requirements' | 'everything' | 'nothing';
  matches(labels: Labels | undefined): boolean;
  /** The selector's canonical text, which parses to an equal matcher (except for `nothing`, which has none). */
  toString(): string;
}

class RequirementMatcher implements LabelMatcher {
  readonly requirements: readonly LabelRequirement[];
  readonly kind: 'requirements' | 'everything';

  constructor(requirements: readonly LabelRequirement[]) {
    this.requirements = requirements.toSorted((left, right) => compare(left.key, right.key));
    this.kind = requirements.length === 0 ? 'everything' : 'requirements';
  }

  matches(labels: Labels = {}): boolean {
    for (const requirement of this.requirements) if (!meets(labels, requirement)) return false;
    return true;
  }

  toString(): string {
    return this.requirements.map(requirementText).join(',');
  }
}

export const matchEverything: LabelMatcher = new RequirementMatcher([]);

export const matchNothing: LabelMatcher = {
  requirements: [],
  kind: 'nothing',
  matches: () => false,
  toString: () => '',
};

/** From an API object's selector: undefined matches nothing, an empty one everything. @throws StatusError BadRequest */
export function labelMatcher(selector: LabelSelector | undefined): LabelMatcher {
  if (selector === undefined) return matchNothing;
  const requirements: LabelRequirement[] = [];
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) {
    requirements.push(makeRequirement(key, '=', [value]));
  }
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    requirements.push(makeRequirement(key, expressionOperator(operator), values ?? []));
  }
  return requirements.length === 0 ? matchEverything : new RequirementMatcher(requirements);
}

/** From plain labels, as Services and ReplicationControllers have them: all must be there. Nothing is checked. */
export function matchLabels(labels: Labels): LabelMatcher {
  const entries = Object.entries(labels);
  return new RequirementMatcher(entries.map(([key, value]) => ({ key, operator: '=', values: [value] })));
}

function expressionOperator(operator: string): LabelOperator {
  switch (operator) {
    case 'In':
      return 'in';
    case 'NotIn':
      return 'notin';
    case 'Exists':
      return 'exists';
    case 'DoesNotExist':
      return '!';
    default:
      throw badRequest(`"${operator}" is not a valid label selector operator`);
  }
}

/** From a `labelSelector` parameter; the empty text matches everything. @throws StatusError BadRequest */
export function parseLabelSelector(text: string): LabelMatcher {
  const requirements = parseRequirements(text);
  return requirements.length === 0 ? matchEverything : new RequirementMatcher(requirements);
}

/** What is wrong with a LabelSelector in an object at `path`: upstream's validation of it. */
export function validateLabelSelector(selector: LabelSelector, path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(selector.matchLabels ?? {})) {
    const labels = childPath(path, 'matchLabels');
    for (const message of isQualifiedName(key)) errors.push(invalidValue(labels, key, message));
    for (const message of isLabelValue(value)) errors.push(invalidValue(labels, value, message));
  }
  for (const [index, expression] of (selector.matchExpressions ?? []).entries()) {
    errors.push(...expressionErrors(expression, indexPath(childPath(path, 'matchExpressions'), index)));
  }
  return errors;
}

type LabelExpression = NonNullable<LabelSelector['matchExpressions']>[number];

function expressionErrors({ key, operator, values = [] }: LabelExpression, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const valuesPath = childPath(path, 'values');
  if (operator === 'In' || operator === 'NotIn') {
    if (values.length === 0) {
      errors.push(required(valuesPath, "must be specified when `operator` is 'In' or 'NotIn'"));
    }
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (values.length > 0) {
      errors.push(forbiddenField(valuesPath, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
    }
  } else {
    errors.push(invalidValue(childPath(path, 'operator'), operator, 'not a valid selector operator'));
  }
  for (const message of isQualifiedName(key)) errors.push(invalidValue(childPath(path, 'key'), key, message));
  for (const [index, value] of values.entries()) {
    for (const message of isLabelValue(value)) errors.push(invalidValue(indexPath(valuesPath, index), value, message));
  }
  return errors;
}

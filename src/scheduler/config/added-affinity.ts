/** What a profile adds to the node affinity of its pods, checked as upstream's matching reads it. Pure. */
import { childPath, indexPath, invalidValue, notSupported } from '../../api/field-error.ts';
import { isLabelValue, isQualifiedName } from '../../api/names.ts';
import type { NodeAffinity, NodeSelectorTerm } from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';

/** What a file says, where anything may be left out. */
interface Written {
  readonly key?: string;
  readonly operator?: string;
  readonly values?: readonly string[];
}

const operators = ['In', 'NotIn', 'Exists', 'DoesNotExist', 'Gt', 'Lt'];
const fieldOperators = ['In', 'NotIn'];

export function addedAffinityErrors(affinity: NodeAffinity | undefined, path: string): FieldError[] {
  const terms = affinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const preferences = affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const required = childPath(path, 'requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms');
  const preferred = childPath(path, 'preferredDuringSchedulingIgnoredDuringExecution');
  return [
    ...terms.flatMap((term, index) => termErrors(term, indexPath(required, index))),
    ...preferences.flatMap(({ weight, preference }, index) =>
      // One without weight is never read.
      weight === 0 ? [] : termErrors(preference, indexPath(preferred, index)),
    ),
  ];
}

function termErrors({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm, path: string): FieldError[] {
  const [expressions, fields] = [childPath(path, 'matchExpressions'), childPath(path, 'matchFields')];
  return [
    ...matchExpressions.flatMap((one, index) => expressionErrors(one, indexPath(expressions, index))),
    ...matchFields.flatMap((one, index) => fieldErrors(one, indexPath(fields, index))),
  ];
}

function fieldErrors({ operator = '', values = [] }: Written, path: string): FieldError[] {
  if (!fieldOperators.includes(operator)) {
    return [notSupported(childPath(path, 'operator'), operator, fieldOperators)];
  }
  return values.length === 1 ? [] : [invalidValue(childPath(path, 'values'), values, 'must have one element')];
}

function expressionErrors({ key = '', operator = '', values = [] }: Written, path: string): FieldError[] {
  if (!operators.includes(operator)) return [notSupported(childPath(path, 'operator'), operator, operators)];
  const keyProblems = isQualifiedName(key);
  const at = childPath(path, 'values');
  return [
    ...(keyProblems.length > 0 ? [invalidValue(childPath(path, 'key'), key, keyProblems.join('; '))] : []),
    ...countErrors(operator, values, at),
    ...values.flatMap((value, index) => {
      const problems = isLabelValue(value);
      return problems.length > 0 ? [invalidValue(`${indexPath(at, index)}[${key}]`, value, problems.join('; '))] : [];
    }),
  ];
}

function countErrors(operator: string, values: readonly string[], at: string): FieldError[] {
  const wrong = (detail: string): FieldError[] => [invalidValue(at, values, detail)];
  switch (operator) {
    case 'In':
    case 'NotIn':
      return values.length > 0 ? [] : wrong("for 'in', 'notin' operators, values set can't be empty");
    case 'Gt':
    case 'Lt':
      if (values.length !== 1) return wrong("for 'Gt', 'Lt' operators, exactly one value is required");
      if (/^[+-]?\d+$/.test(values[0] ?? '')) return [];
      return [invalidValue(indexPath(at, 0), values[0], "for 'Gt', 'Lt' operators, the value must be an integer")];
    default:
      return values.length === 0 ? [] : wrong('values set must be empty for exists and does not exist');
  }
}

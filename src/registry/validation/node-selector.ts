/** Which nodes: the selectors of volumes, devices and classes. */
import { duplicate, forbiddenField, invalidValue, required } from '../../api/field-error.ts';
import { isDns1123Subdomain, isLabelValue, isQualifiedName } from '../../api/names.ts';
import type {
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  TopologySelectorTerm,
} from '../../api/schema/types/core-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { invalidEach } from './checks.ts';

/** `anyValue`: values that no label can have are let pass; they select nothing. */
export function validateNodeSelector(path: string, selector: NodeSelector, anyValue = false): FieldError[] {
  const at = `${path}.nodeSelectorTerms`;
  const terms = selector.nodeSelectorTerms ?? [];
  if (terms.length === 0) return [required(at, 'must have at least one node selector term')];
  return terms.flatMap((term, index) => validateNodeSelectorTerm(`${at}[${index}]`, term, anyValue));
}

export function validateNodeSelectorTerm(
  path: string,
  { matchExpressions, matchFields }: NodeSelectorTerm,
  anyValue: boolean,
): FieldError[] {
  return [
    ...(matchExpressions ?? []).flatMap((each, index) => [
      ...validateLabel(`${path}.matchExpressions[${index}]`, each),
      ...(anyValue ? [] : validateLabelValues(`${path}.matchExpressions[${index}].values`, each.values)),
    ]),
    ...(matchFields ?? []).flatMap((each, index) => validateField(`${path}.matchFields[${index}]`, each)),
  ];
}

function validateLabel(path: string, { key, operator, values }: NodeSelectorRequirement): FieldError[] {
  const errors: FieldError[] = [];
  const count = values?.length ?? 0;
  const at = `${path}.values`;
  if (operator === 'In' || operator === 'NotIn') {
    if (count === 0) errors.push(required(at, "must be specified when `operator` is 'In' or 'NotIn'"));
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    const why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
    if (count > 0) errors.push(forbiddenField(at, why));
  } else if (operator === 'Gt' || operator === 'Lt') {
    if (count !== 1) errors.push(required(at, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
  } else errors.push(invalidValue(`${path}.operator`, operator ?? '', 'not a valid selector operator'));
  return [...errors, ...invalidEach(`${path}.key`, key ?? '', isQualifiedName(key ?? ''))];
}

function validateLabelValues(path: string, values: readonly string[] | undefined): FieldError[] {
  return (values ?? []).flatMap((value, index) => invalidEach(`${path}[${index}]`, value, isLabelValue(value)));
}

/** The one field that nodes can be selected by. */
function validateField(path: string, { key, operator, values }: NodeSelectorRequirement): FieldError[] {
  const errors: FieldError[] = [];
  if (operator === 'In' || operator === 'NotIn') {
    const why = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
    if (values?.length !== 1) errors.push(required(`${path}.values`, why));
  } else errors.push(invalidValue(`${path}.operator`, operator ?? '', 'not a valid selector operator'));
  if (key !== 'metadata.name') {
    return [...errors, invalidValue(`${path}.key`, key ?? '', 'not a valid field selector key')];
  }
  const names = (values ?? []).flatMap((name, index) =>
    invalidEach(`${path}.values[${index}]`, name, isDns1123Subdomain(name)),
  );
  return [...errors, ...names];
}

/** Did it stand there before labels' values were looked at? */
export function hasOddValues(selector: NodeSelector | undefined): boolean {
  const expressions = (selector?.nodeSelectorTerms ?? []).flatMap(({ matchExpressions }) => matchExpressions ?? []);
  return expressions.some(({ values }) => validateLabelValues('', values).length > 0);
}

/** Upstream compares with an empty term for each that there is, too: so one that says nothing is refused that often. */
export function validateTopologies(path: string, terms: readonly TopologySelectorTerm[] | undefined): FieldError[] {
  const before = (terms ?? []).map(() => meaningOf({}));
  return (terms ?? []).flatMap((term, index) => {
    const at = `${path}[${index}]`;
    const meaning = meaningOf(term);
    const same = before.filter((other) => other === meaning);
    before.push(meaning);
    return [...validateTopology(at, term), ...same.map(() => duplicate(`${at}.matchLabelExpressions`, ''))];
  });
}

function validateTopology(path: string, { matchLabelExpressions }: TopologySelectorTerm): FieldError[] {
  const keys = new Set<string>();
  return (matchLabelExpressions ?? []).flatMap(({ key, values }, index) => {
    const at = `${path}.matchLabelExpressions[${index}]`;
    const errors = validateTopologyValues(`${at}.values`, values ?? []);
    errors.push(...invalidEach(`${at}.key`, key ?? '', isQualifiedName(key ?? '')));
    if (keys.has(key)) errors.push(duplicate(`${at}.key`, key));
    keys.add(key);
    return errors;
  });
}

function validateTopologyValues(path: string, values: readonly string[]): FieldError[] {
  if (values.length === 0) return [required(path)];
  const seen = new Set<string>();
  return values.flatMap((value, index) => {
    const repeated = seen.has(value) ? [duplicate(`${path}[${index}]`, value)] : [];
    seen.add(value);
    return repeated;
  });
}

/** Equal for terms that select the same, in whatever order they say it. */
function meaningOf({ matchLabelExpressions }: TopologySelectorTerm): string {
  const parts = new Map((matchLabelExpressions ?? []).map(({ key, values }) => [key, [...new Set(values)].sort()]));
  return JSON.stringify([...parts].sort(([left], [right]) => (left < right ? -1 : 1)));
}

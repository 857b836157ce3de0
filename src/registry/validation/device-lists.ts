/** What claims, classes and slices of devices share: bounded lists, sets and maps; names, taints, selectors, configurations. */
import { compileDeviceSelector } from '../../api/cel/device-selectors.ts';
import { invalidValue, notSupported, required, tooLong, tooMany } from '../../api/field-error.ts';
import { isCIdentifier, isDns1123Subdomain, isLabelValue, isQualifiedName } from '../../api/names.ts';
import type {
  DeviceConfiguration,
  DeviceSelector,
  DeviceTaint,
  DeviceToleration,
} from '../../api/schema/types/resource-v1.ts';
import type { FieldError } from '../../api/status-error.ts';
import { SharedValues } from '../../lib/shared-values.ts';
import { invalidEach, noDuplicates, validateDriverName } from './checks.ts';

const selectorsMax = 32;
const expressionBytesMax = 10 * 1024;
const parametersBytesMax = 10 * 1024;
const poolNameBytesMax = 253;
const identifierBytesMax = 32;
const keyBytesShown = 63 + 1 + identifierBytesMax;

/** A list that is too long is told of by its length alone. */
export function validateList<T>(
  path: string,
  given: readonly T[] | undefined,
  countMax: number,
  rule: (path: string, item: T) => FieldError[],
): FieldError[] {
  const list = given ?? [];
  if (list.length > countMax) return [tooMany(path, list.length, countMax)];
  return list.flatMap((item, index) => rule(`${path}[${index}]`, item));
}

export function validateSet<T>(
  path: string,
  given: readonly T[] | undefined,
  countMax: number,
  rule: (path: string, item: T) => FieldError[],
  keyOf: (item: T) => string,
): FieldError[] {
  const errors = validateList(path, given, countMax, rule);
  const list = given ?? [];
  if (list.length > countMax) return errors;
  return [...errors, ...noDuplicates(list.map(keyOf), (index) => `${path}[${index}]`)];
}

/** The keys' errors stand at the map itself. */
export function validateMap<T>(
  path: string,
  map: Readonly<Record<string, T>> | undefined,
  keyRule: (path: string, key: string) => FieldError[],
  rule: (path: string, value: T) => FieldError[],
): FieldError[] {
  return Object.entries(map ?? {}).flatMap(([key, value]) => [
    ...keyRule(path, key),
    ...rule(`${path}[${shortened(key)}]`, value),
  ]);
}

/** Long keys lose their middle. */
function shortened(key: string): string {
  if (key.length <= keyBytesShown) return key;
  const left = keyBytesShown - 3;
  return `${key.slice(0, Math.floor((left + 1) / 2))}...${key.slice(key.length - Math.floor(left / 2))}`;
}

export function validatePoolName(path: string, name: string | undefined): FieldError[] {
  if (!name) return [required(path)];
  const errors = Buffer.byteLength(name) > poolNameBytesMax ? [tooLong(path, poolNameBytesMax)] : [];
  return [...errors, ...name.split('/').flatMap((part) => invalidEach(path, part, isDns1123Subdomain(part)))];
}

/** `[domain/]identifier`: attributes and capacities. With more slashes upstream lets anything pass, and so must we. */
export function validateAttributeName(path: string, name: string): FieldError[] {
  const [first = '', second, ...rest] = name.split('/');
  if (rest.length > 0) return [];
  if (second === undefined) return validateIdentifier(path, first);
  return [
    ...(first === '' ? [invalidValue(path, '', 'the domain must not be empty')] : validateDriverName(path, first)),
    ...(second === '' ? [invalidValue(path, '', 'the name must not be empty')] : validateIdentifier(path, second)),
  ];
}

function validateIdentifier(path: string, name: string): FieldError[] {
  const long = Buffer.byteLength(name) > identifierBytesMax ? [tooLong(path, identifierBytesMax)] : [];
  return [...long, ...invalidEach(path, name, isCIdentifier(name))];
}

export function validateFullAttributeName(path: string, name: string): FieldError[] {
  const errors = validateAttributeName(path, name);
  if (name.includes('/')) return errors;
  const why = 'a fully qualified name must be a domain and a name separated by a slash';
  return [...errors, invalidValue(path, name, why)];
}

export function validateSelectors(
  path: string,
  selectors: readonly DeviceSelector[] | undefined,
  isStored = false,
): FieldError[] {
  return validateList(path, selectors, selectorsMax, (at, { cel }) => {
    if (cel === undefined) return [required(`${at}.cel`)];
    const expression = cel.expression ?? '';
    if (Buffer.byteLength(expression) > expressionBytesMax)
      return [tooLong(`${at}.cel.expression`, expressionBytesMax)];
    const problem = isStored ? '' : problemOf(expression);
    return problem === '' ? [] : [invalidValue(`${at}.cel.expression`, expression, problem)];
  });
}

/** Claims of one template ask for the same again and again: what was found of so many expressions at least is remembered. */
const problems = new SharedValues<string>(64);

function problemOf(expression: string): string {
  const known = problems.known(expression);
  if (known !== undefined) return known;
  const compiled = compileDeviceSelector(expression);
  return problems.share(expression, compiled.kind === 'error' ? compiled.message : '');
}

export function validateConfiguration(path: string, { opaque }: DeviceConfiguration, isStored = false): FieldError[] {
  if (opaque === undefined) return [required(`${path}.opaque`)];
  return [
    ...validateDriverName(`${path}.opaque.driver`, opaque.driver),
    ...validateParameters(`${path}.opaque.parameters`, opaque.parameters, isStored),
  ];
}

export function validateParameters(path: string, parameters: unknown, isStored = false): FieldError[] {
  if (parameters === undefined || parameters === null) return [required(path)];
  if (!isStored && Buffer.byteLength(JSON.stringify(parameters)) > parametersBytesMax) {
    return [tooLong(path, parametersBytesMax)];
  }
  if (typeof parameters === 'object' && !Array.isArray(parameters)) return [];
  return [invalidValue(path, '<value omitted>', 'must be a valid JSON object')];
}

const effects = ['NoExecute', 'NoSchedule', 'None'];

export function validateDeviceTaint(path: string, { key: name, value, effect }: DeviceTaint): FieldError[] {
  const key = name ?? '';
  const errors = invalidEach(`${path}.key`, key, isQualifiedName(key));
  if (value) errors.push(...invalidEach(`${path}.value`, value, isLabelValue(value)));
  if (!effect) errors.push(required(`${path}.effect`));
  else if (!effects.includes(effect)) errors.push(notSupported(`${path}.effect`, effect, effects));
  return errors;
}

export function validateDeviceToleration(path: string, toleration: DeviceToleration): FieldError[] {
  const { key, operator, value = '', effect } = toleration;
  const errors = key ? invalidEach(`${path}.key`, key, isQualifiedName(key)) : [];
  if (operator === 'Exists') {
    if (value !== '') errors.push(invalidValue(`${path}.value`, value, 'must be empty for operator `Exists`'));
  } else if (operator === 'Equal') errors.push(...invalidEach(`${path}.value`, value, isLabelValue(value)));
  else if (!operator) errors.push(required(`${path}.operator`));
  else errors.push(notSupported(`${path}.operator`, operator, ['Equal', 'Exists']));
  if (effect && !effects.includes(effect)) errors.push(notSupported(`${path}.effect`, effect, effects));
  return errors;
}

const bindingConditionsMax = 4;

interface Binding {
  readonly bindingConditions?: readonly string[];
  readonly bindingFailureConditions?: readonly string[];
}

/** What must be so before a pod is bound, and what says that it will not be. */
export function validateBindingConditions(
  path: string,
  { bindingConditions, bindingFailureConditions }: Binding,
): FieldError[] {
  const [good, bad] = [bindingConditions ?? [], bindingFailureConditions ?? []];
  const [goodAt, badAt] = [`${path}.bindingConditions`, `${path}.bindingFailureConditions`];
  const rule = (at: string, name: string): FieldError[] => invalidEach(at, name, isQualifiedName(name));
  const known = new Set(good);
  const overlap = 'bindingFailureConditions must not overlap with bindingConditions';
  const errors = [
    ...validateList(goodAt, good, bindingConditionsMax, rule),
    ...validateList(badAt, bad, bindingConditionsMax, rule),
    ...noDuplicates(good, (index) => `${goodAt}[${index}]`),
    ...noDuplicates(bad, (index) => `${badAt}[${index}]`),
    ...bad.flatMap((name, index) => (known.has(name) ? [invalidValue(`${badAt}[${index}]`, name, overlap)] : [])),
  ];
  if (good.length === 0 && bad.length > 0) {
    errors.push(invalidValue(goodAt, null, 'bindingConditions are required to use bindingFailureConditions'));
  }
  if (bad.length === 0 && good.length > 0) {
    errors.push(invalidValue(badAt, null, 'bindingFailureConditions are required to use bindingConditions'));
  }
  return errors;
}

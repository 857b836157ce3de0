/**
 * What Kubernetes' CEL knows beyond the language (kubernetes.io/docs/reference/using-api/cel): strings, regular expressions, lists, sets,
 * and `optMap` of optional values. The library's own methods are taken where they mean the same; those in `replaced` do not.
 *
 * Not here: URLs, IP addresses, quantities, semantic versions, named formats and the authorizer.
 */
import { type Environment, EvaluationError, Optional } from '@marcbachmann/cel-js';
import { formatted, quoted } from './format.ts';
import { regex } from './regex.ts';

/** Methods whose calls go to ours, which have these names; the library does not let its own be replaced. */
export const replaced: ReadonlyMap<string, string> = new Map(
  ['matches', 'lowerAscii', 'upperAscii'].map((name) => [name, `kubernetes_${name}`]),
);

type List = readonly unknown[];

class StringsNamespace {
  readonly name = 'strings';
}

class SetsNamespace {
  readonly name = 'sets';
}

export function registerFunctions(env: Environment): void {
  registerStrings(env);
  registerRegex(env);
  registerLists(env);
  registerSets(env);
  registerOptionals(env);
}

function fail(message: string): never {
  throw new EvaluationError(message);
}

function registerStrings(env: Environment): void {
  env.registerFunction('string.kubernetes_lowerAscii(): string', (text: string) =>
    text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()),
  );
  env.registerFunction('string.kubernetes_upperAscii(): string', (text: string) =>
    text.replace(/[a-z]+/g, (letters) => letters.toUpperCase()),
  );
  env.registerFunction('string.charAt(int): string', (text: string, index: bigint) => {
    const characters = Array.from(text);
    const at = Number(index);
    if (at < 0 || at > characters.length) fail(`index out of range: ${index}`);
    return characters[at] ?? '';
  });
  env.registerFunction('string.replace(string, string): string', (text: string, from: string, to: string) =>
    text.split(from).join(to),
  );
  env.registerFunction(
    'string.replace(string, string, int): string',
    (text: string, from: string, to: string, count: bigint) => {
      const parts = text.split(from);
      const times = count < 0n ? parts.length - 1 : Math.min(Number(count), parts.length - 1);
      return [parts.slice(0, times + 1).join(to), ...parts.slice(times + 1)].join(from);
    },
  );
  env.registerFunction('string.reverse(): string', (text: string) => Array.from(text).reverse().join(''));
  env.registerFunction('string.format(list): string', (text: string, values: List) => formatted(text, values));
  env.registerType('Strings', StringsNamespace);
  env.registerConstant('strings', 'Strings', new StringsNamespace());
  env.registerFunction('Strings.quote(string): string', (_strings: unknown, text: string) => quoted(text));
}

function registerRegex(env: Environment): void {
  env.registerFunction('string.kubernetes_matches(string): bool', (text: string, pattern: string) =>
    regex(pattern).test(text),
  );
  env.registerFunction(
    'string.find(string): string',
    (text: string, pattern: string) => regex(pattern).findAll(text, 1)[0] ?? '',
  );
  env.registerFunction('string.findAll(string): list<string>', (text: string, pattern: string) =>
    regex(pattern).findAll(text, -1),
  );
  env.registerFunction('string.findAll(string, int): list<string>', (text: string, pattern: string, count: bigint) =>
    regex(pattern).findAll(text, Number(count)),
  );
}

function registerLists(env: Environment): void {
  env.registerFunction('list.isSorted(): bool', (list: List) =>
    list.every((value, index) => index === 0 || compare(list[index - 1], value) <= 0),
  );
  env.registerFunction('list.sum(): dyn', (list: List) => {
    if (list.length === 0) return 0n;
    return list.reduce((sum, value) => {
      if (typeof sum === 'bigint' && typeof value === 'bigint') return sum + value;
      if (typeof sum === 'number' && typeof value === 'number') return sum + value;
      return fail('no such overload: sum');
    });
  });
  env.registerFunction('list.min(): dyn', (list: List) => extreme(list, 'min', -1));
  env.registerFunction('list.max(): dyn', (list: List) => extreme(list, 'max', 1));
  env.registerFunction('list.indexOf(dyn): int', (list: List, wanted: unknown) =>
    BigInt(list.findIndex((value) => equal(value, wanted))),
  );
  env.registerFunction('list.lastIndexOf(dyn): int', (list: List, wanted: unknown) =>
    BigInt(list.findLastIndex((value) => equal(value, wanted))),
  );
}

function registerSets(env: Environment): void {
  const within = (list: List, value: unknown): boolean => list.some((each) => equal(each, value));
  const contains = (list: List, sublist: List): boolean => sublist.every((value) => within(list, value));
  env.registerType('Sets', SetsNamespace);
  env.registerConstant('sets', 'Sets', new SetsNamespace());
  env.registerFunction('Sets.contains(list, list): bool', (_sets: unknown, list: List, sublist: List) =>
    contains(list, sublist),
  );
  env.registerFunction(
    'Sets.equivalent(list, list): bool',
    (_sets: unknown, left: List, right: List) => contains(left, right) && contains(right, left),
  );
  env.registerFunction('Sets.intersects(list, list): bool', (_sets: unknown, left: List, right: List) =>
    left.some((value) => within(right, value)),
  );
}

function extreme(list: List, name: string, sign: 1 | -1): unknown {
  if (list.length === 0) fail(`${name} called on empty list`);
  return list.reduce((best, value) => (compare(value, best) * sign > 0 ? value : best));
}

function compare(left: unknown, right: unknown): number {
  const comparable = ['string', 'bigint', 'number', 'boolean'].includes(typeof left) || left instanceof Date;
  if (!comparable || (typeof left !== typeof right && !(isNumber(left) && isNumber(right))))
    fail('no such overload: comparison');
  return (left as number) < (right as number) ? -1 : (left as number) > (right as number) ? 1 : 0;
}

const isNumber = (value: unknown): boolean => typeof value === 'bigint' || typeof value === 'number';

/** CEL's equality: numbers by value, lists and maps by their parts. */
function equal(left: unknown, right: unknown): boolean {
  // An int and a double that are the same number are not the same to `===`.
  if (isNumber(left) && isNumber(right))
    return (left as number) >= (right as number) && (left as number) <= (right as number);
  if (Array.isArray(left) && Array.isArray(right))
    return left.length === right.length && left.every((value, index) => equal(value, right[index]));
  if (!isMap(left) || !isMap(right)) return left === right;
  const keys = Object.keys(left);
  return (
    keys.length === Object.keys(right).length &&
    keys.every((key) => Object.hasOwn(right, key) && equal(left[key], right[key]))
  );
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && value.constructor === Object;
}

interface MacroCall {
  readonly ast: unknown;
  readonly args: readonly [{ readonly op: string; readonly args: string }, unknown];
  readonly receiver: unknown;
}

/** `x.optMap(name, expression)` is `x.hasValue() ? optional.of(expression) : optional.none()`; `optFlatMap` leaves `of` away. */
function registerOptionals(env: Environment): void {
  for (const [name, wrap] of [
    ['optMap', (value: unknown) => Optional.of(value)],
    ['optFlatMap', (value: unknown) => value],
  ] as const) {
    env.registerFunction(`optional<T>.${name}(ast, ast): dyn`, ({ args, receiver }: MacroCall) =>
      optionalMacro(name, args, receiver, wrap),
    );
  }
}

interface Checker {
  check(node: unknown, context: unknown): { readonly kind: string; readonly valueType?: unknown };
  getType(name: string): unknown;
  createError(code: string, message: string, node: unknown): Error;
}
interface Evaluator {
  run(node: unknown, context: unknown): unknown;
}
interface Variables {
  forkWithVariable(name: string, type: unknown): Variables;
  reuse(context: unknown): Variables;
  setIterValue(value: unknown, evaluator: unknown): Variables;
}

function optionalMacro(name: string, args: MacroCall['args'], receiver: unknown, wrap: (value: unknown) => unknown) {
  let inner: Variables | undefined;
  const [variable, expression] = args;
  return {
    async: false,
    typeCheck(checker: Checker, _macro: unknown, context: Variables): unknown {
      const type = checker.check(receiver, context);
      if (variable.op !== 'id')
        throw checker.createError(
          'invalid_macro_argument',
          `${name}() variable name must be a simple identifier`,
          variable,
        );
      inner = context.forkWithVariable(variable.args, type.valueType ?? checker.getType('dyn'));
      checker.check(expression, inner);
      return checker.getType('optional');
    },
    evaluate(evaluator: Evaluator, _macro: unknown, context: unknown): unknown {
      const value = evaluator.run(receiver, context);
      if (!(value instanceof Optional)) return fail(`no such overload: ${name}`);
      if (!value.hasValue() || inner === undefined) return Optional.none();
      return wrap(evaluator.run(expression, inner.reuse(context).setIterValue(value.value(), evaluator)));
    },
  };
}

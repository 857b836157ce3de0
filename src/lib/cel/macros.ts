/**
 * Macros: calls that are written out as other expressions before anything looks at them, as cel-go does it, so that types, estimates and
 * costs come out the same. A tree may hold one node twice (`optMap`): who walks it keeps what it knows of a node.
 */
import { type Comprehension, call, type Expr, type Ident, ident, list, literal } from './ast.ts';
import { SyntaxIssue } from './issues.ts';

/** No expression can write these names. */
const accumulator = '@result';
export const unusedVariable = '#unused';
const sortInput = '@__sortBy_input__';
const optionalInput = '@optional';

interface MacroCall {
  readonly at: number;
  readonly target: Expr;
  readonly args: readonly Expr[];
}

type Macro = (call: MacroCall) => Expr;

/** Undefined: it is no macro. @throws SyntaxIssue */
export function expandedMacro(
  at: number,
  name: string,
  target: Expr | undefined,
  args: readonly Expr[],
  count: (expr: Expr) => Expr,
): Expr | undefined {
  if (target === undefined)
    return name === 'has' && args.length === 1 ? count(presence(at, args[0] as Expr)) : undefined;
  const isBind = target.kind === 'ident' && target.name === 'cel' && name === 'bind';
  const macro = isBind ? bindMacros[args.length] : receiverMacros.get(`${name}/${args.length}`);
  return macro === undefined ? undefined : count(macro({ at, target, args }));
}

function presence(at: number, argument: Expr): Expr {
  if (argument.kind !== 'select' || argument.isTest)
    throw new SyntaxIssue(argument.at, 'invalid argument to has() macro');
  return { ...argument, at, isTest: true };
}

/** @throws SyntaxIssue where it is no plain name */
function variable(expr: Expr | undefined): string {
  if (expr?.kind !== 'ident' || expr.name.startsWith('.'))
    throw new SyntaxIssue(expr?.at ?? 0, 'argument must be a simple name');
  return expr.name;
}

interface Loop {
  readonly init: Expr;
  readonly condition: Expr;
  readonly step: Expr;
  readonly result: Expr;
}

/** Of a condition or a value: how to go on, with the accumulator at hand. */
type Body = (at: number, result: Ident, names: readonly string[], args: readonly Expr[]) => Loop;

/** With one variable and with two. */
function loops(name: string, count: number, body: Body): readonly (readonly [string, Macro])[] {
  return [1, 2].map((variables) => [
    `${name}/${variables + count}`,
    ({ at, target, args }) => {
      const names = args.slice(0, variables).map(variable);
      const loop = body(at, ident(at, accumulator), names, args.slice(variables));
      return comprehension(at, target, names, loop);
    },
  ]);
}

function comprehension(at: number, range: Expr, [first = '', second]: readonly string[], loop: Loop): Comprehension {
  return { kind: 'comprehension', at, range, variable: first, variable2: second, accumulator, ...loop };
}

const all: Body = (at, result, _names, [predicate]) => ({
  init: literal(at, true),
  condition: call(at, '@not_strictly_false', result),
  step: call(at, '_&&_', result, predicate as Expr),
  result,
});

const exists: Body = (at, result, _names, [predicate]) => ({
  init: literal(at, false),
  condition: call(at, '@not_strictly_false', call(at, '!_', result)),
  step: call(at, '_||_', result, predicate as Expr),
  result,
});

const existsOne: Body = (at, result, _names, [predicate]) => ({
  init: literal(at, 0n),
  condition: literal(at, true),
  step: call(at, '_?_:_', predicate as Expr, call(at, '_+_', result, literal(at, 1n)), result),
  result: call(at, '_==_', result, literal(at, 1n)),
});

/** What is gathered of each element, where `filter` holds. */
function gathered(at: number, result: Ident, empty: Expr, step: Expr, filter: Expr | undefined): Loop {
  return {
    init: empty,
    condition: literal(at, true),
    step: filter === undefined ? step : call(at, '_?_:_', filter, step, result),
    result,
  };
}

const appended = (at: number, result: Ident, value: Expr): Expr => call(at, '_+_', result, list(at, value));

const transform: Body = (at, result, _names, args) => {
  const value = args.at(-1) as Expr;
  return gathered(at, result, list(at), appended(at, result, value), args.length > 1 ? args[0] : undefined);
};

const filter: Body = (at, result, [name = ''], [predicate]) =>
  gathered(at, result, list(at), appended(at, result, ident(at, name)), predicate);

const emptyMap = (at: number): Expr => ({ kind: 'map', at, entries: [] });

const transformMap: Body = (at, result, [key = ''], args) => {
  const step = call(at, 'cel.@mapInsert', result, ident(at, key), args.at(-1) as Expr);
  return gathered(at, result, emptyMap(at), step, args.length > 1 ? args[0] : undefined);
};

const transformMapEntry: Body = (at, result, _names, args) => {
  const step = call(at, 'cel.@mapInsert', result, args.at(-1) as Expr);
  return gathered(at, result, emptyMap(at), step, args.length > 1 ? args[0] : undefined);
};

function bound(at: number, name: string, init: Expr, result: Expr): Expr {
  return {
    kind: 'comprehension',
    at,
    range: list(at),
    variable: unusedVariable,
    variable2: undefined,
    accumulator: name,
    init,
    condition: literal(at, false),
    step: ident(at, name),
    result,
  };
}

const member = (at: number, target: Expr, name: string, ...args: readonly Expr[]): Expr => ({
  kind: 'call',
  at,
  name,
  target,
  args,
});

/** What is asked twice is bound, if it is no name already. */
function optionalMap(wraps: boolean): Macro {
  return ({ at, target, args: [name, expr] }) => {
    const isName = target.kind === 'ident';
    const optional = isName ? target : ident(at, optionalInput);
    const value = bound(at, variable(name), member(at, optional, 'value'), expr as Expr);
    const then = wraps ? call(at, 'optional.of', value) : value;
    const choice = call(at, '_?_:_', member(at, optional, 'hasValue'), then, call(at, 'optional.none'));
    return isName ? choice : bound(at, optionalInput, target, choice);
  };
}

const sortBy: Macro = ({ at, target, args }) => {
  const input = ident(at, sortInput);
  const names = [variable(args[0])];
  const keys = comprehension(at, input, names, transform(at, ident(at, accumulator), names, args.slice(1)));
  return bound(at, sortInput, target, member(at, input, '@sortByAssociatedKeys', keys));
};

const one = (entries: readonly (readonly [string, Macro])[], index: number): readonly [string, Macro] =>
  entries[index] as readonly [string, Macro];

const receiverMacros: ReadonlyMap<string, Macro> = new Map([
  ...loops('all', 1, all),
  ...loops('exists', 1, exists),
  ...loops('existsOne', 1, existsOne),
  one(loops('exists_one', 1, existsOne), 0),
  one(loops('filter', 1, filter), 0),
  one(loops('map', 1, transform), 0),
  one(loops('map', 2, transform), 0),
  one(loops('transformList', 1, transform), 1),
  one(loops('transformList', 2, transform), 1),
  one(loops('transformMap', 1, transformMap), 1),
  one(loops('transformMap', 2, transformMap), 1),
  one(loops('transformMapEntry', 1, transformMapEntry), 1),
  one(loops('transformMapEntry', 2, transformMapEntry), 1),
  ['optMap/2', optionalMap(true)],
  ['optFlatMap/2', optionalMap(false)],
  ['sortBy/2', sortBy],
]);

const bindMacros: Readonly<Record<number, Macro>> = {
  3: ({ at, args: [name, init, result] }) => bound(at, variable(name), init as Expr, result as Expr),
};

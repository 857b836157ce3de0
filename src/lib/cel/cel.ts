/**
 * Expressions in CEL, as Kubernetes has them, behind a small interface: text in, a program or an error with its place out; values in, a
 * value or an error out. Nothing here throws.
 *
 * Kept true: the text, its depth and its nodes are bounded when it is compiled, and its cost when it is evaluated (`budget.ts`), so that
 * an expression over what a client sent cannot hold the process up. Values are JSON values: integers of JSON are CEL's `double`, as
 * upstream has them in claims; a `bigint` is CEL's `int`.
 *
 * Differences from cel-go: `string` positions count UTF-16 units in `indexOf`, `lastIndexOf` and `substring`; there is no estimate of the
 * cost in advance; messages are worded so only where the library says which of the common faults it is.
 */
import { type ASTNode, Environment, type TypeCheckResult } from '@marcbachmann/cel-js';
import { limits } from '../limits.ts';
import { withBudget } from './budget.ts';
import { registerFunctions, replaced } from './functions.ts';
import { type CelLibrary, registerLibrary } from './library.ts';

/** CEL's name of a type (`string`, `dyn`, `map<string, dyn>`), or an object's fields with theirs. */
export type CelType = string | { readonly fields: Readonly<Record<string, string>> };

export interface CelOptions {
  readonly variables: Readonly<Record<string, CelType>>;
  /** Names with `__dot__`, `__dash__`, `__slash__` and their like, as Kubernetes escapes what is no identifier. */
  readonly escapedNames?: boolean;
  /** What expressions know besides. */
  readonly libraries?: readonly CelLibrary[];
}

export interface CelError {
  /** As `cel-go` prints it: `ERROR: <input>:1:5: what\n | line\n | ....^`. */
  readonly text: string;
  readonly message: string;
  /** From 1; absent where the whole expression is meant. */
  readonly line?: number;
  readonly column?: number;
}

export type CelValue = unknown;

export type CelResult =
  | { readonly kind: 'value'; readonly value: CelValue }
  | { readonly kind: 'error'; readonly message: string };

export interface CelProgram {
  readonly expression: string;
  /** What it will give: `bool`, `list<string>`; `dyn` where only the values can tell. */
  readonly type: string;
  /** `spent` learns what it cost, as `limits.celCostMax` counts. */
  evaluate(variables: Readonly<Record<string, unknown>>, spent?: (cost: number) => void): CelResult;
  /** Does it read `variable.field`? */
  selects(variable: string, field: string): boolean;
}

export type CelCompilation =
  | { readonly kind: 'program'; readonly program: CelProgram }
  | { readonly kind: 'error'; readonly error: CelError };

export function compileCel(expression: string, options: CelOptions): CelCompilation {
  if (expression.length > limits.celExpressionCharactersMax) {
    const message = `expression exceeds ${limits.celExpressionCharactersMax} characters`;
    return { kind: 'error', error: { message, text: message } };
  }
  try {
    const parsed = environment(options).parse(expression);
    prepare(parsed.ast, options.escapedNames ?? false);
    const checked: TypeCheckResult = parsed.check();
    if (!checked.valid) throw checked.error ?? new Error('invalid expression');
    return { kind: 'program', program: program(expression, parsed, checked.type ?? 'dyn') };
  } catch (error) {
    return { kind: 'error', error: described(error, expression) };
  }
}

/** By what they declare: making one takes a millisecond. */
const environments = new Map<string, Environment>();

function environment({ variables, libraries = [] }: CelOptions): Environment {
  const key = JSON.stringify([variables, libraries.map(({ name }) => name)]);
  const known = environments.get(key);
  if (known !== undefined) return known;
  const made = new Environment({
    enableOptionalTypes: true,
    homogeneousAggregateLiterals: false,
    limits: { maxAstNodes: limits.celNodesMax, maxDepth: limits.celDepthMax },
  });
  registerFunctions(made);
  for (const library of libraries) registerLibrary(made, library);
  for (const [name, type] of Object.entries(variables)) {
    if (typeof type === 'string') made.registerVariable(name, type);
    else made.registerVariable(name, { schema: { ...type.fields } });
  }
  environments.set(key, made);
  return made;
}

type Parsed = ReturnType<Environment['parse']>;

function program(expression: string, parsed: Parsed, type: string): CelProgram {
  const selected = selections(parsed.ast);
  return {
    expression,
    type,
    selects: (variable, field) => selected.has(`${variable}.${field}`),
    evaluate(variables, spent) {
      try {
        return { kind: 'value', value: withBudget(limits.celCostMax, () => parsed(variables) as unknown, spent) };
      } catch (error) {
        return { kind: 'error', message: summaryOf(error) };
      }
    },
  };
}

function* children(node: ASTNode): Generator<ASTNode> {
  const stack: unknown[] = [node.args];
  while (stack.length > 0) {
    const each = stack.pop();
    if (Array.isArray(each)) stack.push(...(each as unknown[]));
    else if (isNode(each)) yield each;
  }
}

function* nodes(root: ASTNode): Generator<ASTNode> {
  const stack = [root];
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    yield node;
    stack.push(...children(node));
  }
}

function isNode(value: unknown): value is ASTNode {
  return typeof value === 'object' && value !== null && 'op' in value && 'args' in value;
}

function selections(root: ASTNode): ReadonlySet<string> {
  const found = new Set<string>();
  for (const { op, args } of nodes(root)) {
    if (op !== '.' && op !== '.?') continue;
    const [operand, field] = args as unknown as readonly [ASTNode, string];
    if (operand.op === 'id') found.add(`${operand.args}.${field}`);
  }
  return found;
}

/** Before it is checked: calls go to our functions, names are what they stand for. */
function prepare(root: ASTNode, escapedNames: boolean): void {
  for (const node of nodes(root)) {
    const args = node.args as unknown[];
    if (node.op === 'rcall') args[0] = replaced.get(args[0] as string) ?? args[0];
    else if (node.op === 'call' && args[0] === 'has') plainSteps(args[1] as readonly ASTNode[]);
    else if (escapedNames && (node.op === '.' || node.op === '.?')) args[1] = unescaped(args[1] as string);
  }
}

/** The library's `has` walks over `.` alone: of `has(a["b"].c)`, `["b"]` means the same as `.b`. */
function plainSteps(args: readonly ASTNode[]): void {
  for (let node = args[0]; node !== undefined && isStep(node); node = (node.args as readonly unknown[])[0] as ASTNode) {
    if (node.op !== '[]') continue;
    const parts = node.args as unknown[];
    const key = parts[1] as ASTNode;
    if (key.op !== 'value' || typeof key.args !== 'string') return;
    parts[1] = key.args;
    (node as { op: string }).op = '.';
  }
}

const isStep = ({ op }: ASTNode): boolean => op === '.' || op === '.?' || op === '[]';

const escapeWords: Readonly<Record<string, string>> = { underscores: '__', dot: '.', dash: '-', slash: '/' };
const keywords = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

/** The name itself where it is not well escaped. */
export function unescaped(name: string): string {
  if (!name.includes('__')) return name;
  const keyword = /^__(.+)__$/.exec(name)?.[1];
  if (keyword !== undefined && keywords.has(keyword)) return keyword;
  let isWhole = true;
  const text = name.replace(/__(?:(underscores|dot|dash|slash)__)?/g, (_match, word: string | undefined) => {
    if (word === undefined) isWhole = false;
    return escapeWords[word ?? ''] ?? '';
  });
  return isWhole ? text : name;
}

interface LibraryError {
  readonly summary?: string;
  readonly code?: string;
  readonly range?: { readonly start: number };
}

function summaryOf(error: unknown): string {
  const text = (error as LibraryError).summary ?? (error instanceof Error ? error.message : String(error));
  return reworded(text.replaceAll('kubernetes_', ''));
}

/** The library's texts of the common faults, in cel-go's words. */
function reworded(text: string): string {
  const [, unknown] = /^Unknown variable: (.*)$/s.exec(text) ?? [];
  if (unknown !== undefined) return `undeclared reference to '${unknown}' (in container '')`;
  const [, key] = /^No such key: (.*)$/s.exec(text) ?? [];
  if (key !== undefined) return `no such key: ${key}`;
  const [, token] = /^Unexpected token: (.*)$/s.exec(text) ?? [];
  if (token !== undefined) return `Syntax error: mismatched input '${token === 'EOF' ? '<EOF>' : token}'`;
  return text;
}

function described(error: unknown, expression: string): CelError {
  const message = summaryOf(error);
  const start = (error as LibraryError).range?.start;
  if (start === undefined) return { message, text: message };
  const before = expression.slice(0, start).split('\n');
  const line = before.length;
  const column = (before.at(-1)?.length ?? 0) + 1;
  const source = expression.split('\n')[line - 1] ?? '';
  const text = `ERROR: <input>:${line}:${column}: ${message}\n | ${source}\n | ${'.'.repeat(column - 1)}^`;
  return { message, line, column, text };
}

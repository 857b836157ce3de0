/**
 * CEL's grammar (github.com/google/cel-spec/blob/master/doc/langdef.md#syntax) as a descent, one method for each level of precedence.
 * Chains of `&&` and `||` become balanced trees, as in cel-go, so that a long one is not deep. Depth and nodes are bounded.
 */
import { limits } from '../limits.ts';
import { type Expr, ident, literal } from './ast.ts';
import { SyntaxIssue } from './issues.ts';
import { type Token, tokensOf } from './lexer.ts';
import { expandedMacro } from './macros.ts';
import { CelUint } from './values.ts';

/** @throws SyntaxIssue */
export function parsed(text: string): Expr {
  return new Parser(tokensOf(text)).whole();
}

const reserved = new Set(
  'as break const continue else false for function if import in let loop package namespace null return true var void while'.split(
    ' ',
  ),
);
const startsExpression =
  "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";
/** From loose to tight, below `&&`; all bind to the left. */
const levels: readonly (readonly string[])[] = [
  ['==', '!=', '<', '<=', '>', '>=', 'in'],
  ['+', '-'],
  ['*', '/', '%'],
];
const operatorNames: Readonly<Record<string, string>> = { in: '@in' };
const operatorName = (symbol: string): string => operatorNames[symbol] ?? `_${symbol}_`;

const int64Max = 2n ** 63n;
const uint64Max = 2n ** 64n;

class Parser {
  readonly #tokens: readonly Token[];
  #next = 0;
  #depth = 0;
  #nodes = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  whole(): Expr {
    const expr = this.#expression();
    if (this.#token.kind !== 'end') this.#unexpected('<EOF>');
    return expr;
  }

  get #token(): Token {
    return this.#tokens[this.#next] as Token;
  }

  #is(...symbols: readonly string[]): boolean {
    const { kind, text } = this.#token;
    return kind === 'symbol' && symbols.includes(text);
  }

  #take(): Token {
    const token = this.#token;
    this.#next++;
    return token;
  }

  /** The token's place, if it is this symbol. */
  #skip(symbol: string): number | undefined {
    return this.#is(symbol) ? this.#take().at : undefined;
  }

  #expect(symbol: string): number {
    const at = this.#skip(symbol);
    if (at !== undefined) return at;
    const { text, kind } = this.#token;
    if (kind === 'end' || this.#is(')', ']', '}', ','))
      throw new SyntaxIssue(this.#token.at, `Syntax error: missing '${symbol}' at '${text}'`);
    return this.#unexpected(`'${symbol}'`);
  }

  #unexpected(expected: string): never {
    const { at, text } = this.#token;
    const following = this.#tokens[this.#next + 1];
    const isAlone = expected === '<EOF>' && following?.kind === 'end';
    const what = isAlone ? 'extraneous' : 'mismatched';
    throw new SyntaxIssue(at, `Syntax error: ${what} input '${text}' expecting ${expected}`);
  }

  #count<T extends Expr>(expr: T): T {
    this.#nodes++;
    if (this.#nodes > limits.celNodesMax)
      throw new SyntaxIssue(expr.at, `expression exceeds ${limits.celNodesMax} nodes`);
    return expr;
  }

  #call(at: number, name: string, args: readonly Expr[], target?: Expr): Expr {
    return this.#count({ kind: 'call', at, name, target, args });
  }

  #deeper<T>(parse: () => T): T {
    this.#depth++;
    if (this.#depth > limits.celDepthMax)
      throw new SyntaxIssue(this.#token.at, `expression recursion limit exceeded: ${limits.celDepthMax}`);
    const result = parse();
    this.#depth--;
    return result;
  }

  #expression(): Expr {
    return this.#deeper(() => {
      const condition = this.#chain('||', () => this.#chain('&&', () => this.#binary(0)));
      const at = this.#skip('?');
      if (at === undefined) return condition;
      const then = this.#chain('||', () => this.#chain('&&', () => this.#binary(0)));
      this.#expect(':');
      return this.#call(at, '_?_:_', [condition, then, this.#expression()]);
    });
  }

  #chain(symbol: '&&' | '||', operand: () => Expr): Expr {
    const terms = [operand()];
    const places: number[] = [];
    for (let at = this.#skip(symbol); at !== undefined; at = this.#skip(symbol)) {
      places.push(at);
      terms.push(operand());
    }
    return places.length === 0
      ? (terms[0] as Expr)
      : this.#balanced(`_${symbol}_`, terms, places, 0, places.length - 1);
  }

  #balanced(name: string, terms: readonly Expr[], places: readonly number[], low: number, high: number): Expr {
    const middle = Math.floor((low + high + 1) / 2);
    const left = middle === low ? terms[middle] : this.#balanced(name, terms, places, low, middle - 1);
    const right = middle === high ? terms[middle + 1] : this.#balanced(name, terms, places, middle + 1, high);
    return this.#call(places[middle] as number, name, [left as Expr, right as Expr]);
  }

  /** A chain leans to the left, so it counts as deep as it is long. */
  #binary(level: number): Expr {
    const symbols = levels[level];
    if (symbols === undefined) return this.#unary();
    const depth = this.#depth;
    let left = this.#binary(level + 1);
    while (this.#is(...symbols)) {
      const { at, text } = this.#take();
      left = this.#deeper(() => this.#call(at, operatorName(text), [left, this.#binary(level + 1)]));
      this.#depth++;
    }
    this.#depth = depth;
    return left;
  }

  #unary(): Expr {
    const { at } = this.#token;
    const symbol = this.#is('!') ? '!' : '-';
    let [count, last] = [0, at];
    for (let next = this.#skip(symbol); next !== undefined; next = this.#skip(symbol)) {
      count++;
      last = next;
    }
    const isNegative = symbol === '-' && count > 0 && this.#token.kind === 'number';
    const operand = this.#member(isNegative ? last : undefined);
    const isOdd = (isNegative ? count - 1 : count) % 2 === 1;
    return isOdd ? this.#call(at, symbol === '!' ? '!_' : '-_', [operand]) : operand;
  }

  /** `sign`: a minus before it that belongs to a number. */
  #member(sign: number | undefined): Expr {
    const depth = this.#depth;
    let expr = this.#primary(sign);
    for (let next = this.#suffix(expr); next !== undefined; next = this.#suffix(expr)) {
      const outer = next;
      expr = this.#deeper(() => outer);
      this.#depth++;
    }
    this.#depth = depth;
    return expr;
  }

  #suffix(operand: Expr): Expr | undefined {
    const dot = this.#skip('.');
    if (dot !== undefined) return this.#afterDot(operand, dot);
    const bracket = this.#skip('[');
    if (bracket !== undefined) {
      const name = this.#skip('?') === undefined ? '_[_]' : '_[?_]';
      const index = this.#expression();
      this.#expect(']');
      return this.#call(bracket, name, [operand, index]);
    }
    return this.#is('{') ? this.#struct(operand) : undefined;
  }

  #afterDot(operand: Expr, at: number): Expr {
    const isOptional = this.#skip('?') !== undefined;
    const name = this.#name('IDENTIFIER');
    const open = isOptional ? undefined : this.#skip('(');
    if (open !== undefined) return this.#macroOrCall(open, name.text, this.#list(')'), operand);
    if (isOptional) return this.#call(at, '_?._', [operand, literal(name.at, name.text)]);
    return this.#count({ kind: 'select', at, operand, field: name.text, isTest: false });
  }

  #macroOrCall(at: number, name: string, args: readonly Expr[], target?: Expr): Expr {
    return expandedMacro(at, name, target, args, (expr) => this.#count(expr)) ?? this.#call(at, name, args, target);
  }

  #name(expected: string): Token {
    if (this.#token.kind !== 'ident') this.#unexpected(expected);
    return this.#take();
  }

  /** Up to the symbol that ends it, which is taken. A comma may stand before it. */
  #list(end: string): readonly Expr[] {
    const items: Expr[] = [];
    while (!this.#is(end)) {
      items.push(this.#expression());
      if (this.#skip(',') === undefined) break;
      if (end === ')' && this.#is(end)) this.#unexpected(startsExpression);
    }
    this.#expect(end);
    return items;
  }

  #primary(sign: number | undefined): Expr {
    const token = this.#token;
    if (token.kind === 'number') return this.#count(numberLiteral(this.#take(), sign));
    if (token.kind === 'literal') return this.#count(literal(token.at, this.#take().value ?? null));
    if (token.kind === 'ident') return this.#identifier('');
    if (this.#skip('.') !== undefined) return this.#identifier('.');
    if (this.#skip('(') !== undefined) {
      const inner = this.#expression();
      this.#expect(')');
      return inner;
    }
    if (this.#skip('[') !== undefined) return this.#listLiteral(token.at);
    if (this.#skip('{') !== undefined) return this.#mapLiteral(token.at);
    return this.#unexpected(startsExpression);
  }

  #identifier(dot: '' | '.'): Expr {
    const { at, text } = this.#name('IDENTIFIER');
    if (reserved.has(text)) throw new SyntaxIssue(at, `reserved identifier: ${text}`);
    const open = this.#skip('(');
    if (open !== undefined) return this.#macroOrCall(open, text, this.#list(')'));
    return this.#count(ident(at, `${dot}${text}`));
  }

  #listLiteral(at: number): Expr {
    const elements: { value: Expr; isOptional: boolean }[] = [];
    while (!this.#is(']')) {
      const isOptional = this.#skip('?') !== undefined;
      elements.push({ value: this.#expression(), isOptional });
      if (this.#skip(',') === undefined) break;
    }
    this.#expect(']');
    return this.#count({ kind: 'list', at, elements });
  }

  #mapLiteral(at: number): Expr {
    const entries: { at: number; key: Expr; value: Expr; isOptional: boolean }[] = [];
    while (!this.#is('}')) {
      const isOptional = this.#skip('?') !== undefined;
      const key = this.#expression();
      const colon = this.#expect(':');
      entries.push({ at: colon, key, value: this.#expression(), isOptional });
      if (this.#skip(',') === undefined) break;
    }
    this.#expect('}');
    return this.#count({ kind: 'map', at, entries });
  }

  #struct(operand: Expr): Expr {
    const name = qualifiedName(operand);
    if (name === undefined) return this.#unexpected('<EOF>');
    const at = this.#expect('{');
    const fields: { at: number; name: string; value: Expr; isOptional: boolean }[] = [];
    while (!this.#is('}')) {
      const isOptional = this.#skip('?') !== undefined;
      const { text } = this.#name('IDENTIFIER');
      const colon = this.#expect(':');
      fields.push({ at: colon, name: text, value: this.#expression(), isOptional });
      if (this.#skip(',') === undefined) break;
    }
    this.#expect('}');
    return this.#count({ kind: 'struct', at, name, fields });
  }
}

/** Of `a.b.c`: what could be the name of a type or of a function. */
export function qualifiedName(expr: Expr): string | undefined {
  if (expr.kind === 'ident') return expr.name.replace(/^\./, '');
  if (expr.kind !== 'select' || expr.isTest) return undefined;
  const operand = qualifiedName(expr.operand);
  return operand === undefined ? undefined : `${operand}.${expr.field}`;
}

/** `sign`: where its minus stands, which is the constant's. */
function numberLiteral({ at: own, value }: Token, sign: number | undefined): Expr {
  const at = sign ?? own;
  const isNegative = sign !== undefined;
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new SyntaxIssue(at, 'invalid double literal');
    return literal(at, isNegative ? -value : value);
  }
  if (value instanceof CelUint) {
    if (isNegative || value.value >= uint64Max) throw new SyntaxIssue(at, 'invalid uint literal');
    return literal(at, value);
  }
  const number = isNegative ? -(value as bigint) : (value as bigint);
  if (number >= int64Max || number < -int64Max) throw new SyntaxIssue(at, 'invalid int literal');
  return literal(at, number);
}

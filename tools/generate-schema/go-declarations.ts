/**
 * Reads the type and constant declarations of one Go file. Function bodies, variables and imports' use are not looked at;
 * import names are, because a field's type names its package by them.
 */
import { goTokens, type Token } from './go-tokens.ts';

export type GoType =
  | { readonly kind: 'name'; readonly package?: string; readonly name: string }
  | { readonly kind: 'pointer'; readonly to: GoType }
  | { readonly kind: 'list'; readonly element: GoType }
  | { readonly kind: 'map'; readonly key: GoType; readonly value: GoType }
  | { readonly kind: 'struct'; readonly fields: readonly GoField[] }
  | { readonly kind: 'interface' };

export interface GoField {
  readonly name: string;
  readonly embedded: boolean;
  readonly type: GoType;
  readonly tag: string;
  /** The marker comments, without the plus sign: `listType=map`. */
  readonly markers: readonly string[];
}

export interface GoDeclaration {
  readonly name: string;
  readonly type: GoType;
  readonly alias: boolean;
  readonly markers: readonly string[];
}

export interface GoConstant {
  readonly name: string;
  readonly type?: string;
  /** The value, or the constant of another package that has it. */
  readonly value: string | number | boolean | GoReference;
}

export interface GoReference {
  /** As the file calls it. */
  readonly package: string;
  readonly name: string;
}

export interface GoFile {
  /** The name in the package clause. */
  readonly packageName: string;
  /** Import path by the name that the file uses. */
  readonly imports: ReadonlyMap<string, string>;
  readonly types: readonly GoDeclaration[];
  readonly constants: readonly GoConstant[];
}

export function readGoFile(source: string): GoFile {
  return new Reader(goTokens(source)).file();
}

class Reader {
  readonly #tokens: readonly Token[];
  #next = 0;
  /** Comments since the last token, in order. */
  #comments: Token[] = [];

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  file(): GoFile {
    let packageName = '';
    const imports = new Map<string, string>();
    const types: GoDeclaration[] = [];
    const constants: GoConstant[] = [];
    for (let token = this.#peek(); token !== undefined; token = this.#peek()) {
      const markers = this.#markers(2);
      this.#take();
      if (token.text === 'package') packageName = this.#take().text;
      else if (token.text === 'import') this.#each(() => this.#import(imports));
      else if (token.text === 'type') this.#each(() => types.push(this.#type(markers)));
      else if (token.text === 'const') this.#each(() => constants.push(...this.#constant()));
      else if (token.text === '{') this.#skipTo('}');
      else if (token.text === '(') this.#skipTo(')');
    }
    return { packageName, imports, types, constants };
  }

  /** Runs `read` once, or for each line of a parenthesised group. */
  #each(read: () => void): void {
    if (this.#peek()?.text !== '(') {
      read();
      return;
    }
    this.#take();
    while (this.#peek()?.text !== ')') read();
    this.#take();
  }

  #import(imports: Map<string, string>): void {
    const name = this.#peek()?.kind === 'string' ? undefined : this.#take().text;
    const path = this.#take().text;
    imports.set(name ?? path.slice(path.lastIndexOf('/') + 1), path);
  }

  #type(markersBefore: readonly string[]): GoDeclaration {
    const markers = [...markersBefore, ...this.#markers(2)];
    const name = this.#take().text;
    const alias = this.#peek()?.text === '=';
    if (alias) this.#take();
    return { name, type: this.#typeExpression(), alias, markers };
  }

  #typeExpression(): GoType {
    const token = this.#take();
    if (token.text === '*') return { kind: 'pointer', to: this.#typeExpression() };
    if (token.text === '[') {
      this.#skipTo(']');
      return { kind: 'list', element: this.#typeExpression() };
    }
    if (token.text === 'map') {
      this.#expect('[');
      const key = this.#typeExpression();
      this.#expect(']');
      return { kind: 'map', key, value: this.#typeExpression() };
    }
    if (token.text === 'struct') return this.#struct();
    if (token.text === 'interface') {
      this.#expect('{');
      this.#skipTo('}');
      return { kind: 'interface' };
    }
    if (token.text === 'func') return this.#functionType(token.line);
    if (this.#peek()?.text !== '.') return { kind: 'name', name: token.text };
    this.#take();
    return { kind: 'name', package: token.text, name: this.#take().text };
  }

  /** No field of an API type is a function; other types' are passed over. */
  #functionType(line: number): GoType {
    while (this.#peek()?.line === line) this.#take();
    return { kind: 'interface' };
  }

  #struct(): GoType {
    this.#expect('{');
    const fields: GoField[] = [];
    while (this.#peek()?.text !== '}') fields.push(...this.#field());
    this.#take();
    return { kind: 'struct', fields };
  }

  #field(): GoField[] {
    const markers = this.#markers(1);
    const first = this.#peek();
    const names: string[] = [];
    // An embedded field is a type alone: `*T`, `p.T`, or a name with nothing but a tag behind it on its line.
    const second = this.#peek(1);
    const embedded =
      first?.text === '*' || second?.text === '.' || second?.kind === 'string' || second?.line !== first?.line;
    if (!embedded) {
      names.push(this.#take().text);
      while (this.#peek()?.text === ',') {
        this.#take();
        names.push(this.#take().text);
      }
    }
    const type = this.#typeExpression();
    if (embedded) names.push(baseName(type));
    const tag = this.#peek()?.kind === 'string' ? this.#take().text : '';
    return names.map((name) => ({ name, embedded, type, tag, markers }));
  }

  /** `A T = "x"`, `A = 1`; a line with another form of value declares nothing that a table needs. */
  #constant(): GoConstant[] {
    const name = this.#take();
    const type = this.#peek()?.kind === 'name' && this.#peek()?.line === name.line ? this.#take().text : undefined;
    const rest: Token[] = [];
    for (let depth = 0; this.#peek()?.line === name.line; rest.push(this.#take())) {
      const { text } = this.#peek() as Token;
      if (text === ')' && depth === 0) break;
      depth += text === '(' ? 1 : text === ')' ? -1 : 0;
    }
    const [equals, ...expression] = rest;
    if (equals?.text !== '=') return [];
    const conversion = conversionOf(expression);
    const value = valueOf(conversion?.operand ?? expression);
    const typed = type ?? conversion?.type;
    return value === undefined ? [] : [{ name: name.text, value, ...(typed !== undefined && { type: typed }) }];
  }

  /** The token `ahead` places on, comments apart; what stands before it is kept for `#markers`. */
  #peek(ahead = 0): Token | undefined {
    while (this.#tokens[this.#next]?.kind === 'comment') {
      this.#comments.push(this.#tokens[this.#next++] as Token);
    }
    let index = this.#next;
    for (let left = ahead; left > 0; left--) {
      index++;
      while (this.#tokens[index]?.kind === 'comment') index++;
    }
    return this.#tokens[index];
  }

  #take(): Token {
    const token = this.#peek();
    if (token === undefined) throw new Error('The Go file ends within a declaration.');
    this.#next++;
    this.#comments = [];
    return token;
  }

  #expect(text: string): void {
    const token = this.#take();
    if (token.text !== text) throw new Error(`Line ${token.line}: expected ${text}, found ${token.text}.`);
  }

  /** Past the mark that closes the group just opened. */
  #skipTo(closing: string): void {
    const opening = { ')': '(', '}': '{', ']': '[' }[closing];
    for (let depth = 1; depth > 0; ) {
      const { kind, text } = this.#take();
      if (kind === 'string') continue;
      if (text === opening) depth++;
      else if (text === closing) depth--;
    }
  }

  /**
   * Markers in the last `blocks` comment blocks before the next token, as upstream's generators read them: a field's own
   * comment alone, a type's comment and the one before it.
   */
  #markers(blocks: number): string[] {
    const token = this.#peek();
    const found: string[] = [];
    let line = token?.line ?? 0;
    let left = blocks;
    for (const comment of this.#comments.toReversed()) {
      if (comment.line < line - 1 && --left === 0) break;
      line = comment.line;
      if (comment.text.startsWith('+')) found.unshift(comment.text.slice(1).trim());
    }
    return found;
  }
}

function baseName(type: GoType): string {
  if (type.kind === 'pointer') return baseName(type.to);
  if (type.kind === 'name') return type.name;
  throw new Error(`A ${type.kind} cannot be embedded.`);
}

/** `Colour("red")`: a constant that gets its type by conversion. */
function conversionOf(expression: readonly Token[]): { type: string; operand: readonly Token[] } | undefined {
  const [type, open] = expression;
  if (type?.kind !== 'name' || open?.text !== '(' || expression.at(-1)?.text !== ')') return undefined;
  return { type: type.text, operand: expression.slice(2, -1) };
}

/** A literal, or `package.Name`; undefined for anything that would have to be computed. */
function valueOf(expression: readonly Token[]): GoConstant['value'] | undefined {
  const [first, dot, name] = expression;
  if (first !== undefined && expression.length === 1) return literal(first);
  if (first?.kind !== 'name' || dot?.text !== '.' || name?.kind !== 'name' || expression.length !== 3) return undefined;
  return { package: first.text, name: name.text };
}

function literal({ kind, text }: Token): string | number | boolean | undefined {
  if (kind === 'string') return text;
  if (kind === 'number') return Number(text);
  return text === 'true' ? true : text === 'false' ? false : undefined;
}

/** The text of an expression as tokens. Faults are worded as cel-go's lexer words them. */
import { SyntaxIssue } from './issues.ts';
import { bytesOf, textOf } from './string-literals.ts';
import { CelUint, type CelValue } from './values.ts';

export type TokenKind = 'literal' | 'number' | 'ident' | 'symbol' | 'end';

export interface Token {
  readonly kind: TokenKind;
  readonly at: number;
  /** As written; `<EOF>` at the end. */
  readonly text: string;
  readonly value?: CelValue;
}

const spaces = /(?:[ \t\r\n\f]|\/\/[^\n]*)+/y;
const words = /[A-Za-z_][A-Za-z0-9_]*/y;
const symbols = /&&|\|\||==|!=|<=|>=|[-+*/%<>!()[\]{}.,:?]/y;
const floats = /\d+\.\d+(?:[eE][-+]?\d+)?|\d+[eE][-+]?\d+|\.\d+(?:[eE][-+]?\d+)?/y;
const integers = /(?:0x[0-9a-fA-F]+|\d+)[uU]?/y;
const strings =
  /(?:[rR][bB]?|[bB][rR]?)?(?:"""(?:[^\\]|\\[^])*?"""|'''(?:[^\\]|\\[^])*?'''|"(?:[^\\"\r\n]|\\[^\r\n])*"|'(?:[^\\'\r\n]|\\[^\r\n])*')/y;
const rawStrings = /(?:[rR][bB]?|[bB][rR])(?:"""[^]*?"""|'''[^]*?'''|"[^"\r\n]*"|'[^'\r\n]*')/y;

const constants: ReadonlyMap<string, CelValue> = new Map<string, CelValue>([
  ['true', true],
  ['false', false],
  ['null', null],
]);

/** @throws SyntaxIssue */
export function tokensOf(text: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const space = matchAt(spaces, text, at);
    if (space !== undefined) {
      at += space.length;
      continue;
    }
    const token = tokenAt(text, at);
    tokens.push(token);
    at += token.text.length;
  }
  tokens.push({ kind: 'end', at: text.length, text: '<EOF>' });
  return tokens;
}

function matchAt(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

function tokenAt(text: string, at: number): Token {
  const raw = matchAt(rawStrings, text, at);
  const quoted = raw ?? matchAt(strings, text, at);
  if (quoted !== undefined) return { kind: 'literal', at, text: quoted, value: quotedValue(quoted, at) };
  const float = matchAt(floats, text, at);
  if (float !== undefined) return { kind: 'number', at, text: float, value: Number(float) };
  const integer = matchAt(integers, text, at);
  if (integer !== undefined) return { kind: 'number', at, text: integer, value: integerValue(integer) };
  const word = matchAt(words, text, at);
  if (word !== undefined) return wordToken(word, at);
  const symbol = matchAt(symbols, text, at);
  if (symbol !== undefined) return { kind: 'symbol', at, text: symbol };
  const rest = String.fromCodePoint(text.codePointAt(at) ?? 0);
  const shown = rest === '"' || rest === "'" ? (text.slice(at).split('\n', 1)[0] ?? rest) : rest;
  throw new SyntaxIssue(at, `Syntax error: token recognition error at: '${shown}'`);
}

function wordToken(text: string, at: number): Token {
  const value = constants.get(text);
  if (value !== undefined) return { kind: 'literal', at, text, value };
  return { kind: text === 'in' ? 'symbol' : 'ident', at, text };
}

/** Ranges are checked where the sign is known. */
function integerValue(text: string): CelValue {
  return /u$/i.test(text) ? new CelUint(BigInt(text.slice(0, -1))) : BigInt(text);
}

function quotedValue(text: string, at: number): CelValue {
  const [, prefix = '', body = ''] = /^([rRbB]*)([^]*)$/.exec(text) ?? [];
  const isBytes = /b/i.test(prefix);
  const isRaw = /r/i.test(prefix);
  const quoteLength = body.length >= 6 && (body.startsWith('"""') || body.startsWith("'''")) ? 3 : 1;
  const inner = body.slice(quoteLength, body.length - quoteLength);
  try {
    return isBytes ? bytesOf(inner, isRaw) : textOf(inner, isRaw);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new SyntaxIssue(at, `${error.message}: ${text}`);
  }
}

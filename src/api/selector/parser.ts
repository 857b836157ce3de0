/**
 * Takes the text of a label selector apart, with upstream's error texts. The grammar stands in `../selector.ts`.
 */
import { badRequest } from '../status-error.ts';
import {
  aggregate,
  checkSelectorLength,
  keyErrors,
  type LabelOperator,
  type LabelRequirement,
  makeRequirement,
} from './requirement.ts';

const failedRequirement = 'unable to parse requirement: ';

/** The requirements as they stand in `text`. @throws StatusError BadRequest */
export function parseRequirements(text: string): LabelRequirement[] {
  checkSelectorLength(text);
  return new SelectorParser(text).parse();
}

interface Token {
  readonly kind: 'end' | 'error' | 'identifier' | 'symbol' | 'keyword';
  readonly text: string;
}

const endToken: Token = { kind: 'end', text: '' };

function tokens(text: string): Token[] {
  const found: Token[] = [];
  for (const match of text.matchAll(/[=!(),<>]+|[^=!(),<> \t\r\n]+/g)) {
    const [word] = match;
    if (/^[=!(),<>]/.test(word)) for (const symbol of symbols(word)) found.push(symbol);
    else found.push({ kind: word === 'in' || word === 'notin' ? 'keyword' : 'identifier', text: word });
  }
  return [...found, endToken];
}

/** Takes a run of operator characters apart, longest operator first. */
function symbols(run: string): Token[] {
  const found = run.match(/==|!=|[=!(),<>]/g) ?? [];
  return found.map((text) => ({ kind: 'symbol', text }));
}

class SelectorParser {
  readonly #tokens: readonly Token[];
  #position = 0;

  constructor(text: string) {
    this.#tokens = tokens(text);
  }

  parse(): LabelRequirement[] {
    const requirements: LabelRequirement[] = [];
    if (this.#peek().kind === 'end') return requirements;
    this.#expectStart(`found '${this.#peek().text}', expected: !, identifier, or 'end of string'`);
    for (;;) {
      requirements.push(this.#requirement());
      const next = this.#take();
      if (next.kind === 'end') return requirements;
      if (!isSymbol(next, ',')) throw badRequest(`found '${next.text}', expected: ',' or 'end of string'`);
      this.#expectStart(`found '${this.#peek().text}', expected: identifier after ','`);
    }
  }

  #peek(): Token {
    return this.#tokens[this.#position] ?? endToken;
  }

  #take(): Token {
    return this.#tokens[this.#position++] ?? endToken;
  }

  #expectStart(message: string): void {
    if (!isIdentifier(this.#peek()) && !isSymbol(this.#peek(), '!')) throw badRequest(message);
  }

  #requirement(): LabelRequirement {
    const negated = isSymbol(this.#peek(), '!');
    if (negated) this.#take();
    const key = this.#key();
    const next = this.#peek();
    if (next.kind === 'end' || isSymbol(next, ','))
      return makeRequirement(key, negated ? '!' : 'exists', [], failedRequirement);
    // Upstream reads "!a" before anything else as "a must not exist" and leaves the rest to its caller to refuse.
    if (negated) return makeRequirement(key, '!', [], failedRequirement);
    const operator = this.#operator();
    const values = operator === 'in' || operator === 'notin' ? this.#values() : [this.#value()];
    return makeRequirement(key, operator, values, failedRequirement);
  }

  #key(): string {
    const token = this.#take();
    if (!isIdentifier(token)) throw fail(`found '${token.text}', expected: identifier`);
    const errors = keyErrors('<nil>', token.text);
    if (errors.length > 0) throw fail(aggregate(errors));
    return token.text;
  }

  #operator(): LabelOperator {
    const { kind, text } = this.#take();
    if (kind === 'keyword') return text === 'in' ? 'in' : 'notin';
    if (kind === 'symbol') {
      if (text === '=' || text === '==' || text === '!=') return text;
      if (text === '>') return 'gt';
      if (text === '<') return 'lt';
    }
    throw fail(`found '${text}', expected: in, notin, =, ==, !=, gt, lt`);
  }

  #value(): string {
    const token = this.#peek();
    if (token.kind === 'end' || isSymbol(token, ',')) return '';
    this.#take();
    if (!isIdentifier(token)) throw fail(`found '${token.text}', expected: identifier`);
    return token.text;
  }

  /** Between parentheses; a missing value is the empty one, as in `(a,)`. */
  #values(): string[] {
    const open = this.#take();
    if (!isSymbol(open, '(')) throw fail(`found '${open.text}' expected: '('`);
    const values: string[] = [];
    for (;;) {
      if (isIdentifier(this.#peek())) values.push(this.#take().text);
      else values.push('');
      const next = this.#take();
      if (isSymbol(next, ')')) return values;
      if (!isSymbol(next, ',')) throw fail(`found '${next.text}', expected: ',' or ')'`);
    }
  }
}

/** Keywords are operators only where one can stand: `in` is a good key and a good value. */
function isIdentifier(token: Token): boolean {
  return token.kind === 'identifier' || token.kind === 'keyword';
}

function isSymbol(token: Token, text: string): boolean {
  return token.kind === 'symbol' && token.text === text;
}

function fail(message: string): Error {
  return badRequest(failedRequirement + message);
}

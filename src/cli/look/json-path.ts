/**
 * kubectl's JSONPath templates: `{.items[*].metadata.name}`, `{range .items[*]}{.metadata.name}{"\n"}{end}`.
 *
 * ```
 *  text {expressions} text {range expression} … {end}
 *  expression:  steps after an optional $ or @, or "text", 'text', a number, true, false
 *  step:        .name  .*  ..name  ['name']  [0]  [-1]  [1:3]  [0:9:2]  [0,2]  ['a','b']  [*]  [?(@.a=="b")]
 * ```
 * What an object lacks is empty, as with kubectl. Differs: a template without braces is taken for an expression, where kubectl prints it as it is.
 */
import type { JsonValue } from '../../api/object.ts';
import { comparisons } from '../../lib/comparisons.ts';
import { UsageError } from '../exit-code.ts';
import { sortedKeys } from './documents.ts';

export type Evaluate = (value: JsonValue, root?: JsonValue) => JsonValue[];

type Part =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'values'; readonly expressions: readonly Evaluate[] }
  | { readonly kind: 'range'; readonly over: Evaluate; readonly parts: readonly Part[] };

/** At it: refused. Ranges within ranges are few. */
const depthMax = 50;

/** From a template to a function that prints a value. @throws UsageError */
export function jsonPathTemplate(template: string): (value: JsonValue) => string {
  const source = template.includes('{') ? template : `{${template}}`;
  const parts = new TemplateReader(source).read();
  return (value) => render(parts, value, value);
}

/** One expression as `--sort-by` and `-o custom-columns` take it: `.metadata.name`, `metadata.name`, `{.metadata.name}`. @throws UsageError */
export function jsonPathExpression(text: string): Evaluate {
  const inner = /^\{(.*)\}$/s.exec(text.trim())?.[1] ?? text.trim();
  const reader = new ExpressionReader(/^[.[$@]/.test(inner) ? inner : `.${inner}`);
  const found = reader.expression();
  reader.end();
  return found;
}

function render(parts: readonly Part[], value: JsonValue, root: JsonValue): string {
  return parts
    .map((part) => {
      if (part.kind === 'text') return part.text;
      if (part.kind === 'range')
        return part
          .over(value, root)
          .map((each) => render(part.parts, each, root))
          .join('');
      return part.expressions.flatMap((expression) => expression(value, root).map(printed)).join(' ');
    })
    .join('');
}

/** Texts as they are, the rest as JSON with its keys in order. */
export function printed(value: JsonValue): string {
  return typeof value === 'string' ? value : value === null ? '' : JSON.stringify(sortedKeys(value));
}

/** Cuts a template into its texts and actions. */
class TemplateReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): Part[] {
    const parts = this.#parts(0);
    if (this.#at < this.#text.length) throw new UsageError(`JSONPath: {end} without {range} in ${this.#text}`);
    return parts;
  }

  /** Up to the end, or to the {end} of this range. */
  #parts(depth: number): Part[] {
    if (depth > depthMax) throw new UsageError('JSONPath: too many ranges within each other');
    const parts: Part[] = [];
    while (this.#at < this.#text.length) {
      const brace = this.#text.indexOf('{', this.#at);
      const textEnd = brace < 0 ? this.#text.length : brace;
      if (textEnd > this.#at) parts.push({ kind: 'text', text: this.#text.slice(this.#at, textEnd) });
      if (brace < 0) {
        this.#at = textEnd;
        break;
      }
      const end = this.#closing(brace);
      const action = this.#text.slice(brace + 1, end).trim();
      if (action === 'end') {
        if (depth === 0) this.#at = brace;
        else this.#at = end + 1;
        return parts;
      }
      this.#at = end + 1;
      parts.push(this.#action(action, depth));
    }
    if (depth > 0) throw new UsageError(`JSONPath: {range} without {end} in ${this.#text}`);
    return parts;
  }

  #action(action: string, depth: number): Part {
    const range = /^range\s+(.*)$/s.exec(action)?.[1];
    const reader = new ExpressionReader(range ?? action);
    const expressions = [reader.expression()];
    if (range === undefined) while (!reader.atEnd()) expressions.push(reader.expression());
    reader.end();
    if (range === undefined) return { kind: 'values', expressions };
    return { kind: 'range', over: expressions[0] as Evaluate, parts: this.#parts(depth + 1) };
  }

  /** The brace that closes this one: braces in quotes do not count. */
  #closing(open: number): number {
    let quote = '';
    for (let at = open + 1; at < this.#text.length; at++) {
      const character = this.#text.charAt(at);
      if (character === '\\') at++;
      else if (quote !== '') quote = character === quote ? '' : quote;
      else if (character === '"' || character === "'") quote = character;
      else if (character === '}') return at;
    }
    throw new UsageError(`JSONPath: a { is not closed in ${this.#text}`);
  }
}

type Step = (value: JsonValue) => JsonValue[];

const literals: Readonly<Record<string, JsonValue>> = { true: true, false: false, null: null };
const escapes: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };

/** Reads expressions from left to right; filters are read by the same class. */
class ExpressionReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  atEnd(): boolean {
    this.#match(/\s*/y);
    return this.#at >= this.#text.length;
  }

  end(): void {
    if (!this.atEnd()) throw this.#unreadable();
  }

  expression(): Evaluate {
    this.#match(/\s*/y);
    const quoted = this.#match(/"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'/y);
    if (quoted !== undefined) return constant(unescaped(quoted[1] ?? quoted[2] ?? ''));
    const number = this.#match(/[+-]?\d+(\.\d+)?/y);
    if (number !== undefined) return constant(Number(number[0]));
    const word = this.#match(/(?:true|false|null)\b/y);
    if (word !== undefined) return constant(literals[word[0]] ?? null);
    const start = this.#at;
    const anchor = this.#match(/[$@]/y)?.[0];
    const steps = this.#steps();
    if (this.#at === start) throw this.#unreadable();
    return (value, root = value) =>
      steps.reduce<JsonValue[]>((values, step) => values.flatMap(step), [anchor === '$' ? root : value]);
  }

  #steps(): Step[] {
    const steps: Step[] = [];
    for (;;) {
      const deep = this.#match(/\.\./y);
      if (deep !== undefined) steps.push(descendants);
      const name =
        deep === undefined ? this.#match(/\.(\*|(?:\\.|[^\s.[\]{}()=!<>,"'|&\\])+)/y) : this.#match(/(\*|[\w-]+)/y);
      if (name !== undefined) {
        const text = (name[1] ?? '').replace(/\\(.)/g, '$1');
        steps.push(name[1] === '*' ? children : (value) => member(value, text));
      } else if (this.#match(/\[\s*/y) !== undefined) {
        steps.push(this.#bracket());
      } else if (deep === undefined) {
        // A lone dot is the value itself.
        if (steps.length === 0) this.#match(/\./y);
        return steps;
      }
    }
  }

  #bracket(): Step {
    const filter = this.#match(/\?\(\s*/y) !== undefined ? this.#filter() : undefined;
    const step = filter ?? this.#selection();
    if (this.#match(/\s*\]/y) === undefined) throw this.#unreadable();
    return step;
  }

  #filter(): Step {
    const left = this.expression();
    const operator = this.#match(/\s*(==|!=|<=|>=|<|>)\s*/y)?.[1];
    const right = operator === undefined ? undefined : this.expression();
    if (this.#match(/\s*\)/y) === undefined) throw this.#unreadable();
    const keeps = (element: JsonValue): boolean => {
      const found = left(element);
      if (operator === undefined || right === undefined) return found.length > 0;
      const wanted = right(element)[0];
      return (
        found[0] !== undefined && wanted !== undefined && comparisons[operator]?.(order(found[0], wanted)) === true
      );
    };
    return (value) => (Array.isArray(value) ? value : typeof value === 'object' ? children(value) : []).filter(keeps);
  }

  /** One or several of: `*`, an index, a slice, a name. */
  #selection(): Step {
    const steps: Step[] = [];
    do {
      this.#match(/\s*/y);
      const slice = this.#match(/(-?\d+)?\s*:\s*(-?\d+)?(?:\s*:\s*(-?\d+)?)?/y);
      const index = slice ?? this.#match(/-?\d+/y);
      const quoted = index ?? this.#match(/"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'/y);
      const found = quoted ?? this.#match(/\*|[\w-]+/y);
      if (found === undefined) throw this.#unreadable();
      if (slice !== undefined) steps.push(sliceOf(slice));
      else if (index !== undefined) steps.push(elementAt(Number(index[0])));
      else if (found[0] === '*') steps.push(children);
      else {
        const name = unescaped(found[1] ?? found[2] ?? found[0]);
        steps.push((value) => member(value, name));
      }
    } while (this.#match(/\s*,/y) !== undefined);
    return (value) => steps.flatMap((step) => step(value));
  }

  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text);
    if (found === null) return undefined;
    this.#at = pattern.lastIndex;
    return found;
  }

  #unreadable(): UsageError {
    return new UsageError(`JSONPath: cannot read "${this.#text.slice(this.#at)}" in "${this.#text}"`);
  }
}

const constant =
  (value: JsonValue): Evaluate =>
  () => [value];

const unescaped = (text: string): string => text.replace(/\\(.)/gs, (_, letter: string) => escapes[letter] ?? letter);

function children(value: JsonValue): JsonValue[] {
  return typeof value === 'object' && value !== null ? Object.values(value) : [];
}

/** The value and all that is in it, outermost first. */
function descendants(value: JsonValue): JsonValue[] {
  return [value, ...children(value).flatMap(descendants)];
}

function member(value: JsonValue, name: string): JsonValue[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, name)) return [];
  return [value[name] ?? null];
}

const elementAt =
  (index: number): Step =>
  (value) => {
    const element = Array.isArray(value) ? value.at(index) : undefined;
    return element === undefined ? [] : [element];
  };

function sliceOf([, from, to, step]: RegExpExecArray): Step {
  const stride = Math.max(1, Number(step ?? 1));
  return (value) =>
    Array.isArray(value)
      ? value
          .slice(Number(from ?? 0), to === undefined ? undefined : Number(to))
          .filter((_, index) => index % stride === 0)
      : [];
}

/** Negative, zero or positive: numbers as numbers, all else as texts. */
function order(left: JsonValue, right: JsonValue): number {
  if (typeof left === 'number' && typeof right === 'number') return left - right;
  const [a, b] = [printed(left), printed(right)];
  return a === b ? 0 : a < b ? -1 : 1;
}

/**
 * Regular expressions as Kubernetes' CEL has them (RE2), on JavaScript's engine: RE2 takes time in proportion to the text, JavaScript's may
 * take for ever. So what V8 can run in linear time runs so; what it cannot (counted repetition, `(?i)`) runs under a watchdog.
 * What RE2 does not have (look-around, back references) is refused, as there.
 */
import { setFlagsFromString } from 'node:v8';
import { createContext, Script } from 'node:vm';
import { CelFault } from './values.ts';

export class RegexError extends CelFault {
  override name = 'RegexError';
}

/** How long one match by backtracking may take (ms): thousands of times what a well-made expression needs. At it: an error. */
const matchMsMax = 50;
/** Expressions that are kept compiled. Beyond it: the oldest is compiled again. */
const keptMax = 256;

export interface Regex {
  /** @throws RegexError where it takes too long */
  test(text: string): boolean;
  /** All matches, one after the other, `countMax` at most. @throws RegexError */
  findAll(text: string, countMax: number): string[];
}

const kept = new Map<string, Regex>();

/** @throws RegexError where RE2 would not take it */
export function regex(pattern: string): Regex {
  const known = kept.get(pattern);
  if (known !== undefined) return known;
  const made = compile(pattern);
  if (kept.size >= keptMax) kept.delete(kept.keys().next().value as string);
  kept.set(pattern, made);
  return made;
}

function compile(pattern: string): Regex {
  if (/\(\?<?[=!]/.test(pattern) || /(?<!\\)(\\\\)*\\[1-9k]/.test(pattern))
    throw new RegexError(`error parsing regexp: invalid or unsupported Perl syntax: \`${pattern}\``);
  const { source, flags } = translated(pattern);
  const linear = flags === '' || flags === 's' ? linearTime(source, flags) : undefined;
  if (linear !== undefined)
    return { test: (text) => startOver(linear).test(text), findAll: (text, max) => all(linear, text, max) };
  return guarded(source, flags);
}

/** Flags in front, `\A`, `\z` and the other way to write named groups. */
function translated(pattern: string): { source: string; flags: string } {
  const [, letters = '', rest = pattern] = /^\(\?([ims]+)\)(.*)$/s.exec(pattern) ?? [];
  const source = rest
    .replaceAll('(?P<', '(?<')
    .replace(/(?<!\\)((?:\\\\)*)\\A/g, '$1^')
    .replace(/(?<!\\)((?:\\\\)*)\\z/g, '$1$');
  return { source, flags: [...new Set(letters)].sort().join('') };
}

let linearAllowed = false;

function linearTime(source: string, flags: string): RegExp | undefined {
  if (!linearAllowed) setFlagsFromString('--enable-experimental-regexp-engine');
  linearAllowed = true;
  try {
    return new RegExp(source, `${flags}lg`);
  } catch {
    return undefined;
  }
}

function guarded(source: string, flags: string): Regex {
  let expression: RegExp;
  try {
    expression = new RegExp(source, `${flags}g`);
  } catch (error) {
    throw new RegexError(`error parsing regexp: ${(error as Error).message}`, { cause: error });
  }
  return {
    test: (text) => timed(() => startOver(expression).test(text)),
    findAll: (text, max) => timed(() => all(expression, text, max)),
  };
}

function all(expression: RegExp, text: string, countMax: number): string[] {
  const found: string[] = [];
  if (countMax === 0) return found;
  for (const [match] of text.matchAll(startOver(expression))) {
    found.push(match);
    if (found.length === countMax) break;
  }
  return found;
}

function startOver(expression: RegExp): RegExp {
  expression.lastIndex = 0;
  return expression;
}

const slot: { run: (() => unknown) | undefined } = { run: undefined };
let watchdog: { script: Script; context: object } | undefined;

/** The engine asks for interrupts while it backtracks; node:vm is what sets one. */
function timed<T>(run: () => T): T {
  watchdog ??= { script: new Script('slot.run()'), context: createContext({ slot }) };
  slot.run = run;
  try {
    return watchdog.script.runInContext(watchdog.context, { timeout: matchMsMax }) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw error;
    throw new RegexError('regular expression took too long', { cause: error });
  } finally {
    slot.run = undefined;
  }
}

/**
 * The part of JSONPath that printer columns of CustomResourceDefinitions use: `.a.b`, `['a.b']`, `[0]`, `[-1]`, `[*]`,
 * `[?(@.type=="Ready")]`, `[?(@.weight>1)]`, with `\.` for a dot in a name. Parsed once, evaluated for each object.
 */
import { comparisons } from '../../lib/comparisons.ts';
import type { JsonValue } from '../object.ts';

type Step = (values: readonly JsonValue[]) => JsonValue[];

export type JsonPath = (value: JsonValue) => JsonValue[];

/** The text is no path of the kind above. */
export class JsonPathError extends Error {
  override name = 'JsonPathError';
}

const stepPattern =
  /\.(\*)|\.((?:\\.|[^.[\\])+)|\[(-?[0-9]+)\]|\[(\*)\]|\[(?:'([^']*)'|"([^"]*)")\]|\[\?\(\s*@((?:\.(?:\\.|[^.[\\\s=!<>)])+)+)\s*(?:([=!]=|[<>]=?)\s*(?:'([^']*)'|"([^"]*)"|([^\s)'"]+))\s*)?\)\]/y;

/** @throws JsonPathError */
export function parseJsonPath(text: string): JsonPath {
  const steps: Step[] = [];
  let position = text.startsWith('$') ? 1 : 0;
  while (position < text.length) {
    // A filter's own path is parsed in between, with the same pattern.
    stepPattern.lastIndex = position;
    const match = stepPattern.exec(text);
    if (match === null) throw new JsonPathError(`cannot read "${text.slice(position)}" in JSONPath "${text}"`);
    position = stepPattern.lastIndex;
    steps.push(stepOf(match));
  }
  return (value) => steps.reduce<JsonValue[]>((values, step) => step(values), [value]);
}

function stepOf(match: RegExpExecArray): Step {
  const [, star, member, index, bracketStar, single, double, filter] = match;
  if (star !== undefined || bracketStar !== undefined) return (values) => values.flatMap(children);
  if (index !== undefined) return (values) => values.flatMap((value) => elementAt(value, Number(index)));
  if (filter !== undefined) return filterStep(filter, match[8], match[9] ?? match[10] ?? match[11]);
  const name = single ?? double ?? unescape(member ?? '');
  return (values) => values.flatMap((value) => memberOf(value, name));
}

function unescape(text: string): string {
  return text.replace(/\\(.)/g, '$1');
}

function children(value: JsonValue): JsonValue[] {
  return typeof value === 'object' && value !== null ? Object.values(value) : [];
}

function elementAt(value: JsonValue, index: number): JsonValue[] {
  const element = Array.isArray(value) ? value.at(index) : undefined;
  return element === undefined ? [] : [element];
}

function memberOf(value: JsonValue, name: string): JsonValue[] {
  if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, name)) return [];
  return [value[name] ?? null];
}

/** Keeps the elements whose member compares as asked, or has the member at all. */
function filterStep(path: string, operator: string | undefined, operand: string | undefined): Step {
  const inner = parseJsonPath(path);
  const keeps = (element: JsonValue): boolean => {
    const [found] = inner(element);
    if (operator === undefined || found === undefined) return operator === undefined && found !== undefined;
    return comparisons[operator]?.(order(found, operand ?? '')) === true;
  };
  return (values) => values.flatMap((value) => (Array.isArray(value) ? value.filter(keeps) : []));
}

/** Negative, zero or positive: numbers as numbers, all else as texts. */
function order(found: JsonValue, operand: string): number {
  if (typeof found === 'number' && !Number.isNaN(Number(operand))) return found - Number(operand);
  const text = scalarText(found);
  return text === operand ? 0 : text < operand ? -1 : 1;
}

function scalarText(value: JsonValue): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

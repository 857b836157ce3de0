/** How large values are, by what types declare and by what constants show: characters, bytes, elements. */
import type { Expr } from './ast.ts';
import { characterCount, type EstimatedValue, none, type Range, range, union, unknownSize } from './costs.ts';
import type { CelType } from './types.ts';
import type { CelValue } from './values.ts';

export function elementValue(type: CelType, list: CelType | undefined): EstimatedValue {
  const declared = list?.kind === 'list' ? declaredSize(list.element) : undefined;
  return { type, size: declared ?? unknownSize, element: undefined, literal: undefined };
}

export const joinedSize = (a: Range | undefined, b: Range | undefined): Range | undefined =>
  a === undefined || b === undefined ? (a ?? b) : union(a, b);

const sized: ReadonlySet<CelType['kind']> = new Set(['dyn', 'string', 'bytes', 'list', 'map', 'timestamp', 'duration']);

/** Of what has no elements, upstream's types declare none. */
export function declaredSize(type: CelType): Range | undefined {
  if (!sized.has(type.kind)) return none;
  const { maxSize } = type as { readonly maxSize?: number };
  return maxSize === undefined ? undefined : range(0, maxSize);
}

export function writtenSize(expr: Expr): Range | undefined {
  if (expr.kind === 'list') return range(expr.elements.length);
  if (expr.kind === 'map') return range(expr.entries.length);
  return expr.kind === 'literal' ? range(literalSize(expr.value)) : undefined;
}

function literalSize(value: CelValue): number {
  if (typeof value === 'string') return characterCount(value);
  return value instanceof Uint8Array ? value.length : 1;
}

const scalars: ReadonlySet<CelType['kind']> = new Set(['bool', 'double', 'duration', 'int', 'timestamp', 'uint']);

export function isScalar(type: CelType): boolean {
  return type.kind === 'optional' ? isScalar(type.of) : scalars.has(type.kind);
}

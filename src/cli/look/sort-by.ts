/** `--sort-by`: objects in the order of a field, as kubectl orders: amounts by size, times by time, numbers in texts as numbers (node-2 before node-10). Pure. */
import type { JsonValue } from '../../api/object.ts';
import { compareQuantities, parseQuantity } from '../../api/quantity.ts';
import { jsonPathExpression, printed } from './json-path.ts';

/** Sorts stably; what lacks the field comes first. @throws UsageError for a path that cannot be read */
export function sortedBy<T>(path: string, items: readonly T[], objectOf: (item: T) => JsonValue): T[] {
  const evaluate = jsonPathExpression(path);
  return items
    .map((item) => ({ item, key: evaluate(objectOf(item))[0] ?? null }))
    .toSorted((a, b) => compareValues(a.key, b.key))
    .map(({ item }) => item);
}

export function compareValues(left: JsonValue, right: JsonValue): number {
  if (left === null || right === null) return Number(left !== null) - Number(right !== null);
  if (typeof left === 'number' && typeof right === 'number') return left - right;
  const [a, b] = [printed(left), printed(right)];
  if (startsAsAmount.test(a) && startsAsAmount.test(b)) {
    const amounts = [a, b].map(amountOf);
    if (amounts[0] !== undefined && amounts[1] !== undefined) return compareQuantities(amounts[0], amounts[1]);
  }
  return naturalOrder(a, b);
}

const startsAsAmount = /^[+-]?\d/;

function amountOf(text: string): ReturnType<typeof parseQuantity> | undefined {
  try {
    return parseQuantity(text);
  } catch {
    return undefined;
  }
}

function naturalOrder(left: string, right: string): number {
  const [a, b] = [left, right].map((text) => text.split(/(\d+)/));
  for (let index = 0; index < Math.min(a?.length ?? 0, b?.length ?? 0); index++) {
    const [x = '', y = ''] = [a?.[index], b?.[index]];
    if (x === y) continue;
    if (index % 2 === 1 && Number(x) !== Number(y)) return Number(x) - Number(y);
    return x < y ? -1 : 1;
  }
  return left.length - right.length;
}

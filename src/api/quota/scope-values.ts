/** A scope that has values, such as a priority class, asked about an object's own. Pure. */
import type { ScopedResourceSelectorRequirement } from '../schema/types/core-v1.ts';

/** `value` is undefined where the object has none. */
export function selects(
  { operator, values = [] }: ScopedResourceSelectorRequirement,
  value: string | undefined,
): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
  }
}

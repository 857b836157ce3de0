/** How custom resources are printed: the name, then the columns that their CustomResourceDefinition names, else the age. */
import type { JsonValue, KubeObject } from '../object.ts';
import type { CustomResourceColumnDefinition } from '../schema/types/apiextensions-v1.ts';
import { ageColumn, type Cell, type Column, nameColumn, type Printer, printer } from './column.ts';
import { ageSince } from './duration.ts';
import { JsonPathError, parseJsonPath } from './json-path.ts';

/** Where a path cannot be read, as those with unions and slices, the objects are printed as if no columns were declared. */
export function customPrinter(definitions: readonly CustomResourceColumnDefinition[] = []): Printer {
  const columns = columnsOf(definitions);
  return printer(nameColumn, ...(columns.length === 0 ? [{ ...ageColumn, type: 'date' as const }] : columns));
}

function columnsOf(definitions: readonly CustomResourceColumnDefinition[]): readonly Column<KubeObject>[] {
  try {
    return definitions.map(customColumn);
  } catch (error) {
    if (error instanceof JsonPathError) return [];
    throw error;
  }
}

function customColumn(definition: CustomResourceColumnDefinition): Column<KubeObject> {
  const { name, type, format, description, priority, jsonPath } = definition;
  const path = parseJsonPath(jsonPath);
  return {
    name,
    type: type as Column<KubeObject>['type'],
    ...(format !== undefined && { format }),
    description: description || `Custom resource definition column (in JSONPath format): ${jsonPath}`,
    ...(priority !== undefined && { priority }),
    cell: (object, { nowMs }) => cellOf(type, path(object as JsonValue), nowMs),
  };
}

/** The first value as the column's type wants it; an empty cell where it is missing or of another type. */
function cellOf(type: string, found: readonly JsonValue[], nowMs: number): Cell {
  const [value] = found;
  if (value === undefined || value === null) return null;
  switch (type) {
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null;
    case 'number':
      return typeof value === 'number' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'date':
      return typeof value === 'string' ? ageSince(value === '' ? undefined : value, nowMs) : null;
    default:
      return typeof value === 'object' ? JSON.stringify(sorted(value)) : String(value);
  }
}

/** With its keys in the order in which Go writes a map's. */
function sorted(value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((name) => [name, sorted(value[name] ?? null)]),
  );
}

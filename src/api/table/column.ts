/**
 * How a kind is printed: a list of columns, each a name and a function that makes its cell.
 *
 * A printer looks at an object once (`view`) and fills all columns from what it found; most kinds need no view of their own.
 * Cells are strings, numbers and booleans, as the column's type says; null is an empty cell. Nothing here reads a clock:
 * `nowMs` comes in.
 */
import type { KubeObject } from '../object.ts';
import type { LabelSelector, TableRowCondition } from '../schema/types/meta-v1.ts';
import { labelMatcher } from '../selector.ts';
import { ageSince } from './duration.ts';

export type Cell = string | number | boolean | null;

export interface PrintContext {
  readonly nowMs: number;
}

export interface Column<V> {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  readonly format?: string;
  readonly description?: string;
  /** 1 shows with `-o wide` only. */
  readonly priority?: number;
  readonly cell: (view: V, context: PrintContext) => Cell;
}

export interface Printer {
  readonly columns: readonly Omit<Column<never>, 'cell'>[];
  cells(object: KubeObject, context: PrintContext): Cell[];
  conditions?(object: KubeObject): readonly TableRowCondition[] | undefined;
  /** Where rows do not stand in the list's own order. */
  order?(left: KubeObject, right: KubeObject): number;
}

export function printer<T extends KubeObject>(...columns: readonly Column<T>[]): Printer {
  return { columns, cells: (object, context) => columns.map(({ cell }) => cell(object as T, context)) };
}

/** For kinds whose columns share work. */
export function printerWithView<V>(
  view: (object: never, context: PrintContext) => V,
  ...columns: readonly Column<V>[]
): Printer {
  return {
    columns,
    cells: (object, context) => {
      const seen = view(object as never, context);
      return columns.map(({ cell }) => cell(seen, context));
    },
  };
}

type CellOf<V> = Column<V>['cell'];

export const text = <V>(name: string, cell: CellOf<V>): Column<V> => ({ name, type: 'string', cell });

export const integer = <V>(name: string, cell: (view: V) => number | undefined): Column<V> => ({
  name,
  type: 'integer',
  cell: (view) => cell(view) ?? 0,
});

export const boolean = <V>(name: string, cell: (view: V) => boolean | undefined): Column<V> => ({
  name,
  type: 'boolean',
  cell: (view) => cell(view) ?? false,
});

/** Shows with `-o wide` only. */
export const wide = <V>(column: Column<V>): Column<V> => ({ ...column, priority: 1 });

export const nameColumn: Column<KubeObject> = {
  name: 'Name',
  type: 'string',
  format: 'name',
  cell: (object) => nameOf(object),
};

/** The name, marked where an annotation makes the class the default one. */
export function defaultableName(...annotations: readonly string[]): Column<KubeObject> {
  const isDefault = ({ metadata }: KubeObject): boolean =>
    annotations.some((annotation) => metadata?.annotations?.[annotation] === 'true');
  return { ...nameColumn, cell: (object) => (isDefault(object) ? `${nameOf(object)} (default)` : nameOf(object)) };
}

export const ageColumn: Column<KubeObject> = text('Age', (object, { nowMs }) =>
  ageSince(object.metadata?.creationTimestamp, nowMs),
);

export function nameOf(object: KubeObject): string {
  return object.metadata?.name ?? '';
}

/** `a=1,b=2`, sorted; `<none>` where there are none. */
export function labelsText(labels: Readonly<Record<string, string>> = {}): string {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return pairs.length === 0 ? '<none>' : pairs.sort().join(',');
}

export function selectorText(selector: LabelSelector | undefined): string {
  try {
    const found = labelMatcher(selector).toString();
    return found === '' ? '<none>' : found;
  } catch {
    return '<error>';
  }
}

interface PodTemplateLike {
  readonly template?: {
    readonly spec?: { readonly containers?: readonly { readonly name?: string; readonly image?: string }[] };
  };
}

/** Names and images of the containers in a pod template. */
export function containerColumns<V>(specOf: (view: V) => PodTemplateLike | undefined): [Column<V>, Column<V>] {
  const list = (view: V, member: 'name' | 'image'): string =>
    (specOf(view)?.template?.spec?.containers ?? []).map((container) => container[member] ?? '').join(',');
  return [wide(text('Containers', (view) => list(view, 'name'))), wide(text('Images', (view) => list(view, 'image')))];
}

/** The first `max` of a list; how many more there are, where there are more. */
export function shortList(items: readonly string[], max: number, separator = ','): string {
  const shown = items.slice(0, max).join(separator);
  return items.length > max ? `${shown} + ${items.length - max} more...` : shown;
}

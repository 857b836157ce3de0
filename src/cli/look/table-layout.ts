/** What `naru get` makes of a server's table: which columns show, and what stands in them. Pure. */
import type { TableColumnDefinition } from '../../api/schema/types/meta-v1.ts';
import { harmless } from '../../lib/harmless.ts';
import type { TableRow } from './tables.ts';

export interface LayoutOptions {
  readonly wide: boolean;
  readonly withNamespace: boolean;
  /** Put before each name, as `pod/`; empty for none. */
  readonly prefix: string;
  readonly showLabels: boolean;
  readonly labelColumns: readonly string[];
  /** A column before all others: what happened to it, for watches that tell. */
  readonly withEvent?: boolean;
}

export interface Layout {
  readonly columns: readonly string[];
  cells(row: TableRow, event?: string): string[];
}

export function layoutOf(definitions: readonly TableColumnDefinition[], options: LayoutOptions): Layout {
  const shown = definitions.flatMap(({ priority }, index) => (options.wide || (priority ?? 0) === 0 ? [index] : []));
  const nameIndex = definitions.findIndex(({ name, format }) => format === 'name' || name.toLowerCase() === 'name');
  const cellOf = (row: TableRow, index: number): string =>
    index === nameIndex ? options.prefix + cellText(row.cells[index]) : cellText(row.cells[index]);
  return {
    columns: [
      ...(options.withEvent === true ? ['EVENT'] : []),
      ...(options.withNamespace ? ['NAMESPACE'] : []),
      ...shown.map((index) => (definitions[index]?.name ?? '').toUpperCase()),
      ...options.labelColumns.map((label) => label.slice(label.lastIndexOf('/') + 1).toUpperCase()),
      ...(options.showLabels ? ['LABELS'] : []),
    ],
    cells: (row, event) => {
      const { namespace = '', labels = {} } = row.object.metadata ?? {};
      return [
        ...(options.withEvent === true ? [event ?? ''] : []),
        ...(options.withNamespace ? [namespace] : []),
        ...shown.map((index) => cellOf(row, index)),
        ...options.labelColumns.map((label) => labels[label] ?? ''),
        ...(options.showLabels ? [labelsText(labels)] : []),
      ];
    },
  };
}

export function labelsText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}=${value}`);
  return pairs.length === 0 ? '<none>' : pairs.toSorted().join(',');
}

/** One line, without what a terminal would obey: an object's name for it is somebody else's text. */
export function cellText(value: unknown): string {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const end = text.search(/[\n\r\f]/);
  return harmless(end < 0 ? text : `${text.slice(0, end)}...`);
}

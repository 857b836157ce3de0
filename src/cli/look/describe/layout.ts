/**
 * A description as data, and how it becomes text: labels with their values in one column, entries within entries further in, tables.
 *
 * ```
 *  Name:      web            ['Name', 'web']
 *  Labels:    app=web        ['Labels', ['app=web', 'tier=front']]      several lines; none of them: <none>
 *             tier=front
 *  Containers:               ['Containers', { entries: [['nginx', { entries: … }]] }]
 *    nginx:
 *      Image:  nginx
 *  Events:                   ['Events', { columns: ['Type', …], rows: [[…], …] }]
 * ```
 * What is undefined is left out.
 */
import { harmless } from '../../../lib/harmless.ts';
import { cellText } from '../table-layout.ts';

export type Entry = readonly [label: string, value: Value | undefined];

export type Value =
  | string
  | number
  | boolean
  | readonly string[]
  | { readonly entries: readonly Entry[] }
  | { readonly columns: readonly string[]; readonly rows: readonly (readonly string[])[] }
  /** Lines of their own below the label. */
  | { readonly text: string };

const none = '<none>';

export function descriptionText(entries: readonly Entry[], indent = ''): string {
  const present = entries.filter((entry): entry is readonly [string, Value] => entry[1] !== undefined);
  const inline = present.filter(([, value]) => !isBelow(value)).map(([label]) => label.length);
  // The colon, and two spaces.
  const width = Math.max(0, ...inline) + 3;
  return present.map(([label, value]) => entryText(label, value, width, indent)).join('');
}

function isBelow(value: Value): value is Exclude<Value, string | number | boolean | readonly string[]> {
  if (typeof value !== 'object' || Array.isArray(value)) return false;
  if ('entries' in value) return value.entries.length > 0;
  if ('rows' in value) return value.rows.length > 0;
  return true;
}

function entryText(label: string, value: Value, width: number, indent: string): string {
  const head = `${indent}${harmless(label)}:`;
  if (!isBelow(value)) {
    const lines = typeof value === 'object' ? value : String(value).split('\n');
    const [first = none, ...more] = Array.isArray(lines) && lines.length > 0 ? lines : [none];
    const below = more.map((line) => `${indent}${' '.repeat(width)}${harmless(line)}\n`).join('');
    return `${head}${' '.repeat(Math.max(1, width - label.length - 1))}${harmless(first)}\n${below}`;
  }
  const inner = `${indent}  `;
  if ('entries' in value) return `${head}\n${descriptionText(value.entries, inner)}`;
  if ('rows' in value) return `${head}\n${tableLines(value.columns, value.rows, inner)}`;
  return `${head}\n${harmless(value.text)
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => `${inner}${line}\n`)
    .join('')}`;
}

function tableLines(columns: readonly string[], rows: readonly (readonly string[])[], indent: string): string {
  const all = [columns, columns.map((name) => '-'.repeat(name.length)), ...rows.map((row) => row.map(cellText))];
  const widths = columns.map((_, index) => Math.max(...all.map((row) => (row[index] ?? '').length)) + 2);
  return all
    .map((row) => {
      const line = row
        .map((cell, index) => (index < columns.length - 1 ? cell.padEnd(widths[index] ?? 0) : cell))
        .join('');
      return `${indent}${line}`.trimEnd().concat('\n');
    })
    .join('');
}

/**
 * Tables as kubectl prints them: columns at least six wide and three apart, the last one as long as it is. Widths are remembered from row to row,
 * so that what a watch adds stands under what was there. Colours come after the widths: they take no room.
 *
 * Kept true: no cell says anything to the terminal; cells are others' words.
 */

import { harmless } from '../../lib/harmless.ts';
import { bad, good, strong, warning } from './terminal.ts';
import { toneOf } from './tones.ts';

const gap = 3;
const widthMin = 6;

export interface TableOptions {
  readonly header: boolean;
  /** Where the output shows colours (`terminal.ts` knows), status words bear theirs. */
  readonly coloured?: boolean;
}

export class TableWriter {
  readonly #columns: readonly string[];
  readonly #options: TableOptions;
  readonly #widths: number[];
  #headerDue: boolean;

  constructor(columns: readonly string[], options: TableOptions) {
    this.#columns = columns;
    this.#options = options;
    this.#headerDue = options.header;
    this.#widths = columns.map((column) => (options.header ? widthOf(column) : widthMin));
  }

  /** The lines of these rows, with the header before the first ones. */
  lines(given: readonly (readonly string[])[]): string[] {
    const rows = given.map((row) => row.map(harmless));
    for (const row of rows) row.forEach((cell, index) => this.#widen(index, cell));
    const header = this.#headerDue ? [this.#line(this.#columns, () => strong)] : [];
    this.#headerDue = false;
    return [
      ...header,
      ...rows.map((row) => this.#line(row, (cell, index) => styleOf(this.#columns[index] ?? '', cell))),
    ];
  }

  #widen(index: number, cell: string): void {
    this.#widths[index] = Math.max(this.#widths[index] ?? widthMin, widthOf(cell));
  }

  #line(cells: readonly string[], style: (cell: string, index: number) => (text: string) => string): string {
    const last = this.#columns.length - 1;
    return cells
      .map((cell, index) => {
        const room = index < last ? ' '.repeat(Math.max(0, (this.#widths[index] ?? 0) - lengthOf(cell))) : '';
        return (this.#options.coloured === true ? style(cell, index)(cell) : cell) + room;
      })
      .join('');
  }
}

/** A whole table at once. */
export function tableText(
  columns: readonly string[],
  rows: readonly (readonly string[])[],
  options: TableOptions = { header: true },
): string {
  return new TableWriter(columns, options).lines(rows).join('\n');
}

const widthOf = (cell: string): number => Math.max(widthMin, lengthOf(cell) + gap);

/** In characters, not in units of UTF-16. */
function lengthOf(text: string): number {
  // Most cells are plain.
  for (let index = 0; index < text.length; index++)
    if (text.charCodeAt(index) >= 0xd800) return Array.from(text).length;
  return text.length;
}

const styles = { good, warning, bad, plain: (text: string): string => text } as const;

const styleOf = (column: string, cell: string): ((text: string) => string) => styles[toneOf(column, cell)];

/** `-o custom-columns=NAME:.metadata.name,IMAGE:.spec.containers[*].image`, also from a file (header line, line of paths). Pure but for the file. */
import { readFileSync } from 'node:fs';
import type { JsonValue } from '../../api/object.ts';
import { UsageError } from '../exit-code.ts';
import { type Evaluate, jsonPathExpression, printed } from './json-path.ts';
import { cellText } from './table-layout.ts';

export interface CustomColumns {
  readonly names: readonly string[];
  cells(object: JsonValue): string[];
}

/** @throws UsageError */
export function parseCustomColumns(text: string): CustomColumns {
  const columns = splitOutside(text).map((column) => {
    const colon = column.indexOf(':');
    if (colon <= 0 || colon === column.length - 1) {
      throw new UsageError(`a custom column is HEADER:PATH, as NAME:.metadata.name; this is none: "${column}"`);
    }
    return { name: column.slice(0, colon), path: jsonPathExpression(column.slice(colon + 1)) };
  });
  return columnsOf(columns);
}

/** @throws UsageError */
export function readCustomColumns(file: string): CustomColumns {
  const [names = [], paths = []] = readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => line.trim().split(/\s+/));
  if (names.length === 0 || names.length !== paths.length) {
    throw new UsageError(`${file}: the first line names columns and the second has a path for each`);
  }
  return columnsOf(names.map((name, index) => ({ name, path: jsonPathExpression(paths[index] ?? '') })));
}

function columnsOf(columns: readonly { readonly name: string; readonly path: Evaluate }[]): CustomColumns {
  return {
    names: columns.map(({ name }) => name),
    cells: (object) =>
      columns.map(({ path }) => {
        const found = path(object).filter((value) => value !== null);
        return found.length === 0 ? '<none>' : cellText(found.map(printed).join(','));
      }),
  };
}

/** At commas that stand in no brackets. */
function splitOutside(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < text.length; at++) {
    const character = text.charAt(at);
    if ('[({'.includes(character)) depth++;
    else if ('])}'.includes(character)) depth--;
    else if (character === ',' && depth === 0) {
      parts.push(text.slice(start, at));
      start = at + 1;
    }
  }
  return [...parts, text.slice(start)];
}

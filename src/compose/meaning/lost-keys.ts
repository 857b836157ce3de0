/** What the file says and the table of keys (`keys.ts`) calls lost: one note for each reason, with the places where it stands. */
import type { Key } from '../key.ts';
import { composeFile } from '../keys.ts';
import { isList, isMap, mapOf, type Tree } from '../loading/tree.ts';

const placesMax = 5;

export function lostKeys(tree: Tree): string[] {
  const places = new Map<string, string[]>();
  const visit = (value: Tree, key: Key, path: string): void => {
    if (value === null || isEmpty(value)) return;
    if ('lost' in key.fate) {
      places.set(key.fate.lost, [...(places.get(key.fate.lost) ?? []), path]);
      return;
    }
    if (isList(value) && key.items !== undefined) {
      for (const [index, item] of value.entries()) visit(item, key.items, `${path}[${index}]`);
    }
    for (const [name, inner] of Object.entries(isMap(value) ? value : {})) {
      const next = key.entries ?? (Object.hasOwn(key.keys ?? {}, name) ? key.keys?.[name] : undefined);
      if (next !== undefined) visit(inner, next, path === '' ? name : `${path}.${name}`);
    }
  };
  visit(tree, composeFile, '');
  return [...places].map(([why, at]) => `${listed(at)}: not carried over: ${why}`);
}

const isEmpty = (value: Tree): boolean =>
  (isList(value) && value.length === 0) || (isMap(value) && Object.keys(mapOf(value)).length === 0);

function listed(places: readonly string[]): string {
  const more = places.length - placesMax;
  return places.slice(0, placesMax).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

/** Reads struct tags and marker comments. */
import type { GoConstant } from './go-declarations.ts';

/** The value of `key` in a struct tag: `json:"name,omitempty"`. */
export function tagValue(tag: string, key: string): string | undefined {
  return new RegExp(`(?:^|\\s)${key}:"([^"]*)"`).exec(tag)?.[1];
}

export function marker(markers: readonly string[], name: string): boolean {
  return markers.includes(name);
}

export function markerValue(markers: readonly string[], name: string): string | undefined {
  return markers.find((each) => each.startsWith(`${name}=`))?.slice(name.length + 1);
}

export function listMapKeysOf(markers: readonly string[]): string[] {
  const keys = markers
    .map((each) => /^(?:k8s:)?listMapKey=(.+)$/.exec(each)?.[1])
    .filter((key): key is string => key !== undefined);
  return [...new Set(keys)];
}

/** `+default=…` as a JSON value; `ref(Name)` and `ref(path.Name)` are the constant's. */
export function defaultOf(markers: readonly string[], constants: ReadonlyMap<string, GoConstant>): unknown {
  const text = markerValue(markers, 'default');
  if (text === undefined) return undefined;
  const reference = /^ref\((?:.*\.)?(\w+)\)$/.exec(text)?.[1];
  if (reference === undefined) return JSON.parse(text) as unknown;
  const constant = constants.get(reference);
  if (constant === undefined) throw new Error(`No constant ${reference} stands beside the default that names it.`);
  return constant.value;
}

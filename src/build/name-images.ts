/**
 * Pods get an image by the name of its content, so that another content rolls the workload and the same one leaves it alone: wherever an object has
 * containers, names that recipes stand for are replaced. Pure.
 */
import type { JsonObject, JsonValue, KubeObject } from '../api/object.ts';
import { InvalidReference, normalizeImageName } from '../images/reference.ts';

const containerLists: ReadonlySet<string> = new Set(['containers', 'initContainers', 'ephemeralContainers']);

/** The object itself where nothing in it is named. @param names from `provideImages` */
export function nameImages<T extends KubeObject>(object: T, names: ReadonlyMap<string, string>): T {
  if (names.size === 0) return object;
  const wanted = new Map([...names].map(([name, built]) => [normalizeImageName(name), built]));
  return renamed(object as unknown as JsonValue, false, wanted) as unknown as T;
}

function renamed(value: JsonValue, isContainer: boolean, names: ReadonlyMap<string, string>): JsonValue {
  if (Array.isArray(value)) return changed(value, (one) => renamed(one, isContainer, names));
  if (typeof value !== 'object' || value === null) return value;
  const result: JsonObject = {};
  let differs = false;
  for (const [key, one] of Object.entries(value)) {
    const now = isContainer && key === 'image' ? builtName(one, names) : renamed(one, containerLists.has(key), names);
    differs ||= now !== one;
    Object.defineProperty(result, key, { value: now, enumerable: true, writable: true, configurable: true });
  }
  return differs ? result : value;
}

function changed(list: JsonValue[], change: (value: JsonValue) => JsonValue): JsonValue[] {
  const result = list.map(change);
  return result.some((one, index) => one !== list[index]) ? result : list;
}

function builtName(image: JsonValue, names: ReadonlyMap<string, string>): JsonValue {
  if (typeof image !== 'string') return image;
  try {
    return names.get(normalizeImageName(image)) ?? image;
  } catch (error) {
    // What is no reference is for the API to refuse.
    if (error instanceof InvalidReference) return image;
    throw error;
  }
}

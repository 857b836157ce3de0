/** The JSON patch (RFC 6902) that makes one value of another: what a mutating webhook answers. Pure. */
import { isDeepStrictEqual } from 'node:util';

export type PatchOperation =
  | { readonly op: 'add' | 'replace'; readonly path: string; readonly value: unknown }
  | { readonly op: 'remove'; readonly path: string };

/** Objects are compared field by field; a list that differs is replaced whole. What is undefined counts as absent. */
export function jsonDiff(before: unknown, after: unknown, path = ''): readonly PatchOperation[] {
  if (isDeepStrictEqual(before, after)) return [];
  if (!isRecord(before) || !isRecord(after)) return [{ op: 'replace', path, value: after }];
  const operations: PatchOperation[] = [];
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const step = `${path}/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    const [was, is] = [own(before, name), own(after, name)];
    if (was === undefined && is !== undefined) operations.push({ op: 'add', path: step, value: is });
    else if (is === undefined && was !== undefined) operations.push({ op: 'remove', path: step });
    else operations.push(...jsonDiff(was, is, step));
  }
  return operations;
}

/** A field may be called `constructor`, which every object seems to have. */
const own = (fields: Readonly<Record<string, unknown>>, name: string): unknown =>
  Object.hasOwn(fields, name) ? fields[name] : undefined;

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

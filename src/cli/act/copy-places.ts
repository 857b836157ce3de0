/** `[NAMESPACE/]POD:PATH`, or a path of this machine; and where within the goal each entry of an archive belongs. Pure. */
import path from 'node:path';
import { UsageError } from '../exit-code.ts';

export type CopyPlace =
  | { readonly kind: 'local'; readonly path: string }
  | { readonly kind: 'pod'; readonly namespace: string | undefined; readonly pod: string; readonly path: string };

/** @throws UsageError */
export function parsePlace(text: string): CopyPlace {
  const colon = text.indexOf(':');
  // A path with a colon is written ./a:b
  if (colon < 0 || text.startsWith('/') || text.startsWith('.')) {
    if (text === '') throw new UsageError('a path is empty');
    return { kind: 'local', path: text };
  }
  const words = text.slice(0, colon).split('/');
  const [pod = '', namespace] = words.toReversed();
  const remote = text.slice(colon + 1);
  if (words.length > 2 || pod === '' || namespace === '' || remote === '') {
    throw new UsageError(`"${text}" is not of the form [NAMESPACE/]POD:PATH`);
  }
  return { kind: 'pod', namespace, pod, path: remote };
}

/**
 * The place of an archive's entry, relative to the goal: `tar cf - var/log` names `var/log/a`, which is `a`. Undefined for what would lie
 * outside, as a hostile container might want.
 */
export function placeWithin(entry: string, root: string): string | undefined {
  const clean = (name: string): string => path.posix.normalize(`/${name}`).replace(/\/$/, '') || '/';
  if (entry.split('/').includes('..')) return undefined;
  const [from, name] = [clean(root), clean(entry)];
  if (name === from) return '';
  const prefix = from === '/' ? '/' : `${from}/`;
  return name.startsWith(prefix) ? name.slice(prefix.length) : undefined;
}

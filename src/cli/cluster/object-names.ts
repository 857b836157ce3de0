/**
 * How people name objects on a command line, the same for every command that takes them:
 *
 * ```
 *  pod/web-1 deploy/web        any number of TYPE/NAME
 *  pods web-1 web-2            one TYPE (or several: pods,svc), then names
 *  pods -l app=web             a TYPE, and which of it
 * ```
 * Only the grammar: what a type means is the cluster's to say (`resource-finder.ts`), and which objects are meant is for `targets.ts`.
 */
import { UsageError } from '../exit-code.ts';

export interface NamedObject {
  readonly type: string;
  readonly name: string;
}

export type ObjectWords =
  | { readonly kind: 'objects'; readonly objects: readonly NamedObject[] }
  /** Types without a name: a selector has to say which. */
  | { readonly kind: 'types'; readonly types: readonly string[] };

/** @throws UsageError */
export function parseObjectWords(words: readonly string[]): ObjectWords {
  const [first, ...names] = words;
  if (first === undefined)
    throw new UsageError('say what is meant, as TYPE/NAME or TYPE NAME (for example deploy/web)');
  const slashed = words.filter((word) => word.includes('/'));
  if (slashed.length > 0) {
    if (slashed.length < words.length) {
      throw new UsageError(`either all are TYPE/NAME or none is: ${words.join(' ')}`);
    }
    return { kind: 'objects', objects: words.map(parseSlashed) };
  }
  const types = first.split(',').filter((type) => type !== '');
  if (types.length === 0) throw new UsageError('the type is empty');
  if (names.length === 0) return { kind: 'types', types };
  return { kind: 'objects', objects: types.flatMap((type) => names.map((name) => ({ type, name }))) };
}

function parseSlashed(word: string): NamedObject {
  const [type = '', name = '', ...more] = word.split('/');
  if (type === '' || name === '' || more.length > 0) throw new UsageError(`"${word}" is not of the form TYPE/NAME`);
  return { type, name };
}

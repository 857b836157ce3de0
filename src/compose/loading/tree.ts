/** What a file holds before its meaning is known: plain values, and the marks of `!reset` and `!override`. */
export type Tree = string | number | boolean | null | readonly Tree[] | TreeMap | Mark;

export interface TreeMap {
  readonly [name: string]: Tree;
}

/** `!reset` takes away what an earlier file said; `!override` stands in its place without being merged. */
export class Mark {
  readonly kind: 'reset' | 'override';
  readonly value: Tree;

  constructor(kind: 'reset' | 'override', value: Tree) {
    this.kind = kind;
    this.value = value;
  }
}

export const isMap = (tree: Tree | undefined): tree is TreeMap =>
  typeof tree === 'object' && tree !== null && !Array.isArray(tree) && !(tree instanceof Mark);

export const isList = (tree: Tree | undefined): tree is readonly Tree[] => Array.isArray(tree);

export const mapOf = (tree: Tree | undefined): TreeMap => (isMap(tree) ? tree : {});
export const listOf = (tree: Tree | undefined): readonly Tree[] => (isList(tree) ? tree : []);

/** The value under a mark, changed; the mark stays. */
export function within(tree: Tree, change: (value: Tree) => Tree): Tree {
  return tree instanceof Mark ? new Mark(tree.kind, tree.kind === 'reset' ? null : change(tree.value)) : change(tree);
}

/** Each entry of a map, changed; what becomes undefined is left out. */
export function mapEntries(map: TreeMap, change: (value: Tree, name: string) => Tree | undefined): TreeMap {
  const changed = Object.entries(map).flatMap(([name, value]) => {
    const now = change(value, name);
    return now === undefined ? [] : [[name, now] as const];
  });
  return Object.fromEntries(changed);
}

/** A plain value as text; what holds others has none. */
export const textOf = (tree: Tree | undefined): string =>
  tree === undefined || tree === null || typeof tree === 'object' ? '' : String(tree);

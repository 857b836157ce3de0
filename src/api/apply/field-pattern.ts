/**
 * Which fields count, where that is easier said than which do not: paths of field names, with `*` for any item of a list.
 *
 * Keeps, of a set, what a path leads to and all below it, and on the way there the items that the path passes: who changes what is
 * inside an item of a list owns that item, too.
 */
import type { FieldSet } from './field-set.ts';
import type { PathElement } from './path-element.ts';

/** By the name of a field, or `*`. Empty: all below counts. */
interface Node {
  readonly below: ReadonlyMap<string, Node>;
}

export class FieldPattern {
  readonly #root: Node;

  /** `['spec', 'containers', '*', 'resources']`. */
  constructor(paths: readonly (readonly string[])[]) {
    this.#root = nodeOf(paths);
  }

  of(set: FieldSet): FieldSet {
    return kept(this.#root, set);
  }
}

function nodeOf(paths: readonly (readonly string[])[]): Node {
  const rests = Map.groupBy(
    paths.filter((path) => path.length > 0),
    ([name = '']) => name,
  );
  return { below: new Map([...rests].map(([name, group]) => [name, nodeOf(group.map((path) => path.slice(1)))])) };
}

function kept({ below }: Node, set: FieldSet): FieldSet {
  if (below.size === 0) return set;
  const next = (element: PathElement): Node | undefined =>
    below.get('*') ?? (element.kind === 'field' ? below.get(element.name) : undefined);
  return set.filtered(
    (element) => next(element) !== undefined,
    (element, inside) => {
      const node = next(element);
      return node && kept(node, inside);
    },
  );
}

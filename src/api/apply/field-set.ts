/**
 * A set of field paths: what one manager owns. It reads and writes `FieldsV1`.
 *
 * ```
 *  { spec: { replicas } }          FieldsV1                          here
 *  owns .spec.replicas             {"f:spec":{"f:replicas":{}}}      spec ─▶ child ─▶ replicas (a member)
 *  owns .metadata.labels and .a    {"f:labels":{".":{},"f:a":{}}}    labels: a member, and a child that holds a
 * ```
 * To own a field and to own something inside it are two things. A set does not change once it is made (`FieldSetBuilder`
 * makes it); sets share their parts. No child is ever empty.
 */
import { limits } from '../../lib/limits.ts';
import type { JsonObject } from '../object.ts';
import type { TypeAtom } from './atom.ts';
import {
  compareElements,
  FieldsError,
  fieldElement,
  type Path,
  type PathElement,
  parseElement,
} from './path-element.ts';

interface Child {
  readonly element: PathElement;
  readonly set: FieldSet;
}

type Members = ReadonlyMap<string, PathElement>;
type Children = ReadonlyMap<string, Child>;

/** Shared: most sets have only one of the two, and there is one for each item of a list. */
const noMembers: Members = new Map();
const noChildren: Children = new Map();

export class FieldSet {
  static readonly empty = new FieldSet(noMembers, noChildren);

  readonly #members: Members;
  readonly #children: Children;

  /** Takes both maps over; no child may be empty. */
  constructor(members: Members, children: Children) {
    this.#members = members;
    this.#children = children;
  }

  /** From field names alone: `['status']`, `['spec', 'replicas']`, or with dots `'spec.replicas'`. */
  static of(paths: readonly (string | readonly string[])[]): FieldSet {
    const builder = new FieldSetBuilder();
    for (const path of paths) {
      builder.add((typeof path === 'string' ? path.split('.') : path).map(fieldElement));
    }
    return builder.build();
  }

  /** @throws FieldsError */
  static fromFieldsV1(json: unknown): FieldSet {
    return readSet(json, 0).set;
  }

  /** Members and children in upstream's order. */
  toFieldsV1(): JsonObject {
    return this.#fieldsInto({});
  }

  #fieldsInto(fields: JsonObject): JsonObject {
    for (const { key } of this.#elements()) {
      const child = this.#children.get(key);
      const below: JsonObject = child && this.#members.has(key) ? { '.': {} } : {};
      // No key is `__proto__`: each begins with its kind.
      fields[key] = child ? child.set.#fieldsInto(below) : below;
    }
    return fields;
  }

  /** What is a member, or has members below it, in order. */
  #elements(): readonly PathElement[] {
    const elements = [...this.#members.values()];
    for (const [key, { element }] of this.#children) if (!this.#members.has(key)) elements.push(element);
    return elements.sort(compareElements);
  }

  get isEmpty(): boolean {
    return this.#members.size === 0 && this.#children.size === 0;
  }

  has(path: readonly (string | PathElement)[]): boolean {
    const [step, ...rest] = path;
    if (step === undefined) return false;
    const key = typeof step === 'string' ? `f:${step}` : step.key;
    if (rest.length === 0) return this.#members.has(key);
    return this.#children.get(key)?.set.has(rest) ?? false;
  }

  hasMember(element: PathElement): boolean {
    return this.#members.has(element.key);
  }

  /** What is owned below `element`. */
  child(element: PathElement): FieldSet | undefined {
    return this.#children.get(element.key)?.set;
  }

  /** The elements that are members. */
  members(): Iterable<PathElement> {
    return this.#members.values();
  }

  /** The elements below which something is owned. */
  parents(): readonly PathElement[] {
    return [...this.#children.values()].map(({ element }) => element);
  }

  /** Itself where `other` adds nothing: most updates change what their manager owns already. */
  union(other: FieldSet): FieldSet {
    if (other.isEmpty || other === this) return this;
    if (this.isEmpty) return other;
    const members = joinedMembers(this.#members, other.#members);
    const children = joinedChildren(this.#children, other.#children);
    return members === this.#members && children === this.#children ? this : new FieldSet(members, children);
  }

  intersection(other: FieldSet): FieldSet {
    if (other === this) return this;
    return this.#filtered(
      (key) => other.#members.has(key),
      (key, set) => {
        const theirs = other.#children.get(key);
        return theirs && set.intersection(theirs.set);
      },
    );
  }

  /** To own a field outlasts the loss of what is inside it, and the other way round. */
  difference(other: FieldSet): FieldSet {
    if (other.isEmpty || this.isEmpty) return this;
    return this.#filtered(
      (key) => !other.#members.has(key),
      (key, set) => set.difference(other.#children.get(key)?.set ?? FieldSet.empty),
    );
  }

  /** With a field goes everything inside it. */
  recursiveDifference(other: FieldSet): FieldSet {
    if (other.isEmpty || this.isEmpty) return this;
    return this.#filtered(
      (key) => !other.#members.has(key),
      (key, set) =>
        other.#members.has(key) ? undefined : set.recursiveDifference(other.#children.get(key)?.set ?? FieldSet.empty),
    );
  }

  /** The members that `keep` says, and of what is below others what `shrink` leaves. */
  filtered(
    keep: (element: PathElement) => boolean,
    shrink: (element: PathElement, set: FieldSet) => FieldSet | undefined,
  ): FieldSet {
    return this.#filtered(
      (key) => keep(this.#members.get(key) as PathElement),
      (key, set) => shrink((this.#children.get(key) as Child).element, set),
    );
  }

  /** Itself where nothing goes, so that nothing is made anew that did not change. */
  #filtered(keep: (key: string) => boolean, shrink: (key: string, set: FieldSet) => FieldSet | undefined): FieldSet {
    const members = keptMembers(this.#members, keep);
    const children = shrunkChildren(this.#children, shrink);
    if (members === this.#members && children === this.#children) return this;
    return members.size + children.size === 0 ? FieldSet.empty : new FieldSet(members, children);
  }

  equals(other: FieldSet): boolean {
    if (other === this) return true;
    if (other.#members.size !== this.#members.size || other.#children.size !== this.#children.size) return false;
    for (const key of this.#members.keys()) if (!other.#members.has(key)) return false;
    for (const [key, { set }] of this.#children) {
      const theirs = other.#children.get(key);
      if (!theirs || !set.equals(theirs.set)) return false;
    }
    return true;
  }

  /** What has nothing owned inside it. */
  leaves(): FieldSet {
    const members = new Map([...this.#members].filter(([key]) => !this.#children.has(key)));
    const children = new Map<string, Child>();
    for (const [key, { element, set }] of this.#children) children.set(key, { element, set: set.leaves() });
    return new FieldSet(members, children);
  }

  /** Every path, in upstream's order: on each level the members, then what is inside. */
  *paths(prefix: Path = []): Generator<Path> {
    for (const element of [...this.#members.values()].sort(compareElements)) yield [...prefix, element];
    for (const child of [...this.#children.values()].sort((a, b) => compareElements(a.element, b.element))) {
      yield* child.set.paths([...prefix, child.element]);
    }
  }

  [Symbol.iterator](): Generator<Path> {
    return this.paths();
  }

  /** With every declared field on the way to something owned; keys of maps and items of lists are not added. */
  withNamedFields(atom: TypeAtom | undefined): FieldSet {
    const members = new Map(this.#members);
    const children = new Map<string, Child>();
    for (const [key, { element, set }] of this.#children) {
      if (element.kind === 'field' && atom?.map?.declares(element.name)) members.set(key, element);
      children.set(key, { element, set: set.withNamedFields(atomBelow(atom, element)) });
    }
    return new FieldSet(members, children);
  }
}

function joinedMembers(ours: Members, theirs: Members): Members {
  if (theirs.size === 0) return ours;
  if (ours.size === 0) return theirs;
  for (const key of theirs.keys()) if (!ours.has(key)) return new Map([...ours, ...theirs]);
  return ours;
}

function joinedChildren(ours: Children, theirs: Children): Children {
  if (theirs.size === 0) return ours;
  if (ours.size === 0) return theirs;
  let children: Map<string, Child> | undefined;
  for (const [key, child] of theirs) {
    const mine = ours.get(key);
    const set = mine === undefined ? child.set : mine.set.union(child.set);
    if (set !== mine?.set) (children ??= new Map(ours)).set(key, { element: child.element, set });
  }
  return children ?? ours;
}

/** The same map where all stay. */
function keptMembers(members: Members, keep: (key: string) => boolean): Members {
  let goes = 0;
  for (const key of members.keys()) if (!keep(key)) goes++;
  if (goes === 0) return members;
  if (goes === members.size) return noMembers;
  return new Map([...members].filter(([key]) => keep(key)));
}

/** The same map where all stay as they are. */
function shrunkChildren(children: Children, shrink: (key: string, set: FieldSet) => FieldSet | undefined): Children {
  if (children.size === 0) return children;
  const shrunk = new Map<string, Child>();
  let same = true;
  for (const [key, child] of children) {
    const set = shrink(key, child.set);
    same &&= set === child.set;
    if (set && !set.isEmpty) shrunk.set(key, set === child.set ? child : { element: child.element, set });
  }
  if (same) return children;
  return shrunk.size === 0 ? noChildren : shrunk;
}

function atomBelow(atom: TypeAtom | undefined, element: PathElement): TypeAtom | undefined {
  if (element.kind === 'field') return atom?.map?.field(element.name);
  return element.kind === 'key' ? atom?.list?.element : undefined;
}

interface ReadSet {
  readonly set: FieldSet;
  readonly isMember: boolean;
}

/** Stored objects share the parts of their trees, frozen (`store/compact.ts`): each is read once, and its set shared likewise. */
const readParts = new WeakMap<object, ReadSet>();

function readSet(json: unknown, depth: number): ReadSet {
  if (depth === 0 || typeof json !== 'object' || json === null || !Object.isFrozen(json)) return readTree(json, depth);
  let part = readParts.get(json);
  if (part === undefined) readParts.set(json, (part = readTree(json, depth)));
  return part;
}

function readTree(json: unknown, depth: number): ReadSet {
  if (json === null) return { set: FieldSet.empty, isMember: true };
  if (typeof json !== 'object' || Array.isArray(json)) throw new FieldsError('not an object');
  if (depth > limits.fieldSetDepthMax) throw new FieldsError('exceeded max depth');
  let members: Map<string, PathElement> | undefined;
  let children: Map<string, Child> | undefined;
  let isMember = false;
  for (const key of Object.keys(json)) {
    if (key === '.') {
      isMember = true;
      continue;
    }
    const element = parseElement(key);
    if (!element) continue;
    const below = readSet((json as JsonObject)[key], depth + 1);
    if (below.isMember) (members ??= new Map()).set(element.key, element);
    if (!below.set.isEmpty) (children ??= new Map()).set(element.key, { element, set: below.set });
  }
  if (!members && !children) return emptyMember;
  return { set: new FieldSet(members ?? noMembers, children ?? noChildren), isMember };
}

const emptyMember = { set: FieldSet.empty, isMember: true };

/** Collects paths into a set. */
export class FieldSetBuilder {
  readonly #root: Node = {};

  /** The empty path is the object itself, which nobody owns: it is left out. */
  add(path: Path): void {
    let node = this.#root;
    const last = path.length - 1;
    for (let i = 0; i < last; i++) node = below(node, path[i] as PathElement);
    const element = path[last];
    if (element) (node.members ??= new Map()).set(element.key, element);
  }

  build(): FieldSet {
    return built(this.#root);
  }
}

/** Maps are made when something goes into them: a set has thousands of nodes, of which most hold one kind only. */
interface Node {
  members?: Map<string, PathElement>;
  children?: Map<string, { readonly element: PathElement; readonly node: Node }>;
}

function below(node: Node, element: PathElement): Node {
  const found = node.children?.get(element.key);
  if (found) return found.node;
  const child: Node = {};
  (node.children ??= new Map()).set(element.key, { element, node: child });
  return child;
}

function built({ members = noMembers, children }: { members?: Members; children?: Node['children'] }): FieldSet {
  if (!children) return members.size === 0 ? FieldSet.empty : new FieldSet(members, noChildren);
  const sets = new Map<string, Child>();
  for (const [key, { element, node: child }] of children) sets.set(key, { element, set: built(child) });
  return new FieldSet(members, sets);
}

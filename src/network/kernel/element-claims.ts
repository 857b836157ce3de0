/**
 * Which elements of a table's sets are wanted, and by whom. Several owners may want the same element: it is there as long as one of them does. Where they
 * want another value for one key of a map, the first who asked has it, and the next gets it when that one lets go; who has to wait is told.
 *
 * Moves are tried before they are kept: `changes` is what they come to all together, whatever the order in which owners let go and ask; then `commit`
 * or `rollback`.
 */
import type { NftElementChange } from './nft-program.ts';
import type { NftElement, NftFragment } from './nft-table.ts';

interface Claim {
  readonly owner: string;
  readonly element: NftElement;
}

/** Of one key. One claim is the rule, so it is kept without an array. The first has the element. */
type Claims = Claim | readonly Claim[] | undefined;

export interface Clash {
  readonly element: NftElement;
  readonly holder: string;
}

export class ElementClaims {
  readonly #sets = new Map<string, Map<string, Claims>>();
  /** As they were at the last commit, by set and key: of those that were moved since. */
  readonly #before = new Map<string, Map<string, Claims>>();
  /** At the last commit nothing was held: then `#before`, which the first program of a large cluster would fill with all keys, is not kept. */
  #beganEmpty = true;

  move(owner: string, before: NftFragment | undefined, after: NftFragment | undefined): void {
    const old = before?.elements ?? [];
    if (old.length > 0) {
      const wanted = new Map((after?.elements ?? []).map((element) => [idOf(element), element]));
      for (const element of old) {
        const stays = wanted.get(idOf(element));
        if (stays === undefined || stays.value !== element.value) this.#release(owner, element);
      }
    }
    for (const element of after?.elements ?? []) this.#claim(owner, element);
  }

  /** What the table needs since the last commit, by owner. */
  changes(): NftElementChange[] {
    if (this.#beganEmpty) return this.all();
    const changes = new Map<string, { owner: string; removed: NftElement[]; added: NftElement[] }>();
    const of = (owner: string) => entry(changes, owner, () => ({ owner, removed: [], added: [] }));
    for (const [set, keys] of this.#before) {
      for (const [key, claims] of keys) {
        const old = listed(claims)[0];
        const held = listed(this.#sets.get(set)?.get(key))[0];
        if (old !== undefined && held !== undefined && old.element.value === held.element.value) continue;
        // Only who had it can have let it go.
        if (old !== undefined) of(old.owner).removed.push(old.element);
        if (held !== undefined) of(held.owner).added.push(held.element);
      }
    }
    return [...changes.values()];
  }

  /** All that is held, by owner: for a table that is made anew. */
  all(): NftElementChange[] {
    const changes = new Map<string, { owner: string; removed: NftElement[]; added: NftElement[] }>();
    for (const keys of this.#sets.values()) {
      for (const claims of keys.values()) {
        const [held] = listed(claims);
        if (held === undefined) continue;
        entry(changes, held.owner, () => ({ owner: held.owner, removed: [], added: [] })).added.push(held.element);
      }
    }
    return [...changes.values()];
  }

  /** All that is held, set by set. */
  *held(): Generator<readonly [set: string, elements: Iterable<NftElement>]> {
    for (const [set, keys] of this.#sets) yield [set, heads(keys.values())];
  }

  /** Elements of the fragment that another owner has with another value. */
  clashes(owner: string, fragment: NftFragment | undefined): Clash[] {
    return (fragment?.elements ?? []).flatMap((element) => {
      const [held] = listed(this.#sets.get(element.set)?.get(element.key));
      const isOther = held !== undefined && held.owner !== owner && held.element.value !== element.value;
      return isOther ? [{ element, holder: held.owner }] : [];
    });
  }

  commit(): void {
    this.#before.clear();
    this.#beganEmpty &&= [...this.#sets.values()].every((keys) => keys.size === 0);
  }

  rollback(): void {
    if (this.#beganEmpty) this.#sets.clear();
    for (const [set, keys] of this.#before) {
      for (const [key, claims] of keys) this.#put(set, key, claims);
    }
    this.#before.clear();
  }

  #release(owner: string, { set, key }: NftElement): void {
    const known = this.#sets.get(set)?.get(key);
    if (known === undefined) return;
    const left = listed(known).filter((claim) => claim.owner !== owner);
    this.#change(set, key, known, left.length > 1 ? left : left[0]);
  }

  #claim(owner: string, element: NftElement): void {
    const { set, key } = element;
    const known = this.#sets.get(set)?.get(key);
    if (known === undefined) {
      this.#change(set, key, undefined, { owner, element });
      return;
    }
    const claims = listed(known);
    if (!claims.some((claim) => claim.owner === owner)) this.#change(set, key, known, [...claims, { owner, element }]);
  }

  #change(set: string, key: string, known: Claims, claims: Claims): void {
    if (!this.#beganEmpty) this.#note(set, key, known);
    this.#put(set, key, claims);
  }

  #note(set: string, key: string, known: Claims): void {
    const before = entry(this.#before, set, newKeys);
    if (!before.has(key)) before.set(key, known);
  }

  #put(set: string, key: string, claims: Claims): void {
    const keys = entry(this.#sets, set, newKeys);
    if (claims === undefined) keys.delete(key);
    else keys.set(key, claims);
  }
}

const newKeys = (): Map<string, Claims> => new Map();

function* heads(all: Iterable<Claims>): Generator<NftElement> {
  for (const claims of all) {
    const [head] = listed(claims);
    if (head !== undefined) yield head.element;
  }
}

function idOf({ set, key }: NftElement): string {
  return `${set} ${key}`;
}

function listed(claims: Claims): readonly Claim[] {
  if (claims === undefined) return [];
  return Array.isArray(claims) ? (claims as readonly Claim[]) : [claims as Claim];
}

function entry<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}

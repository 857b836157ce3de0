/**
 * Rules with ports as questions that cost one look-up each: the numbers of a protocol are cut where any rule begins or ends, and each piece
 * leads to the peers of all rules that hold it.
 *
 * ```
 *   80-90 from A            80-84 ─▶ A            one map with intervals, whatever the number of rules
 *   85-99 from B    ─▶      85-90 ─▶ A or B
 *                           91-99 ─▶ B
 * ```
 * Rules that overlap much would make pieces by the square of their number: such a list is halved, and each half has a map of its own. Pure.
 */
import { join, type Peers } from './peers.ts';

export interface PortRule {
  readonly first: number;
  readonly last: number;
  readonly peers: Peers;
}

export interface Piece {
  readonly first: number;
  readonly last: number;
  /** Index in `peers` of the dispatch. */
  readonly peers: number;
}

export interface Dispatch {
  readonly pieces: readonly Piece[];
  readonly peers: readonly Peers[];
}

/** Peers summed up over all pieces of one map. */
const costMax = 4096;

export function dispatchesOf(rules: readonly PortRule[]): readonly Dispatch[] {
  if (rules.length === 0) return [];
  const dispatch = dispatchOf(rules);
  if (dispatch !== undefined) return [dispatch];
  const middle = rules.length >> 1;
  return [...dispatchesOf(rules.slice(0, middle)), ...dispatchesOf(rules.slice(middle))];
}

/** Undefined where it would cost too much, which one rule alone never does. */
function dispatchOf(rules: readonly PortRule[]): Dispatch | undefined {
  const starts = Map.groupBy(rules.keys(), (index) => rules[index]?.first ?? 0);
  const ends = Map.groupBy(rules.keys(), (index) => (rules[index]?.last ?? 0) + 1);
  const cuts = [...new Set([...starts.keys(), ...ends.keys()])].sort((a, b) => a - b);
  const active = new Set<number>();
  const pieces: Piece[] = [];
  const joined = new JoinedPeers(rules);
  let cost = 0;
  for (const [place, first] of cuts.entries()) {
    for (const index of ends.get(first) ?? []) active.delete(index);
    for (const index of starts.get(first) ?? []) active.add(index);
    const next = cuts[place + 1];
    if (active.size === 0 || next === undefined) continue;
    cost += active.size;
    if (cost > costMax && rules.length > 1) return undefined;
    append(pieces, { first, last: next - 1, peers: joined.indexOf(active) });
  }
  return { pieces, peers: joined.all };
}

/** The peers of several rules as one, each combination once. */
class JoinedPeers {
  readonly all: Peers[] = [];
  readonly #rules: readonly PortRule[];
  /** The ports of one rule share its peers: those are joined once. */
  readonly #numbers = new Map<Peers, number>();
  readonly #indices = new Map<string, number>();

  constructor(rules: readonly PortRule[]) {
    this.#rules = rules;
  }

  indexOf(active: ReadonlySet<number>): number {
    const distinct = new Map<number, Peers>();
    for (const index of active) {
      const { peers } = this.#rules[index] ?? {};
      if (peers !== undefined) distinct.set(this.#numberOf(peers), peers);
    }
    const key = [...distinct.keys()].sort((a, b) => a - b).join(' ');
    const known = this.#indices.get(key);
    if (known !== undefined) return known;
    this.#indices.set(key, this.all.length);
    return this.all.push(join([...distinct.values()])) - 1;
  }

  #numberOf(peers: Peers): number {
    const known = this.#numbers.get(peers) ?? this.#numbers.size;
    this.#numbers.set(peers, known);
    return known;
  }
}

function append(pieces: Piece[], piece: Piece): void {
  const previous = pieces.at(-1);
  if (previous !== undefined && previous.peers === piece.peers && previous.last + 1 === piece.first) {
    pieces[pieces.length - 1] = { ...previous, last: piece.last };
  } else {
    pieces.push(piece);
  }
}

/**
 * Where a program matches: the leftmost match, and of these the one that the expression prefers, as Go's. The machine's places are kept in the
 * order of preference, each with where its match began (Pike's way), so that time is in proportion to text and expression.
 */
import { has } from './char-set.ts';
import { type Side, sideOf } from './places.ts';
import type { Program } from './program.ts';
import { Reach } from './reach.ts';

export interface Found {
  readonly start: number;
  readonly end: number;
}

/** All, one after the other, `countMax` at most. An empty one right behind another is none. @throws RegexError */
export function findAll(program: Program, text: string, countMax: number): Found[] {
  const finder = new Finder(program, text);
  const found: Found[] = [];
  let before = -1;
  for (let at = 0; at <= text.length && found.length < countMax; ) {
    const match = finder.from(at);
    if (match === undefined) break;
    const isEmpty = match.end === at;
    if (!(isEmpty && match.start === before)) found.push(match);
    before = match.end;
    at = isEmpty ? at + widthAt(text, at) : match.end;
  }
  return found;
}

const widthAt = (text: string, at: number): number => ((text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1);

interface Thread {
  readonly place: number;
  readonly start: number;
}

class Finder {
  readonly #program: Program;
  readonly #text: string;
  readonly #reach: Reach;

  constructor(program: Program, text: string) {
    this.#program = program;
    this.#text = text;
    this.#reach = new Reach(program);
  }

  from(begin: number): Found | undefined {
    let threads: Thread[] = [];
    let found: Found | undefined;
    for (let at = begin; ; at += widthAt(this.#text, at)) {
      const starts = found === undefined ? [...threads, { place: this.#program.start, start: at }] : threads;
      if (starts.length === 0) return found;
      const { wanting, match } = this.#settle(starts, at);
      found = match ?? found;
      if (at >= this.#text.length) return found;
      threads = this.#advance(wanting, at);
    }
  }

  /** The threads that want a character, in order; those behind a match are given up. */
  #settle(threads: readonly Thread[], at: number): { wanting: Thread[]; match: Found | undefined } {
    this.#reach.nextRound();
    const [before, after] = [this.#sideBefore(at), this.#sideAfter(at)];
    const wanting: Thread[] = [];
    for (const { place, start } of threads) {
      const isMatch = this.#reach.follow([place], before, after, (wanted) => wanting.push({ place: wanted, start }));
      if (isMatch) return { wanting, match: { start, end: at } };
    }
    return { wanting, match: undefined };
  }

  #advance(wanting: readonly Thread[], at: number): Thread[] {
    const code = this.#text.codePointAt(at) as number;
    const next: Thread[] = [];
    for (const { place, start } of wanting) {
      const instruction = this.#program.instructions[place];
      if (instruction?.kind === 'set' && has(instruction.set, code)) next.push({ place: instruction.next, start });
    }
    return next;
  }

  #sideBefore(at: number): Side {
    return at === 0 ? 'edge' : sideOf(this.#text.charCodeAt(at - 1));
  }

  #sideAfter(at: number): Side {
    return at >= this.#text.length ? 'edge' : sideOf(this.#text.charCodeAt(at));
  }
}

/**
 * Whether a program matches in what is left of a text, place by place, with nothing kept: its time is in proportion to the text and to the places
 * that the machine is in at once. For texts that lead an automaton (`tester.ts`) to more states than it may keep.
 */
import { has } from './char-set.ts';
import { type Side, sideOf } from './places.ts';
import type { Program } from './program.ts';
import { Reach } from './reach.ts';

export interface WalkStart {
  /** In the text: of the character that comes next. */
  readonly at: number;
  /** Instructions, before assertions are looked at. */
  readonly places: readonly number[];
  readonly before: Side;
  /** A match can begin nowhere but at the beginning. */
  readonly beginsAtEdge: boolean;
}

/** @throws RegexError where finding out would cost too much */
export function walk(program: Program, text: string, start: WalkStart): boolean {
  return new Walk(program, text).from(start);
}

class Walk {
  readonly #program: Program;
  readonly #text: string;
  readonly #reach: Reach;

  constructor(program: Program, text: string) {
    this.#program = program;
    this.#text = text;
    this.#reach = new Reach(program);
  }

  from({ at: begin, places: first, before: side, beginsAtEdge }: WalkStart): boolean {
    let [places, before] = [first, side];
    for (let at = begin; at < this.#text.length; at++) {
      const code = this.#text.codePointAt(at) as number;
      if (code > 0xffff) at++;
      const after = sideOf(code);
      const next = this.#advance(places, before, after, code);
      if (next === undefined) return true;
      if (!beginsAtEdge) next.push(this.#program.start);
      if (next.length === 0) return false;
      [places, before] = [next, after];
    }
    return this.#advance(places, before, 'edge', -1) === undefined;
  }

  /** Where `code` leads to; undefined: to a match. */
  #advance(places: readonly number[], before: Side, after: Side, code: number): number[] | undefined {
    const { instructions } = this.#program;
    const next: number[] = [];
    this.#reach.nextRound();
    const isMatch = this.#reach.follow([...places], before, after, (place) => {
      const instruction = instructions[place];
      if (instruction?.kind === 'set' && has(instruction.set, code)) next.push(instruction.next);
    });
    return isMatch ? undefined : next;
  }
}

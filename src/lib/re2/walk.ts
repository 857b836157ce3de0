/**
 * Whether a program matches in what is left of a text, place by place, with nothing kept: its time is in proportion to the text and to the places
 * that the machine is in at once. For texts that lead an automaton (`tester.ts`) to more states than it may keep.
 */
import { limits } from '../limits.ts';
import { has } from './char-set.ts';
import { holds, type Side, sideOf } from './places.ts';
import type { Program } from './program.ts';
import { RegexError } from './syntax.ts';

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
  /** In which round each instruction was last reached. */
  readonly #reached: Uint32Array;
  #round = 0;
  #steps = 0;

  constructor(program: Program, text: string) {
    this.#program = program;
    this.#text = text;
    this.#reached = new Uint32Array(program.instructions.length);
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
    const round = ++this.#round;
    const next: number[] = [];
    const due = [...places];
    for (let place = due.pop(); place !== undefined; place = due.pop()) {
      if (this.#reached[place] === round) continue;
      this.#reached[place] = round;
      if (++this.#steps > limits.regexStepsMax) throw new RegexError('regular expression took too long');
      const instruction = instructions[place];
      switch (instruction?.kind) {
        case 'match':
          return undefined;
        case 'set':
          if (has(instruction.set, code)) next.push(instruction.next);
          break;
        case 'assertion':
          if (holds(instruction.assertion, before, after)) due.push(instruction.next);
          break;
        case 'split':
          due.push(instruction.other, instruction.next);
          break;
        case undefined:
          break;
      }
    }
    return next;
  }
}

/**
 * Which instructions a program is at without taking a character: what splits and assertions lead to, each once a round. Shared by those that go
 * through a text place by place (`finder.ts`, `walk.ts`); it counts what that costs, and ends it at `limits.regexStepsMax`.
 */
import { limits } from '../limits.ts';
import { holds, type Side } from './places.ts';
import type { Program } from './program.ts';
import { RegexError } from './syntax.ts';

export class Reach {
  readonly #program: Program;
  /** In which round each instruction was last reached. */
  readonly #seen: Uint32Array;
  #round = 0;
  #steps = 0;

  constructor(program: Program) {
    this.#program = program;
    this.#seen = new Uint32Array(program.instructions.length);
  }

  /** The next place in the text: nothing was reached there yet. */
  nextRound(): void {
    this.#round++;
  }

  /**
   * Depth first from the last of `due`, which is used up, so that what is preferred comes first; `want` learns each instruction that wants a
   * character. True: it came to a match.
   * @throws RegexError where all of it costs too much
   */
  follow(due: number[], before: Side, after: Side, want: (place: number) => void): boolean {
    for (let place = due.pop(); place !== undefined; place = due.pop()) {
      if (this.#seen[place] === this.#round) continue;
      this.#seen[place] = this.#round;
      if (++this.#steps > limits.regexStepsMax) throw new RegexError('regular expression took too long');
      const instruction = this.#program.instructions[place];
      switch (instruction?.kind) {
        case 'match':
          return true;
        case 'set':
          want(place);
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
    return false;
  }
}

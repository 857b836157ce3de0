/**
 * Whether a program matches anywhere in a text: the sets of places that its machine can be in become states of an automaton, made when a text first
 * leads there, and kept. So most characters cost one look into a table.
 *
 * ```
 *  characters ─▶ classes (no instruction tells two of one class apart) ─▶ state × class ─▶ state
 * ```
 * Bounds: states as far as `statesMax` and `cellsMax` allow; where a text leads to more, what is left of it is walked through place by place, which makes
 * none (`walk.ts`). What one text may cost is counted (`limits.regexStepsMax`), not timed.
 */
import { limits } from '../limits.ts';
import { has } from './char-set.ts';
import { holds, type Side, sideOf } from './places.ts';
import type { Program } from './program.ts';
import { RegexError } from './syntax.ts';
import { walk } from './walk.ts';

const statesMax = 1_000;
/** Numbers in all states. */
const cellsMax = 32_768;

/** Found: what follows is of no interest. Never: nothing can be found any more. */
type Next = State | 'found' | 'never';

interface State {
  /** Instructions, before assertions are looked at; sorted. */
  readonly places: readonly number[];
  /** Of the character before. */
  readonly before: Side;
  readonly next: (Next | undefined)[];
  atEnd: boolean | undefined;
}

const asciiCount = 128;

export class Tester {
  readonly #program: Program;
  /** Where a class of characters begins; sorted. */
  readonly #borders: readonly number[];
  readonly #asciiClasses = new Uint16Array(asciiCount);
  /** Does anything ask what stood before? Then states differ by it. */
  readonly #asksBefore: boolean;
  /** A match can begin nowhere but at the beginning. */
  readonly #beginsAtEdge: boolean;
  /** By their places. */
  readonly #states = new Map<string, State>();
  readonly #first: State;
  #cells = 0;
  #steps = 0;

  constructor(program: Program) {
    this.#program = program;
    this.#borders = bordersOf(program);
    for (let code = 0; code < asciiCount; code++) this.#asciiClasses[code] = this.#search(code);
    this.#beginsAtEdge = isAnchored(program);
    const { assertions } = program;
    this.#asksBefore = [...assertions].some((each) => each !== 'begin text' && each !== 'end text');
    this.#first = this.#newState([program.start], 'edge');
  }

  /** @throws RegexError where finding out would cost too much */
  test(text: string): boolean {
    this.#steps = 0;
    let state = this.#first;
    for (let at = 0; at < text.length; at++) {
      const begin = at;
      let code = text.charCodeAt(at);
      let characterClass: number;
      if (code < asciiCount) characterClass = this.#asciiClasses[code] as number;
      else {
        if (code >= 0xd800 && code <= 0xdbff) code = text.codePointAt(at) as number;
        if (code > 0xffff) at++;
        characterClass = this.#search(code);
      }
      const next = state.next[characterClass] ?? this.#step(state, characterClass);
      if (next === 'found') return true;
      if (next === 'never') return false;
      if (next === undefined) {
        const { places, before } = state;
        return walk(this.#program, text, { at: begin, places, before, beginsAtEdge: this.#beginsAtEdge });
      }
      state = next;
    }
    state.atEnd ??= this.#reach(state, 'edge') === undefined;
    return state.atEnd;
  }

  #search(code: number): number {
    let [low, high] = [0, this.#borders.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((this.#borders[middle] as number) <= code) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Undefined: there is no room for what comes next. */
  #step(state: State, characterClass: number): Next | undefined {
    if (this.#states.size >= statesMax || this.#cells >= cellsMax) return undefined;
    const code = this.#borders[characterClass] as number;
    const side = sideOf(code);
    const reached = this.#reach(state, side);
    const next = reached === undefined ? 'found' : this.#advance(reached, code, side);
    state.next[characterClass] = next;
    return next;
  }

  #advance(reached: readonly number[], code: number, side: Side): Next {
    const { instructions, start } = this.#program;
    const places = new Set<number>();
    for (const place of reached) {
      const instruction = instructions[place];
      if (instruction?.kind === 'set' && has(instruction.set, code)) places.add(instruction.next);
    }
    // A match may begin at every character.
    if (!this.#beginsAtEdge) places.add(start);
    if (places.size === 0) return 'never';
    return this.#state(
      [...places].sort((left, right) => left - right),
      this.#asksBefore ? side : 'other',
    );
  }

  #state(places: readonly number[], before: Side): State {
    const key = `${before} ${places.join(' ')}`;
    let state = this.#states.get(key);
    if (state === undefined) this.#states.set(key, (state = this.#newState(places, before)));
    return state;
  }

  #newState(places: readonly number[], before: Side): State {
    this.#cells += places.length + this.#borders.length;
    return { places, before, next: this.#borders.map(() => undefined), atEnd: undefined };
  }

  /** The instructions that want a character, from these places on; undefined where a match is among them. */
  #reach({ places, before }: State, after: Side): readonly number[] | undefined {
    const { instructions } = this.#program;
    const seen = new Set<number>(places);
    // Grows while it is walked.
    const due = [...places];
    const wanting: number[] = [];
    for (let index = 0; index < due.length; index++) {
      const place = due[index] as number;
      const instruction = instructions[place];
      if (++this.#steps > limits.regexStepsMax) throw new RegexError('regular expression took too long');
      switch (instruction?.kind) {
        case 'match':
          return undefined;
        case 'set':
          wanting.push(place);
          break;
        case 'assertion':
          if (holds(instruction.assertion, before, after)) visit(instruction.next);
          break;
        case 'split':
          visit(instruction.next);
          visit(instruction.other);
          break;
        case undefined:
          break;
      }
    }
    return wanting;

    function visit(place: number): void {
      if (seen.has(place)) return;
      seen.add(place);
      due.push(place);
    }
  }
}

/** What assertions tell apart, where there are any but those of the whole text. */
const sideBorders = [0x0a, 0x0b, 0x30, 0x3a, 0x41, 0x5b, 0x5f, 0x60, 0x61, 0x7b];

function bordersOf({ instructions, assertions }: Program): readonly number[] {
  const borders = new Set([0, ...(assertions.size > 0 ? sideBorders : [])]);
  // What is repeated has the same set each time.
  const sets = new Set(instructions.flatMap((instruction) => (instruction.kind === 'set' ? [instruction.set] : [])));
  for (const set of sets) {
    for (let i = 0; i < set.length; i += 2) {
      borders.add(set[i] as number);
      borders.add((set[i + 1] as number) + 1);
    }
  }
  return [...borders].sort((left, right) => left - right);
}

/** Every way through begins with the edge of the text. */
function isAnchored({ instructions, start }: Program): boolean {
  const due = [start];
  const seen = new Set(due);
  for (const place of due) {
    const instruction = instructions[place];
    if (instruction?.kind === 'assertion' && instruction.assertion === 'begin text') continue;
    if (instruction?.kind !== 'split') return false;
    for (const next of [instruction.next, instruction.other]) {
      if (seen.has(next)) continue;
      seen.add(next);
      due.push(next);
    }
  }
  return true;
}

/**
 * A regular expression as instructions for a machine that is in many places at once (Thompson's construction): its time is in proportion to the
 * text, whatever the expression.
 */

import type { CharSet } from './char-set.ts';
import { parse } from './parse.ts';
import { type Assertion, type Node, syntaxError } from './syntax.ts';

export type Instruction =
  | { readonly kind: 'set'; readonly set: CharSet; next: number }
  | { readonly kind: 'assertion'; readonly assertion: Assertion; next: number }
  /** `next` first. */
  | { readonly kind: 'split'; next: number; other: number }
  | { readonly kind: 'match' };

export interface Program {
  readonly instructions: readonly Instruction[];
  readonly start: number;
  readonly assertions: ReadonlySet<Assertion>;
}

/** Beyond it: "expression too large". What is repeated counts as often as it may come. */
const instructionsMax = 20_000;

/** @throws RegexError */
export function compile(pattern: string): Program {
  const builder = new Builder(pattern);
  const start = builder.add(parse(pattern), builder.match());
  return { instructions: builder.instructions, start, assertions: builder.assertions };
}

/** From the end: each part is told what follows it. */
class Builder {
  readonly instructions: Instruction[] = [];
  readonly assertions = new Set<Assertion>();
  readonly #pattern: string;

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  match(): number {
    return this.#push({ kind: 'match' });
  }

  /** Where the part begins. */
  add(node: Node, next: number): number {
    switch (node.kind) {
      case 'set':
        return this.#push({ kind: 'set', set: node.set, next });
      case 'assertion':
        this.assertions.add(node.assertion);
        return this.#push({ kind: 'assertion', assertion: node.assertion, next });
      case 'sequence':
        return node.parts.reduceRight((after, part) => this.add(part, after), next);
      case 'alternatives':
        return node.parts
          .map((part) => this.add(part, next))
          .reduceRight((other, first) => this.#push({ kind: 'split', next: first, other }));
      case 'repeat':
        return this.#repeat(node, next);
    }
  }

  #repeat({ part, min, max, greedy }: Node & { kind: 'repeat' }, next: number): number {
    let at = max < 0 ? this.#loop(part, greedy, next) : next;
    // `x{0,2}`: (x(x)?)?, of which each goes on to what follows.
    for (let count = min; count < max; count++) at = this.#choice(this.add(part, at), next, greedy);
    for (let count = 0; count < min; count++) at = this.add(part, at);
    return at;
  }

  #loop(part: Node, greedy: boolean, next: number): number {
    const loop = this.#choice(next, next, greedy);
    const body = this.add(part, loop);
    const split = this.instructions[loop] as Instruction & { kind: 'split' };
    if (greedy) split.next = body;
    else split.other = body;
    return loop;
  }

  #choice(part: number, next: number, greedy: boolean): number {
    return this.#push(greedy ? { kind: 'split', next: part, other: next } : { kind: 'split', next, other: part });
  }

  #push(instruction: Instruction): number {
    if (this.instructions.length >= instructionsMax) throw syntaxError('large', this.#pattern);
    this.instructions.push(instruction);
    return this.instructions.length - 1;
  }
}

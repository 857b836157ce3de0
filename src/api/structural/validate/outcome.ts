/**
 * What a schema says of a value: what is wrong, and how many checks went well. The second decides which branch of an `anyOf` the client hears of:
 * the one that came nearest, as upstream.
 */
import { limits } from '../../../lib/limits.ts';
import { invalidValue } from '../../field-error.ts';
import type { FieldError } from '../../status-error.ts';

export interface Problem {
  /** Says it all; what is said once is not said again. */
  readonly text: string;
  /** `path` is the field's, or what upstream prints where there is none. */
  readonly at: string;
  readonly error: (path: string) => FieldError;
}

/** What upstream prints for a field that it does not name. */
const noField = '<nil>';

export class Outcome {
  matches = 0;
  #problems: Map<string, Problem> | undefined;

  get isValid(): boolean {
    return this.#problems === undefined;
  }

  /** Beyond as many as one answer tells, the rest is not kept. */
  add(problem: Problem): void {
    this.#problems ??= new Map();
    if (this.#problems.size < limits.fieldErrorsMax) this.#problems.set(problem.text, problem);
  }

  /** Where nothing comes first, what is found twice stands where it was first. */
  merge(other: Outcome): void {
    this.matches += other.matches;
    if (other.#problems === undefined) return;
    for (const problem of other.#problems.values()) if (!this.#problems?.has(problem.text)) this.add(problem);
  }

  /** What was wrong before, and is as it was, is nobody's fault now. */
  forgive(): void {
    this.#problems = undefined;
  }

  /** `parent` is where the value stands in the object; empty: it is the object. */
  errors(parent: string): FieldError[] {
    return [...(this.#problems?.values() ?? [])].map(({ at, error }) => error(pathOf(parent, at)));
  }
}

function pathOf(parent: string, at: string): string {
  const name = at.startsWith('.') ? at.slice(1) : at;
  if (name === '') return parent === '' ? noField : parent;
  return parent === '' ? name : `${parent}.${name}`;
}

/** Of the value as a whole: upstream names no field, but says it in the text. */
export function wholeProblem(text: string): Problem {
  return { text, at: '', error: (path) => invalidValue(path, '', text) };
}

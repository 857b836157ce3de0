/**
 * Collects what strict field validation complains about, in upstream's form: `unknown field "spec.containers[0].foo"`. Each
 * text stands once, and at most a hundred are kept, as upstream does.
 */

const errorsMax = 100;

export class StrictErrors {
  readonly #texts = new Set<string>();
  /** Names and indexes on the way. They become text only where there is something to complain about. */
  readonly #path: (string | number)[] = [];

  get texts(): string[] {
    return [...this.#texts];
  }

  add(what: 'unknown field' | 'duplicate field', name: string): void {
    if (this.#texts.size < errorsMax) this.#texts.add(this.textOf(what, name));
  }

  textOf(what: 'unknown field' | 'duplicate field', name: string): string {
    return `${what} ${JSON.stringify([...this.#path, name].map(stepText).join(''))}`;
  }

  enterField(name: string): void {
    this.#path.push(name);
  }

  enterIndex(index: number): void {
    this.#path.push(index);
  }

  leave(): void {
    this.#path.pop();
  }
}

function stepText(step: string | number, position: number): string {
  if (typeof step === 'number') return `[${step}]`;
  return position === 0 ? step : `.${step}`;
}

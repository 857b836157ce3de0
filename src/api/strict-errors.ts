/**
 * Collects what strict field validation complains about, in upstream's form: `unknown field "spec.containers[0].foo"`. Each
 * text stands once, and at most a hundred are kept, as upstream does.
 */

const errorsMax = 100;

export class StrictErrors {
  readonly #texts = new Set<string>();
  /** `spec`, `.containers`, `[0]`: joined they are the path. */
  readonly #path: string[] = [];

  get texts(): string[] {
    return [...this.#texts];
  }

  add(what: 'unknown field' | 'duplicate field', name: string): void {
    if (this.#texts.size < errorsMax) this.#texts.add(this.textOf(what, name));
  }

  textOf(what: 'unknown field' | 'duplicate field', name: string): string {
    const path = this.#path.length === 0 ? name : `${this.#path.join('')}.${name}`;
    return `${what} ${JSON.stringify(path)}`;
  }

  enterField(name: string): void {
    this.#path.push(this.#path.length === 0 ? name : `.${name}`);
  }

  enterIndex(index: number): void {
    this.#path.push(`[${index}]`);
  }

  leave(): void {
    this.#path.pop();
  }
}

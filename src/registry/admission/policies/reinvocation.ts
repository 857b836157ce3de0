/**
 * Which mutations are made once more, after somebody else changed the object (`reinvocationPolicy: IfNeeded`). Kept from the first round
 * of admission to the second.
 */
import type { KubeObject } from '../../../api/object.ts';
import { sameJson } from '../../draft.ts';

export class PolicyReinvocations {
  /** Made, and to be made again if somebody changes the object after them. */
  #made = new Set<string>();
  readonly #again = new Set<string>();
  #last: KubeObject | undefined;

  made(key: string): void {
    this.#made.add(key);
  }

  /** Somebody else changed the object. */
  changed(): void {
    for (const key of this.#made) this.#again.add(key);
    this.#made = new Set();
  }

  isWanted(key: string): boolean {
    return this.#again.has(key);
  }

  /** What policies made of the object in this round. */
  leave(object: KubeObject | undefined): void {
    this.#last = object;
  }

  /** In the next round: did plugins or webhooks change it since? */
  enter(object: KubeObject | undefined): void {
    if (this.#made.size > 0 && !sameJson(this.#last, object)) this.changed();
  }
}

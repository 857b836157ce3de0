/** The volumes of one pod, each with a name of its own; two containers that mount the same thing share one. */
import type { Volume } from '../../api/schema/types/core-v1.ts';
import { dnsLabel } from './names.ts';

export class PodVolumes {
  readonly #byKey = new Map<string, Volume>();
  readonly #names = new Set<string>();
  /** Claims that one node at a time may use. */
  readonly claims = new Set<string>();

  get all(): readonly Volume[] {
    return [...this.#byKey.values()];
  }

  /** The name under which containers mount it. `wanted` is taken as far as it is free. */
  add(wanted: string, source: Omit<Volume, 'name'>, isShared = true): string {
    const key = isShared ? JSON.stringify(source) : `${wanted}/${this.#byKey.size}`;
    const before = this.#byKey.get(key);
    if (before !== undefined) return before.name;
    const name = this.#free(dnsLabel(wanted, 58));
    this.#byKey.set(key, { name, ...source });
    this.#names.add(name);
    if (source.persistentVolumeClaim !== undefined) this.claims.add(source.persistentVolumeClaim.claimName);
    return name;
  }

  #free(name: string): string {
    let free = name;
    for (let count = 2; this.#names.has(free); count++) free = `${name}-${count}`;
    return free;
  }
}

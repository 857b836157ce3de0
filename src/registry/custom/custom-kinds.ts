/**
 * The kinds that CustomResourceDefinitions declare, as the API serves them: follows the definitions in the store and keeps `LiveApi`'s rows.
 *
 * ```
 *  store ─ change ─▶ outline of the definition ─▶ rows (api/custom-rows.ts) ─▶ served from the next look at the table on
 * ```
 * Kept true: a definition that is seen to be established is served before anybody who saw it can ask. Rows of definitions that did not change
 * stay the same objects. What cannot be read is not served, and said once.
 */

import { type CustomRow, customRows } from '../../api/custom-rows.ts';
import type { LiveApi } from '../../api/live-api.ts';
import type { Logger } from '../../lib/log.ts';
import type { Service } from '../../lib/service.ts';
import type { Entry, Store, StoreEvent, StoreWatch } from '../../store/store.ts';
import { definitionCollection, definitionSource } from './definition-source.ts';

export class CustomKinds implements Service {
  readonly name = 'custom kinds';
  readonly #store: Store;
  readonly #api: LiveApi;
  readonly #log: Logger;
  /** By the definition's name. */
  readonly #rows = new Map<string, readonly CustomRow[]>();
  #watch: StoreWatch | undefined;

  constructor({ store, api, log }: { readonly store: Store; readonly api: LiveApi; readonly log: Logger }) {
    this.#store = store;
    this.#api = api;
    this.#log = log;
  }

  async start(): Promise<void> {
    const { entries, revision } = this.#store.list(definitionCollection);
    for (const entry of entries) this.#note(entry);
    if (this.#rows.size > 0) this.#serve();
    const options = { collection: definitionCollection, afterRevision: revision };
    this.#watch = this.#store.watch(options, { event: (event) => this.#changed(event) });
  }

  async close(): Promise<void> {
    this.#watch?.cancel();
  }

  #changed({ type, entry }: StoreEvent): void {
    const changed = type === 'deleted' ? this.#rows.delete(entry.key.name) : this.#note(entry);
    if (changed) this.#serve();
  }

  /** True where the rows are others now. */
  #note(entry: Entry): boolean {
    const { name } = entry.key;
    const before = this.#rows.get(name);
    const rows = this.#rowsOf(entry, before);
    if (rows === before || (rows.length === 0 && before === undefined)) return false;
    if (rows.length === 0) this.#rows.delete(name);
    else this.#rows.set(name, rows);
    return true;
  }

  #rowsOf(entry: Entry, before: readonly CustomRow[] | undefined): readonly CustomRow[] {
    try {
      return customRows(definitionSource(entry), before);
    } catch (error) {
      this.#log.error('a CustomResourceDefinition cannot be served: it cannot be read', {
        name: entry.key.name,
        error,
      });
      return [];
    }
  }

  /** By name, as a list of the definitions has them: tables do not depend on the order in which they came. */
  #serve(): void {
    this.#api.serveFrom(() => [...this.#rows.keys()].sort().flatMap((name) => this.#rows.get(name) ?? []));
  }
}

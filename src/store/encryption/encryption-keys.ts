/**
 * Keeps what lies on disk in the form that the encryption configuration asks for, while the cluster runs:
 * ```
 *  the file changed (or the start) ─▶ new values are sealed so ─▶ old ones are rewritten, a stretch at a time, commits between them
 *                                  ─▶ keys that seal nothing any more leave the file (naru's own only) ─▶ replaced pages are overwritten
 * ```
 * A rotation is nothing but a new key in front. It may stop anywhere and goes on at the next start: a key leaves the file only after a walk
 * through the whole state found no value of it, and that walk's outcome is on disk. A file that would make values unreadable is not taken
 * over: the log says why, and the keys of before go on.
 *
 * A key is good for 2^32 values (`sealing.ts`). naru's own is replaced after a quarter of them, so that backups which go back to an old
 * count do no harm; somebody's own is complained about.
 */
import { statSync } from 'node:fs';
import type { Clock, Timer } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import type { Logger } from '../../lib/log.ts';
import type { Service } from '../../lib/service.ts';
import { addFreshKey, type KeyFilePlace, readKeyFile, removeKeys } from './key-file.ts';
import { formOf, plainForm, type SealedForm, Sealer, type Sealing } from './sealing.ts';

/** How many values lie there in each form, by collection. */
export type SealedCounts = Readonly<Record<string, Readonly<Record<SealedForm, number>>>>;

/** What a store on disk can be asked about how its values lie there. Each rejects while the store is not open. */
export interface SealedStore {
  /** Whether the start met values in another form than new ones get. */
  readonly foundStale: boolean;
  setSealing(sealing: Sealing): Promise<void>;
  survey(): Promise<SealedCounts>;
  reseal(): Promise<number>;
  erase(): Promise<boolean>;
  sealedWrites(): Promise<Readonly<Record<SealedForm, number>>>;
  forgetKeys(forms: readonly SealedForm[]): Promise<void>;
}

export interface EncryptionKeysOptions {
  readonly place: KeyFilePlace;
  /** As the store was opened with it. */
  readonly sealing: Sealing;
  readonly store: SealedStore;
  readonly clock: Clock;
  readonly log: Logger;
}

const pollMs = 5_000;
const retryMs = 60_000;
const countMs = 60 * 60_000;

export class EncryptionKeys implements Service {
  readonly name = 'encryption keys';
  readonly #options: EncryptionKeysOptions;
  #sealing: Sealing;
  #seen: string;
  #timers: Timer[] = [];
  #work: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: EncryptionKeysOptions) {
    this.#options = options;
    this.#sealing = options.sealing;
    this.#seen = '';
  }

  /** Nobody waits for the rewriting. */
  async start(): Promise<void> {
    this.#seen = stateOf(this.#options.place.file);
    const { foundStale } = this.#options.store;
    this.#do(() => this.#settle(foundStale));
    this.#every(pollMs, () => this.#look());
    this.#every(countMs, () => this.#countWrites());
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers) timer.cancel();
    await this.#work;
  }

  /** Resolves when what is known to be done by now is done: for tests. */
  settled(): Promise<void> {
    return this.#work;
  }

  #every(ms: number, look: () => Promise<void>): void {
    const index = this.#timers.length;
    const arm = (): void => {
      if (this.#closed) return;
      this.#timers[index] = this.#options.clock.after(ms, () => {
        this.#do(look);
        arm();
      });
    };
    arm();
  }

  /** One thing after another; what fails is tried again in a while. */
  #do(work: () => Promise<void>): void {
    this.#work = this.#work.then(async () => {
      if (this.#closed) return;
      try {
        await work();
      } catch (error) {
        if (this.#closed) return;
        this.#options.log.warn('sealing of stored values: will be tried again', { error, afterMs: retryMs });
        this.#retryLater();
      }
    });
  }

  #retryLater(): void {
    this.#timers.push(this.#options.clock.after(retryMs, () => this.#do(() => this.#settle(true))));
  }

  async #look(): Promise<void> {
    const { place, log } = this.#options;
    const state = stateOf(place.file);
    if (state === this.#seen) return;
    this.#seen = state;
    try {
      const { sealing } = readKeyFile(place.file);
      await this.#assertReadable(sealing);
      await this.#options.store.setSealing(sealing);
      this.#sealing = sealing;
    } catch (error) {
      log.error('the encryption configuration changed, and cannot be used; the keys of before go on', { error });
      return;
    }
    log.info('the encryption configuration changed', { file: place.file });
    await this.#settle(true);
  }

  /** Everything that lies there, or is written before the change, must open after it. @throws Error, one sentence */
  async #assertReadable(next: Sealing): Promise<void> {
    const after = new Sealer(next);
    const before = new Sealer(this.#sealing);
    for (const [collection, forms] of Object.entries(await this.#options.store.survey())) {
      const listed = after.providersOf(collection)?.map(formOf) ?? [plainForm];
      const lost = [...Object.keys(forms), before.formFor(collection)].find((form) => !listed.includes(form));
      if (lost === undefined) continue;
      const what = lost === plainForm ? 'the identity provider' : `the key ${lost}`;
      throw new Error(
        `${what} is not listed for ${collection}, and values are stored so; put it back behind the new one`,
      );
    }
  }

  async #settle(mayBeStale: boolean): Promise<void> {
    const { store, log } = this.#options;
    const rewritten = mayBeStale ? await store.reseal() : 0;
    if (rewritten > 0) log.info('stored values were brought into the form that is configured', { rewritten });
    await this.#dropUnusedKeys();
    if (await store.erase()) log.info('what was stored in another form before was erased');
  }

  async #dropUnusedKeys(): Promise<void> {
    const { store, place, log } = this.#options;
    const unused = await this.#unusedKeys();
    if (!place.isOwn || unused.size === 0) return;
    await store.forgetKeys([...unused]);
    // The file may hold another change by now: the next look takes over what it says then.
    removeKeys(place.file, unused);
    log.info('keys that seal nothing any more were removed', { keys: [...unused] });
  }

  /** Keys that no rule seals with, and no value is sealed with. */
  async #unusedKeys(): Promise<Set<SealedForm>> {
    const sealer = new Sealer(this.#sealing);
    const current = new Set(this.#sealing.flatMap(({ providers }) => providers.slice(0, 1)).map(formOf));
    const others = sealer
      .keys()
      .map(formOf)
      .filter((form) => !current.has(form));
    if (others.length === 0) return new Set();
    const inUse = new Set(Object.values(await this.#options.store.survey()).flatMap((forms) => Object.keys(forms)));
    return new Set(others.filter((form) => !inUse.has(form)));
  }

  async #countWrites(): Promise<void> {
    const { store, place, log } = this.#options;
    const writes = await store.sealedWrites();
    const worn = new Set(this.#sealing.flatMap(({ providers }) => providers.slice(0, 1)).map(formOf));
    for (const form of worn) if ((writes[form] ?? 0) < limits.sealedWritesPerKeyMax) worn.delete(form);
    if (worn.size === 0) return;
    if (place.isOwn) addFreshKey(place.file);
    else log.warn('a key has sealed so many values that it should be replaced', { keys: [...worn], file: place.file });
  }
}

/** Changes with every change of the file. */
function stateOf(file: string): string {
  const found = statSync(file, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? 'missing' : `${found.ino} ${found.size} ${found.mtimeNs}`;
}

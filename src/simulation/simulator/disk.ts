/**
 * A disk for the simulated API: a journal in memory that outlives the process which writes it. It takes its time now and then, as disks do, so
 * that a crash can find a commit under way. That one is then wholly there or not there at all, as with any journal that keeps its promise.
 *
 * Kept true: what was acknowledged is given back by every later `open`.
 */
import type { Clock } from '../../lib/clock.ts';
import { nextInt, type Prng } from '../../lib/prng.ts';
import {
  firstRevision,
  type Journal,
  type JournalBatch,
  type JournalContents,
  type JournalRecord,
} from '../../store/journal.ts';
import type { DiskFaults } from './faults.ts';

export interface DiskOptions {
  readonly clock: Clock;
  readonly prng: Prng;
  readonly faults: () => DiskFaults;
  /** For a canary: what was acknowledged last is gone after a crash. */
  readonly isForgetful?: boolean;
}

export class Disk {
  readonly #clock: Clock;
  readonly #prng: Prng;
  readonly #faults: () => DiskFaults;
  readonly #isForgetful: boolean;
  readonly #records = new Map<number, JournalRecord>();
  #compactedRevision = firstRevision;
  /** The one process that may write. */
  #writer: object | undefined;
  #underWay: JournalBatch | undefined;

  constructor({ clock, prng, faults, isForgetful = false }: DiskOptions) {
    this.#clock = clock;
    this.#isForgetful = isForgetful;
    this.#prng = prng;
    this.#faults = faults;
  }

  /** The journal of the next process; the one before writes no more. */
  journal(): Journal {
    const writer = {};
    this.#writer = writer;
    return {
      open: async () => this.#contents(),
      gather: async () => {},
      commit: (batch) => this.#commit(writer, batch),
      close: async () => {},
    };
  }

  /** The process dies. Of the commit under way, chance says whether it got through. */
  crash(): void {
    this.#writer = undefined;
    const batch = this.#underWay;
    this.#underWay = undefined;
    if (this.#isForgetful) return this.#forget();
    if (batch !== undefined && this.#prng.next() < 0.5) this.#keep(batch);
  }

  #forget(): void {
    const last = [...this.#records.keys()].slice(-3);
    for (const revision of last) this.#records.delete(revision);
  }

  /** History up to `revision` is forgotten by chance: watches that come back with something older find it gone. */
  forgetHistory(revision: number): void {
    const most = Math.max(0, revision - this.#compactedRevision);
    if (this.#prng.next() < 0.5) return;
    this.#compactedRevision += nextInt(this.#prng, most + 1);
    this.#dropObsolete();
  }

  /** Of what lies before the history, each key's last put is needed, and nothing else. */
  #dropObsolete(): void {
    const last = new Map<string, number>();
    for (const { key, kind, revision } of this.#records.values()) {
      if (revision > this.#compactedRevision) break;
      const id = `${key.collection} ${key.namespace}/${key.name}`;
      this.#records.delete(last.get(id) ?? 0);
      last.set(id, revision);
      if (kind === 'delete') this.#records.delete(revision);
    }
  }

  #contents(): JournalContents {
    return { compactedRevision: this.#compactedRevision, records: this.#records.values() };
  }

  async #commit(writer: object, batch: JournalBatch): Promise<void> {
    const { slowCommits, slowMsMax } = this.#faults();
    if (writer === this.#writer && slowCommits > 0 && this.#prng.next() < slowCommits) {
      this.#underWay = batch;
      await this.#clock.sleep(this.#prng.next() * slowMsMax);
    }
    // Nobody hears of what a dead process still does.
    if (writer !== this.#writer) await new Promise<never>(() => {});
    this.#underWay = undefined;
    this.#keep(batch);
  }

  #keep({ records, compaction }: JournalBatch): void {
    for (const record of records) this.#records.set(record.revision, record);
    for (const revision of compaction?.obsolete ?? []) this.#records.delete(revision);
    this.#compactedRevision = Math.max(this.#compactedRevision, compaction?.revision ?? 0);
  }
}

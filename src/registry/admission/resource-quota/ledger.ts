/**
 * Notes what is used in the quotas' status before it is used, so that nobody ever gets more than there is, nor less.
 *
 * The naive form (read the quotas, compare, write each) loses in three ways. Of n creators at once each round of writes lets one through;
 * so all that ask while a write is under way are reckoned up together, and noted by one write:
 *
 * ```
 *  admit ─▶ waiting ─▶ turn: read quotas, reckon up each, write what changed ─▶ open ─▶ written: done
 *              ▲            │ full, but others' charges are open                   └──▶ undone: owed to the quota, goes off by the next turn
 *              └── held ◀───┘  (until one of them is undone, or all are written)
 * ```
 * Who asks while the last room is taken by somebody that fails after all (a name that was taken) would be refused for nothing: he waits
 * for that. And a count of what there is may miss what was noted and not yet stored: `mayRecount` turns it away, and the control loop
 * counts again. Cost: in a namespace with quotas each write of objects waits for one more commit.
 *
 * Kept true: an open charge is in the status of its quotas. What is owed is in there, too, and is taken off before anything else is reckoned.
 */

import { type Amounts, listOf, minus, noAmounts, only, plus, sameAmounts } from '../../../api/quota/amounts.ts';
import { StatusError } from '../../../api/status-error.ts';
import type { Clock } from '../../../lib/clock.ts';
import { limits } from '../../../lib/limits.ts';
import type { Logger } from '../../../lib/log.ts';
import { type Entry, RevisionConflict, type Store } from '../../../store/store.ts';
import { checkWrite, type QuotaQuestion, type QuotaState, quotaState, type Verdict } from './check.ts';
import type { LimitedResource } from './limited-resources.ts';

export const collection = 'resourcequotas';

/** What one write uses, by the uid of the quota that it is noted in. */
export type Charge = ReadonlyMap<string, Amounts>;

export type Answer = { readonly kind: 'admitted'; readonly charge: Charge } | Exclude<Verdict, { kind: 'admitted' }>;

interface Claimant extends QuotaQuestion {
  readonly dryRun: boolean;
  attempts: number;
  /** It waits no more: what it would be given is given back. */
  isGone: boolean;
  answer(answer: Answer): void;
  fail(error: Error): void;
}

interface Held {
  readonly claimant: Claimant;
  readonly refusal: Answer;
  readonly blockers: Set<Charge>;
}

/** A quota in one turn. */
interface Page extends QuotaState {
  readonly entry: Entry;
  /** Taken off `used`. */
  readonly owed: Amounts;
  isLost: boolean;
  error?: Error;
}

/** Of one namespace. */
interface Line {
  waiting: Claimant[];
  readonly held: Set<Held>;
  readonly open: Set<Charge>;
  readonly owed: Map<string, Amounts>;
  /** Quotas in which something was noted since a count was last turned away or let through. */
  readonly uncounted: Set<string>;
  isWorking: boolean;
}

const attemptsMax = 10;

export class QuotaLedger {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #limited: readonly LimitedResource[];
  readonly #lines = new Map<string, Line>();

  constructor(options: { store: Store; clock: Clock; log: Logger; limited: readonly LimitedResource[] }) {
    this.#store = options.store;
    this.#clock = options.clock;
    this.#log = options.log;
    this.#limited = options.limited;
  }

  /**
   * Resolves with what was noted, or why not. What was noted is to be settled.
   * @throws StatusError InternalError after `limits.quotaWaitMsMax`; what the store throws
   */
  admit(namespace: string, question: QuotaQuestion, dryRun: boolean): Promise<Answer> {
    const line = this.#lineOf(namespace);
    return new Promise((resolve, reject) => {
      const claimant: Claimant = {
        ...question,
        dryRun,
        attempts: 0,
        isGone: false,
        answer: (answer) => {
          timer.cancel();
          resolve(answer);
        },
        fail: (error) => {
          timer.cancel();
          reject(error);
        },
      };
      const timer = this.#clock.after(limits.quotaWaitMsMax, () => giveUp(line, claimant));
      line.waiting.push(claimant);
      this.#wake(namespace, line);
    });
  }

  /** The write that `charge` was noted for stands, or never will. */
  settle(namespace: string, charge: Charge, isWritten: boolean): void {
    const line = this.#lineOf(namespace);
    line.open.delete(charge);
    if (!isWritten) owe(line, charge);
    for (const held of line.held) {
      const hadPart = held.blockers.delete(charge);
      if (held.blockers.size > 0 && (isWritten || !hadPart)) continue;
      line.held.delete(held);
      line.waiting.push(held.claimant);
    }
    this.#wake(namespace, line);
  }

  /**
   * May a count of what is stored take the place of what was noted? Not while something is noted that is not stored yet, nor for a
   * count that may have begun before the last of it was.
   */
  mayRecount(namespace: string, uid: string): boolean {
    const line = this.#lines.get(namespace);
    if (line === undefined) return true;
    if (line.isWorking || line.owed.has(uid) || [...line.open].some((charge) => charge.has(uid))) return false;
    const mayBeOld = line.uncounted.delete(uid);
    this.#dropIfIdle(namespace, line);
    return !mayBeOld;
  }

  #lineOf(namespace: string): Line {
    let line = this.#lines.get(namespace);
    if (line === undefined) {
      line = {
        waiting: [],
        held: new Set(),
        open: new Set(),
        owed: new Map(),
        uncounted: new Set(),
        isWorking: false,
      };
      this.#lines.set(namespace, line);
    }
    return line;
  }

  #wake(namespace: string, line: Line): void {
    if (line.isWorking) return;
    line.isWorking = true;
    void this.#work(namespace, line);
  }

  /** Begins a turn later, so that those who ask at the same time come together. */
  async #work(namespace: string, line: Line): Promise<void> {
    await Promise.resolve();
    while (line.waiting.length > 0 || line.owed.size > 0) await this.#turn(namespace, line);
    line.isWorking = false;
    this.#dropIfIdle(namespace, line);
  }

  #dropIfIdle(namespace: string, line: Line): void {
    const parts = [line.held, line.open, line.owed, line.uncounted];
    if (!line.isWorking && line.waiting.length === 0 && parts.every(({ size }) => size === 0))
      this.#lines.delete(namespace);
  }

  async #turn(namespace: string, line: Line): Promise<void> {
    const claimants = line.waiting.filter(({ isGone }) => !isGone);
    line.waiting = [];
    const pages = this.#pagesOf(namespace, line);
    const verdicts = new Map<Claimant, Verdict>();
    for (const claimant of claimants) {
      try {
        verdicts.set(claimant, this.#reckon(claimant, pages));
      } catch (error) {
        claimant.fail(error as Error);
      }
    }
    await this.#write(pages);
    for (const page of pages) this.#afterWrite(line, page);
    for (const [claimant, verdict] of verdicts) conclude(line, claimant, verdict, pages);
    // Only now is it known whose charges are open.
    for (const [claimant, verdict] of verdicts) refuse(line, claimant, verdict, pages);
  }

  #pagesOf(namespace: string, line: Line): Page[] {
    const entries = this.#store.list(collection, namespace).entries;
    const pages = entries.map((entry): Page => {
      const state = quotaState(entry.object);
      const { used } = state;
      const owed = only(line.owed.get(state.uid) ?? noAmounts, (name) => used.has(name));
      return { ...state, entry, owed, used: minus(used, owed), isLost: false };
    });
    line.owed.clear();
    const there = new Set(pages.map(({ uid }) => uid));
    for (const uid of line.uncounted) if (!there.has(uid)) line.uncounted.delete(uid);
    return pages;
  }

  #reckon(claimant: Claimant, pages: readonly Page[]): Verdict {
    const verdict = checkWrite(claimant, pages, this.#limited);
    if (verdict.kind !== 'admitted' || claimant.dryRun) return verdict;
    for (const [state, charge] of verdict.charges) state.used = plus(state.used, charge);
    return verdict;
  }

  /** Together: the store makes one commit of them. */
  async #write(pages: readonly Page[]): Promise<void> {
    const writes = pages
      .filter((page) => !sameAmounts(page.used, quotaState(page.quota).used))
      .map((page) => this.#note(page));
    if (writes.length > 0) await Promise.all(writes);
  }

  async #note(page: Page): Promise<void> {
    const { quota, entry, used } = page;
    const object = { ...quota, status: { ...quota.status, used: listOf(used) } };
    try {
      await this.#store.write({ kind: 'put', key: entry.key, object, expectedRevision: entry.revision });
    } catch (error) {
      page.isLost = true;
      if (!(error instanceof RevisionConflict)) page.error = error as Error;
    }
  }

  #afterWrite(line: Line, { isLost, error, owed, uid, name }: Page): void {
    if (!isLost || owed.size === 0) return;
    if (error === undefined) owe(line, new Map([[uid, owed]]));
    // To try for ever would not help: the control loop counts again before long.
    else this.#log.warn('what a quota is owed could not be given back', { quota: name, error });
  }
}

/** The writes of its turn are over: noted in all its quotas, or in none. */
function conclude(line: Line, claimant: Claimant, verdict: Verdict, pages: readonly Page[]): void {
  if (verdict.kind !== 'admitted') return;
  if (claimant.dryRun) return claimant.answer({ kind: 'admitted', charge: new Map() });
  const lost = pages.filter((page) => page.isLost && verdict.charges.has(page));
  const noted = [...verdict.charges].filter(([state]) => !(state as Page).isLost);
  const charge: Charge = new Map(noted.map(([{ uid }, amounts]) => [uid, amounts]));
  for (const uid of charge.keys()) line.uncounted.add(uid);
  if (lost.length === 0 && !claimant.isGone) {
    if (charge.size > 0) line.open.add(charge);
    return claimant.answer({ kind: 'admitted', charge });
  }
  owe(line, charge);
  const error = lost.find((page) => page.error !== undefined)?.error;
  if (error !== undefined) claimant.fail(error);
  else again(line, claimant);
}

function refuse(line: Line, claimant: Claimant, verdict: Verdict, pages: readonly Page[]): void {
  if (verdict.kind === 'admitted') return;
  const full = verdict.kind === 'refused' ? verdict.full : undefined;
  if (full === undefined || claimant.dryRun) return claimant.answer(verdict);
  // Somebody wrote the quota meanwhile, or what was noted in it was given back.
  if (pages.some((page) => page.isLost && page.error === undefined)) return again(line, claimant);
  if (line.owed.has(full.uid)) return void line.waiting.push(claimant);
  const blockers = new Set([...line.open].filter((charge) => charge.has(full.uid)));
  if (blockers.size === 0) claimant.answer(verdict);
  else line.held.add({ claimant, refusal: verdict, blockers });
}

function again(line: Line, claimant: Claimant): void {
  claimant.attempts++;
  if (claimant.attempts < attemptsMax) line.waiting.push(claimant);
  else claimant.fail(timedOut());
}

function owe(line: Line, charge: Charge): void {
  for (const [uid, amounts] of charge) line.owed.set(uid, plus(line.owed.get(uid) ?? noAmounts, amounts));
}

/** One that is held is told what stands, any other that there was no answer. */
function giveUp(line: Line, claimant: Claimant): void {
  claimant.isGone = true;
  for (const held of line.held) {
    if (held.claimant !== claimant) continue;
    line.held.delete(held);
    return claimant.answer(held.refusal);
  }
  claimant.fail(timedOut());
}

function timedOut(): StatusError {
  const message = 'resource quota evaluation timed out';
  return new StatusError(500, 'InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] });
}

/**
 * Keeps one table as its owners want it: `NftTable` on a runner of nft.
 *
 * The plain way, a program of the whole table for every change, takes seconds with ten thousand Services. Here the keeper knows what the kernel has
 * (`#accepted`), and a round carries out the difference of those owners alone that said something new. Only when what the kernel has cannot be known is the
 * whole table replaced, in one transaction, so that nobody meets a table half made: at the first round (an earlier agent left one), after nft died under a
 * transaction, and after somebody outside has flushed the ruleset, which is looked for every half minute.
 *
 * ```
 *  round:  difference of all dirty owners ─▶ applied ─────────────────────────────────────▶ accepted
 *             ├─ a command was refused, its owner is known ─▶ that owner is told and keeps what it had; once more without it
 *             ├─ refused, and nobody knows why ─▶ in halves, down to the owner at fault
 *             ├─ "No such file", "File exists" ─▶ the kernel has not what we think: replaced as a whole
 *             └─ nft could not be asked, or refuses the base ─▶ after a back-off, replaced as a whole
 * ```
 */
import { delayAfter } from '../../lib/backoff.ts';
import type { Clock, Timer } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { Prng } from '../../lib/prng.ts';
import { ElementClaims } from './element-claims.ts';
import { isFilledByPackets, keeping } from './kept-elements.ts';
import type { NftError, NftRunner } from './nft.ts';
import {
  baseOwner,
  difference,
  filling,
  isGradual,
  type NftChange,
  type NftCommand,
  replacement,
  tableName,
} from './nft-program.ts';
import type { NftBase, NftFragment, NftRefusal, NftTable } from './nft-table.ts';

export interface NftKeeperOptions {
  readonly base: NftBase;
  readonly nft: NftRunner;
  readonly clock: Clock;
  readonly prng: Prng;
  readonly log: Logger;
}

const backoffMsMin = 500;
const backoffMsMax = 60_000;
const verifyMs = 30_000;

export class NftKeeper implements NftTable {
  readonly #options: NftKeeperOptions;
  readonly #table: string;
  readonly #stop = new AbortController();
  readonly #claims = new ElementClaims();
  /** What the kernel has, by owner. */
  readonly #accepted = new Map<string, NftFragment>();
  /** What was set and not yet tried. */
  #dirty = new Map<string, NftFragment | undefined>();
  #isKnown = false;
  #last: Promise<unknown> = Promise.resolve();
  #next: Promise<readonly NftRefusal[]> | undefined;
  #verification: Timer | undefined;

  constructor(options: NftKeeperOptions) {
    this.#options = options;
    this.#table = tableName(options.base);
    this.setBase(options.base);
  }

  set(owner: string, fragment: NftFragment | undefined): void {
    this.#dirty.set(owner, fragment);
  }

  setBase({ sets, chains }: NftBase): void {
    this.#dirty.set(baseOwner, { sets, chains });
  }

  apply(): Promise<readonly NftRefusal[]> {
    if (this.#next !== undefined) return this.#next;
    const round = this.#last.then(() => {
      this.#next = undefined;
      return this.#round();
    });
    this.#next = round;
    this.#last = round.catch(() => {});
    return round;
  }

  /** Lets go: the table stays as it is. Rounds under way reject. */
  async close(): Promise<void> {
    this.#stop.abort(new Error(`the keeper of table ${this.#table} was closed`));
    this.#verification?.cancel();
    await this.#last;
  }

  /** The kernel is asked until it answers. */
  async #round(): Promise<readonly NftRefusal[]> {
    const { clock, prng, log } = this.#options;
    const wanted = this.#dirty;
    this.#dirty = new Map();
    for (let failures = 0; ; failures++) {
      this.#stop.signal.throwIfAborted();
      try {
        const refusals = await this.#bring(wanted);
        this.#verifyLater();
        return refusals;
      } catch (error) {
        this.#isKnown = false;
        this.#stop.signal.throwIfAborted();
        const delayMs = delayAfter(failures, backoffMsMin, backoffMsMax) * (1 + prng.next());
        log.warn('a table could not be brought to the kernel, trying again', { table: this.#table, delayMs, error });
        await clock.sleep(delayMs, this.#stop.signal);
        // What was set meanwhile may be what mends it.
        for (const [owner, fragment] of this.#dirty) wanted.set(owner, fragment);
        this.#dirty.clear();
      }
    }
  }

  /** What is left in `wanted` when it throws has not been accepted. */
  async #bring(wanted: Map<string, NftFragment | undefined>): Promise<NftRefusal[]> {
    const refusals: NftRefusal[] = [];
    const groups: string[][] = [[...wanted.keys()]];
    for (let group = groups.shift(); group !== undefined; group = groups.shift()) {
      const attempt = await this.#attempt(group, wanted);
      if (attempt.errors.length === 0) refusals.push(...this.#accept(group, wanted));
      else if (attempt.isDoubtful) groups.unshift(group);
      else groups.unshift(...this.#blame(group, attempt, wanted, refusals));
    }
    return refusals;
  }

  async #attempt(group: readonly string[], wanted: ReadonlyMap<string, NftFragment | undefined>): Promise<Attempt> {
    const changes = group.map((owner) => ({ owner, before: this.#accepted.get(owner), after: wanted.get(owner) }));
    if (!changes.every(({ before, after }) => isGradual(before, after))) this.#isKnown = false;
    const wasKnown = this.#isKnown;
    for (const { owner, before, after } of changes) this.#claims.move(owner, before, after);
    try {
      const { commands, errors } = await this.#carryOut(wasKnown, changes);
      if (errors.length === 0) {
        this.#claims.commit();
        this.#isKnown = true;
      }
      const isDoubtful = wasKnown && errors.some(({ message }) => /No such file|File exists/.test(message));
      if (isDoubtful) this.#isKnown = false;
      return { commands, errors, isDoubtful };
    } finally {
      this.#claims.rollback();
    }
  }

  async #carryOut(isKnown: boolean, changes: readonly NftChange[]): Promise<Pick<Attempt, 'commands' | 'errors'>> {
    const { nft } = this.#options;
    if (!isKnown) {
      const frame = this.#frame(changes).map(({ text }) => text);
      const kept = await this.#kept(changes);
      const errors = await nft.run([...frame, ...filling(this.#table, this.#claims.held()), ...kept]);
      if (errors.length === 0) return { commands: [], errors };
    }
    // Whose command was at fault, tells a program in which each command has one owner.
    const commands = isKnown
      ? difference(this.#table, changes, this.#claims.changes())
      : [...this.#frame(changes), ...difference(this.#table, [], this.#claims.all())];
    return { commands, errors: await nft.run(commands.map(({ text }) => text)) };
  }

  /** The table anew, with all chains and sets, and these empty. */
  #frame(changes: readonly NftChange[]): NftCommand[] {
    return [...replacement(this.#table), ...difference(this.#table, this.#all(changes), [])];
  }

  /** Every owner with what it is to have. */
  #all(changes: readonly NftChange[]): NftChange[] {
    const changed = new Map(changes.map(({ owner, after }) => [owner, after]));
    const owners = new Set([baseOwner, ...this.#accepted.keys(), ...changed.keys()]);
    return [...owners].map((owner) => ({
      owner,
      before: undefined,
      after: changed.has(owner) ? changed.get(owner) : this.#accepted.get(owner),
    }));
  }

  /** What packets put into the table that is to be replaced. A table is made also where nft does not tell. */
  async #kept(changes: readonly NftChange[]): Promise<readonly string[]> {
    const { nft, log } = this.#options;
    const sets = this.#all(changes).flatMap(({ after }) => Object.entries(after?.sets ?? {}));
    const names = new Set(sets.flatMap(([name, set]) => (isFilledByPackets(set) ? [name] : [])));
    if (names.size === 0) return [];
    try {
      return keeping(this.#table, names, (await nft.listSets?.(this.#table)) ?? '{}');
    } catch (error) {
      // So it is at the very first start, too: there is no table yet.
      log.debug('what clients a table has is not known', { table: this.#table, error });
      return [];
    }
  }

  #accept(group: readonly string[], wanted: Map<string, NftFragment | undefined>): NftRefusal[] {
    const refusals: NftRefusal[] = [];
    for (const owner of group) {
      const fragment = wanted.get(owner);
      wanted.delete(owner);
      if (fragment === undefined) this.#accepted.delete(owner);
      else this.#accepted.set(owner, fragment);
      const [clash] = this.#claims.clashes(owner, fragment);
      if (clash === undefined) continue;
      const { element, holder } = clash;
      refusals.push({ owner, message: `${element.key} in ${element.set} is taken by ${holder}` });
    }
    return refusals;
  }

  /** Takes those at fault out; gives the groups in which the others are tried again. */
  #blame(
    group: readonly string[],
    { commands, errors }: Attempt,
    wanted: Map<string, NftFragment | undefined>,
    refusals: NftRefusal[],
  ): string[][] {
    const guilty = new Map<string, string>();
    for (const { command, message } of errors) {
      const owner = command === undefined ? undefined : commands[command]?.owner;
      if (owner !== undefined && !guilty.has(owner)) guilty.set(owner, message);
    }
    const first = errors[0]?.message ?? '';
    if (guilty.size === 0 && group.length <= 1) guilty.set(group[0] ?? baseOwner, first);
    const baseFault = guilty.get(baseOwner);
    if (baseFault !== undefined) {
      const text = commands[errors[0]?.command ?? -1]?.text ?? '';
      throw new Error(`nft refuses the base of table ${this.#table}: ${baseFault} (${text.slice(0, 200)})`);
    }
    if (guilty.size === 0) return [group.slice(0, group.length >> 1), group.slice(group.length >> 1)];
    for (const [owner, message] of guilty) {
      refusals.push({ owner, message });
      // An owner outside of the group had it accepted once, and the kernel has changed its mind.
      if (!wanted.delete(owner)) this.#forget(owner);
    }
    return [group.filter((owner) => !guilty.has(owner))];
  }

  #forget(owner: string): void {
    this.#claims.move(owner, this.#accepted.get(owner), undefined);
    this.#claims.commit();
    this.#accepted.delete(owner);
  }

  #verifyLater(): void {
    this.#verification?.cancel();
    this.#verification = this.#options.clock.after(verifyMs, () => void this.#verify());
  }

  /** A table that can be created was not there: somebody flushed the ruleset. */
  async #verify(): Promise<void> {
    const errors = await this.#options.nft.run([`create table ${this.#table}`]).catch(() => undefined);
    if (this.#stop.signal.aborted) return;
    if (errors?.length === 0) {
      this.#options.log.warn('a table of ours was removed by somebody, making it anew', { table: this.#table });
      this.#isKnown = false;
      await this.apply().catch(() => {});
    } else this.#verifyLater();
  }
}

interface Attempt {
  readonly commands: readonly NftCommand[];
  readonly errors: readonly NftError[];
  /** The kernel may have something else than we think. */
  readonly isDoubtful: boolean;
}

/** What `simulate` says: a line a seed, the command that shows a failure again, and the sum at the end. */
import process from 'node:process';
import type { Clock } from '../lib/clock.ts';
import type { SimulationReport } from '../simulation/simulator/simulation.ts';
import { Tallied } from '../simulation/simulator/tallied.ts';

/** A run, and how long it took; a process that runs seeds for another sends it this. */
export interface ToldReport {
  readonly report: SimulationReport;
  readonly realMs: number;
}

interface RunSettings {
  readonly hours: number;
  readonly climate?: string | undefined;
}

const hourMs = 3_600_000;

export class Tally {
  readonly #settings: RunSettings;
  readonly #clock: Clock;
  readonly #startMs: number;
  #seeds = 0;
  #virtualMs = 0;
  readonly #actions = new Tallied();
  readonly #disturbances = new Tallied();
  readonly #calls = new Tallied();
  #hasFailed = false;

  constructor(settings: RunSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
    this.#startMs = clock.monotonic();
  }

  get hasFailed(): boolean {
    return this.#hasFailed;
  }

  add({ report, realMs }: ToldReport): void {
    this.#seeds++;
    this.#virtualMs += report.virtualMs;
    this.#actions.addAll(report.actions);
    this.#disturbances.addAll(report.disturbances);
    this.#calls.addAll(report.calls);
    process.stderr.write(`${line(report, realMs)}\n`);
    if (report.violation === undefined) return;
    process.stdout.write(failure(report, this.#settings));
    this.fail();
  }

  /** Something went wrong that is no broken invariant, and was told. */
  fail(): void {
    this.#hasFailed = true;
    process.exitCode = 1;
  }

  finish(): void {
    process.stderr.write(counted('actions', this.#actions));
    process.stderr.write(counted('disturbances', this.#disturbances));
    process.stderr.write(counted('calls', this.#calls));
    if (this.#hasFailed) return;
    const hours = this.#virtualMs / hourMs;
    const perSecond = (hours * 1000) / (this.#clock.monotonic() - this.#startMs);
    const seeds = `${this.#seeds} ${this.#seeds === 1 ? 'seed' : 'seeds'}`;
    process.stdout.write(
      `Every invariant held: ${seeds}, ${hours.toFixed(2)} virtual hours, ${perSecond.toFixed(2)} virtual hours per second.\n`,
    );
  }
}

/** `actions: pods 12, jobs 3` */
const counted = (what: string, { byName }: Tallied): string =>
  `${what}: ${Object.entries(byName)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ')}\n`;

const sumOf = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0);

function line(report: SimulationReport, realMs: number): string {
  const { seed, climate, violation, changes, actions, disturbances, calls, virtualMs, convergedInMs, hash } = report;
  const outcome = violation === undefined ? `held, converged in ${Math.round(convergedInMs / 1000)} s` : 'BROKEN';
  const faults = `${sumOf(disturbances)} disturbances, ${calls.lostRequests + calls.lostAnswers} calls lost, ${calls.brokenWatches} watches broken`;
  const speed = `${(virtualMs / hourMs).toFixed(2)} virtual hours in ${(realMs / 1000).toFixed(1)} s`;
  return `seed ${seed} (${climate}): ${outcome}; ${sumOf(actions)} actions, ${faults}; ${changes} changes, hash ${hash}; ${speed}`;
}

export function failure(
  { seed, violation }: Pick<SimulationReport, 'seed' | 'violation'>,
  { hours, climate }: RunSettings,
): string {
  const { invariant = '', message = '', atMs = 0 } = violation ?? {};
  const only = climate === undefined ? '' : ` --climate '${climate}'`;
  const command = `npm run simulate -- --seed ${seed} --hours ${hours}${only}`;
  return `Broken after ${(atMs / 1000).toFixed(3)} s of virtual time: ${invariant}.\n  ${message}\nTo see it again:\n  ${command}\n`;
}

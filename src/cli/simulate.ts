/**
 * `npm run simulate`: whole clusters under a virtual clock and injected faults, one seed after another, or several side by side. What is told on
 * the way goes to standard error, the result to standard output. The exit code is 0 when every invariant held; else the output names the first one
 * that did not, and the command that shows it again.
 *
 * `--jobs` starts this command again in processes of its own (`simulate-jobs.ts`); such a process tells its parent and prints nothing.
 */
import process from 'node:process';
import { RealClock } from '../lib/clock.ts';
import { storeAuthorization } from '../server/authorization/store-authorization.ts';
import { canaries } from '../simulation/simulator/canaries.ts';
import {
  type Scenario,
  type SimulationReport,
  scenarioNamed,
  simulateSeed,
} from '../simulation/simulator/simulation.ts';
import { simulateSideBySide } from './simulate-jobs.ts';
import { Tally, type ToldReport } from './simulate-report.ts';

export interface SimulateOptions {
  readonly seed: number;
  readonly seeds: number;
  readonly hours: number;
  readonly jobs: number;
  /** Only runs of this name, as in the lines of the output: `calm`, `rollouts`. */
  readonly climate?: string | undefined;
  /** Instead of seeds: clusters with a fault built in, which must be found. */
  readonly canary?: boolean | undefined;
}

/** NARU_TRACE=1 tells every change, every warning and every fault on standard error. */
export async function simulate(options: SimulateOptions): Promise<void> {
  if (options.canary) await simulateCanaries();
  else if (options.jobs > 1) await simulateSideBySide(options);
  else await simulateSeeds(options);
}

async function simulateSeeds({ seed: first, seeds, hours, climate }: SimulateOptions): Promise<void> {
  const clock = new RealClock();
  const tally = new Tally({ hours, climate }, clock);
  const scenario = climate === undefined ? {} : { scenario: (seed: number): Scenario => scenarioNamed(climate, seed) };
  for (let seed = first; seed < first + seeds && !tally.hasFailed; seed++) {
    const startMs = clock.monotonic();
    const { scenario: make } = scenario;
    const report = await simulateOne(seed, hours, make?.(seed));
    const told: ToldReport = { report, realMs: clock.monotonic() - startMs };
    if (process.send) process.send(told);
    else tally.add(told);
  }
  if (!process.send) tally.finish();
}

async function simulateOne(seed: number, hours: number, scenario: Scenario | undefined): Promise<SimulationReport> {
  const crashed = (error: unknown): void => {
    process.stdout.write(`A promise was left alone under seed ${seed} (--hours ${hours}):\n`);
    throw error;
  };
  process.once('unhandledRejection', crashed);
  try {
    const trace = process.env['NARU_TRACE'] ? { trace: (line: string) => void process.stderr.write(`${line}\n`) } : {};
    return await simulateSeed({
      seed,
      hours,
      authorization: storeAuthorization,
      ...(scenario && { scenario }),
      ...trace,
    });
  } finally {
    process.off('unhandledRejection', crashed);
  }
}

/** A net that lets known faults through would let others through as well. */
async function simulateCanaries(): Promise<void> {
  let missed = 0;
  for (const { name, invariant, options } of canaries) {
    const { violation } = await simulateSeed({ ...options, authorization: storeAuthorization });
    const isCaught = violation?.invariant === invariant;
    if (!isCaught) missed++;
    const found = violation === undefined ? 'nothing was found' : `found was: ${violation.invariant}`;
    process.stderr.write(
      `${name}: ${isCaught ? `caught (${invariant})` : `MISSED, expected: ${invariant}; ${found}`}\n`,
    );
  }
  process.stdout.write(`${canaries.length - missed} of ${canaries.length} faults were caught.\n`);
  if (missed > 0) process.exitCode = 1;
}

/**
 * `npm run simulate`: whole clusters under a virtual clock and injected faults, one seed after another. What is told on the way goes to standard
 * error, the result to standard output. The exit code is 0 when every invariant held; else the output names the first one that did not, and the
 * command that shows it again.
 */
import process from 'node:process';
import { RealClock } from '../lib/clock.ts';
import { storeAuthorization } from '../server/authorization/store-authorization.ts';
import { type SimulationReport, simulateSeed } from '../simulation/simulator/simulation.ts';

const hourMs = 3_600_000;

export interface SimulateOptions {
  readonly seed: number;
  readonly seeds: number;
  readonly hours: number;
}

/** NARU_TRACE=1 tells every change, every warning and every fault on standard error. */
export async function simulate({ seed: first, seeds, hours }: SimulateOptions): Promise<void> {
  const clock = new RealClock();
  const startMs = clock.monotonic();
  const trace = process.env.NARU_TRACE ? { trace: (line: string) => void process.stderr.write(`${line}\n`) } : {};
  let virtualMs = 0;
  for (let seed = first; seed < first + seeds; seed++) {
    const seedMs = clock.monotonic();
    const report = await simulateOne(seed, { hours, ...trace });
    virtualMs += report.virtualMs;
    process.stderr.write(`${line(report, clock.monotonic() - seedMs)}\n`);
    if (report.violation !== undefined) {
      process.stdout.write(failure(report, hours));
      process.exitCode = 1;
      return;
    }
  }
  process.stdout.write(summary(seeds, virtualMs, clock.monotonic() - startMs));
}

async function simulateOne(
  seed: number,
  options: { readonly hours: number; readonly trace?: (line: string) => void },
): Promise<SimulationReport> {
  const crashed = (error: unknown): void => {
    process.stdout.write(`A promise was left alone under seed ${seed}:\n  ${command(seed, options.hours)}\n`);
    throw error;
  };
  process.once('unhandledRejection', crashed);
  try {
    return await simulateSeed({ seed, authorization: storeAuthorization, ...options });
  } finally {
    process.off('unhandledRejection', crashed);
  }
}

const command = (seed: number, hours: number): string => `npm run simulate -- --seed ${seed} --hours ${hours}`;

function line(report: SimulationReport, realMs: number): string {
  const { seed, climate, violation, changes, actions, disturbances, calls, virtualMs, convergedInMs, hash } = report;
  const outcome = violation === undefined ? `held, converged in ${Math.round(convergedInMs / 1000)} s` : 'BROKEN';
  const faults = `${disturbances} disturbances, ${calls.lostRequests + calls.lostAnswers} calls lost, ${calls.brokenWatches} watches broken`;
  return `seed ${seed} (${climate}): ${outcome}; ${actions} actions, ${faults}; ${changes} changes, hash ${hash}; ${speed(virtualMs, realMs)}`;
}

const speed = (virtualMs: number, realMs: number): string =>
  `${(virtualMs / hourMs).toFixed(2)} virtual hours in ${(realMs / 1000).toFixed(1)} s`;

export function failure({ seed, violation }: Pick<SimulationReport, 'seed' | 'violation'>, hours: number): string {
  const { invariant = '', message = '', atMs = 0 } = violation ?? {};
  return `Broken after ${(atMs / 1000).toFixed(3)} s of virtual time: ${invariant}.\n  ${message}\nTo see it again:\n  ${command(seed, hours)}\n`;
}

function summary(seeds: number, virtualMs: number, realMs: number): string {
  const hours = virtualMs / hourMs;
  return `Every invariant held: ${seeds} ${seeds === 1 ? 'seed' : 'seeds'}, ${hours.toFixed(2)} virtual hours, ${((hours * 1000) / realMs).toFixed(2)} virtual hours per second.\n`;
}

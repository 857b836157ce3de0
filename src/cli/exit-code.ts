/**
 * How a command ends, as the number that scripts see. The one place that knows:
 *
 * ```
 *  0    done, or found nothing wrong             2    wrong usage: an unknown option, a missing name, what cannot be meant together
 *  1    failed: the sentence says why            130  interrupted (Ctrl-C)
 *  N    of the program that `naru exec` or `naru attach` ran
 * ```
 */
import { CommanderError } from 'commander';
import { UserError } from './user-error.ts';

export const exitCodes = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;

/** For the program's help. */
export const exitCodeHelp =
  'Exit codes: 0 done; 1 failed; 2 wrong usage; 130 interrupted. naru exec ends with the code of its program.';

/** Wrong usage that only the command itself can see. */
export class UsageError extends UserError {
  override name = 'UsageError';
}

/** Ends the command with this code; what there is to say was said. */
export class ExitError extends Error {
  override name = 'ExitError';
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`exit code ${exitCode}`);
    this.exitCode = exitCode;
  }
}

export function exitCodeOf(error: unknown): number {
  if (error instanceof ExitError) return error.exitCode;
  // Help that was asked for comes as an "error" of code 0.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage;
  if (error instanceof UsageError) return exitCodes.usage;
  if (error instanceof Error && error.name === 'AbortError') return exitCodes.interrupted;
  return exitCodes.failed;
}

/** Nothing is left to say: commander has told its errors, and an interrupted command is no news to who interrupted it. */
export const isSaid = (error: unknown): boolean =>
  error instanceof ExitError || error instanceof CommanderError || exitCodeOf(error) === exitCodes.interrupted;

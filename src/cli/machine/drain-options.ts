/** What `naru node drain` and `naru node remove` are told, as `drainNode` takes it. */
import { UsageError } from '../exit-code.ts';
import type { DrainOptions } from './drain.ts';
import { parseDuration } from './duration-option.ts';

export interface DrainCommandOptions {
  readonly force?: boolean;
  readonly deleteEmptydirData?: boolean;
  readonly gracePeriod?: number;
  readonly timeout: string;
  readonly ignoreBudgets?: boolean;
}

/** @throws UsageError */
export function drainOptions(options: DrainCommandOptions): DrainOptions {
  const { force, deleteEmptydirData, gracePeriod, timeout, ignoreBudgets } = options;
  if (gracePeriod !== undefined && !(Number.isSafeInteger(gracePeriod) && gracePeriod >= 0)) {
    throw new UsageError('--grace-period takes a whole number of seconds, 0 or more');
  }
  return {
    timeoutMs: parseDuration('--timeout', timeout),
    ...(force && { force }),
    ...(deleteEmptydirData && { deleteEmptydirData }),
    ...(ignoreBudgets && { ignoreBudgets }),
    ...(gracePeriod !== undefined && { gracePeriodSeconds: gracePeriod }),
  };
}

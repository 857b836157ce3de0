/**
 * A log that judges: what a part logs as an error, or a warning over a programming error, is a broken invariant. Faults alone are never a
 * reason for either: parts must take them for what they are, and try again.
 */
import { AssertionFailure } from '../../lib/assert.ts';
import type { LogFields, Logger } from '../../lib/log.ts';
import type { Verdict } from './verdict.ts';

/** Ends in which a part says that it gives up waiting, as it should under faults that last longer. */
const accepted: ReadonlySet<string> = new Set(['service did not close in time']);

/** Nothing is put into words where nobody reads: an error's stack costs more than the call that failed. */
export function strictLog(verdict: Verdict, write?: (line: string) => void, common: LogFields = {}): Logger {
  const judge = (level: 'warn' | 'error', message: string, fields: LogFields = {}): void => {
    const all = { ...common, ...fields };
    write?.(`${level} ${message} ${text(all)}`);
    const { error } = all;
    if (level === 'error' ? !accepted.has(message) : isBug(error)) {
      verdict.broken('no part reports an error of its own', `${message} ${text(all)}`);
    }
  };
  return {
    debug: () => {},
    info: () => {},
    warn: (message, fields) => judge('warn', message, fields),
    error: (message, fields) => judge('error', message, fields),
    with: (fields) => strictLog(verdict, write, { ...common, ...fields }),
  };
}

const isBug = (error: unknown): boolean =>
  error instanceof TypeError ||
  error instanceof RangeError ||
  error instanceof ReferenceError ||
  error instanceof AssertionFailure;

function text(fields: LogFields): string {
  return JSON.stringify(fields, (_name, value: unknown) =>
    value instanceof Error ? (value.stack ?? value.message) : value,
  );
}

/** Many like calls of which all may fail alike: start with one, then twice as many each time, and stop at the first batch with a failure. */

export interface SlowStartResult {
  readonly succeeded: number;
  /** How many were not tried. */
  readonly skipped: number;
  readonly errors: readonly unknown[];
}

export async function slowStart(count: number, act: (index: number) => Promise<unknown>): Promise<SlowStartResult> {
  let tried = 0;
  for (let batch = 1; tried < count; batch *= 2) {
    const size = Math.min(batch, count - tried);
    const first = tried;
    const results = await Promise.allSettled(Array.from({ length: size }, (_, index) => act(first + index)));
    tried += size;
    const errors = results.filter((result) => result.status === 'rejected').map((result) => result.reason as unknown);
    if (errors.length > 0) return { succeeded: tried - errors.length, skipped: count - tried, errors };
  }
  return { succeeded: tried, skipped: 0, errors: [] };
}

/** Invariants that stay on in production: a broken one is a bug in naru, and the part that finds it stops. */
export class AssertionFailure extends Error {
  override name = 'AssertionFailure';
}

/** States positively what must hold; throws `AssertionFailure` where it does not. */
export function assert(condition: unknown, invariant: string): asserts condition {
  if (!condition) throw new AssertionFailure(`This should always hold: ${invariant}. Please report it, with the log.`);
}

/** For the default branch of an exhaustive switch over a union. */
export function unreachable(value: never): never {
  throw new AssertionFailure(`No branch takes ${JSON.stringify(value)}. Please report it, with the log.`);
}

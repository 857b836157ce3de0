/** An error that is the whole message to the person at the terminal: what happened, to what, why, what to do. No stack is shown. */
export class UserError extends Error {
  override name = 'UserError';
}

/** One sentence for any error; `NARU_DEBUG=1` adds the stack. */
export function describeError(error: unknown, debug: boolean): string {
  if (!(error instanceof Error)) return String(error);
  return debug ? `${error.message}\n${error.stack}` : error.message;
}

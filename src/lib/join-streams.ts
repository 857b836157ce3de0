/**
 * Two connections become one: what comes out of either goes into the other, at the pace of the slower.
 *
 * Kept true: a clean end on one side ends the other only after its queue was sent (what is under way to a slow reader is not cut
 * off); a broken side breaks the other; once one side has ended, the rest is over within `lingerMsMax`, where that is given.
 */
import type { Duplex } from 'node:stream';
import type { Clock, Timer } from './clock.ts';

export interface JoinOptions {
  readonly clock: Clock;
  /** How long the other direction may go on after one has ended. */
  readonly lingerMsMax?: number;
  /** Carries what comes out of `b` into `a`, and its end, where bytes as they come will not do. */
  readonly carry?: (b: Duplex, a: Duplex) => Promise<void>;
}

/** Resolves when both are closed. */
export function joinStreams(a: Duplex, b: Duplex, { clock, lingerMsMax, carry }: JoinOptions): Promise<void> {
  let lingering: Timer | undefined;
  const breakBoth = (): void => {
    a.destroy();
    b.destroy();
  };
  const linger = (): void => {
    if (lingerMsMax !== undefined) lingering ??= clock.after(lingerMsMax, breakBoth);
  };
  return new Promise((resolve) => {
    const closed = (): void => {
      if (!a.closed || !b.closed) return;
      lingering?.cancel();
      resolve();
    };
    for (const [from, to] of [[a, b] as const, [b, a] as const]) {
      from.on('error', ignore);
      from.once('end', linger);
      from.once('close', () => {
        // Closed before its end: the reader must not take what it has for the whole.
        if (!from.readableEnded) to.destroy();
        // Nobody takes what the other side still sends.
        else if (!to.readableEnded) to.resume();
        closed();
      });
      if (from.destroyed) to.destroy();
      else if (carry !== undefined && from === b) void carry(from, to);
      else from.pipe(to);
    }
    closed();
  });
}

function ignore(): void {}

/**
 * Two ends of one connection within this process: what is written to either is read from the other. Of Node's `duplexPair`, with what
 * it lacks: an end that is destroyed takes the other with it, also while a write waits there that nobody will read.
 */
import { type Duplex, duplexPair } from 'node:stream';

export function connectionPair(): [Duplex, Duplex] {
  const pair = duplexPair();
  for (const [one, other] of [pair, pair.toReversed()] as [Duplex, Duplex][]) {
    one.on('error', ignore);
    one.once('close', () => {
      // Closed in good order: the other reads to the end, and says its own goodbye.
      if (!one.writableFinished || !one.readableEnded) other.destroy();
    });
  }
  return pair;
}

function ignore(): void {}

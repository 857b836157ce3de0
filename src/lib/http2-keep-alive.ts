/**
 * Notices a dead peer of an HTTP/2 session: a ping every `intervalMs`, and the end of the session where it is not answered
 * within `answerMsMax`. So a peer that vanished without a word is noticed within the sum of the two.
 */
import type { Http2Session } from 'node:http2';
import type { Clock, Timer } from './clock.ts';

export interface KeepAliveOptions {
  readonly clock: Clock;
  readonly intervalMs: number;
  readonly answerMsMax: number;
}

export function keepAlive(session: Http2Session, { clock, intervalMs, answerMsMax }: KeepAliveOptions): void {
  let timer: Timer;
  const wait = (): void => {
    timer = clock.after(intervalMs, ping);
  };
  const ping = (): void => {
    // Destroyed, and its end not told yet: a ping would throw where nobody catches.
    if (session.destroyed) return;
    timer = clock.after(answerMsMax, () => session.destroy(new Error('the peer answers no pings')));
    session.ping((error) => {
      timer.cancel();
      if (error === null && !session.destroyed) wait();
    });
  };
  session.once('close', () => timer.cancel());
  wait();
}

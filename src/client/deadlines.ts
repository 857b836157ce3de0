/**
 * A client of which every call ends: what nobody has answered after a minute rejects with 504 Timeout, as the server itself would say.
 * For callers in the server's own process, whose calls no connection bounds. Whether the call was carried out stays open, as ever.
 * Watches go on: they have an end of their own.
 */
import type { Clock } from '../lib/clock.ts';
import { limits } from '../lib/limits.ts';
import type { Client } from './client.ts';
import { timedOut } from './errors.ts';
import { aroundCalls, type ClientCall } from './intercept.ts';

export function withDeadlines(client: Client, clock: Clock, msMax: number = limits.requestMsMax): Client {
  return aroundCalls(
    client,
    (call, act) =>
      new Promise((resolve, reject) => {
        const timer = clock.after(msMax, () => reject(timedOut(describe(call, msMax))));
        act()
          .then(resolve, reject)
          .finally(() => timer.cancel());
      }),
  );
}

function describe({ verb, resource, reference }: ClientCall, msMax: number): string {
  const what = [resource.resource, reference.namespace, reference.name].filter((part) => part !== '').join('/');
  return `nobody answered within ${msMax} ms: ${verb} ${what}`;
}

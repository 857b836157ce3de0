/** A client whose server can be out of reach: every call fails at once, watches that stand break, and nothing arrives until it is back. */
import type { Client, ClientWatch } from '../client/client.ts';
import { unreachable } from '../client/errors.ts';
import { aroundCalls, intercept } from '../client/intercept.ts';

export class Outage {
  #isAway = false;
  readonly #breaks = new Set<() => void>();

  begin(): void {
    this.#isAway = true;
    for (const end of this.#breaks) end();
  }

  end(): void {
    this.#isAway = false;
  }

  client(real: Client): Client {
    const called = aroundCalls(real, (_call, act) => (this.#isAway ? Promise.reject(away()) : act()));
    return intercept(called, {
      watch: () => (resource, query, handler) => {
        let watch: ClientWatch | undefined;
        const end = (): void => {
          this.#breaks.delete(end);
          watch?.cancel();
          handler.end(away());
        };
        if (this.#isAway) queueMicrotask(end);
        else {
          this.#breaks.add(end);
          const over = (error?: Error): void => {
            this.#breaks.delete(end);
            handler.end(error);
          };
          watch = real.watch(resource, query, { event: (event) => handler.event(event), end: over });
        }
        return {
          cancel: () => {
            this.#breaks.delete(end);
            watch?.cancel();
          },
        };
      },
    });
  }
}

const away = (): Error => unreachable('the server is away');

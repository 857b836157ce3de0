/** A part of the cluster that can be stopped, killed and started again: a process, had it one. */
import type { Clock } from '../../lib/clock.ts';
import type { Service } from '../../lib/service.ts';
import type { Verdict } from './verdict.ts';

export interface Incarnation {
  readonly service: Service;
  /** Cuts it off from the world, as death does. */
  readonly kill: () => void;
}

/** Longer than the slowest call that a stopping part may wait for, and than the bounds of `ServiceGroup` inside it. */
const stopMsMax = 120_000;

export class Part {
  readonly name: string;
  readonly #make: () => Incarnation;
  readonly #clock: Clock;
  readonly #verdict: Verdict;
  #current: Incarnation | undefined;
  /** One change of state at a time: two faults may hit at once. */
  #changing: Promise<void> = Promise.resolve();

  constructor(name: string, options: { readonly clock: Clock; readonly verdict: Verdict }, make: () => Incarnation) {
    this.name = name;
    this.#make = make;
    this.#clock = options.clock;
    this.#verdict = options.verdict;
  }

  get isRunning(): boolean {
    return this.#current !== undefined;
  }

  /** Idempotent. */
  start(): Promise<void> {
    return this.#change(async () => {
      if (this.#current !== undefined) return;
      this.#current = this.#make();
      await this.#current.service.start();
    });
  }

  /** In good order: what is under way is finished. Idempotent. */
  stop(): Promise<void> {
    return this.#end(() => {});
  }

  /** At once: nothing of it reaches anybody any more. Idempotent. */
  crash(): Promise<void> {
    return this.#end((incarnation) => incarnation.kill());
  }

  #end(first: (incarnation: Incarnation) => void): Promise<void> {
    return this.#change(async () => {
      const incarnation = this.#current;
      if (incarnation === undefined) return;
      this.#current = undefined;
      first(incarnation);
      const late = this.#clock.after(stopMsMax, () => {
        this.#verdict.broken('parts stop in time', `${this.name} has not stopped after ${stopMsMax} ms`);
      });
      await incarnation.service.close();
      late.cancel();
      incarnation.kill();
    });
  }

  #change(act: () => Promise<void>): Promise<void> {
    this.#changing = this.#changing.then(act).catch((error: unknown) => {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.#verdict.broken('parts start and stop', `${this.name}: ${text}`);
    });
    return this.#changing;
  }
}

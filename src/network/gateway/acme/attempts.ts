/** What the loop remembers of each Secret between two looks: when the authority may be asked again, what is still to be written, what was told. */
import type { IssuedCertificate } from './issue.ts';
import { pauseAfter } from './wanted.ts';

interface Failures {
  readonly count: number;
  /** The authority is left alone until then, as long as these names are asked for. */
  readonly untilMs: number;
  readonly names: string;
}

/** What is wrong inside the cluster is tried again soon: the authority heard nothing of it. */
const insideRetryMs = 15_000;

const textOf = (names: readonly string[]): string => names.join();

export class Attempts {
  readonly #failures = new Map<string, Failures>();
  /** Asking again for a certificate that could not be written would be counted by the authority. */
  readonly #unwritten = new Map<string, { readonly names: string; readonly issued: IssuedCertificate }>();
  readonly #told = new Map<string, Set<string>>();

  forget(key: string): void {
    this.#failures.delete(key);
    this.#unwritten.delete(key);
    this.#told.delete(key);
  }

  /** Other settings, another authority: it knows of no failure. */
  forgetFailures(): void {
    this.#failures.clear();
  }

  /** How long to wait yet; 0 or less: not at all. */
  restMs(key: string, names: readonly string[], nowMs: number): number {
    const failures = this.#failures.get(key);
    return failures?.names === textOf(names) ? failures.untilMs - nowMs : 0;
  }

  /** Says how long to wait. @param isOutside the authority knows of it */
  failed(
    key: string,
    names: readonly string[],
    nowMs: number,
    { isOutside, retryAfterMs }: { readonly isOutside: boolean; readonly retryAfterMs: number | undefined },
  ): number {
    const count = (this.#failures.get(key)?.count ?? 0) + (isOutside ? 1 : 0);
    const ms = isOutside ? pauseAfter(count, retryAfterMs) : insideRetryMs;
    this.#failures.set(key, { count, untilMs: nowMs + ms, names: textOf(names) });
    return ms;
  }

  keep(key: string, names: readonly string[], issued: IssuedCertificate): void {
    this.#unwritten.set(key, { names: textOf(names), issued });
  }

  kept(key: string, names: readonly string[]): IssuedCertificate | undefined {
    const kept = this.#unwritten.get(key);
    return kept?.names === textOf(names) ? kept.issued : undefined;
  }

  /** True the first time that `what` is to be told of the key. */
  isNews(key: string, what: string): boolean {
    const known = this.#told.get(key) ?? new Set<string>();
    this.#told.set(key, known);
    if (known.has(what)) return false;
    known.add(what);
    return true;
  }
}

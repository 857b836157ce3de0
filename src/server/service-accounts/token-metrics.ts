/** What is counted about service accounts' tokens, under upstream's names. */
import type { MetricRegistry, NumberSeries } from '../../lib/metrics.ts';

const counters = {
  valid_tokens: 'Tokens of pods that were renewed in time, each use.',
  stale_tokens: 'Tokens of pods that should have been renewed, each use.',
  legacy_tokens: 'Tokens without an audience, each use.',
  legacy_manual_token_uses: 'Tokens in Secrets that somebody made, each use.',
  legacy_auto_token_uses: 'Tokens in Secrets that were made with their account, each use.',
  invalid_legacy_auto_token_uses: 'Tokens in Secrets that are marked invalid, each use.',
} as const;

export type TokenCounter = keyof typeof counters;

export class TokenMetrics {
  readonly #series: ReadonlyMap<TokenCounter, NumberSeries>;

  constructor(registry: MetricRegistry) {
    const names = Object.keys(counters) as TokenCounter[];
    this.#series = new Map(
      names.map((name) => [
        name,
        registry.counter({ name: `serviceaccount_${name}_total`, help: counters[name] }).with(),
      ]),
    );
  }

  count(name: TokenCounter): void {
    this.#series.get(name)?.add();
  }
}

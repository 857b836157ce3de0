/**
 * What the name server of a node counts, under CoreDNS' names. An answer from memory costs some 50 µs: it is counted by looking at a few bytes of it, and
 * asks no clock. All answers of one turn took no time that is worth telling; only those that had to be waited for are measured.
 */
import { isIPv6 } from 'node:net';
import type { Clock } from '../../lib/clock.ts';
import {
  exponentialBuckets,
  type HistogramMetric,
  type HistogramSeries,
  type MetricRegistry,
  type NumberMetric,
  type NumberSeries,
} from '../../lib/metrics.ts';
import type { Answerer } from './server.ts';
import type { Exchange } from './upstream.ts';
import { headerBytes, recordTypes, responseCodes } from './wire.ts';

type Transport = 'udp' | 'tcp';

/** As CoreDNS has them. */
const secondsBuckets = exponentialBuckets(0.00025, 2, 16);

/** Whoever asks for another type shares one series. */
const typeNames: ReadonlyMap<number, string> = new Map(
  Object.entries({ ...recordTypes, MX: 15, DS: 43, DNSKEY: 48 }).map(([name, code]) => [code, name] as const),
);
const codeNames: ReadonlyMap<number, string> = new Map(
  Object.entries(responseCodes).map(([name, code]) => [code, name]),
);

export class DnsMetrics {
  readonly #clock: Clock;
  readonly #requests: NumberMetric;
  readonly #responses: NumberMetric;
  readonly #exchanges: HistogramMetric;
  readonly #hits: NumberSeries;
  readonly #misses: NumberSeries;
  readonly #stale: NumberSeries;
  readonly #seconds: HistogramSeries;
  /** By transport and type, by transport and code: looked up once. */
  readonly #series: Record<Transport, { types: NumberSeries[]; codes: NumberSeries[] }> = {
    udp: { types: [], codes: [] },
    tcp: { types: [], codes: [] },
  };

  constructor(registry: MetricRegistry, clock: Clock) {
    this.#clock = clock;
    const counter = (name: string, help: string, ...labels: string[]): NumberMetric =>
      registry.counter({ name: `coredns_${name}`, help, labels });
    this.#requests = counter('dns_requests_total', 'Questions to the name server of this node.', 'proto', 'type');
    this.#responses = counter('dns_responses_total', 'Its answers, by their code.', 'proto', 'rcode');
    this.#hits = counter('cache_hits_total', 'Questions about other names that were answered from memory.').with();
    this.#misses = counter('cache_misses_total', 'Those that other name servers were asked.').with();
    this.#stale = counter('cache_served_stale_total', 'Answers that were too old, where nobody gave a new one.').with();
    this.#seconds = registry
      .histogram({
        name: 'coredns_dns_request_duration_seconds',
        help: 'From a question to its answer; 0 where nothing had to be waited for.',
        buckets: secondsBuckets,
      })
      .with();
    this.#exchanges = registry.histogram({
      name: 'coredns_proxy_request_duration_seconds',
      help: 'How long other name servers took to answer.',
      labels: ['proxy_name', 'to', 'rcode'],
      buckets: secondsBuckets,
    });
  }

  answerer(answer: Answerer): Answerer {
    return (bytes, transport) => {
      const given = answer(bytes, transport);
      if (given === undefined) return undefined;
      this.#asked(bytes, transport);
      if (!(given instanceof Promise)) {
        this.#answered(given, transport, 0);
        return given;
      }
      const startMs = this.#clock.monotonic();
      return given.then((later) => {
        if (later !== undefined) this.#answered(later, transport, (this.#clock.monotonic() - startMs) / 1000);
        return later;
      });
    };
  }

  exchange(exchange: Exchange): Exchange {
    return async (upstream, asked, signal) => {
      const { address, port } = upstream;
      const to = isIPv6(address) ? `[${address}]:${port}` : `${address}:${port}`;
      const startMs = this.#clock.monotonic();
      let code = 'none';
      try {
        const message = await exchange(upstream, asked, signal);
        code = codeName(message.code);
        return message;
      } finally {
        this.#exchanges.with('forward', to, code).observe((this.#clock.monotonic() - startMs) / 1000);
      }
    };
  }

  /** A question about a name that is not of the cluster. */
  forwarded(from: 'memory' | 'others'): void {
    (from === 'memory' ? this.#hits : this.#misses).add();
  }

  servedStale(): void {
    this.#stale.add();
  }

  #asked(bytes: Buffer, transport: Transport): void {
    const type = typeOf(bytes);
    const { types } = this.#series[transport];
    const name = typeNames.get(type) ?? 'other';
    // Types that nobody knows share a place, too: there may be 65,536 of them.
    (types[name === 'other' ? 0 : type] ??= this.#requests.with(transport, name)).add();
  }

  #answered(bytes: Buffer, transport: Transport, seconds: number): void {
    const code = (bytes[3] as number) & 15;
    (this.#series[transport].codes[code] ??= this.#responses.with(transport, codeName(code))).add();
    this.#seconds.observe(seconds);
  }
}

const codeName = (code: number): string => codeNames.get(code) ?? String(code);

/** Of the first question; 0 where there is none that can be read. */
function typeOf(bytes: Buffer): number {
  let at = headerBytes;
  for (let length = bytes[at]; length !== 0; length = bytes[at]) {
    if (length === undefined || length > 63) return 0;
    at += length + 1;
  }
  return ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
}

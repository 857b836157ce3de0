import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container } from '../../api/schema/types/core-v1.ts';
import { VirtualClock } from '../../lib/clock.ts';
import { SeededPrng } from '../../lib/prng.ts';
import type { Runtime } from '../runtime.ts';
import { make } from '../testing.ts';
import type { ProbeResult } from './probe-transport.ts';
import { Prober } from './prober.ts';

function setUp(answer: (host: string) => ProbeResult = () => ({ ok: true, message: '' })) {
  const clock = new VirtualClock();
  const asked: { readonly atMs: number; readonly host: string }[] = [];
  const events: string[] = [];
  const ask = (host: string): Promise<ProbeResult> => {
    asked.push({ atMs: clock.monotonic(), host });
    return Promise.resolve(answer(host));
  };
  const prober = new Prober({
    clock,
    prng: new SeededPrng(7),
    agentStartedAtMs: clock.now(),
    runtime: {} as Runtime,
    transport: { http: ({ host }) => ask(host), tcp: (host) => ask(host), grpc: ({ host }) => ask(host) },
    changed: () => {},
    event: (reason, container, message) => void events.push(`${reason} ${container}: ${message}`),
  });
  return { clock, asked, events, prober };
}

const app = (changes: Partial<Container>): Container => make.container('app', changes);

test('containers without probes set no timers', () => {
  const { clock, prober } = setUp();
  prober.follow([make.container('app')], [make.run('app')], '10.42.0.5');
  assert.equal(clock.pending, 0);
});

test('what ran before the agent did is asked over its whole period, what starts now at once', async () => {
  const { clock, asked, prober } = setUp();
  const names = Array.from({ length: 20 }, (_, index) => `c${index}`);
  const readinessProbe = { tcpSocket: { port: 80 }, periodSeconds: 10 };
  const containers = names.map((name) => make.container(name, { readinessProbe }));
  const before = names.map((name) => make.run(name, { startedAtMs: clock.now() - 60_000 }));
  prober.follow(containers, before, '10.42.0.5');
  await clock.advance(10_000);
  assert.equal(asked.length, 20);
  for (const [fromMs, toMs] of [
    [0, 3000],
    [3000, 7000],
    [7000, 10_000],
  ] as const) {
    assert.ok(
      asked.some(({ atMs }) => atMs >= fromMs && atMs < toMs),
      `between ${fromMs} and ${toMs} ms`,
    );
  }
  prober.follow([app({ readinessProbe })], [make.run('app', { startedAtMs: clock.now() })], '10.42.0.6');
  await clock.advance(0);
  assert.equal(asked.filter(({ host }) => host === '10.42.0.6').length, 1);
  prober.close();
});

test('a probe that could not be made is told of and does not count', async () => {
  const { clock, events, prober } = setUp();
  const livenessProbe = { httpGet: { port: 'no-such-port' }, periodSeconds: 1, failureThreshold: 1 };
  const run = make.run('app', { startedAtMs: clock.now() });
  prober.follow([app({ livenessProbe })], [run], '10.42.0.5');
  await clock.advance(5000);
  assert.equal(prober.verdicts().get(run.id)?.liveness, 'unknown');
  assert.equal(
    events[0],
    `Unhealthy app: Liveness probe errored and resulted in unknown state: invalid port: couldn't find port "no-such-port" in container app`,
  );
  prober.close();
});

test('a warning is a success, and is told of as a warning', async () => {
  const { clock, events, prober } = setUp(() => ({ ok: true, isWarning: true, message: 'elsewhere' }));
  const run = make.run('app', { startedAtMs: clock.now() });
  prober.follow([app({ readinessProbe: { httpGet: { port: 80 } } })], [run], '10.42.0.5');
  await clock.advance(100);
  assert.equal(prober.verdicts().get(run.id)?.readiness, 'success');
  assert.deepEqual(events, ['ProbeWarning app: Readiness probe warning: elsewhere']);
  prober.close();
});

test('when its pod ends, a container is asked whether it is ready, and no longer whether it lives', async () => {
  const { clock, asked, prober } = setUp();
  const probe = (port: number, host: string) => ({ tcpSocket: { port, host }, periodSeconds: 1 });
  const containers = [app({ livenessProbe: probe(80, 'live'), readinessProbe: probe(80, 'ready') })];
  prober.follow(containers, [make.run('app', { startedAtMs: clock.now() })], '10.42.0.5');
  await clock.advance(500);
  prober.podEnds();
  await clock.advance(3000);
  assert.equal(asked.filter(({ host }) => host === 'live').length, 1);
  assert.equal(asked.filter(({ host }) => host === 'ready').length, 4);
  prober.close();
  assert.equal(clock.pending, 0);
});

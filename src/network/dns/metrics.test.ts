import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VirtualClock } from '../../lib/clock.ts';
import { MetricRegistry } from '../../lib/metrics.ts';
import { DnsMetrics } from './metrics.ts';

/** A question for a name of one label. */
const question = (type: number): Buffer =>
  Buffer.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 3, 119, 101, 98, 0, type >> 8, type & 255, 0, 1]);
const answer = (code: number): Buffer => Buffer.from([0, 1, 0x81, 0x80 | code, 0, 1, 0, 0, 0, 0, 0, 0]);

test('questions are counted by their type, answers by their code; only who had to wait is measured', async () => {
  const clock = new VirtualClock();
  const registry = new MetricRegistry();
  const metrics = new DnsMetrics(registry, clock);
  const answers: (Buffer | undefined | Promise<Buffer>)[] = [
    answer(0),
    answer(0),
    answer(3),
    undefined,
    clock.sleep(100).then(() => answer(2)),
    answer(1),
  ];
  const ask = metrics.answerer(() => answers.shift());
  assert.equal((ask(question(1), 'udp') as Buffer)[3], 0x80);
  void ask(question(1), 'udp');
  void ask(question(28), 'tcp');
  assert.equal(ask(question(1), 'udp'), undefined, 'who gets no answer is not counted');
  const later = ask(question(60_000), 'udp');
  await clock.advance(100);
  assert.equal(((await later) as Buffer)[3], 0x82);
  void ask(Buffer.from([0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 60, 1]), 'udp');
  const text = registry.text();
  const lines = text.split('\n').filter((line) => /^coredns_dns_re(quests|sponses)_total/.test(line));
  assert.deepEqual(lines.toSorted(), [
    'coredns_dns_requests_total{proto="tcp",type="AAAA"} 1',
    'coredns_dns_requests_total{proto="udp",type="A"} 2',
    'coredns_dns_requests_total{proto="udp",type="other"} 2',
    'coredns_dns_responses_total{proto="tcp",rcode="NXDOMAIN"} 1',
    'coredns_dns_responses_total{proto="udp",rcode="FORMERR"} 1',
    'coredns_dns_responses_total{proto="udp",rcode="NOERROR"} 2',
    'coredns_dns_responses_total{proto="udp",rcode="SERVFAIL"} 1',
  ]);
  assert.match(text, /coredns_dns_request_duration_seconds_sum 0\.1\n/);
  assert.match(text, /coredns_dns_request_duration_seconds_count 5\n/);
});

test('what other name servers take is measured for each, also where they fail', async () => {
  const clock = new VirtualClock();
  const registry = new MetricRegistry();
  const metrics = new DnsMetrics(registry, clock);
  const exchange = metrics.exchange(async ({ address }) => {
    await clock.sleep(20);
    throw new Error(`${address} is silent`);
  });
  const asking = exchange({ address: '2001:db8::1', port: 53 }, {} as never, new AbortController().signal);
  await Promise.all([assert.rejects(asking, /silent/), clock.advance(20)]);
  metrics.forwarded('memory');
  metrics.forwarded('others');
  metrics.forwarded('others');
  metrics.servedStale();
  const text = registry.text();
  const labels = 'proxy_name="forward",to="[2001:db8::1]:53",rcode="none"';
  assert.ok(text.includes(`coredns_proxy_request_duration_seconds_count{${labels}} 1\n`));
  assert.match(text, /coredns_cache_hits_total 1\n[^]*coredns_cache_misses_total 2\n[^]*served_stale_total 1\n/);
});

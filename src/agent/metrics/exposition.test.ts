import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cadvisorMetrics } from './cadvisor-metrics.ts';
import { MetricText } from './exposition.ts';
import { resourceMetrics } from './resource-metrics.ts';
import { parseMetrics } from './testing.ts';

const time = '2026-01-01T12:00:00Z';
const timeMs = Date.parse(time);
const machine = {
  milliCpu: 3500,
  memoryBytes: 2 ** 30,
  machineId: 'm',
  systemUuid: 's',
  bootId: 'b',
  kernelVersion: 'k',
  osImage: 'o "1"',
};

test('labels are escaped, and families without samples are left out', () => {
  const text = new MetricText();
  text.family('empty', 'gauge', 'Nothing.')(undefined);
  text.family('one', 'gauge', 'One.')(1.5, { a: 'x"y\\z\nw' }, 7);
  assert.equal(text.toString(), '# HELP one One.\n# TYPE one gauge\none{a="x\\"y\\\\z\\nw"} 1.5 7\n');
  const [sample] = parseMetrics(text.toString()).get('one')?.samples ?? [];
  assert.deepEqual(sample, { name: 'one', labels: { a: 'x"y\\z\nw' }, value: 1.5, timeMs: 7 });
});

test('the strict reader refuses what is not exact', () => {
  const head = '# HELP a A.\n# TYPE a gauge\n';
  for (const text of [
    `${head}a 1`,
    `${head}a{b=x} 1\n`,
    `${head}c 1\n`,
    `${head}a 1\na 1\n`,
    head,
    'a 1\n',
    `${head}a one\n`,
  ]) {
    assert.throws(() => parseMetrics(text), assert.AssertionError, text);
  }
});

test('resource metrics tell node, pods and containers with the time of the look', () => {
  const cpu = { time, usageCoreNanoSeconds: 2_500_000_000 };
  const memory = { time, workingSetBytes: 1024 };
  const swap = { time, swapUsageBytes: 10, swapAvailableBytes: 90 };
  const families = parseMetrics(
    resourceMetrics({
      node: { nodeName: 'n', startTime: time, cpu, memory, swap },
      pods: [
        {
          podRef: { name: 'web', namespace: 'default', uid: 'u' },
          startTime: time,
          containers: [
            { name: 'app', startTime: time, cpu, memory, swap },
            { name: 'bare', startTime: time },
          ],
          cpu,
          memory,
        },
      ],
    }),
  );
  const only = (name: string) => {
    const [sample, ...more] = families.get(name)?.samples ?? [];
    assert.deepEqual(more, [], name);
    return sample;
  };
  const pod = { pod: 'web', namespace: 'default' };
  assert.deepEqual(only('node_cpu_usage_seconds_total'), {
    name: 'node_cpu_usage_seconds_total',
    labels: {},
    value: 2.5,
    timeMs,
  });
  assert.deepEqual(only('container_cpu_usage_seconds_total')?.labels, { container: 'app', ...pod });
  assert.equal(only('container_swap_limit_bytes')?.value, 100);
  assert.equal(only('pod_memory_working_set_bytes')?.value, 1024);
  assert.deepEqual(only('pod_cpu_usage_seconds_total')?.labels, pod);
  assert.equal(families.get('container_start_time_seconds')?.samples.length, 2);
  assert.equal(families.get('container_cpu_usage_seconds_total')?.type, 'counter');
  assert.equal(only('resource_scrape_error')?.value, 0);
  assert.equal(parseMetrics(resourceMetrics(undefined)).get('resource_scrape_error')?.samples[0]?.value, 1);
});

test('cAdvisor’s metrics carry its labels, the sandbox the network', () => {
  const pod = { namespace: 'default', name: 'web', uid: 'u' };
  const base = { pod, details: { oomKills: 1, threads: 3 }, timeMs };
  const network = { rxPackets: 1, rxErrors: 0, rxDropped: 0, txBytes: 20, txPackets: 2, txErrors: 0, txDropped: 0 };
  const run = { id: 'c1', image: 'app:1', startedAtMs: timeMs } as never;
  const families = parseMetrics(
    cadvisorMetrics(
      [
        { ...base, id: '/k/podu', usage: { cpuNs: 3e9 } },
        { ...base, id: '/k/podu/s1', name: 'POD', usage: {}, interfaces: [{ name: 'eth0', rxBytes: 10, ...network }] },
        { ...base, id: '/k/podu/c1', name: 'app', usage: { cpuNs: 1e9 }, run },
      ],
      machine,
    ),
  );
  const cpu = families.get('container_cpu_usage_seconds_total')?.samples ?? [];
  assert.deepEqual(
    cpu.map(({ value }) => value),
    [3, 1],
  );
  assert.deepEqual(cpu[1]?.labels, {
    container: 'app',
    id: '/k/podu/c1',
    image: 'app:1',
    name: 'c1',
    namespace: 'default',
    pod: 'web',
    cpu: 'total',
  });
  const [received] = families.get('container_network_receive_bytes_total')?.samples ?? [];
  assert.deepEqual([received?.value, received?.labels['interface'], received?.labels['name']], [10, 'eth0', 's1']);
  assert.equal(families.get('machine_cpu_cores')?.samples[0]?.value, 4);
  assert.equal(families.get('container_threads_max')?.samples[0]?.value, 0);
});

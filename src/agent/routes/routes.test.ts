/** What a node answers by the kubelet's paths, over a simulated one in virtual time. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { StatusError } from '../../api/status-error.ts';
import { limits } from '../../lib/limits.ts';
import { startNode, type TestNode } from '../cluster-testing.ts';
import { defaultKubeletConfiguration } from '../kubelet-configuration.ts';
import { parseMetrics } from '../metrics/testing.ts';
import type { Summary } from '../stats/summary.ts';
import { upstreamForm } from './configz.ts';
import { nodeLogs } from './node-logs.ts';

async function ask(node: TestNode, url: string, method = 'GET') {
  const { signal } = new AbortController();
  const { status, headers, body } = await node.agent.handler.handle({ method, path: url, headers: {}, signal });
  return { status, type: headers['content-type'] ?? '', text: await text(body) };
}

const summaryOf = async (node: TestNode, query = ''): Promise<Summary> =>
  JSON.parse((await ask(node, `/stats/summary${query}`)).text) as Summary;
const metricsOf = async (node: TestNode, url: string) => parseMetrics((await ask(node, url)).text);

const burning = { 'simulation.naru.dev/behaviour': '{"cpuMilli": 250, "memoryBytes": 1000000}' };

test('a simulated node tells what its containers’ behaviours say that they use', async () => {
  const node = await startNode();
  await node.run({}, { annotations: burning });
  await node.run({}, { name: 'odd', annotations: { 'simulation.naru.dev/behaviour': '{"cpuMilli": "much"}' } });
  await node.running();
  await node.running('odd');
  const before =
    (await summaryOf(node)).pods.find(({ podRef }) => podRef.name === 'web')?.cpu?.usageCoreNanoSeconds ?? 0;
  await node.clock.advance(4000);
  const summary = await summaryOf(node);
  const pod = summary.pods.find(({ podRef }) => podRef.name === 'web');
  assert.equal((pod?.cpu?.usageCoreNanoSeconds ?? 0) - before, 1_000_000_000);
  assert.equal(pod?.containers[0]?.cpu?.usageNanoCores, 250_000_000);
  assert.equal(pod?.memory?.workingSetBytes, 1_000_000);
  assert.equal(summary.node.cpu?.usageNanoCores, (250 + 1 + 20) * 1_000_000, 'a malformed figure counts as none');
  assert.ok((summary.node.fs?.capacityBytes ?? 0) > 0);
  assert.equal((await summaryOf(node, '?only_cpu_and_memory=true')).node.fs, undefined);
  assert.equal((await ask(node, '/stats/summary?only_cpu_and_memory=maybe')).status, 400);

  const resource = await metricsOf(node, '/metrics/resource');
  const web = resource.get('pod_cpu_usage_seconds_total')?.samples.find(({ labels }) => labels['pod'] === 'web');
  assert.equal(web?.value, (pod?.cpu?.usageCoreNanoSeconds ?? 0) / 1e9);
  assert.equal(resource.get('resource_scrape_error')?.samples[0]?.value, 0);
  assert.ok((await metricsOf(node, '/metrics/cadvisor')).has('machine_memory_bytes'));
  await node.close();
});

test('the agent counts its own work under upstream’s names', async () => {
  const node = await startNode();
  const tcpSocket = { port: 80 };
  await node.run({ containers: [{ name: 'app', image: 'app:1', livenessProbe: { tcpSocket, periodSeconds: 1 } }] });
  await node.running();
  await node.clock.advance(12_000);
  const metrics = await metricsOf(node, '/metrics');
  const value = (name: string, labels: Readonly<Record<string, string>> = {}) =>
    metrics
      .get(name)
      ?.samples.find((sample) => Object.entries(labels).every(([key, text]) => sample.labels[key] === text))?.value;
  assert.equal(value('kubelet_node_name', { node: 'node-1' }), 1);
  assert.equal(value('kubelet_running_pods'), 1);
  assert.equal(value('kubelet_running_containers', { container_state: 'running' }), 1);
  assert.equal(value('kubelet_runtime_operations_total', { operation_type: 'run_podsandbox' }), 1);
  assert.equal(value('kubelet_started_pods_total'), 1);
  assert.equal(value('kubelet_started_containers_total', { container_type: 'container' }), 1);
  const count = (name: string) =>
    metrics.get(name)?.samples.find((sample) => sample.name === `${name}_count`)?.value ?? 0;
  assert.equal(count('kubelet_pod_start_duration_seconds'), 1);
  assert.ok(count('kubelet_pleg_relist_duration_seconds') >= 2);
  const probes = (await metricsOf(node, '/metrics/probes')).get('prober_probe_total')?.samples[0];
  const { pod_uid: _, ...labels } = probes?.labels ?? {};
  assert.deepEqual(labels, {
    probe_type: 'Liveness',
    container: 'app',
    pod: 'web',
    namespace: 'default',
    result: 'successful',
  });
  assert.ok((probes?.value ?? 0) >= 10);
  await node.close();
});

test('pods are listed as the node sees them, and what runs as the runtime does', async () => {
  const node = await startNode();
  await node.run();
  await node.running();
  type List = {
    kind: string;
    items: { metadata: { name: string }; status: { phase?: string }; spec: { containers: object[] } }[];
  };
  const pods = JSON.parse((await ask(node, '/pods')).text) as List;
  assert.deepEqual(
    [pods.kind, pods.items[0]?.metadata.name, pods.items[0]?.status.phase],
    ['PodList', 'web', 'Running'],
  );
  const running = JSON.parse((await ask(node, '/runningpods/')).text) as List;
  assert.deepEqual(running.items[0]?.spec.containers, [{ name: 'app', image: 'app:1', resources: {} }]);
  await node.close();
});

test('health, settings, and what is not served', async () => {
  const node = await startNode();
  assert.deepEqual(await ask(node, '/healthz'), { status: 200, type: 'text/plain; charset=utf-8', text: 'ok' });
  for (const name of ['ping', 'log', 'syncloop']) assert.equal((await ask(node, `/healthz/${name}`)).text, 'ok');
  assert.match((await ask(node, '/healthz?verbose')).text, /^\[\+\]ping ok\n.*\nhealthz check passed\n$/s);
  assert.equal((await ask(node, '/healthz/other')).status, 404);
  assert.equal((await ask(node, '/healthz', 'POST')).status, 405);
  assert.equal((await ask(node, '/stats/other')).status, 404);
  assert.equal((await ask(node, '/logs/')).status, 404, 'it has no disk');
  const { kubeletconfig } = JSON.parse((await ask(node, '/configz')).text) as {
    kubeletconfig: Record<string, unknown>;
  };
  assert.deepEqual(
    [kubeletconfig['maxPods'], kubeletconfig['imageMinimumGCAge'], kubeletconfig['volumeStatsAggPeriod']],
    [110, '2m0s', '1m0s'],
  );
  await node.close();
});

test('settings in upstream’s form name no unit, and say times as Go does', () => {
  const form = upstreamForm({
    ...defaultKubeletConfiguration,
    evictionSoftGracePeriodMs: { 'memory.available': 90_000 },
  });
  assert.deepEqual(form['evictionSoftGracePeriod'], { 'memory.available': '1m30s' });
  assert.deepEqual(form['crashLoopBackOff'], { maxContainerRestartPeriod: '5m0s' });
  assert.deepEqual(
    Object.keys(form).filter((name) => name.endsWith('Ms')),
    [],
  );
});

test('a node’s logs are read below their folder and nowhere else', async (context) => {
  const root = mkdtempSync(path.join(os.tmpdir(), 'naru-logs-'));
  context.after(() => rmSync(root, { recursive: true, force: true }));
  const folder = path.join(root, 'log');
  mkdirSync(path.join(folder, 'sub'), { recursive: true });
  writeFileSync(path.join(root, 'secret'), 'secret');
  writeFileSync(path.join(folder, 'sub/a <b>.log'), 'line\n');
  writeFileSync(path.join(folder, 'empty'), '');
  symlinkSync('../secret', path.join(folder, 'out'));
  symlinkSync('sub/a <b>.log', path.join(folder, 'in'));
  execFileSync('mkfifo', [path.join(folder, 'pipe')]);
  const read = async (wanted: string, query = '') => {
    const request = { method: 'GET', path: wanted, headers: {}, signal: new AbortController().signal };
    const { body } = await nodeLogs(folder).answer({ request, path: wanted, query: new URLSearchParams(query) });
    return text(body);
  };
  assert.equal(await read('/logs/sub/a%20%3Cb%3E.log'), 'line\n');
  assert.equal(await read('/logs/in'), 'line\n');
  assert.equal(await read('/logs/empty'), '');
  assert.match(await read('/logs/'), /<a href="sub\/">sub\/<\/a>/);
  assert.match(await read('/logs/sub'), /<a href="a%20%3Cb%3E.log">a &lt;b&gt;.log<\/a>/);
  for (const wanted of [
    '/logs/out',
    '/logs/../secret',
    '/logs/%2e%2e/secret',
    '/logs/none',
    '/logs/%',
    '/logs/pipe',
    '/logs/%00',
  ]) {
    await assert.rejects(read(wanted), (error) => error instanceof StatusError && error.code === 404, wanted);
  }
  await assert.rejects(read('/logs/', 'query=sshd'), (error) => error instanceof StatusError && error.code === 403);
  writeFileSync(path.join(folder, 'long'), Buffer.alloc(limits.nodeLogBytesMax + 10, 1));
  assert.equal((await read('/logs/long')).length, limits.nodeLogBytesMax, 'only its end');
});

test('a node is asked to remove a volume, and only that way', async () => {
  const node = await startNode();
  const url = '/localVolumes/pvc-0f9e8d7c-6b5a-4433-8221-00ffeeddccbb';
  assert.equal((await ask(node, url, 'DELETE')).status, 200);
  assert.equal((await ask(node, url)).status, 405);
  await node.close();
});

/** What a real node tells of itself and its pods, asked with the real kubectl: statistics, metrics, health, settings, logs. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Family, parseMetrics } from '../../src/agent/metrics/testing.ts';
import type { PodStats, Summary } from '../../src/agent/stats/summary.ts';
import type { NodeList } from '../../src/api/schema/types/core-v1.ts';
import { eventually, leftSince, machineState, TestCluster } from '../harness.ts';
import { create, forever, PodWatch, podManifest, script } from './workload.ts';

const mb = 1_000_000;
/** Volumes and logs are looked at oftener than once a minute. */
const settings = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
volumeStatsAggPeriod: 2s
`;

describe('what a node tells', { timeout: 400_000 }, () => {
  let cluster: TestCluster;
  let watch: PodWatch;
  let before_: readonly string[];
  let node: string;
  let folder: string;

  before(async () => {
    before_ = await machineState();
    folder = mkdtempSync(path.join(os.tmpdir(), 'naru-observation-'));
    const file = path.join(folder, 'kubelet.yaml');
    writeFileSync(file, settings);
    cluster = await TestCluster.up('--kubelet-config', file);
    watch = new PodWatch(cluster);
    await cluster.mustNaru('image', 'pack', '/usr/bin/busybox', '--name', 'test/busybox:1');
    node = (await cluster.json<NodeList>('get', 'nodes')).items[0]?.metadata?.name ?? '';
    const write =
      'dd if=/dev/zero of=/layer bs=1M count=30; dd if=/dev/zero of=/data/file bs=1M count=20; yes 0123456789 | head -c 3000000';
    const done = { readinessProbe: { exec: { command: ['test', '-f', '/done'] }, periodSeconds: 1 } };
    const resources = { limits: { memory: '64Mi' } };
    await create(
      cluster,
      podManifest('burner', { containers: [script("trap 'exit 0' TERM; while :; do :; done", { resources })] }),
      podManifest('writer', {
        volumes: [{ name: 'data', emptyDir: {} }],
        containers: [
          script(`${write}; touch /done; ${forever}`, {
            ...done,
            volumeMounts: [{ name: 'data', mountPath: '/data' }],
          }),
        ],
      }),
      podManifest('web', {
        containers: [script('mkdir /www && head -c 100000 /dev/zero > /www/zeros && exec httpd -f -p 8080 -h /www')],
      }),
    );
    await Promise.all(['burner', 'writer', 'web'].map((name) => watch.ready(name)));
  });

  after(async () => {
    watch?.close();
    await TestCluster.closeAll();
    rmSync(folder, { recursive: true, force: true });
    assert.deepEqual(await leftSince(before_), [], 'naru down leaves nothing behind on the machine');
  });

  const raw = async (url: string): Promise<string> =>
    cluster.mustKubectl('get', '--raw', `/api/v1/nodes/${node}/proxy${url}`);
  const summary = async (query = ''): Promise<Summary> => JSON.parse(await raw(`/stats/summary${query}`)) as Summary;
  const pod = async (name: string): Promise<PodStats | undefined> =>
    (await summary()).pods.find(({ podRef }) => podRef.name === name);
  const valueOf = (families: ReadonlyMap<string, Family>, name: string, labels: Readonly<Record<string, string>>) =>
    families
      .get(name)
      ?.samples.find((sample) => Object.entries(labels).every(([key, value]) => sample.labels[key] === value))?.value;

  test('a pod that burns a processor shows a rate, its limit, and so do its node and all pods together', async () => {
    await eventually('there is a rate', async () => {
      const container = (await pod('burner'))?.containers[0];
      return (container?.cpu?.usageNanoCores ?? 0) > 100_000_000;
    });
    const whole = await summary();
    const burner = whole.pods.find(({ podRef }) => podRef.name === 'burner');
    const [container] = burner?.containers ?? [];
    assert.ok((burner?.cpu?.usageCoreNanoSeconds ?? 0) >= (container?.cpu?.usageCoreNanoSeconds ?? 0));
    assert.ok((whole.node.cpu?.usageNanoCores ?? 0) > 100_000_000);
    assert.ok((container?.memory?.workingSetBytes ?? 0) > 0);
    assert.ok((container?.memory?.availableBytes ?? Infinity) < 64 * 2 ** 20, 'what its limit leaves');
    assert.ok((burner?.process_stats?.process_count ?? 0) >= 2, 'the sandbox’s and its own');
    assert.ok((whole.node.memory?.availableBytes ?? 0) > 0);
    assert.ok((whole.node.rlimit?.curproc ?? 0) > 0);
    const pods = whole.node.systemContainers?.find(({ name }) => name === 'pods');
    assert.ok((pods?.cpu?.usageCoreNanoSeconds ?? 0) >= (burner?.cpu?.usageCoreNanoSeconds ?? 0));
    const light = await summary('?only_cpu_and_memory=true');
    assert.equal(light.node.fs, undefined);
    assert.equal(light.pods.find(({ podRef }) => podRef.name === 'burner')?.network, undefined);
  });

  test('what a pod writes to its layer, its volume and its log is told, and all together', async () => {
    await eventually('all is seen', async () => {
      const writer = await pod('writer');
      const [container] = writer?.containers ?? [];
      const data = writer?.volume?.find(({ name }) => name === 'data');
      const parts = [container?.rootfs, data, container?.logs].map((fs) => fs?.usedBytes ?? 0);
      const [layer = 0, volume = 0, log = 0] = parts;
      const together = writer?.['ephemeral-storage']?.usedBytes ?? 0;
      return layer >= 30 * mb && volume >= 20 * mb && log >= 3 * mb && together >= layer + volume + log;
    });
    assert.ok(((await summary()).node.fs?.usedBytes ?? 0) > 50 * mb);
    // The runtime counts its images' snapshots every ten seconds, later on a busy machine.
    await eventually('images are seen', async () => ((await summary()).node.runtime?.imageFs?.usedBytes ?? 0) > 0);
  });

  test('the counters of a pod’s network grow with what goes through it', async () => {
    const sent = async (): Promise<number> => (await pod('web'))?.network?.txBytes ?? 0;
    const zeros = '/api/v1/namespaces/default/pods/web:8080/proxy/zeros';
    await eventually('it answers', async () => (await cluster.kubectl(['get', '--raw', zeros])).code === 0);
    const first = await sent();
    await cluster.mustKubectl('get', '--raw', zeros);
    await eventually('the counter has grown', async () => (await sent()) >= first + 100_000);
  });

  test('resource metrics and cAdvisor’s are exact in form, and tell the same pod', async () => {
    const labels = { container: 'app', pod: 'burner', namespace: 'default' };
    const resource = parseMetrics(await raw('/metrics/resource'));
    assert.ok((valueOf(resource, 'container_cpu_usage_seconds_total', labels) ?? 0) > 0);
    assert.ok((valueOf(resource, 'pod_memory_working_set_bytes', { pod: 'burner' }) ?? 0) > 0);
    assert.ok((valueOf(resource, 'node_cpu_usage_seconds_total', {}) ?? 0) > 0);
    assert.equal(valueOf(resource, 'resource_scrape_error', {}), 0);
    const cadvisor = parseMetrics(await raw('/metrics/cadvisor'));
    assert.ok((valueOf(cadvisor, 'container_cpu_usage_seconds_total', labels) ?? 0) > 0);
    assert.equal(valueOf(cadvisor, 'container_spec_memory_limit_bytes', labels), 64 * 2 ** 20);
    assert.equal(valueOf(cadvisor, 'container_processes', labels), 1);
    assert.equal(valueOf(cadvisor, 'container_oom_events_total', labels), 0);
    const web = { container: 'POD', pod: 'web', interface: 'eth0' };
    assert.ok((valueOf(cadvisor, 'container_network_transmit_bytes_total', web) ?? 0) > 0);
  });

  test('the agent tells of its own work', async () => {
    const own = parseMetrics(await raw('/metrics'));
    assert.ok((valueOf(own, 'kubelet_running_pods', {}) ?? 0) >= 3);
    assert.ok((valueOf(own, 'kubelet_runtime_operations_total', { operation_type: 'start_container' }) ?? 0) >= 3);
    assert.equal(valueOf(own, 'kubelet_node_name', { node }), 1);
    const probes = parseMetrics(await raw('/metrics/probes'));
    assert.ok((valueOf(probes, 'prober_probe_total', { pod: 'writer', result: 'successful' }) ?? 0) >= 1);
  });

  test('health, settings, pods and the machine’s logs are there by upstream’s paths', async () => {
    for (const url of ['/healthz', '/healthz/ping', '/healthz/syncloop']) assert.equal(await raw(url), 'ok');
    const { kubeletconfig } = JSON.parse(await raw('/configz')) as { kubeletconfig: Record<string, unknown> };
    assert.deepEqual([kubeletconfig['maxPods'], kubeletconfig['volumeStatsAggPeriod']], [110, '2s']);
    const { items } = JSON.parse(await raw('/runningpods/')) as { items: { metadata: { name: string } }[] };
    assert.ok(items.some(({ metadata }) => metadata.name === 'burner'));
    assert.match(await raw('/pods'), /"kind": ?"PodList"/);
    assert.match(await raw('/logs/'), /<pre>/);
    const { code, stderr } = await cluster.kubectl([
      'get',
      '--raw',
      `/api/v1/nodes/${node}/proxy/logs/..%2f..%2fetc/passwd`,
    ]);
    assert.notEqual(code, 0, stderr);
  });
});

/**
 * The whole agent over real containers: what only processes, files and cgroups can show. What it decides is tested in virtual
 * time, beside its source.
 */
import assert from 'node:assert/strict';
import { existsSync, globSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import { Agent } from '../../src/agent/agent.ts';
import { resourceTable } from '../../src/api/resource-table.ts';
import { builtinSchema } from '../../src/api/schema/load.ts';
import type { Pod, PodSpec } from '../../src/api/schema/types/core-v1.ts';
import { hasReason } from '../../src/api/status-error.ts';
import type { Client } from '../../src/client/client.ts';
import { inProcessClient } from '../../src/client/in-process-client.ts';
import { configMaps, pods } from '../../src/client/resources.ts';
import { silentLogger as log } from '../../src/lib/log.ts';
import { SeededPrng } from '../../src/lib/prng.ts';
import { bootstrap } from '../../src/registry/bootstrap.ts';
import { Registry } from '../../src/registry/registry.ts';
import { MemoryStore } from '../../src/store/memory-store.ts';
import { ContainerdLab, clock, type Ending, needsContainers, shellImage } from './containerd-lab.ts';
import { containerProcesses } from './containers.ts';

const nodeName = 'node-1';

interface Node {
  readonly client: Client;
  readonly lab: ContainerdLab;
  readonly home: string;
  readonly agent: () => Agent;
  readonly restart: () => Promise<void>;
  readonly run: (name: string, script: string, spec?: Partial<PodSpec>) => Promise<Pod>;
  readonly pod: (name: string) => Promise<Pod>;
  readonly gone: (name: string) => Promise<boolean>;
  readonly until: (what: string, check: () => Promise<boolean>) => Promise<void>;
  readonly logs: (name: string, query?: string) => Promise<string>;
}

async function startNode(ending: Ending): Promise<Node> {
  // The last that was begun ends first: pods before the containerd that runs them.
  const ends: (() => Promise<void>)[] = [];
  ending.after(async () => {
    for (const end of ends.toReversed()) await end();
  });
  const lab = await ContainerdLab.open({ after: (end) => void ends.push(end) });
  const prng = new SeededPrng(1);
  const store = new MemoryStore({ clock, log });
  await store.start();
  const resources = resourceTable();
  const handler = new Registry({ store, clock, prng, schema: builtinSchema(), resources, log });
  await bootstrap(handler);
  const user = { name: 'system:admin', groups: ['system:masters'] };
  const client = inProcessClient({
    handler,
    authorizer: { decide: () => ({ allowed: true, reason: '' }) },
    user,
    resources,
  });
  const home = path.join(lab.home, 'node');
  mkdirSync(home);
  const { runtime, containerd } = lab;
  const { cgroupRoot } = containerd;
  const newAgent = () => new Agent({ client, runtime, nodeName, home, cgroupRoot, clock, prng, log });
  let agent = newAgent();
  await agent.start();
  ends.push(async () => {
    const { items } = await client.list(pods);
    for (const { metadata } of items) {
      const reference = { namespace: metadata?.namespace ?? '', name: metadata?.name ?? '' };
      await client.delete(pods, reference, { gracePeriodSeconds: 1 }).catch(() => {});
    }
    const end = clock.now() + 10_000;
    while ((await client.list(pods)).items.length > 0 && clock.now() < end) await clock.sleep(50);
    await agent.close();
    await store.close();
  });
  const pod = (name: string) => client.get(pods, { namespace: 'default', name });
  return {
    client,
    lab,
    home,
    agent: () => agent,
    restart: async () => {
      await agent.close();
      agent = newAgent();
      await agent.start();
    },
    run: (name, script, spec = {}) => {
      const [extra] = spec.containers ?? [];
      const container = { name: 'app', image: shellImage, command: ['/bin/sh', '-c', script], ...extra };
      return client.create(pods, {
        metadata: { namespace: 'default', name },
        // Nobody here issues tokens: pods that waited for one would never start.
        spec: { nodeName, automountServiceAccountToken: false, ...spec, containers: [container] },
      });
    },
    pod,
    gone: (name) =>
      pod(name).then(
        () => false,
        (error: unknown) => hasReason(error, 'NotFound'),
      ),
    until: async (what, check) => {
      const end = clock.now() + 15_000;
      while (!(await check())) {
        assert.ok(clock.now() < end, `never: ${what}`);
        await clock.sleep(20);
      }
    },
    logs: async (name, query = '') => {
      const signal = new AbortController().signal;
      const url = `/containerLogs/default/${name}/app${query}`;
      return text((await agent.handler.handle({ method: 'GET', path: url, headers: {}, signal })).body);
    },
  };
}

const app = (pod: Pod) => pod.status?.containerStatuses?.[0];
const forever = "trap 'exit 0' TERM; while :; do sleep 0.1; done";

describe('the agent over containers', needsContainers, () => {
  test('a pod runs, is restarted when killed, is adopted, is deleted, and leaves nothing', async (context) => {
    const node = await startNode(context);
    const { metadata } = await node.run('web', `echo hello from $HOSTNAME; ${forever}`);
    const uid = metadata?.uid ?? '';
    await node.until('it runs', async () => app(await node.pod('web'))?.ready === true);
    assert.equal(await node.logs('web'), 'hello from web\n');
    const [pid] = containerProcesses(uid);
    assert.ok(pid !== undefined);

    process.kill(pid, 'SIGKILL');
    const killedMs = clock.now();
    await node.until('it is back', async () => app(await node.pod('web'))?.restartCount === 1);
    assert.ok(clock.now() - killedMs < 2000, `back after ${clock.now() - killedMs} ms`);
    assert.equal(app(await node.pod('web'))?.lastState?.terminated?.exitCode, 137);
    assert.equal(await node.logs('web', '?previous=true'), 'hello from web\n');

    await node.until('its process is there', async () => containerProcesses(uid).length === 1);
    const before = containerProcesses(uid);
    await node.restart();
    await clock.sleep(500);
    assert.deepEqual(containerProcesses(uid), before);
    assert.equal(app(await node.pod('web'))?.ready, true);

    await node.client.delete(pods, { namespace: 'default', name: 'web' });
    await node.until('it is gone', () => node.gone('web'));
    assert.deepEqual(containerProcesses(uid), []);
    assert.deepEqual(globSync(`/sys/fs/cgroup/**/pod${uid}`), []);
    assert.equal(existsSync(path.join(node.home, 'pods', uid)), false);
    await node.until('its logs are gone', async () => globSync(`${node.home}/pod-logs/*${uid}`).length === 0);
  });

  test('a pod sees its variables, volumes and hosts file, and leaves its last words', async (context) => {
    const node = await startNode(context);
    await node.client.create(configMaps, {
      metadata: { namespace: 'default', name: 'settings' },
      data: { colour: 'green' },
    });
    const script =
      'echo $COLOUR $IP; cat /config/colour; echo; echo x > /scratch/x && cat /scratch/x; grep -c "$IP" /etc/hosts; ' +
      'id -u; cat /proc/self/oom_score_adj; echo last words > /dev/termination-log; exit 3';
    await node.run('job', script, {
      restartPolicy: 'Never',
      volumes: [
        { name: 'config', configMap: { name: 'settings' } },
        { name: 'scratch', emptyDir: {} },
      ],
      securityContext: { runAsUser: 1000 },
      containers: [
        {
          name: 'app',
          resources: { limits: { memory: '64Mi', cpu: '500m' } },
          env: [
            { name: 'COLOUR', valueFrom: { configMapKeyRef: { name: 'settings', key: 'colour' } } },
            { name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } },
          ],
          volumeMounts: [
            { name: 'config', mountPath: '/config' },
            { name: 'scratch', mountPath: '/scratch' },
          ],
        },
      ],
    });
    await node.until('it has failed', async () => (await node.pod('job')).status?.phase === 'Failed');
    const pod = await node.pod('job');
    assert.equal(app(pod)?.state?.terminated?.exitCode, 3);
    assert.equal(app(pod)?.state?.terminated?.message, 'last words\n');
    assert.equal(pod.status?.qosClass, 'Guaranteed');
    const lines = (await node.logs('job')).split('\n');
    assert.deepEqual(lines.slice(0, 5), [`green ${pod.status?.podIP}`, 'green', 'x', '1', '1000']);
  });
});

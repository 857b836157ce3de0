/**
 * The whole agent over real containers: what only processes, files and cgroups can show. What it decides is tested in virtual
 * time, beside its source.
 */
import assert from 'node:assert/strict';
import { existsSync, globSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { describe, test } from 'node:test';
import type { Pod } from '../../src/api/schema/types/core-v1.ts';
import { configMaps, pods } from '../../src/client/resources.ts';
import { startAgentNode as startNode } from './agent-node.ts';
import { clock, needsContainers } from './containerd-lab.ts';
import { containerProcesses } from './containers.ts';

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

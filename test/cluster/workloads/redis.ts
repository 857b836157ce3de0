/** redis as a StatefulSet on a disk of the node: its password from a Secret, its data outliving pods, its memory bounded. */
import assert from 'node:assert/strict';
import { chownSync, mkdirSync } from 'node:fs';
import { test } from 'node:test';
import type { Pod } from '../../../src/api/schema/types/core-v1.ts';
import { create, isReady, type Manifest, statusOf } from '../workload.ts';
import { claimOfDisk, deleteAndSeeEnd, diskFor, kubectl, type Lab, readyPod, shell } from './lab.ts';

const secret: Manifest = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'redis' },
  stringData: { password: 'pass-for-redis' },
};

const fromSecret = { secretKeyRef: { name: 'redis', key: 'password' } };

const statefulSet: Manifest = {
  apiVersion: 'apps/v1',
  kind: 'StatefulSet',
  metadata: { name: 'redis' },
  spec: {
    serviceName: 'redis',
    replicas: 1,
    selector: { matchLabels: { app: 'redis' } },
    template: {
      metadata: { labels: { app: 'redis' } },
      spec: {
        securityContext: { runAsNonRoot: true },
        containers: [
          {
            name: 'redis',
            image: 'test/redis:1',
            // What is acknowledged is on the disk; how much memory it may use, it is not told.
            args: [
              '--requirepass',
              '$(REDISCLI_AUTH)',
              '--dir',
              '/data',
              '--save',
              '',
              '--appendonly',
              'yes',
              '--appendfsync',
              'always',
            ],
            env: [{ name: 'REDISCLI_AUTH', valueFrom: fromSecret }],
            ports: [{ name: 'redis', containerPort: 6379 }],
            readinessProbe: {
              exec: { command: ['/bin/sh', '-c', 'redis-cli ping | grep -qx PONG'] },
              periodSeconds: 2,
              timeoutSeconds: 10,
            },
            resources: { requests: { cpu: '20m', memory: '32Mi' }, limits: { memory: '48Mi' } },
            volumeMounts: [{ name: 'data', mountPath: '/data' }],
          },
        ],
      },
    },
    volumeClaimTemplates: [claimOfDisk],
  },
};

/** More than the container may have, in one step: so nothing of it is on the disk when it ends. */
const filling = "for i = 1, 100 do redis.call('set', 'filling:' .. i, string.rep('x', 1024 * 1024)) end";

export function redisTests(lab: () => Lab): void {
  const disk = (): string => `${lab().disks}/redis`;
  const redis = (...words: readonly string[]): Promise<string> =>
    shell(lab(), 'redis-0', `redis-cli ${words.join(' ')}`);

  test('it gets its disk and its password, and lets in nobody without', async () => {
    mkdirSync(disk(), { mode: 0o700 });
    chownSync(disk(), 998, 998);
    await create(lab().cluster, secret, diskFor(lab(), 'redis'), statefulSet);
    await readyPod(lab(), 'redis');
    const claim = await kubectl(
      lab(),
      'get',
      'pvc',
      'data-redis-0',
      '-o',
      'jsonpath={.status.phase} {.spec.volumeName}',
    );
    assert.equal(claim, 'Bound disk-redis');
    assert.equal(await redis('set', 'greeting', 'hello'), 'OK');
    assert.match(
      await shell(lab(), 'redis-0', 'unset REDISCLI_AUTH; redis-cli get greeting; id -un'),
      /^NOAUTH .*\n+redis$/,
    );
  });

  test('what it was told outlives the pod, which ends in order', async () => {
    const old = await readyPod(lab(), 'redis');
    const { exitCode, reason } = await deleteAndSeeEnd(lab(), 'redis-0');
    assert.deepEqual({ exitCode, reason }, { exitCode: 0, reason: 'Completed' });
    await readyPod(lab(), 'redis', [old]);
    assert.equal(await redis('get', 'greeting'), 'hello');
  });

  const fill = () => lab().cluster.kubectl(['exec', 'redis-0', '--', 'redis-cli', 'eval', filling, '0']);

  test('filled beyond its limit it is OOMKilled, and starts again with what it had', async () => {
    const old = await readyPod(lab(), 'redis');
    const filled = await fill();
    const killed = await lab().watch.until('redis-0', 'it was killed', restarted);
    const { exitCode, reason } = statusOf(killed)?.lastState?.terminated ?? {};
    assert.deepEqual({ exitCode, reason }, { exitCode: 137, reason: 'OOMKilled' }, JSON.stringify(filled));
    const again = await lab().watch.until('redis-0', 'it is ready again', (pod) => restarted(pod) && isReady(pod));
    assert.equal(again.metadata?.uid, old.metadata?.uid);
    assert.equal(await redis('get', 'greeting'), 'hello');
    assert.equal(await redis('dbsize'), '1');
    assert.match(await kubectl(lab(), 'logs', 'redis-0', '--previous'), /Ready to accept connections/);
  });

  test('given more memory where it stands, it takes all of that, and was not restarted for it', async () => {
    const resources = { limits: { memory: '512Mi' } };
    const patch = JSON.stringify({ spec: { containers: [{ name: 'redis', resources }] } });
    await kubectl(lab(), 'patch', 'pod', 'redis-0', '--subresource', 'resize', '--patch', patch);
    await lab().watch.until(
      'redis-0',
      'it has more memory',
      (pod) => statusOf(pod)?.resources?.limits?.['memory'] === '512Mi',
    );
    // Only in memory: the next pod has the old limit, and must be able to load what is on the disk.
    assert.equal(await redis('config', 'set', 'appendonly', 'no'), 'OK');
    const { code, stderr } = await fill();
    assert.equal(code, 0, stderr);
    assert.equal(await redis('dbsize'), '101');
    const { restartCount } = statusOf(await readyPod(lab(), 'redis')) ?? {};
    assert.equal(restartCount, 1);
  });
}

const restarted = (pod: Pod): boolean => statusOf(pod)?.restartCount === 1;

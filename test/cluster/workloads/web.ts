/** A Node.js application as a Deployment: it knows itself, finishes what it has begun, has its log shipped, and grows while it serves. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { create, type Manifest, statusOf } from '../workload.ts';
import { endOf, kubectl, type Lab, nameOf, readyPod, request, until, upload, visited } from './lab.ts';

const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });

const logs = { name: 'logs', mountPath: '/logs' };

/** It looks once a second whether there is more: told to end, it looks once more. */
const ship = `
touch /logs/web.log
trap 'sleep 2; exit 0' TERM
tail -n +1 -F /logs/web.log &
wait
`;

const deployment: Manifest = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: {
    replicas: 1,
    strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: {
        terminationGracePeriodSeconds: 60,
        securityContext: { runAsNonRoot: true, fsGroup: 1000 },
        initContainers: [
          {
            name: 'shipper',
            image: 'test/busybox:1',
            restartPolicy: 'Always',
            command: ['/bin/sh', '-c', ship],
            securityContext: { runAsUser: 1000 },
            volumeMounts: [logs],
          },
        ],
        containers: [
          {
            name: 'web',
            image: 'test/web:1',
            env: [
              field('POD_NAME', 'metadata.name'),
              field('POD_IP', 'status.podIP'),
              field('NODE_NAME', 'spec.nodeName'),
              {
                name: 'MEMORY_LIMIT_MB',
                valueFrom: { resourceFieldRef: { resource: 'limits.memory', divisor: '1M' } },
              },
              { name: 'LOG_FILE', value: '/logs/web.log' },
            ],
            ports: [{ name: 'http', containerPort: 8080 }],
            readinessProbe: { httpGet: { path: '/', port: 'http' }, periodSeconds: 1, timeoutSeconds: 10 },
            lifecycle: { preStop: { sleep: { seconds: 5 } } },
            resources: { requests: { cpu: '50m', memory: '64M' }, limits: { cpu: '500m', memory: '256M' } },
            volumeMounts: [logs],
          },
        ],
        volumes: [{ name: 'logs', emptyDir: {} }],
      },
    },
  },
};

export function webTests(lab: () => Lab): void {
  test('it knows its pod, its node and its limits', async () => {
    await create(lab().cluster, deployment);
    const pod = await readyPod(lab(), 'web');
    const { status, body } = await request(pod, '/');
    assert.equal(status, 200);
    const { podIP: ip } = pod.status ?? {};
    const expected = { pod: nameOf(pod), ip, node: lab().nodeName, memoryLimitMb: 256, uid: 1000, received: 0 };
    assert.deepEqual(JSON.parse(body), expected);
  });

  test('it gets more processor time while it serves, and does not notice', async () => {
    const pod = await readyPod(lab(), 'web');
    const resources = { requests: { cpu: '100m' }, limits: { cpu: '800m' } };
    const patch = JSON.stringify({ spec: { containers: [{ name: 'web', resources }] } });
    const servedBy = await visited(lab(), 'web', '/', async () => {
      await kubectl(lab(), 'patch', 'pod', nameOf(pod), '--subresource', 'resize', '--patch', patch);
      await lab().watch.until(
        nameOf(pod),
        'the container has it',
        (one) => statusOf(one, 'web')?.resources?.limits?.['cpu'] === '800m',
      );
    });
    assert.deepEqual(servedBy, [nameOf(pod)]);
    assert.equal(statusOf(lab().watch.history(nameOf(pod)).at(-1) ?? pod, 'web')?.restartCount, 0);
    const quota = 'cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/cpu.max 2>/dev/null';
    const limit = await kubectl(lab(), 'exec', nameOf(pod), '-c', 'web', '--', '/bin/sh', '-c', `${quota}; true`);
    assert.match(limit, /^80000\b/);
  });

  test('when a new version comes, no request fails, and the upload under way is taken', async () => {
    const old = await readyPod(lab(), 'web');
    const name = nameOf(old);
    const shipped = lab().cluster.stream('logs', '-f', name, '-c', 'shipper');
    const sending = upload(old);
    const servedBy = await visited(lab(), 'web', '/', async () => {
      await until('the upload has begun', () => shipped.text().includes('"upload begins"'));
      await kubectl(lab(), 'rollout', 'restart', 'deployment/web');
      await until('the old pod is told to end', () => shipped.text().includes('"ending"'));
      const { status, body } = await sending.finish();
      assert.deepEqual(
        [status, (JSON.parse(body) as { received: number }).received],
        [200, 'begun, and finished'.length],
      );
      await readyPod(lab(), 'web', [old]);
    });
    assert.equal(servedBy.length, 2);
    const { exitCode, reason } = await endOf(lab(), name, old.metadata?.uid);
    assert.deepEqual({ exitCode, reason }, { exitCode: 0, reason: 'Completed' });
    await until('the last line of the log was shipped', () => shipped.text().includes('"ended"'));
    shipped.child.kill();
    const lines = shipped
      .text()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as LogLine);
    assert.deepEqual(
      lines.map(({ message }) => message),
      ['listening', 'upload begins', 'ending', 'upload done', 'ended'],
    );
    assert.ok(lines.every(({ pod }) => pod === name));
    assert.equal(lines.find(({ message }) => message === 'ending')?.open, 1);
  });
}

interface LogLine {
  readonly message: string;
  readonly pod: string;
  readonly open?: number;
}

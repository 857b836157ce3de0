/** nginx as a Deployment: configuration and pages from ConfigMaps, not as root, rolled out under load. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../../../src/api/schema/types/core-v1.ts';
import { elapsedMs, eventually } from '../../harness.ts';
import { create, type Manifest } from '../workload.ts';
import { endOf, isEnding, kubectl, type Lab, nameOf, podsOf, readyPods, request, until, visited } from './lab.ts';

const configuration = `
worker_processes 1;
pid /tmp/nginx.pid;
events {}
http {
  include /etc/nginx/mime.types;
  access_log off;
  client_body_temp_path /tmp/body; proxy_temp_path /tmp/proxy; fastcgi_temp_path /tmp/fastcgi;
  uwsgi_temp_path /tmp/uwsgi; scgi_temp_path /tmp/scgi;
  server {
    listen 8080;
    root /page;
    location = /healthz { return 200 ok; }
    location = /large.txt { limit_rate 4k; }
  }
}
`;

/** At 4 KiB a second it is under way longer than the pod sleeps before it ends. */
const large = 'x'.repeat(40 * 1024);

const configMap = (name: string, data: Readonly<Record<string, string>>): Manifest => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name },
  data,
});

const probe = { httpGet: { path: '/healthz', port: 'http' }, periodSeconds: 1, timeoutSeconds: 10 };

const deployment: Manifest = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'nginx' },
  spec: {
    replicas: 2,
    strategy: { rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
    selector: { matchLabels: { app: 'nginx' } },
    template: {
      metadata: { labels: { app: 'nginx' } },
      spec: {
        securityContext: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
        containers: [
          {
            name: 'nginx',
            image: 'test/nginx:1',
            args: ['-c', '/configuration/nginx.conf'],
            ports: [{ name: 'http', containerPort: 8080 }],
            readinessProbe: probe,
            livenessProbe: { ...probe, failureThreshold: 10 },
            // Until everybody has heard that this pod is going, it serves on.
            lifecycle: { preStop: { sleep: { seconds: 5 } } },
            securityContext: {
              readOnlyRootFilesystem: true,
              allowPrivilegeEscalation: false,
              capabilities: { drop: ['ALL'] },
            },
            resources: { requests: { cpu: '20m', memory: '16Mi' }, limits: { memory: '64Mi' } },
            volumeMounts: [
              { name: 'configuration', mountPath: '/configuration' },
              { name: 'page', mountPath: '/page' },
              { name: 'tmp', mountPath: '/tmp' },
            ],
          },
        ],
        volumes: [
          { name: 'configuration', configMap: { name: 'nginx-configuration' } },
          { name: 'page', configMap: { name: 'nginx-page' } },
          { name: 'tmp', emptyDir: {} },
        ],
      },
    },
  },
};

export function nginxTests(lab: () => Lab): void {
  /** The first of these pods that was told to end. */
  const firstToEnd = (pods: readonly Pod[]): Promise<Pod> =>
    eventually(
      'a pod is told to end',
      () => podsOf(lab(), 'nginx').find((pod) => isEnding(pod) && isOneOf(pods, pod)),
      60_000,
    );

  const isOneOf = (pods: readonly Pod[], pod: Pod): boolean => pods.some((one) => nameOf(one) === nameOf(pod));

  test('two replicas serve the page of their ConfigMap, as www-data', async () => {
    await create(
      lab().cluster,
      configMap('nginx-configuration', { 'nginx.conf': configuration }),
      configMap('nginx-page', { 'index.html': '<h1>one</h1>\n', 'large.txt': large }),
      deployment,
    );
    const pods = await readyPods(lab(), 'nginx', 2);
    for (const pod of pods) assert.deepEqual(await request(pod, '/'), { status: 200, body: '<h1>one</h1>\n' });
    const who = await kubectl(
      lab(),
      'exec',
      'deployment/nginx',
      '--',
      '/bin/sh',
      '-c',
      'id -un; touch /x; grep NoNew /proc/1/status; true',
    );
    assert.match(who, /^www-data\nNoNewPrivs:\t1\n$/);
  });

  test('a changed page is served within ten seconds', async () => {
    const pods = await readyPods(lab(), 'nginx', 2);
    await kubectl(lab(), 'patch', 'configmap', 'nginx-page', '--patch', '{"data":{"index.html":"<h1>two</h1>\\n"}}');
    const since = elapsedMs();
    for (const pod of pods) {
      await until('the new page is served', async () => (await request(pod, '/')).body === '<h1>two</h1>\n');
    }
    assert.ok(since() < 10_000, `${since()} ms`);
  });

  test('a rolling update fails no request, nor cuts the one under way; the old ones end with 0', async () => {
    const old = await readyPods(lab(), 'nginx', 2);
    let renewed: readonly Pod[] = [];
    const servedBy = await visited(lab(), 'nginx', '/', async () => {
      await kubectl(lab(), 'set', 'image', 'deployment/nginx', 'nginx=test/nginx:2');
      const { status, body } = await request(await firstToEnd(old), '/large.txt');
      assert.deepEqual({ status, length: body.length }, { status: 200, length: large.length });
      await kubectl(lab(), 'rollout', 'status', 'deployment/nginx', '--timeout=120s');
      renewed = await readyPods(lab(), 'nginx', 2, old);
    });
    assert.deepEqual(
      [...old, ...renewed].map(nameOf).filter((name) => !servedBy.includes(name)),
      [],
    );
    for (const pod of old) {
      const { exitCode, reason } = await endOf(lab(), nameOf(pod), pod.metadata?.uid);
      assert.deepEqual({ exitCode, reason }, { exitCode: 0, reason: 'Completed' }, nameOf(pod));
    }
  });
}

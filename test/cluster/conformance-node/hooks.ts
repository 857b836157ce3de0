/** Upstream's `lifecycle_hook.go`: hooks that reach a server in another pod, by a command, over HTTP and over HTTPS. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container, LifecycleHandler } from '../../../src/api/schema/types/core-v1.ts';
import { eventually } from '../../harness.ts';
import { create, forever, isReady, type PodWishes, podManifest, script, statusOf } from '../workload.ts';
import { type GetLab, inRole, type NodeLab, type Role, roles, serverImage, tlsSecret } from './lab.ts';

const moments = ['postStart', 'preStop'] as const;
const ways = ['exec', 'http', 'https'] as const;
type Way = (typeof ways)[number];

const target = 'hook-target';

/** Beside the container with the hook: it answers at the pod's own address, and asks the server on. */
function redirector(way: Way): Partial<Container> {
  const isSecure = way === 'https';
  const scheme = isSecure ? 'HTTPS' : 'HTTP';
  return {
    name: 'redirect',
    image: serverImage,
    restartPolicy: 'Always',
    startupProbe: {
      httpGet: { scheme, path: '/echo?msg=startup', port: 8080 },
      periodSeconds: 1,
      failureThreshold: 60,
    },
    ...(isSecure && {
      env: [{ name: 'TLS_FOLDER', value: '/tls' }],
      volumeMounts: [{ name: 'tls', mountPath: '/tls' }],
    }),
  };
}

function handler(way: Way, address: string, message: string): LifecycleHandler {
  const request = `echo?msg=${message}`;
  if (way === 'exec') return { exec: { command: ['wget', '-q', '-O-', `http://${address}:8080/${request}`] } };
  const path = `/dial?host=${address}&port=8080&request=${encodeURIComponent(request)}`;
  return { httpGet: { scheme: way === 'https' ? 'HTTPS' : 'HTTP', path, port: 8080 } };
}

function wishes(role: Role, way: Way, hooked: Partial<Container>): PodWishes {
  const plain = inRole(role, hooked);
  return {
    ...plain,
    initContainers: [...(way === 'exec' ? [] : [redirector(way)]), ...(plain.initContainers ?? [])],
    volumes: [{ name: 'tls', secret: { secretName: tlsSecret } }],
    terminationGracePeriodSeconds: 30,
  };
}

async function heard(lab: NodeLab, message: string): Promise<void> {
  await eventually(
    `the request ${message}`,
    async () => (await lab.logs(target)).includes(`GET /echo?msg=${message}\n`),
    60_000,
  );
}

export function hookTests(lab: GetLab): void {
  let address: Promise<string> | undefined;
  /** The server that hooks are to reach: one for all. */
  const targetAddress = (): Promise<string> =>
    (address ??= (async () => {
      const readinessProbe = { tcpSocket: { port: 8080 }, periodSeconds: 1 };
      await create(lab().cluster, podManifest(target, { containers: [{ image: serverImage, readinessProbe }] }));
      return (await lab().watch.ready(target)).status?.podIP ?? '';
    })());

  for (const role of roles) {
    for (const moment of moments) {
      for (const way of ways) {
        test(`Lifecycle hook of ${role}: should execute ${moment} ${way} hook properly`, async () => {
          const name = `${moment}-${way}-${role}`.toLowerCase();
          const lifecycle = { [moment]: handler(way, await targetAddress(), name) };
          await lab().run(name, wishes(role, way, script(forever, { lifecycle })));
          await lab().watch.ready(name);
          if (moment === 'postStart') await heard(lab(), name);
          await lab().cluster.mustKubectl('delete', 'pod', name, '--wait=false', '--grace-period=15');
          await lab().watch.gone(name);
          await heard(lab(), name);
        });
      }
    }
  }

  test('Lifecycle sleep hook: a shorter grace period that comes later cuts it, and one of a container that has ended is not waited for', async () => {
    const { watch, cluster } = lab();
    const sleeps = { lifecycle: { preStop: { sleep: { seconds: 60 } } } };
    await lab().run('sleep-cut', { terminationGracePeriodSeconds: 90, containers: [script(forever, sleeps)] });
    await lab().run('sleep-over', {
      restartPolicy: 'OnFailure',
      terminationGracePeriodSeconds: 90,
      containers: [script('exit 0', sleeps), script(forever)],
    });
    await watch.until('sleep-cut', 'it is ready', isReady);
    await watch.until('sleep-over', 'one has ended', (pod) => {
      return (
        statusOf(pod, 'app')?.state?.terminated !== undefined && statusOf(pod, 'app-2')?.state?.running !== undefined
      );
    });
    const startMs = performance.now();
    await cluster.mustKubectl('delete', 'pod', 'sleep-cut', 'sleep-over', '--wait=false');
    await cluster.mustKubectl('delete', 'pod', 'sleep-cut', '--wait=false', '--grace-period=2');
    await Promise.all([watch.gone('sleep-cut'), watch.gone('sleep-over')]);
    const tookMs = performance.now() - startMs;
    assert.ok(tookMs < 55_000, `gone after ${tookMs} ms`);
  });
}

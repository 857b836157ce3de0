/** Upstream's `container_probe.go`: what each probe does to its container, for app containers and for sidecars. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container, Pod, Probe } from '../../../src/api/schema/types/core-v1.ts';
import { sleep } from '../../harness.ts';
import { condition, isReady, type PodWishes, script, statusOf } from '../workload.ts';
import {
  assertMonotonic,
  type GetLab,
  inRole,
  type NodeLab,
  type Role,
  restartsOf,
  roles,
  serverImage,
  subject,
} from './lab.ts';

const command = (...words: readonly string[]) => ({ exec: { command: words } });
const httpGet = (path: string, port = 8080) => ({ httpGet: { path, port } });
/** Told at the first failure, after a while in which a busy machine starts what is probed. */
const once: Partial<Probe> = { failureThreshold: 1, periodSeconds: 1, initialDelaySeconds: 3, timeoutSeconds: 5 };
/** For servers that must not be restarted, and may take their time to listen. */
const patient: Partial<Probe> = { ...once, failureThreshold: 4 };
const often: Partial<Probe> = { failureThreshold: 120, periodSeconds: 1 };

function server(env: Readonly<Record<string, string>> = {}): Partial<Container> {
  return { image: serverImage, env: Object.entries(env).map(([name, value]) => ({ name, value })) };
}
/** /healthz fails soon. */
const failingSoon = server({ HEALTHY_MS: '1500' });
const idle = script('exec sleep 600');

interface Row {
  readonly name: string;
  readonly container: Partial<Container>;
  /** At least so many; 0: none. */
  readonly restarts: number;
  readonly event?: readonly [reason: string, message: RegExp];
  readonly pod?: PodWishes;
}

const unhealthy = (message: RegExp) => ['Unhealthy', message] as const;
const graceLong = { terminationGracePeriodSeconds: 500 };

const rows: readonly Row[] = [
  {
    name: 'should be restarted with an exec "cat /tmp/health" liveness probe',
    container: script('echo ok >/tmp/health; sleep 4; rm -rf /tmp/health; exec sleep 600', {
      livenessProbe: { ...command('cat', '/tmp/health'), ...once },
    }),
    restarts: 1,
    event: unhealthy(/^Liveness probe failed: cat: can't open '\/tmp\/health': No such file or directory/),
  },
  {
    name: 'should *not* be restarted with an exec "cat /tmp/health" liveness probe',
    container: script('echo ok >/tmp/health; exec sleep 600', {
      livenessProbe: { ...command('cat', '/tmp/health'), ...once },
    }),
    restarts: 0,
  },
  {
    name: 'should be restarted with a /healthz http liveness probe',
    container: { ...failingSoon, livenessProbe: { ...httpGet('/healthz'), ...once } },
    restarts: 1,
    event: unhealthy(/^Liveness probe failed: HTTP probe failed with statuscode: 500$/),
  },
  {
    name: 'should *not* be restarted with a tcp:8080 liveness probe',
    container: { ...failingSoon, livenessProbe: { tcpSocket: { port: 8080 }, ...patient } },
    restarts: 0,
  },
  {
    name: 'should have monotonically increasing restart count',
    container: {
      ...server({ HEALTHY_MS: '500' }),
      livenessProbe: { ...httpGet('/healthz'), ...once, initialDelaySeconds: 1 },
    },
    restarts: 4,
  },
  {
    name: 'should *not* be restarted with a /healthz http liveness probe',
    container: { ...server(), livenessProbe: { ...httpGet('/'), ...patient } },
    restarts: 0,
  },
  {
    name: 'should be restarted with an exec liveness probe with timeout',
    container: { ...idle, livenessProbe: { ...command('/bin/sh', '-c', 'sleep 10'), ...once, timeoutSeconds: 1 } },
    restarts: 1,
    event: unhealthy(/^Liveness probe failed: command timed out: "\/bin\/sh -c sleep 10" timed out after 1s$/),
  },
  {
    name: 'should be restarted with a failing exec liveness probe that took longer than the timeout',
    container: {
      ...idle,
      livenessProbe: { ...command('/bin/sh', '-c', 'sleep 10 & exit 1'), ...once, timeoutSeconds: 1 },
    },
    restarts: 1,
  },
  {
    name: 'should be restarted with a local redirect http liveness probe',
    container: { ...failingSoon, livenessProbe: { ...httpGet('/redirect?loc=%2Fhealthz'), ...once } },
    restarts: 1,
  },
  {
    name: 'should *not* be restarted with a non-local redirect http liveness probe',
    container: { ...failingSoon, livenessProbe: { ...httpGet('/redirect?loc=http%3A%2F%2F0.0.0.0%2F'), ...patient } },
    restarts: 0,
    event: ['ProbeWarning', /Probe terminated redirects, Response body: <a href="http:\/\/0\.0\.0\.0\/">Found<\/a>\./],
  },
  {
    name: 'should be restarted startup probe fails',
    container: {
      ...idle,
      livenessProbe: { ...command('/bin/true'), ...once },
      startupProbe: { ...command('/bin/false'), ...once, failureThreshold: 3 },
    },
    restarts: 1,
    event: ['Killing', /^(?:Container|Init container) subject failed startup probe, will be restarted$/],
  },
  {
    name: 'should *not* be restarted by liveness probe because startup probe delays it',
    container: {
      ...idle,
      livenessProbe: { ...command('/bin/false'), ...once },
      startupProbe: { ...command('/bin/false'), ...often },
    },
    restarts: 0,
  },
  {
    name: 'should be restarted by liveness probe after startup probe enables it',
    container: script('sleep 2; echo ok >/tmp/startup; exec sleep 600', {
      livenessProbe: { ...command('/bin/false'), ...once, initialDelaySeconds: 0 },
      startupProbe: { ...command('cat', '/tmp/startup'), ...often },
    }),
    restarts: 1,
  },
  {
    name: 'should override terminationGracePeriodSeconds when LivenessProbe field is set',
    container: { ...idle, livenessProbe: { ...httpGet('/healthz'), ...once, terminationGracePeriodSeconds: 2 } },
    pod: graceLong,
    restarts: 1,
  },
  {
    name: 'should override terminationGracePeriodSeconds when StartupProbe field is set',
    container: {
      ...idle,
      livenessProbe: { ...command('/bin/true'), ...once },
      startupProbe: { ...command('/bin/cat', '/tmp/startup'), ...once, terminationGracePeriodSeconds: 2 },
    },
    pod: graceLong,
    restarts: 1,
  },
  {
    name: 'should *not* be restarted with a GRPC liveness probe',
    container: { ...server({ GRPC_PORT: '5000' }), livenessProbe: { grpc: { port: 5000 }, ...patient } },
    restarts: 0,
  },
  {
    name: 'should be restarted with a GRPC liveness probe',
    container: { ...server({ GRPC_PORT: '5000' }), livenessProbe: { grpc: { port: 2333 }, ...once } },
    restarts: 1,
    event: unhealthy(/^Liveness probe failed: timeout: failed to connect service "[\d.]+:2333" within 5s/),
  },
];

/** Long enough for several failures to count, if any did. */
const watchedMs = 10_000;

async function holds(
  lab: NodeLab,
  name: string,
  { container, restarts, event, pod: wishes }: Row,
  role: Role,
): Promise<void> {
  const { watch } = lab;
  await lab.run(name, { restartPolicy: 'Always', ...wishes, ...inRole(role, container) });
  const begun = await watch.until(name, 'it runs', (pod) => statusOf(pod, subject)?.state?.running !== undefined);
  assert.equal(restartsOf(begun), 0);
  if (restarts > 0) await watch.until(name, `${restarts} restarts`, (pod) => restartsOf(pod) >= restarts, 180_000);
  else {
    await sleep(watchedMs);
    assert.equal(restartsOf(watch.history(name).at(-1) as Pod), 0, JSON.stringify(await lab.events(name)));
  }
  assertMonotonic(watch.history(name));
  if (event !== undefined) await lab.event(name, ...event);
  await lab.remove(name);
}

export function probeTests(lab: GetLab): void {
  for (const role of roles) {
    for (const [index, row] of rows.entries()) {
      test(`Probing ${role}: ${row.name}`, () => holds(lab(), `probe-${role}-${index}`, row, role));
    }
    test(`Probing ${role}: with readiness probe should not be ready before initial delay and never restart`, async () => {
      const { watch } = lab();
      const name = `ready-late-${role}`;
      const readinessProbe = { ...httpGet('/'), initialDelaySeconds: 5, periodSeconds: 1, failureThreshold: 3 };
      await lab().run(name, { restartPolicy: 'Always', ...inRole(role, { ...server(), readinessProbe }) });
      const pod = await watch.ready(name);
      const startedAt = Date.parse(statusOf(pod, subject)?.state?.running?.startedAt ?? '');
      const readyAt = Date.parse(condition(pod, 'Ready')?.lastTransitionTime ?? '');
      assert.ok(readyAt - startedAt >= 5000, `ready ${readyAt - startedAt} ms after its start`);
      assert.equal(restartsOf(pod), 0);
      await lab().remove(name);
    });
    test(`Probing ${role}: a readiness probe that fails, or takes too long, leaves it not ready, and never restarts it`, async () => {
      const { watch } = lab();
      const slow = { ...command('/bin/sh', '-c', 'sleep 10'), failureThreshold: 1, periodSeconds: 1 };
      const failing = { ...httpGet('/', 81), failureThreshold: 1, periodSeconds: 1 };
      const names = [`ready-slow-${role}`, `ready-never-${role}`] as const;
      await lab().run(names[0], { restartPolicy: 'Always', ...inRole(role, { ...idle, readinessProbe: slow }) });
      await lab().run(names[1], { restartPolicy: 'Always', ...inRole(role, { ...server(), readinessProbe: failing }) });
      await lab().event(names[0], 'Unhealthy', /^Readiness probe failed: command timed out: /);
      await lab().event(
        names[1],
        'Unhealthy',
        /^Readiness probe failed: Get "http:\/\/[\d.]+:81\/": dial tcp [\d.]+:81: connect: connection refused$/,
      );
      for (const name of names) {
        assert.ok(
          watch.history(name).every((pod) => !isReady(pod) && restartsOf(pod) === 0),
          name,
        );
      }
      await lab().remove(...names);
    });
    test(`Probing ${role}: should be ready immediately after startupProbe succeeds`, async () => {
      const { watch } = lab();
      const name = `ready-at-once-${role}`;
      const container = script('echo ok >/tmp/health; sleep 4; echo ok >/tmp/startup; exec sleep 600', {
        readinessProbe: { ...command('/bin/cat', '/tmp/health'), periodSeconds: 60, timeoutSeconds: 10 },
        startupProbe: { ...command('/bin/cat', '/tmp/startup'), ...often },
      });
      await lab().run(name, { restartPolicy: 'Always', ...inRole(role, container) });
      // Within less than the readiness probe's period, which nobody waits for.
      await watch.until(name, 'it is ready', isReady, 45_000);
      const unready = watch.history(name).filter((pod) => !isReady(pod));
      assert.ok(unready.some((pod) => statusOf(pod, subject)?.started === false));
      await lab().remove(name);
    });
  }

  test('Probing app: readiness turns false while the pod ends, and liveness is not asked any more', async () => {
    const { watch, cluster } = lab();
    const name = 'ends-unready';
    const text = `_term() { rm -f /tmp/ready /tmp/liveness; sleep 6; exit 0; }
      trap _term TERM; touch /tmp/ready /tmp/liveness; while true; do sleep 0.2; done`;
    const container = script(text, {
      readinessProbe: {
        ...command('cat', '/tmp/ready'),
        // On a busy machine a command may take long.
        timeoutSeconds: 10,
        failureThreshold: 1,
        initialDelaySeconds: 2,
        periodSeconds: 1,
      },
      livenessProbe: {
        ...command('cat', '/tmp/liveness'),
        timeoutSeconds: 10,
        failureThreshold: 1,
        initialDelaySeconds: 2,
        periodSeconds: 1,
      },
    });
    await lab().run(name, { terminationGracePeriodSeconds: 30, containers: [container] });
    await watch.ready(name);
    await cluster.mustKubectl('delete', 'pod', name, '--wait=false');
    await watch.until(name, 'it is not ready, and still runs', (pod) => {
      return !isReady(pod) && statusOf(pod)?.state?.running !== undefined;
    });
    const last = await watch.gone(name);
    assert.equal(statusOf(last)?.state?.terminated?.exitCode, 0, 'it had its time');
    const events = await lab().events(name);
    assert.ok(!events.some(({ message = '' }) => /liveness probe/i.test(message)), JSON.stringify(events));
  });
}

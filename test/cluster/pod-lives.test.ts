/**
 * How pods live and end: init containers and sidecars, restart policies, crash loops, probes, signals and graces, deadlines and
 * memory. Each test makes pods of its own in the one cluster; they run side by side, since most of their time is waiting.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { ContainerState, Pod } from '../../src/api/schema/types/core-v1.ts';
import { eventually, leftSince, machineState, TestCluster } from '../harness.ts';
import { containerProcesses } from './containers.ts';
import {
  condition,
  create,
  eventsOf,
  forever,
  hasEnded,
  isReady,
  PodWatch,
  podManifest,
  script,
  statusOf,
} from './workload.ts';

describe('the life of a pod', { timeout: 600_000, concurrency: 8 }, () => {
  let cluster: TestCluster;
  let watch: PodWatch;
  let before_: readonly string[];

  before(async () => {
    before_ = await machineState();
    cluster = await TestCluster.up();
    watch = new PodWatch(cluster);
    await cluster.mustNaru('image', 'pack', '/usr/bin/busybox', '--name', 'test/busybox:1');
  });

  after(async () => {
    watch?.close();
    await TestCluster.closeAll();
    assert.deepEqual(await leftSince(before_), [], 'naru down leaves nothing behind on the machine');
  });

  const logs = (name: string, ...args: string[]): Promise<string> => cluster.mustKubectl('logs', name, ...args);
  const remove = (name: string, ...args: string[]): Promise<string> =>
    cluster.mustKubectl('delete', 'pod', name, '--wait=false', ...args);

  /** The states of one container in the order in which they were seen, each once. */
  const statesOf = (name: string, container?: string): readonly ContainerState[] => {
    const states = watch.history(name).map((pod) => statusOf(pod, container)?.state ?? {});
    return states.filter((state, index) => JSON.stringify(state) !== JSON.stringify(states[index - 1]));
  };

  const endedWell = (pod: Pod, container: string): boolean =>
    statusOf(pod, container)?.state?.terminated?.exitCode === 0;

  test('init containers run one after another, each to its end, before the others start', async () => {
    const volumeMounts = [{ name: 'shared', mountPath: '/shared' }];
    const step = (word: string) => script(`sleep 0.3; echo ${word} >> /shared/steps`, { volumeMounts });
    await create(
      cluster,
      podManifest('in-order', {
        volumes: [{ name: 'shared', emptyDir: {} }],
        initContainers: [step('first'), step('second')],
        containers: [script('cat /shared/steps', { volumeMounts })],
      }),
    );
    const pod = await watch.ended('in-order');
    assert.equal(await logs('in-order', '-c', 'app'), 'first\nsecond\n');
    assert.equal(pod.status?.phase, 'Succeeded');
    for (const one of watch.history('in-order')) {
      const isSecond = statusOf(one, 'init-2')?.state?.running !== undefined;
      if (isSecond) assert.ok(endedWell(one, 'init'), 'the second runs when the first has ended');
      const isApp = statusOf(one, 'app')?.state?.running !== undefined;
      if (isApp) assert.ok(endedWell(one, 'init-2'), 'the container runs when all have ended');
    }
    const waiting = watch.history('in-order').find((one) => statusOf(one, 'init')?.state?.running !== undefined);
    assert.equal(statusOf(waiting as Pod, 'app')?.state?.waiting?.reason, 'PodInitializing');
    assert.equal(condition(waiting as Pod, 'Initialized')?.reason, 'ContainersNotInitialized');
    assert.equal(condition(pod, 'Initialized')?.status, 'True');
  });

  test('an init container that fails ends a pod that never restarts, and is tried again in one that does', async () => {
    const volumeMounts = [{ name: 'shared', mountPath: '/shared' }];
    const second = script('[ -e /shared/again ] || { touch /shared/again; exit 4; }', { volumeMounts });
    const common = { volumes: [{ name: 'shared', emptyDir: {} }], containers: [script('echo ran', { volumeMounts })] };
    await create(
      cluster,
      podManifest('init-never', { ...common, initContainers: [second] }),
      podManifest('init-retries', { ...common, initContainers: [second], restartPolicy: 'OnFailure' }),
    );
    const failed = await watch.ended('init-never');
    assert.equal(failed.status?.phase, 'Failed');
    assert.equal(statusOf(failed, 'init')?.state?.terminated?.exitCode, 4);
    assert.ok(statusOf(failed, 'app')?.state?.waiting !== undefined, 'the other never ran');
    assert.match(await cluster.mustKubectl('get', 'pod', 'init-never'), /^init-never +0\/1 +Init:Error +0 /m);
    const retried = await watch.ended('init-retries');
    assert.equal(retried.status?.phase, 'Succeeded');
    assert.equal(statusOf(retried, 'init')?.restartCount, 1);
  });

  test('a sidecar is there before the container and after it, and does not keep the pod from ending', async () => {
    const volumeMounts = [{ name: 'shared', mountPath: '/shared' }];
    const text = "trap 'echo ends; exit 0' TERM; touch /shared/up; while :; do sleep 0.1; done";
    const sidecar = script(text, {
      restartPolicy: 'Always',
      volumeMounts,
      startupProbe: { exec: { command: ['ls', '/shared/up'] }, periodSeconds: 1 },
    });
    await create(
      cluster,
      podManifest('with-sidecar', {
        terminationGracePeriodSeconds: 5,
        volumes: [{ name: 'shared', emptyDir: {} }],
        initContainers: [sidecar],
        containers: [script('ls /shared', { volumeMounts })],
      }),
    );
    const pod = await watch.ended('with-sidecar');
    assert.equal(pod.status?.phase, 'Succeeded');
    assert.equal(await logs('with-sidecar', '-c', 'app'), 'up\n');
    assert.equal(await logs('with-sidecar', '-c', 'init'), 'ends\n');
    assert.equal(statusOf(pod, 'init')?.state?.terminated?.exitCode, 0);
  });

  test('Never: a pod has Succeeded or Failed as its containers ended, with code, reason and times', async () => {
    await create(
      cluster,
      podManifest('succeeds', { containers: [script('exit 0')] }),
      podManifest('fails', { containers: [script('exit 3'), script('exit 0')] }),
    );
    const [good, bad] = await Promise.all([watch.ended('succeeds'), watch.ended('fails')]);
    assert.deepEqual([good.status?.phase, bad.status?.phase], ['Succeeded', 'Failed']);
    const done = statusOf(good)?.state?.terminated;
    assert.deepEqual([done?.exitCode, done?.reason], [0, 'Completed']);
    assert.ok(Date.parse(done?.startedAt ?? '') <= Date.parse(done?.finishedAt ?? ''), JSON.stringify(done));
    const failed = statusOf(bad, 'app');
    assert.deepEqual([failed?.state?.terminated?.exitCode, failed?.state?.terminated?.reason], [3, 'Error']);
    assert.equal(failed?.restartCount, 0);
    assert.equal(failed?.containerID, failed?.state?.terminated?.containerID);
    assert.equal(condition(good, 'Ready')?.reason, 'PodCompleted');
    assert.match(await cluster.mustKubectl('get', 'pod', 'succeeds'), /^succeeds +0\/1 +Completed +0 /m);
    assert.match(await cluster.mustKubectl('get', 'pod', 'fails'), /^fails +0\/2 +Error +0 /m);
  });

  test('OnFailure: runs again until it succeeds, keeps count, and shows the log of the run before', async () => {
    const volumeMounts = [{ name: 'shared', mountPath: '/shared' }];
    const text =
      'echo run >> /shared/runs; echo "this is run $(wc -l < /shared/runs)"; [ $(wc -l < /shared/runs) = 2 ] || exit 7';
    await create(
      cluster,
      podManifest('tries-again', {
        restartPolicy: 'OnFailure',
        volumes: [{ name: 'shared', emptyDir: {} }],
        containers: [script(text, { volumeMounts })],
      }),
    );
    const pod = await watch.ended('tries-again');
    assert.equal(pod.status?.phase, 'Succeeded');
    const status = statusOf(pod);
    assert.deepEqual([status?.restartCount, status?.state?.terminated?.exitCode], [1, 0]);
    assert.deepEqual([status?.lastState?.terminated?.exitCode, status?.lastState?.terminated?.reason], [7, 'Error']);
    assert.equal(await logs('tries-again'), 'this is run 2\n');
    assert.equal(await logs('tries-again', '--previous'), 'this is run 1\n');
  });

  test('Always: a container that ends at once runs again, then backs off for longer each time, and says so', async () => {
    await create(cluster, podManifest('loops', { restartPolicy: 'Always', containers: [script('echo try; exit 1')] }));
    const waitsAfter = (restarts: number) => (pod: Pod) =>
      statusOf(pod)?.restartCount === restarts && statusOf(pod)?.state?.waiting?.reason === 'CrashLoopBackOff';
    const first = await watch.until('loops', 'it backs off after its first restart', waitsAfter(1));
    assert.match(
      statusOf(first)?.state?.waiting?.message ?? '',
      /^back-off 10s restarting failed container=app pod=loops_default\(/,
    );
    assert.equal(statusOf(first)?.lastState?.terminated?.exitCode, 1);
    assert.equal(first.status?.phase, 'Running');
    const second = await watch.until('loops', 'it backs off after its second', waitsAfter(2));
    assert.match(statusOf(second)?.state?.waiting?.message ?? '', /^back-off 20s restarting failed container=app /);
    assert.match(await cluster.mustKubectl('get', 'pod', 'loops'), /^loops +0\/1 +CrashLoopBackOff +2 \(\d+s ago\) /m);
    const backOff = await eventually('an event', async () =>
      (await eventsOf(cluster, 'loops')).find(({ reason }) => reason === 'BackOff'),
    );
    assert.equal(backOff.type, 'Warning');
    assert.match(backOff.message ?? '', /^Back-off restarting failed container app in pod loops_default\(/);
    await remove('loops');
    await watch.gone('loops');
  });

  test('a command that does not exist is told with code 128, and tried again', async () => {
    await create(
      cluster,
      podManifest('no-command', { containers: [{ command: ['/does/not/exist'] }] }),
      podManifest('no-command-again', { restartPolicy: 'Always', containers: [{ command: ['/does/not/exist'] }] }),
    );
    const pod = await watch.ended('no-command');
    const { exitCode, reason, message } = statusOf(pod)?.state?.terminated ?? {};
    assert.deepEqual([pod.status?.phase, exitCode, reason], ['Failed', 128, 'StartError']);
    assert.match(message ?? '', /\/does\/not\/exist: no such file or directory/);
    await watch.until('no-command-again', 'it backs off', (one) => (statusOf(one)?.restartCount ?? 0) >= 1);
    await remove('no-command-again');
    await watch.gone('no-command-again');
  });

  test('liveness that fails restarts the container, and says why; a startup probe holds it back', async () => {
    // On a busy machine a probe may take longer than its usual second, and one second may pass unseen.
    const patient = { periodSeconds: 1, timeoutSeconds: 20 };
    const container = {
      startupProbe: { exec: { command: ['ls', '/started'] }, ...patient, failureThreshold: 30 },
      livenessProbe: { exec: { command: ['ls', '/alive'] }, ...patient, failureThreshold: 1 },
      readinessProbe: { exec: { command: ['ls', '/ready'] }, ...patient },
    };
    const text = `sleep 2; touch /alive /started; sleep 1; touch /ready; sleep 6; rm /alive; ${forever}`;
    await create(cluster, podManifest('dies', { restartPolicy: 'Always', containers: [script(text, container)] }));
    await watch.until('dies', 'it is restarted', (pod) => statusOf(pod)?.restartCount === 1);
    const history = watch.history('dies');
    const index = (holds: (pod: Pod) => boolean): number => history.findIndex(holds);
    const started = index((pod) => statusOf(pod)?.started === true);
    const ready = index(isReady);
    const restarted = index((pod) => statusOf(pod)?.restartCount === 1);
    assert.ok(started >= 0 && started < ready && ready < restarted, JSON.stringify([started, ready, restarted]));
    await eventually('events say why', async () => {
      const messages = (await eventsOf(cluster, 'dies')).map(({ reason, message }) => `${reason}: ${message}`);
      const isKilled = messages.includes('Killing: Container app failed liveness probe, will be restarted');
      const isFailure = (message: string): boolean => /^Unhealthy: Liveness probe failed: .*\/alive/s.test(message);
      assert.ok(isKilled && messages.some(isFailure), messages.join('\n'));
      return true;
    });
    await remove('dies');
    await watch.gone('dies');
  });

  test('deletion sends SIGTERM; the container’s last line and exit code are seen', async () => {
    const text = "trap 'echo goodbye; exit 5' TERM; echo hello; while :; do sleep 0.1; done";
    await create(cluster, podManifest('graceful', { terminationGracePeriodSeconds: 20, containers: [script(text)] }));
    await watch.ready('graceful');
    const following = cluster.stream('logs', '-f', 'graceful');
    await eventually('the first line', () => following.text() === 'hello\n');
    await remove('graceful');
    const last = await watch.gone('graceful');
    assert.equal(statusOf(last)?.state?.terminated?.exitCode, 5, JSON.stringify(statesOf('graceful')));
    await eventually('the follower has ended', () => following.child.exitCode !== null);
    assert.equal(following.text(), 'hello\ngoodbye\n');
  });

  test('who ignores SIGTERM is killed at the end of the grace period, not before', async () => {
    const text = "trap 'echo ignored' TERM; while :; do sleep 0.1; done";
    const name = 'stubborn';
    await create(cluster, podManifest(name, { terminationGracePeriodSeconds: 3, containers: [script(text)] }));
    await watch.ready(name);
    await remove(name);
    const last = await watch.gone(name);
    const { exitCode, finishedAt } = statusOf(last)?.state?.terminated ?? {};
    assert.equal(exitCode, 137);
    // The API's time of deletion is its end: now, plus the grace period.
    const graceEndMs = Date.parse(last.metadata?.deletionTimestamp ?? '');
    assert.equal(last.metadata?.deletionGracePeriodSeconds, 3);
    assert.ok(
      Date.parse(finishedAt ?? '') >= graceEndMs - 1000,
      `${finishedAt} against ${last.metadata?.deletionTimestamp}`,
    );
  });

  test('kubectl delete --force takes the pod from the API at once, and its processes soon after', async () => {
    const name = 'forced';
    await create(
      cluster,
      podManifest(name, {
        terminationGracePeriodSeconds: 60,
        containers: [script("trap '' TERM; sleep 1000 & wait; sleep 1000")],
      }),
    );
    const pod = await watch.ready(name);
    await remove(name, '--force', '--grace-period=0');
    await watch.gone(name);
    await eventually('no process of it', () => containerProcesses(pod.metadata?.uid ?? '').length === 0);
  });

  test('preStop runs before SIGTERM: a command, or sleep', async () => {
    const trap = "trap 'echo term; exit 0' TERM; while :; do sleep 0.1; done";
    const command = ['/bin/sh', '-c', 'echo hook > /proc/1/fd/1'];
    await create(
      cluster,
      podManifest('pre-stop-exec', {
        terminationGracePeriodSeconds: 20,
        containers: [script(trap, { lifecycle: { preStop: { exec: { command } } } })],
      }),
      podManifest('pre-stop-sleep', {
        terminationGracePeriodSeconds: 20,
        containers: [script(trap, { lifecycle: { preStop: { sleep: { seconds: 2 } } } })],
      }),
    );
    await Promise.all([watch.ready('pre-stop-exec'), watch.ready('pre-stop-sleep')]);
    const following = cluster.stream('logs', '-f', 'pre-stop-exec');
    await remove('pre-stop-exec');
    await remove('pre-stop-sleep');
    const slept = await watch.gone('pre-stop-sleep');
    await watch.gone('pre-stop-exec');
    await eventually('the follower has ended', () => following.child.exitCode !== null);
    const events = (await eventsOf(cluster, 'pre-stop-exec')).map(({ message }) => message).join('\n');
    assert.equal(following.text(), 'hook\nterm\n', events);
    const askedMs = Date.parse(slept.metadata?.deletionTimestamp ?? '') - 20_000;
    const finishedMs = Date.parse(statusOf(slept)?.state?.terminated?.finishedAt ?? '');
    assert.ok(finishedMs > askedMs, 'it slept for two seconds, of which rounding may take one');
    assert.equal(statusOf(slept)?.state?.terminated?.exitCode, 0);
  });

  test('postStart runs beside the container, and its failure ends the container', async () => {
    const post = (text: string) => ({ lifecycle: { postStart: { exec: { command: ['/bin/sh', '-c', text] } } } });
    await create(
      cluster,
      podManifest('post-start', {
        containers: [script('until [ -e /hooked ]; do sleep 0.1; done; echo hooked', post('touch /hooked'))],
      }),
      podManifest('post-start-fails', { containers: [script(forever, post('echo sorry >&2; exit 9'))] }),
    );
    await watch.ended('post-start');
    assert.equal(await logs('post-start'), 'hooked\n');
    await watch.ended('post-start-fails');
    const event = await eventually('an event', async () =>
      (await eventsOf(cluster, 'post-start-fails')).find(({ reason }) => reason === 'FailedPostStartHook'),
    );
    assert.match(event.message ?? '', /PostStartHook failed/);
  });

  test('activeDeadlineSeconds ends the pod, which then has Failed', async () => {
    await create(
      cluster,
      podManifest('deadline', { restartPolicy: 'Always', activeDeadlineSeconds: 2, containers: [script(forever)] }),
    );
    const pod = await watch.ended('deadline');
    assert.deepEqual([pod.status?.phase, pod.status?.reason], ['Failed', 'DeadlineExceeded']);
    assert.match(pod.status?.message ?? '', /active on the node longer than the specified deadline/);
    await eventually('no process of it', () => containerProcesses(pod.metadata?.uid ?? '').length === 0);
  });

  test('a container that takes more memory than its limit is OOMKilled', async () => {
    const resources = { limits: { memory: '16Mi' } };
    await create(
      cluster,
      podManifest('greedy', { containers: [{ command: ['/bin/busybox', 'tail', '/dev/zero'], resources }] }),
    );
    const pod = await watch.ended('greedy');
    const { exitCode, reason } = statusOf(pod)?.state?.terminated ?? {};
    assert.deepEqual([pod.status?.phase, exitCode, reason], ['Failed', 137, 'OOMKilled']);
    assert.match(await cluster.mustKubectl('get', 'pod', 'greedy'), /^greedy +0\/1 +OOMKilled +0 /m);
  });

  test('logs are told by container, with times, from the end or to a limit', async () => {
    // Two streams come through two pipes, in the order of their writing only when that is not at once.
    const text = 'echo one; sleep 0.3; echo two >&2; sleep 0.3; printf three';
    await create(cluster, podManifest('speaks', { containers: [script(text), script('echo other')] }));
    await watch.until('speaks', 'it has ended', hasEnded);
    assert.equal(await logs('speaks', '-c', 'app'), 'one\ntwo\nthree');
    assert.equal(await logs('speaks', '-c', 'app', '--tail=1'), 'three');
    assert.equal(await logs('speaks', '-c', 'app', '--limit-bytes=5'), 'one\nt');
    assert.match(await logs('speaks', '-c', 'app', '--timestamps'), /^\d{4}-\d\d-\d\dT[\d:]+\.\d+Z one\n/);
    assert.equal(await logs('speaks', '-c', 'app-2'), 'other\n');
    assert.match(await logs('speaks', '--all-containers', '--prefix'), /\[pod\/speaks\/app-2\] other$/m);
    const unnamed = await cluster.kubectl(['logs', 'speaks', '-c', 'nobody']);
    assert.notEqual(unnamed.code, 0);
    assert.match(unnamed.stderr, /container nobody is not valid for pod speaks/);
  });
});

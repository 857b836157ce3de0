/**
 * How containers are brought to their end, and how they come back: hooks, the order of sidecars, rules for exit codes. What only processes
 * can show; what is decided is tested in virtual time (`src/agent/pod-life.test.ts`). The tests run side by side in one cluster.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Container, Pod } from '../../src/api/schema/types/core-v1.ts';
import { leftSince, machineState, TestCluster } from '../harness.ts';
import { containerProcesses } from './containers.ts';
import { condition, create, eventsOf, forever, isReady, PodWatch, podManifest, script, statusOf } from './workload.ts';

/** Writes a line with its name into a file that all containers of the pod share. */
const note = (word: string): string => `echo ${word} >> /shared/notes`;
const volumes = [{ name: 'shared', emptyDir: {} }];
const volumeMounts = [{ name: 'shared', mountPath: '/shared' }];

function shared(text: string, wishes: Partial<Container> = {}): Partial<Container> {
  return script(text, { volumeMounts, ...wishes });
}

/** Runs until TERM, and then takes its time. */
function endsIn(seconds: number, name: string): string {
  return `trap 'sleep ${seconds}; ${note(name)}; exit 0' TERM; while :; do sleep 0.1; done`;
}

const command = (text: string): { readonly exec: { readonly command: readonly string[] } } => ({
  exec: { command: ['/bin/sh', '-c', text] },
});

describe('the end of a pod, and of its containers', { timeout: 600_000, concurrency: 8 }, () => {
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

  const remove = (name: string, ...args: string[]): Promise<string> =>
    cluster.mustKubectl('delete', 'pod', name, '--wait=false', ...args);

  const reasonsOf = async (name: string): Promise<readonly string[]> =>
    (await eventsOf(cluster, name)).map(({ reason = '' }) => reason);

  const endedAtMs = (pod: Pod, container: string): number =>
    Date.parse(statusOf(pod, container)?.state?.terminated?.finishedAt ?? '');

  test('sidecars end after the container and the last of them first; all their hooks run when the end begins', async () => {
    const sidecar = (name: string, seconds: number): Partial<Container> =>
      shared(endsIn(seconds, name), {
        name,
        restartPolicy: 'Always',
        lifecycle: { preStop: command(note(`hook-of-${name}`)) },
      });
    await create(
      cluster,
      podManifest('ordered', {
        volumes,
        terminationGracePeriodSeconds: 20,
        // Who reads the notes looks once a second, from within the first.
        initContainers: [sidecar('first', 3), sidecar('second', 0.2)],
        containers: [shared(endsIn(2, 'app'))],
      }),
    );
    await watch.until('ordered', 'it is ready', isReady);
    await cluster.mustKubectl(
      'patch',
      'pod',
      'ordered',
      '--type=merge',
      '-p',
      '{"metadata":{"finalizers":["test/look"]}}',
    );
    const follow = 'touch /shared/notes; tail -n 10 -f /shared/notes';
    const notes = cluster.kubectl(['exec', 'ordered', '-c', 'first', '--', '/bin/sh', '-c', follow]);
    await remove('ordered');
    const ended = await watch.until('ordered', 'all have ended', (pod) =>
      ['app', 'first', 'second'].every((name) => statusOf(pod, name)?.state?.terminated !== undefined),
    );
    const lines = (await notes).stdout.split('\n');
    assert.deepEqual(lines.slice(0, 2).sort(), ['hook-of-first', 'hook-of-second']);
    assert.deepEqual(lines.slice(2, 4), ['app', 'second']);
    assert.ok(endedAtMs(ended, 'app') <= endedAtMs(ended, 'second'));
    assert.ok(endedAtMs(ended, 'second') <= endedAtMs(ended, 'first'));
    for (const name of ['app', 'first', 'second']) {
      assert.equal(statusOf(ended, name)?.state?.terminated?.exitCode, 0, `${name} was given its time`);
    }
    await cluster.mustKubectl('patch', 'pod', 'ordered', '--type=merge', '-p', '{"metadata":{"finalizers":null}}');
    await watch.gone('ordered');
  });

  test("a preStop hook that sleeps delays the signal, and what is left of the grace period is the process's", async () => {
    const app = script(`trap 'echo asked; exit 0' TERM; while :; do sleep 0.1; done`, {
      lifecycle: { preStop: { sleep: { seconds: 2 } } },
    });
    await create(cluster, podManifest('sleeps', { terminationGracePeriodSeconds: 10, containers: [app] }));
    const pod = await watch.until('sleeps', 'it is ready', isReady);
    const uid = pod.metadata?.uid ?? '';
    const startMs = performance.now();
    await remove('sleeps');
    await watch.gone('sleeps');
    const tookMs = performance.now() - startMs;
    assert.ok(tookMs >= 2000, `gone after ${tookMs} ms`);
    assert.ok(tookMs < 9000, `gone after ${tookMs} ms`);
    assert.deepEqual(containerProcesses(uid), []);
  });

  test('a postStart hook that fails kills the container, which tries again later', async () => {
    const app = script(forever, { lifecycle: { postStart: command('echo a secret; exit 3') } });
    await create(cluster, podManifest('bad-start', { restartPolicy: 'Always', containers: [app] }));
    const pod = await watch.until(
      'bad-start',
      'it says why',
      (one) =>
        watch.history('bad-start').some((seen) => statusOf(seen)?.state?.waiting?.reason === 'PostStartHookError') &&
        (statusOf(one)?.restartCount ?? 0) >= 1,
    );
    assert.ok((statusOf(pod)?.restartCount ?? 0) >= 1);
    assert.ok((await reasonsOf('bad-start')).includes('FailedPostStartHook'));
    const events = await eventsOf(cluster, 'bad-start');
    assert.ok(!events.some(({ message = '' }) => message.includes('a secret')), 'its answer is in no event');
    assert.ok(watch.history('bad-start').every((seen) => !isReady(seen)));
    await remove('bad-start');
    await watch.gone('bad-start');
  });

  test('a postStart hook comes before the next container, and before Ready', async () => {
    const app = shared(`${note('app')}; ${forever}`, { lifecycle: { postStart: command(`sleep 1; ${note('hook')}`) } });
    const second = shared(`${note('second')}; ${forever}`);
    await create(cluster, podManifest('good-start', { volumes, containers: [app, second] }));
    await watch.until('good-start', 'it is ready', isReady);
    const notes = await cluster.mustKubectl('exec', 'good-start', '-c', 'app', '--', 'cat', '/shared/notes');
    assert.equal(notes, 'app\nhook\nsecond\n');
    await remove('good-start');
    await watch.gone('good-start');
  });

  test('a rule restarts a container by its exit code, another code ends the pod', async () => {
    const text = '[ -e /shared/again ] && exit 7; touch /shared/again; exit 42';
    const app = shared(text, {
      restartPolicy: 'Never',
      restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }],
    });
    await create(cluster, podManifest('by-rule', { volumes, containers: [app] }));
    const pod = await watch.ended('by-rule');
    assert.equal(pod.status?.phase, 'Failed');
    assert.equal(statusOf(pod)?.restartCount, 1);
    assert.equal(statusOf(pod)?.state?.terminated?.exitCode, 7);
    assert.equal(statusOf(pod)?.lastState?.terminated?.exitCode, 42);
  });

  test('a rule restarts all containers from the first on, in the same sandbox with the same volumes', async () => {
    const rules: Partial<Container> = {
      restartPolicy: 'Never',
      restartPolicyRules: [{ action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [42] } }],
    };
    const text = `${note('app')}; [ -e /shared/again ] && { ${forever}; }; touch /shared/again; sleep 1; exit 42`;
    await create(
      cluster,
      podManifest('all-again', {
        volumes,
        initContainers: [shared(note('init'))],
        containers: [shared(text, rules), shared(`sleep 0.2; ${note('side')}; ${forever}`)],
      }),
    );
    const first = await watch.until('all-again', 'it runs', isReady);
    const pod = await watch.until('all-again', 'all run again', (one) => {
      return isReady(one) && ['init', 'app', 'app-2'].every((name) => statusOf(one, name)?.restartCount === 1);
    });
    assert.equal(pod.status?.podIP, first.status?.podIP);
    assert.ok(watch.history('all-again').some((seen) => condition(seen, 'AllContainersRestarting')?.status === 'True'));
    assert.equal(condition(pod, 'AllContainersRestarting')?.status, 'False');
    assert.ok(
      watch.history('all-again').every(({ status }) => status?.phase === 'Pending' || status?.phase === 'Running'),
    );
    const notes = await cluster.mustKubectl('exec', 'all-again', '-c', 'app', '--', 'head', '-n', '4', '/shared/notes');
    assert.deepEqual(notes.split('\n').slice(0, 4), ['init', 'app', 'side', 'init']);
    await remove('all-again');
    await watch.gone('all-again');
  });

  test('a pod that is deleted while it starts leaves no process', async () => {
    const slow = shared(`sleep 30`);
    await create(
      cluster,
      podManifest('hardly-begun', { volumes, initContainers: [slow], containers: [script(forever)] }),
    );
    const pod = await watch.until('hardly-begun', 'its first container runs', (one) => {
      return statusOf(one, 'init')?.state?.running !== undefined;
    });
    await remove('hardly-begun');
    await watch.gone('hardly-begun');
    assert.deepEqual(containerProcesses(pod.metadata?.uid ?? ''), []);
    await create(cluster, podManifest('not-begun', { containers: [script(forever)] }));
    await remove('not-begun');
    await watch.gone('not-begun');
  });
});

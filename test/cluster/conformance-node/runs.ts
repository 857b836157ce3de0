/** Upstream's `runtime.go`, `kubelet.go`, `init_container.go`, `container_restart_policy.go`, and the pod's container status of `node/pods.go`. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Container, Pod, PodSpec } from '../../../src/api/schema/types/core-v1.ts';
import { condition, forever, hasEnded, isReady, type PodWishes, script, statusOf } from '../workload.ts';
import { assertMonotonic, type GetLab, type NodeLab, restartsOf } from './lab.ts';

const volumes = [{ name: 'shared', emptyDir: { medium: 'Memory' } }];
const volumeMounts = [{ name: 'shared', mountPath: '/shared' }];
const shared = (text: string, wishes: Partial<Container> = {}) => script(text, { volumeMounts, ...wishes });

/** Fails, succeeds, and then runs on. */
const threeRuns = `echo hello >> /shared/count; count=$(wc -l < /shared/count)
[ $count = 1 ] && exit 1; [ $count = 2 ] && exit 0; ${forever}`;

const expectedStates = [
  { restartPolicy: 'Always', phase: 'Running', state: 'running', restarts: 2, ready: true },
  { restartPolicy: 'OnFailure', phase: 'Succeeded', state: 'terminated', restarts: 1, ready: false },
  { restartPolicy: 'Never', phase: 'Failed', state: 'terminated', restarts: 0, ready: false },
] as const;

const fallback: Partial<Container> = { terminationMessagePolicy: 'FallbackToLogsOnError' };
const messages: readonly (readonly [
  name: string,
  container: Partial<Container>,
  phase: string,
  message: string | undefined,
])[] = [
  [
    'if TerminationMessagePath is set',
    script('echo -n DONE > /dev/termination-log', { securityContext: { runAsUser: 0 } }),
    'Succeeded',
    'DONE',
  ],
  [
    'if TerminationMessagePath is set as non-root user and at a non-default path',
    script('echo -n DONE > /dev/termination-custom-log', {
      terminationMessagePath: '/dev/termination-custom-log',
      securityContext: { runAsUser: 10000 },
    }),
    'Succeeded',
    'DONE',
  ],
  [
    'from log output if TerminationMessagePolicy FallbackToLogsOnError is set',
    script('echo -n DONE; false', fallback),
    'Failed',
    'DONE',
  ],
  [
    'as empty when pod succeeds and FallbackToLogsOnError is set',
    script('echo -n DONE; true', fallback),
    'Succeeded',
    undefined,
  ],
  [
    'from file when pod succeeds and FallbackToLogsOnError is set',
    script('echo -n OK > /dev/termination-log; echo DONE; true', fallback),
    'Succeeded',
    'OK',
  ],
];

const endsWith = (exitCode: number): string => `exit ${exitCode}`;
const restartOn42 = [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }] as const;

/** The pod's policy, the container's own; does it restart? */
const policies: readonly (readonly [
  name: string,
  pod: PodSpec['restartPolicy'],
  container: Partial<Container>,
  restarts: boolean,
])[] = [
  [
    'should restart container on rule match',
    'Never',
    script(endsWith(42), { restartPolicy: 'Never', restartPolicyRules: restartOn42 }),
    true,
  ],
  [
    'should not restart container on rule mismatch',
    'Never',
    script(endsWith(1), { restartPolicy: 'Never', restartPolicyRules: restartOn42 }),
    false,
  ],
  ['should not restart on container-level Never', 'Always', script(endsWith(1), { restartPolicy: 'Never' }), false],
  ['should restart on container-level Always', 'Never', script(endsWith(1), { restartPolicy: 'Always' }), true],
  ['should restart on pod-level Always', 'Always', script(endsWith(1)), true],
];

const allOn42: Partial<Container> = {
  restartPolicyRules: [{ action: 'RestartAllContainers', exitCodes: { operator: 'In', values: [42] } }],
};
const onlyOnce = (mark: string, more: string): string =>
  `[ -f /shared/${mark} ] && { ${more}; exit; }; touch /shared/${mark}`;
const named = (name: string, container: Partial<Container>): Partial<Container> => ({ ...container, name });
const sidecar = named('sidecar', script(forever, { restartPolicy: 'Always' }));
const regular = named('regular', script(forever));
const initial = named('init', script('exit 0'));

const restartsOfAll: readonly (readonly [name: string, pod: PodWishes, restarted: readonly string[]])[] = [
  [
    'sidecar container exit',
    {
      initContainers: [
        initial,
        sidecar,
        named(
          'source',
          shared(`${onlyOnce('done', forever)}; sleep 3; exit 42`, { restartPolicy: 'Always', ...allOn42 }),
        ),
      ],
      containers: [regular],
    },
    ['init', 'sidecar', 'source', 'regular'],
  ],
  [
    'init container exit',
    {
      initContainers: [
        sidecar,
        initial,
        named('source', shared(`${onlyOnce('done', 'exit 0')}; exit 42`, { restartPolicy: 'Never', ...allOn42 })),
      ],
      containers: [regular],
    },
    ['sidecar', 'init', 'source'],
  ],
  [
    'one exit where several containers have such a rule',
    {
      containers: [
        named(
          'source',
          shared(`${onlyOnce('done', forever)}; sleep 3; exit 42`, { restartPolicy: 'Never', ...allOn42 }),
        ),
        named('regular', script(forever, { restartPolicy: 'Never', ...allOn42 })),
      ],
    },
    ['source', 'regular'],
  ],
  [
    'a previously restarted container exit',
    {
      restartPolicy: 'Always',
      containers: [
        named(
          'source',
          shared(
            `[ -f /shared/2 ] && { ${forever}; }; [ -f /shared/1 ] && { touch /shared/2; exit 42; }; touch /shared/1; exit 1`,
            {
              restartPolicy: 'Always',
              ...allOn42,
            },
          ),
        ),
        regular,
      ],
    },
    ['source', 'regular'],
  ],
];

/** What holds of a pod with init containers in whatever state it is seen. */
function assertInitInvariants(history: readonly Pod[]): void {
  let wasInitialized = false;
  for (const pod of history.filter(({ status }) => status?.initContainerStatuses !== undefined)) {
    const inits = pod.status?.initContainerStatuses ?? [];
    const isDone = inits.every(({ state, ready }) => state?.terminated?.exitCode === 0 && ready);
    const is = condition(pod, 'Initialized');
    assert.equal(is?.status, isDone ? 'True' : 'False', JSON.stringify(pod.status));
    assert.ok(is?.lastTransitionTime, 'it has a time');
    assert.ok(!wasInitialized || isDone, 'initialized is for ever');
    wasInitialized = isDone;
    if (isDone) continue;
    for (const { state, restartCount } of pod.status?.containerStatuses ?? []) {
      assert.deepEqual([state?.waiting?.reason, restartCount], ['PodInitializing', 0], JSON.stringify(pod.status));
    }
    const firstUndone = inits.findIndex(({ state }) => state?.terminated?.exitCode !== 0);
    for (const { state } of inits.slice(firstUndone + 1)) {
      assert.equal(state?.waiting?.reason, 'PodInitializing', JSON.stringify(pod.status));
    }
  }
}

/** Upstream's verifier of fast deletions: a container that fails is never told as good, never twice, and has its times. */
function assertFailedOnly(history: readonly Pod[], container: string): void {
  let hadEnded = false;
  let wasTerminal = false;
  for (const pod of history) {
    const blocked = statusOf(pod, 'blocked');
    if (blocked !== undefined)
      assert.ok(blocked.state?.waiting !== undefined && blocked.started !== true, JSON.stringify(blocked));
    assert.ok(!wasTerminal || hasEnded(pod), 'a terminal phase is for ever');
    wasTerminal = hasEnded(pod);
    const end = statusOf(pod, container)?.state?.terminated;
    assert.ok(!hadEnded || end !== undefined, 'an end is for ever');
    if (end === undefined) continue;
    hadEnded = true;
    const isExpected =
      end.exitCode === 1 || (end.exitCode === 137 && /^(?:ContainerStatusUnknown|Error)$/.test(end.reason ?? ''));
    assert.ok(isExpected, JSON.stringify(end));
    if (end.finishedAt) assert.ok(end.startedAt, 'who has finished has begun');
  }
  const running = history.at(-1)?.status?.containerStatuses?.filter(({ state }) => state?.running !== undefined) ?? [];
  assert.deepEqual(running, [], 'nothing runs of what is gone');
}

async function deletedFast(lab: NodeLab, name: string, wishes: PodWishes): Promise<readonly Pod[]> {
  await lab.run(name, wishes);
  await lab.watch.until(name, 'it has begun', ({ status }) => status?.phase !== 'Pending');
  await lab.cluster.mustKubectl('delete', 'pod', name, '--wait=false');
  await lab.watch.gone(name);
  return lab.watch.history(name);
}

export function runTests(lab: GetLab): void {
  for (const { restartPolicy, phase, state, restarts, ready } of expectedStates) {
    test(`Container Runtime: should run with the expected status (${restartPolicy})`, async () => {
      const name = `status-${restartPolicy.toLowerCase()}`;
      await lab().run(name, { restartPolicy, volumes, containers: [shared(threeRuns)] });
      const pod = await lab().watch.until(name, 'it is as expected', (one) => {
        return restartsOf(one, 'app') === restarts && one.status?.phase === phase && isReady(one) === ready;
      });
      assert.deepEqual(Object.keys(statusOf(pod)?.state ?? {}), [state]);
      assertMonotonic(lab().watch.history(name), 'app');
      await lab().remove(name);
      await lab().watch.gone(name);
    });
  }

  for (const [index, [title, container, phase, message]] of messages.entries()) {
    test(`Container Runtime: should report termination message ${title}`, async () => {
      const name = `message-${index}`;
      await lab().run(name, { containers: [container] });
      const pod = await lab().watch.ended(name);
      assert.deepEqual([pod.status?.phase, statusOf(pod)?.state?.terminated?.message], [phase, message]);
      await lab().remove(name);
    });
  }

  test('Kubelet: prints output to logs, tells why a container ended, and refuses writes to a read-only root', async () => {
    const { watch } = lab();
    const readOnly = { securityContext: { readOnlyRootFilesystem: true } };
    await lab().run('hello', { containers: [script("echo 'Hello World'; exec sleep 240")] });
    await lab().run('bin-false', { containers: [{ command: ['/bin/false'] }] });
    await lab().run('read-only', { containers: [script('echo test > /file; exec sleep 240', readOnly)] });
    await Promise.all([watch.ready('hello'), watch.ready('read-only')]);
    assert.equal(await lab().logs('hello', 'sinceSeconds=3600'), 'Hello World\n');
    await watch.until('bin-false', 'its end is told', (pod) => statusOf(pod)?.state?.terminated?.reason === 'Error');
    assert.match(await lab().logs('read-only'), /^\/bin\/sh: can't create \/file: Read-only file system\n$/);
    await lab().remove('hello', 'bin-false', 'read-only');
    await watch.gone('bin-false');
  });

  for (const [index, [title, restartPolicy, container, restarts]] of policies.entries()) {
    test(`Container Restart Rules: ${title}`, async () => {
      const name = `policy-${index}`;
      await lab().run(name, { restartPolicy: restartPolicy ?? 'Never', containers: [container] });
      if (restarts) await lab().watch.until(name, 'it is restarted', (pod) => restartsOf(pod, 'app') > 0);
      else assert.equal(restartsOf(await lab().watch.ended(name), 'app'), 0);
      await lab().remove(name);
    });
  }

  for (const [index, [title, pod, restarted]] of restartsOfAll.entries()) {
    test(`RestartAllContainers: on ${title}`, async () => {
      const name = `restart-all-${index}`;
      await lab().run(name, { volumes, ...pod });
      const all = await lab().watch.until(name, 'all run again', (one) => {
        return isReady(one) && restarted.every((container) => restartsOf(one, container) > 0);
      });
      for (const container of restarted) assert.ok(statusOf(all, container)?.lastState?.terminated, container);
      await lab().remove(name);
    });
  }

  for (const restartPolicy of ['Never', 'Always'] as const) {
    test(`InitContainer: should invoke init containers on a Restart${restartPolicy} pod`, async () => {
      const { watch } = lab();
      const name = `init-${restartPolicy.toLowerCase()}`;
      const app =
        restartPolicy === 'Never' ? script('true') : script(forever, { resources: { limits: { cpu: '100m' } } });
      await lab().run(name, { restartPolicy, initContainers: [script('true'), script('true')], containers: [app] });
      const pod = await watch.until(name, 'it is where it should be', ({ status }) => {
        return status?.phase === (restartPolicy === 'Never' ? 'Succeeded' : 'Running');
      });
      assert.equal(condition(pod, 'Initialized')?.status, 'True');
      assert.deepEqual(
        pod.status?.initContainerStatuses?.map(({ ready, state }) => [ready, state?.terminated?.exitCode]),
        [
          [true, 0],
          [true, 0],
        ],
      );
      assertInitInvariants(watch.history(name));
      await lab().remove(name);
    });
  }

  test('InitContainer: should not start app containers if init containers fail on a RestartAlways pod', async () => {
    const { watch } = lab();
    const name = 'init-fails-always';
    const containers = [script(forever, { resources: { limits: { cpu: '100m' } } })];
    await lab().run(name, { restartPolicy: 'Always', initContainers: [script('false'), script('true')], containers });
    const pod = await watch.until(name, 'three restarts', (one) => restartsOf(one, 'init') >= 3);
    assert.equal(pod.status?.phase, 'Pending');
    const { status, reason, message } = condition(pod, 'Initialized') ?? {};
    const incomplete = 'containers with incomplete status: [init init-2]';
    assert.deepEqual([status, reason, message], ['False', 'ContainersNotInitialized', incomplete]);
    assertInitInvariants(watch.history(name));
    await lab().remove(name);
  });

  test('InitContainer: should not start app containers and fail the pod if init containers fail on a RestartNever pod', async () => {
    const { watch } = lab();
    const name = 'init-fails-never';
    const containers = [script('true', { resources: { limits: { cpu: '100m' } } })];
    await lab().run(name, { initContainers: [script('true'), script('false')], containers });
    const pod = await watch.ended(name);
    assert.equal(pod.status?.phase, 'Failed');
    const { status, reason, message } = condition(pod, 'Initialized') ?? {};
    const incomplete = 'containers with incomplete status: [init-2]';
    assert.deepEqual([status, reason, message], ['False', 'ContainersNotInitialized', incomplete]);
    assert.equal(statusOf(pod, 'app')?.state?.waiting?.reason, 'PodInitializing');
    assertInitInvariants(watch.history(name));
    await lab().remove(name);
  });

  test('Pod Container Status: should never report success for a pending container, nor a start where an init container fails', async () => {
    const fail = named('fail', { command: ['/bin/false'] });
    const blocked = named('blocked', { command: ['/bin/true'] });
    const numbers = [1, 2, 3, 4];
    await Promise.all(
      numbers.map(async (number) => {
        assertFailedOnly(await deletedFast(lab(), `fails-${number}`, { containers: [fail] }), 'fail');
        const blocking = { initContainers: [fail], containers: [blocked] };
        assertFailedOnly(await deletedFast(lab(), `blocks-${number}`, blocking), 'fail');
      }),
    );
  });

  test('Pod Container Status: a pod that is deleted while its probe restarts it ends as killed, and nothing of it is told to run', async () => {
    const { watch, cluster } = lab();
    const name = 'health-restarts';
    const startupProbe = {
      exec: { command: ['/bin/false'] },
      failureThreshold: 1,
      periodSeconds: 1,
      terminationGracePeriodSeconds: 1,
    };
    await lab().run(name, { restartPolicy: 'Always', containers: [{ command: ['sleep', '1800'], startupProbe }] });
    await watch.until(name, 'it is restarted', (pod) => restartsOf(pod, 'app') === 1);
    await cluster.mustKubectl('delete', 'pod', name, '--wait=false');
    const last = await watch.gone(name);
    assert.ok(hasEnded(last), `it ended as ${last.status?.phase}`);
    assert.equal(statusOf(last)?.state?.running, undefined);
    for (const pod of watch.history(name)) {
      const end = statusOf(pod)?.state?.terminated;
      if (end !== undefined && hasEnded(pod))
        assert.deepEqual([end.exitCode, end.reason], [137, 'Error'], JSON.stringify(end));
    }
  });

  test('Pod Container lifecycle: should not create extra sandbox if all containers are done', async () => {
    const name = 'no-second-sandbox';
    await lab().run(name, {
      restartPolicy: 'OnFailure',
      initContainers: [script('true')],
      containers: [script('true')],
    });
    assert.equal((await lab().watch.ended(name)).status?.phase, 'Succeeded');
    await lab().event(name, 'Started');
    const reasons = (await lab().events(name)).map(({ reason }) => reason);
    assert.ok(!reasons.includes('SandboxChanged'), reasons.join(' '));
    await lab().remove(name);
  });
}

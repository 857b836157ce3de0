import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { make, nowMs } from '../testing.ts';
import { containerHash } from './containers.ts';
import { decidePod } from './decide-pod.ts';
import type { PodObservation, Step } from './plan.ts';

/** A step in one short word, so that a plan reads as a line. */
function brief(step: Step): string {
  switch (step.kind) {
    case 'event':
      return `event ${step.reason}`;
    case 'make-sandbox':
      return `make-sandbox ${step.attempt}`;
    case 'ensure-image':
      return `image ${step.container}`;
    case 'start-container':
      return `start ${step.container} ${step.attempt}`;
    case 'pre-stop-container':
      return `pre-stop ${step.containerId} ${step.gracePeriodMs}`;
    case 'stop-container':
      return `stop ${step.containerId} ${step.gracePeriodMs}`;
    case 'remove-container':
      return `remove ${step.containerId}`;
    case 'stop-sandbox':
    case 'remove-sandbox':
      return `${step.kind} ${step.sandboxId}`;
    case 'resize-pod':
      return `resize ${step.update.join(' ')}${step.isLast ? ' and be done' : ''}`;
    case 'prepare-volumes':
    case 'remove-volumes':
    case 'delete-pod':
      return step.kind;
  }
}

interface Case {
  readonly title: string;
  readonly seen: Partial<PodObservation>;
  readonly steps: readonly string[];
  readonly phase?: string;
  /** The state of the first container: `running`, `terminated`, or its waiting reason. */
  readonly app?: string;
  readonly wakeInMs?: number;
}

function check({ title, seen, steps, phase, app, wakeInMs }: Case): void {
  test(title, () => {
    const plan = decidePod(make.observation(seen));
    assert.deepEqual(plan.steps.map(brief), steps);
    if (phase !== undefined) assert.equal(plan.status.phase, phase);
    const state = plan.status.containerStatuses?.[0]?.state;
    if (app !== undefined) assert.equal(state?.waiting?.reason ?? (state?.running ? 'running' : 'terminated'), app);
    if (wakeInMs !== undefined) assert.equal(plan.wakeAtMs - nowMs, wakeInMs);
  });
}

const { pod, container, sandbox, run, exited, images } = make;
const one = [sandbox()];
const two = pod({ containers: [container('app'), container('side')] });
const withInit = pod({ initContainers: [container('init-1'), container('init-2')] });
const withSidecar = pod({ initContainers: [container('proxy', { restartPolicy: 'Always' }), container('init-1')] });
const never = pod({ restartPolicy: 'Never' });
const onFailure = pod({ restartPolicy: 'OnFailure' });
const deleted = pod({}, { deletionTimestamp: '2026-01-01T12:00:30Z', deletionGracePeriodSeconds: 30 });

describe('a pod that should run', () => {
  const cases: readonly Case[] = [
    {
      title: 'gets volumes, then a sandbox',
      seen: { volumes: 'unknown' },
      steps: ['prepare-volumes', 'make-sandbox 0'],
      phase: 'Pending',
      app: 'ContainerCreating',
    },
    { title: 'has its images looked for when the sandbox is there', seen: { sandboxes: one }, steps: ['image app'] },
    { title: 'is started', seen: { sandboxes: one, images: images('app') }, steps: ['start app 0'] },
    {
      title: 'is left alone when it runs',
      seen: { sandboxes: one, containers: [run('app')] },
      steps: [],
      phase: 'Running',
      app: 'running',
      wakeInMs: Number.POSITIVE_INFINITY,
    },
    {
      title: 'does not try a sandbox again before its time',
      seen: { failures: new Map([['', { reason: '', message: 'no network', retryAtMs: nowMs + 1000 }]]) },
      steps: [],
      wakeInMs: 1000,
    },
    {
      title: 'gets a new sandbox when the old one died, and its containers run again',
      seen: { sandboxes: [sandbox({ ready: false })], containers: [exited('app', 255)] },
      steps: ['event SandboxChanged', 'stop-sandbox s0', 'make-sandbox 1'],
      phase: 'Running',
    },
    {
      title: 'starts in the new sandbox with the next attempt',
      seen: {
        sandboxes: [sandbox({ ready: false }), sandbox({ id: 's1', attempt: 1 })],
        containers: [exited('app', 255)],
        images: images('app'),
      },
      steps: ['start app 1'],
    },
    {
      title: 'loses its old sandbox when nothing in it is worth keeping',
      seen: {
        sandboxes: [sandbox({ ready: false }), sandbox({ id: 's1', attempt: 1 })],
        containers: [run('app', { sandboxId: 's1', attempt: 2 })],
      },
      steps: ['remove-sandbox s0'],
    },
    {
      title: 'makes sure of its volumes after a restart of the agent, and does not disturb what runs',
      seen: { sandboxes: one, containers: [run('app')], volumes: 'unknown' },
      steps: ['prepare-volumes'],
      phase: 'Running',
    },
    {
      title: 'is not restarted for another definition that cannot change in place',
      seen: {
        pod: pod({ containers: [container('app', { env: [{ name: 'A', value: 'b' }] })] }),
        sandboxes: one,
        containers: [run('app')],
      },
      steps: [],
    },
    {
      title: 'is killed with its grace period when its image changed',
      seen: {
        pod: pod({ containers: [container('app', { image: 'app:2' })] }),
        sandboxes: one,
        containers: [run('app')],
      },
      steps: ['stop app-0 30000'],
      app: 'running',
    },
    {
      title: 'is not stopped again while it is being stopped',
      seen: {
        pod: pod({ containers: [container('app', { image: 'app:2' })] }),
        sandboxes: one,
        containers: [run('app')],
        stops: new Map([['app-0', nowMs + 30_000]]),
      },
      steps: [],
    },
    {
      title: 'goes on from the attempt that the status knows when the runtime lost everything',
      seen: {
        sandboxes: one,
        images: images('app'),
        status: {
          phase: 'Running',
          containerStatuses: [
            {
              name: 'app',
              ready: true,
              restartCount: 4,
              image: 'app:1',
              imageID: '',
              containerID: 'containerd://gone',
              state: { running: {} },
            },
          ],
        },
      },
      steps: ['start app 5'],
      app: 'terminated',
    },
    {
      title: 'loses runs before the last two',
      seen: {
        sandboxes: one,
        containers: [run('app', { attempt: 3 }), exited('app', 1, { attempt: 2 }), exited('app', 1, { attempt: 1 })],
      },
      steps: ['remove app-1'],
    },
    {
      title: 'removes a container that was created and never started, and makes it anew',
      seen: { sandboxes: one, containers: [run('app', { state: 'created' })], images: images('app') },
      steps: ['remove app-0', 'start app 0'],
    },
  ];
  for (const one of cases) check(one);
});

describe('containers of one pod', () => {
  const cases: readonly Case[] = [
    {
      title: 'start in order',
      seen: { pod: two, sandboxes: one, images: images('app', 'side') },
      steps: ['start app 0', 'start side 0'],
    },
    {
      title: 'wait for an earlier one that is being pulled, and pull meanwhile',
      seen: { pod: two, sandboxes: one, images: new Map([['app', { kind: 'pulling' }]]) },
      steps: ['image side'],
    },
    {
      title: 'do not wait for an earlier one whose image cannot be had',
      seen: {
        pod: two,
        sandboxes: one,
        images: new Map([
          ...images('side'),
          [
            'app',
            { kind: 'failed', reason: 'ErrImagePull', message: 'no', failedAtMs: nowMs, retryAtMs: nowMs + 10_000 },
          ],
        ]),
      },
      steps: ['start side 0'],
      app: 'ErrImagePull',
      wakeInMs: 3000,
    },
    {
      title: 'show a back-off when a pull failed a while ago',
      seen: {
        sandboxes: one,
        images: new Map([
          [
            'app',
            {
              kind: 'failed',
              reason: 'ErrImagePull',
              message: 'no',
              failedAtMs: nowMs - 3000,
              retryAtMs: nowMs + 7000,
            },
          ],
        ]),
      },
      steps: ['event BackOff', 'event Failed'],
      app: 'ImagePullBackOff',
      wakeInMs: 7000,
    },
    {
      title: 'are pulled again after the back-off',
      seen: {
        sandboxes: one,
        images: new Map([
          [
            'app',
            { kind: 'failed', reason: 'ErrImagePull', message: 'no', failedAtMs: nowMs - 10_000, retryAtMs: nowMs },
          ],
        ]),
      },
      steps: ['image app'],
    },
    {
      title: 'show why one could not be made, and try later',
      seen: {
        sandboxes: one,
        images: images('app'),
        failures: new Map([
          [
            'app',
            { reason: 'CreateContainerConfigError', message: 'configmap "x" not found', retryAtMs: nowMs + 2000 },
          ],
        ]),
      },
      steps: [],
      app: 'CreateContainerConfigError',
      wakeInMs: 2000,
    },
  ];
  for (const one of cases) check(one);
});

describe('a container that exited', () => {
  const hash = containerHash(container('app'));
  const backoff = { delayMs: 10_000, lastRestartMs: nowMs - 20_000, hash };
  const cases: readonly Case[] = [
    {
      title: 'is restarted at once the first time',
      seen: { sandboxes: one, containers: [exited('app', 137)], images: images('app') },
      steps: ['start app 1'],
      phase: 'Running',
      app: 'terminated',
    },
    {
      title: 'is restarted under Always though it succeeded',
      seen: { sandboxes: one, containers: [exited('app', 0)], images: images('app') },
      steps: ['start app 1'],
    },
    {
      title: 'waits in a crash loop the second time',
      seen: {
        sandboxes: one,
        containers: [exited('app', 1, { attempt: 1 })],
        images: images('app'),
        restarts: new Map([['app', backoff]]),
      },
      steps: ['event BackOff'],
      app: 'CrashLoopBackOff',
      wakeInMs: 9000,
    },
    {
      title: 'is restarted when the back-off is over',
      seen: {
        sandboxes: one,
        containers: [exited('app', 1, { attempt: 1, finishedAtMs: nowMs - 10_000 })],
        images: images('app'),
        restarts: new Map([['app', backoff]]),
      },
      steps: ['start app 2'],
    },
    {
      title: 'is restarted at once after it ran for more than ten minutes',
      seen: {
        sandboxes: one,
        containers: [exited('app', 1, { attempt: 5 })],
        images: images('app'),
        restarts: new Map([['app', { delayMs: 300_000, lastRestartMs: nowMs - 1000 - 600_001, hash }]]),
      },
      steps: ['start app 6'],
    },
    {
      title: 'stays down under Never, and the pod has failed',
      seen: { pod: never, sandboxes: one, containers: [exited('app', 1)] },
      steps: ['stop-sandbox s0', 'remove-volumes'],
      phase: 'Failed',
      app: 'terminated',
    },
    {
      title: 'has succeeded under OnFailure with exit code 0',
      seen: { pod: onFailure, sandboxes: one, containers: [exited('app', 0)] },
      steps: ['stop-sandbox s0', 'remove-volumes'],
      phase: 'Succeeded',
    },
    {
      title: 'is restarted under OnFailure with another exit code',
      seen: { pod: onFailure, sandboxes: one, containers: [exited('app', 2)], images: images('app') },
      steps: ['start app 1'],
      phase: 'Running',
    },
    {
      title: 'leaves the pod running while another container runs',
      seen: {
        pod: pod({ restartPolicy: 'Never', containers: [container('app'), container('side')] }),
        sandboxes: one,
        containers: [exited('app', 1), run('side')],
      },
      steps: [],
      phase: 'Running',
    },
    {
      title: 'is restarted by a rule of its own for its exit code',
      seen: {
        pod: pod({
          restartPolicy: 'Never',
          containers: [
            container('app', {
              restartPolicy: 'Never',
              restartPolicyRules: [{ action: 'Restart', exitCodes: { operator: 'In', values: [42] } }],
            }),
          ],
        }),
        sandboxes: one,
        containers: [exited('app', 42)],
        images: images('app'),
      },
      steps: ['start app 1'],
    },
  ];
  for (const one of cases) check(one);
});

describe('init containers', () => {
  const cases: readonly Case[] = [
    {
      title: 'start one at a time',
      seen: { pod: withInit, sandboxes: one, images: images('init-1', 'init-2', 'app') },
      steps: ['start init-1 0'],
      phase: 'Pending',
      app: 'PodInitializing',
    },
    {
      title: 'go on to the next when one has succeeded',
      seen: { pod: withInit, sandboxes: one, containers: [exited('init-1', 0)], images: images('init-2') },
      steps: ['start init-2 0'],
    },
    {
      title: 'let the containers start when all have succeeded',
      seen: {
        pod: withInit,
        sandboxes: one,
        containers: [exited('init-1', 0), exited('init-2', 0)],
        images: images('app'),
      },
      steps: ['start app 0'],
    },
    {
      title: 'are restarted when they fail',
      seen: { pod: withInit, sandboxes: one, containers: [exited('init-1', 1)], images: images('init-1') },
      steps: ['start init-1 1'],
      phase: 'Pending',
    },
    {
      title: 'fail the pod under Never',
      seen: {
        pod: pod({ restartPolicy: 'Never', initContainers: [container('init-1')] }),
        sandboxes: one,
        containers: [exited('init-1', 1)],
      },
      steps: ['stop-sandbox s0', 'remove-volumes'],
      phase: 'Failed',
    },
    {
      title: 'are not looked at again when the containers run',
      seen: { pod: withInit, sandboxes: one, containers: [run('app')] },
      steps: [],
      phase: 'Running',
    },
    {
      title: 'that are sidecars let the next start when they run',
      seen: { pod: withSidecar, sandboxes: one, containers: [run('proxy')], images: images('init-1') },
      steps: ['start init-1 0'],
    },
    {
      title: 'that are sidecars hold back the next until their startup probe has succeeded',
      seen: {
        pod: pod({
          initContainers: [container('proxy', { restartPolicy: 'Always', startupProbe: {} }), container('init-1')],
        }),
        sandboxes: one,
        containers: [run('proxy')],
        images: images('init-1'),
      },
      steps: [],
    },
    {
      title: 'that are sidecars are restarted beside running containers',
      seen: { pod: withSidecar, sandboxes: one, containers: [exited('proxy', 0), run('app')], images: images('proxy') },
      steps: ['start proxy 1'],
      phase: 'Running',
    },
  ];
  for (const one of cases) check(one);
});

describe('probes', () => {
  const probed = pod({ containers: [container('app', { livenessProbe: { terminationGracePeriodSeconds: 5 } })] });
  const verdicts = { startup: 'unknown', liveness: 'unknown', readiness: 'unknown' } as const;
  const cases: readonly Case[] = [
    {
      title: 'that give a container up kill it with the grace period of the probe',
      seen: {
        pod: probed,
        sandboxes: one,
        containers: [run('app')],
        probes: new Map([['app-0', { ...verdicts, liveness: 'failure' }]]),
      },
      steps: ['stop app-0 5000'],
    },
    {
      title: 'of its startup kill it with that of the pod',
      seen: {
        pod: pod({ containers: [container('app', { startupProbe: {} })], terminationGracePeriodSeconds: 7 }),
        sandboxes: one,
        containers: [run('app')],
        probes: new Map([['app-0', { ...verdicts, startup: 'failure' }]]),
      },
      steps: ['stop app-0 7000'],
    },
  ];
  for (const one of cases) check(one);

  const ready = pod({ containers: [container('app', { readinessProbe: {} })] });
  const readiness = (verdict: 'unknown' | 'success' | 'failure', changes: Partial<PodObservation> = {}) => {
    const probes = new Map([['app-0', { ...verdicts, readiness: verdict }]]);
    const seen = { pod: ready, sandboxes: one, containers: [run('app')], probes, ...changes };
    return decidePod(make.observation(seen)).status;
  };

  test('make a container ready, and the pod with it', () => {
    assert.equal(readiness('unknown').containerStatuses?.[0]?.ready, false);
    assert.equal(readiness('failure').containerStatuses?.[0]?.ready, false);
    const status = readiness('success');
    assert.equal(status.containerStatuses?.[0]?.ready, true);
    assert.equal(status.conditions?.find(({ type }) => type === 'Ready')?.status, 'True');
  });

  test('that have not spoken since a restart of the agent do not make a ready container unready', () => {
    const known = readiness('success');
    assert.equal(readiness('unknown', { status: known }).containerStatuses?.[0]?.ready, true);
    assert.equal(readiness('failure', { status: known }).containerStatuses?.[0]?.ready, false);
  });
});

describe('a pod that ends', () => {
  const cases: readonly Case[] = [
    {
      title: 'has its containers stopped with the grace period of its deletion',
      seen: { pod: deleted, sandboxes: one, containers: [run('app')] },
      steps: ['stop app-0 30000'],
      phase: 'Running',
    },
    {
      title: 'gets only what is left of it',
      seen: { pod: deleted, sandboxes: one, containers: [run('app')], endingSinceMs: nowMs - 10_000 },
      steps: ['stop app-0 20000'],
    },
    {
      title: 'is not stopped twice',
      seen: { pod: deleted, sandboxes: one, containers: [run('app')], stops: new Map([['app-0', nowMs + 30_000]]) },
      steps: [],
    },
    {
      title: 'is killed once when its time is over, however long that takes',
      seen: {
        pod: deleted,
        sandboxes: one,
        containers: [run('app')],
        stops: new Map([['app-0', nowMs - 10]]),
        endingSinceMs: nowMs - 60_000,
      },
      steps: [],
    },
    {
      title: 'is stopped sooner when the grace period became shorter',
      seen: {
        pod: pod({}, { deletionTimestamp: '2026-01-01T12:00:00Z', deletionGracePeriodSeconds: 0 }),
        sandboxes: one,
        containers: [run('app')],
        stops: new Map([['app-0', nowMs + 30_000]]),
      },
      steps: ['stop app-0 1000'],
    },
    {
      title: 'loses everything, and the API hears of it, when nothing runs any more',
      seen: { pod: deleted, sandboxes: one, containers: [exited('app', 0)] },
      steps: ['stop-sandbox s0', 'remove-sandbox s0', 'remove-volumes', 'delete-pod'],
      phase: 'Succeeded',
      app: 'terminated',
    },
    {
      title: 'has failed when a container did not end well',
      seen: { pod: deleted, sandboxes: one, containers: [exited('app', 143)] },
      steps: ['stop-sandbox s0', 'remove-sandbox s0', 'remove-volumes', 'delete-pod'],
      phase: 'Failed',
    },
    {
      title: 'is told to the API once',
      seen: { pod: deleted, volumes: 'removed', deleteSent: true, status: { phase: 'Succeeded' } },
      steps: [],
    },
    {
      title: 'is deleted at once when nothing of it was ever made',
      seen: { pod: deleted, volumes: 'unknown' },
      steps: ['remove-volumes', 'delete-pod'],
    },
    {
      title: 'is stopped and removed when the API does not know it',
      seen: { pod: undefined, lastPod: undefined, sandboxes: one, containers: [run('app')] },
      steps: ['stop app-0 30000'],
    },
    {
      title: 'is removed without a word to an API that does not know it',
      seen: { pod: undefined, lastPod: undefined, sandboxes: one, containers: [exited('app', 0)] },
      steps: ['stop-sandbox s0', 'remove-sandbox s0', 'remove-volumes'],
    },
    {
      title: 'stops sidecars after the containers, the last first',
      seen: {
        pod: pod(
          {
            initContainers: [
              container('first', { restartPolicy: 'Always' }),
              container('second', { restartPolicy: 'Always' }),
            ],
          },
          { deletionTimestamp: 'x', deletionGracePeriodSeconds: 30 },
        ),
        sandboxes: one,
        containers: [run('first'), run('second'), exited('app', 0)],
      },
      steps: ['stop second-0 30000', 'pre-stop first-0 30000'],
    },
    {
      title: 'fails at its deadline',
      seen: {
        pod: pod({ activeDeadlineSeconds: 60 }),
        status: { phase: 'Running', startTime: '2026-01-01T11:59:00Z' },
        sandboxes: one,
        containers: [run('app')],
      },
      steps: ['stop app-0 30000'],
      phase: 'Running',
    },
    {
      title: 'keeps its containers, for their logs, when it has finished',
      seen: {
        pod: never,
        status: { phase: 'Succeeded' },
        sandboxes: [sandbox({ ready: false })],
        containers: [exited('app', 0)],
        volumes: 'removed',
      },
      steps: [],
      phase: 'Succeeded',
    },
  ];
  for (const one of cases) check(one);

  test('at its deadline has failed for that reason when nothing runs any more', () => {
    const { status } = decidePod(
      make.observation({
        pod: pod({ activeDeadlineSeconds: 60 }),
        status: { phase: 'Running', startTime: '2026-01-01T11:59:00Z' },
        sandboxes: one,
        containers: [exited('app', 0)],
      }),
    );
    assert.equal(status.phase, 'Failed');
    assert.equal(status.reason, 'DeadlineExceeded');
  });

  test('is gone when neither the API nor the runtime nor the disk has anything of it', () => {
    assert.equal(decidePod(make.observation({ pod: undefined, volumes: 'removed' })).gone, true);
    assert.equal(decidePod(make.observation({ pod: undefined, volumes: 'ready' })).gone, false);
    assert.equal(decidePod(make.observation({ volumes: 'removed' })).gone, false);
  });
});

test('a run that was made and taken away before it ran does not take its restart back', () => {
  const known = { name: 'app', restartCount: 2, ready: false, image: 'app:1', imageID: '' };
  const seen = { status: { containerStatuses: [known] }, containers: [make.exited('app', 1, { attempt: 1 })] };
  const { status } = decidePod(make.observation(seen));
  assert.equal(status.containerStatuses?.[0]?.restartCount, 2);
});

test('a plan is the same for the same observation', () => {
  const seen = make.observation({ pod: withInit, sandboxes: one, images: images('init-1') });
  assert.deepEqual(decidePod(seen), decidePod(structuredClone(seen)));
});

describe('a pod that is being resized', () => {
  const now = { cpuShares: 512, cpuQuotaUs: 0, cpuPeriodUs: 100_000, memoryLimitBytes: 0 };
  const wanted = new Map([['app', { ...now, cpuShares: 1024, oomScoreAdj: 0 }]]);
  const resize = { wanted, generation: 2, hasActed: false, retryAtMs: 0 };
  const policy = [{ resourceName: 'cpu', restartPolicy: 'RestartContainer' }];
  const anew = pod({ containers: [container('app', { resizePolicy: policy })] });
  const running = run('app', { resources: now });
  const cases: readonly Case[] = [
    {
      title: 'has its containers told',
      seen: { sandboxes: one, containers: [running], resize },
      steps: ['resize app-0 and be done'],
    },
    {
      title: 'is done when all holds already',
      seen: { sandboxes: one, containers: [run('app', { resources: { ...now, cpuShares: 1024 } })], resize },
      steps: ['resize  and be done'],
    },
    {
      title: 'has a container stopped that wants to start anew, and the pod made larger for it',
      seen: { pod: anew, lastPod: anew, sandboxes: one, containers: [running], resize },
      steps: ['stop app-0 30000', 'resize '],
    },
    {
      title: 'waits for the end of the container that it stopped',
      seen: {
        pod: anew,
        lastPod: anew,
        sandboxes: one,
        containers: [running],
        stops: new Map([['app-0', nowMs + 30_000]]),
        resize: { ...resize, hasActed: true },
      },
      steps: [],
    },
    {
      title: 'is left alone until it is time to try again',
      seen: { sandboxes: one, containers: [running], resize: { ...resize, problem: 'no', retryAtMs: nowMs + 5000 } },
      steps: [],
      wakeInMs: 5000,
    },
    {
      title: 'is ended like any other',
      seen: { pod: deleted, lastPod: deleted, sandboxes: one, containers: [running], resize },
      steps: ['stop app-0 30000'],
    },
  ];
  for (const each of cases) check(each);
});

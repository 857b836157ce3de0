/** Pods, runs and observations for tests: plain ones, with what a test needs changed. */
import type { Container, Pod, PodSpec, PodStatus } from '../api/schema/types/core-v1.ts';
import type { ObjectMeta } from '../api/schema/types/meta-v1.ts';
import { containerHash, hashAnnotation } from './pod/containers.ts';
import type { PodObservation } from './pod/plan.ts';
import type { ContainerStatus, SandboxStatus } from './runtime.ts';

/** The moment at which decisions are made in tests. */
export const nowMs = Date.UTC(2026, 0, 1, 12);

const identity = { namespace: 'default', name: 'web', uid: 'u-1' };

function pod(spec: Partial<PodSpec> = {}, metadata: Partial<ObjectMeta> = {}, status?: PodStatus): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...identity, generation: 1, ...metadata },
    spec: { nodeName: 'node-1', restartPolicy: 'Always', containers: [container('app')], ...spec },
    ...(status !== undefined && { status }),
  };
}

function container(name: string, changes: Partial<Container> = {}): Container {
  return { name, image: `${name}:1`, imagePullPolicy: 'IfNotPresent', ...changes };
}

function sandbox(changes: Partial<SandboxStatus> = {}): SandboxStatus {
  return {
    id: 's0',
    pod: identity,
    attempt: 0,
    ready: true,
    createdAtMs: nowMs - 60_000,
    ips: ['10.42.0.5'],
    ...changes,
  };
}

/** A run of `name`, running since a minute ago. */
function run(name: string, changes: Partial<ContainerStatus> = {}): ContainerStatus {
  const attempt = changes.attempt ?? 0;
  return {
    id: `${name}-${attempt}`,
    sandboxId: 's0',
    pod: identity,
    name,
    attempt,
    state: 'running',
    createdAtMs: nowMs - 60_000,
    startedAtMs: nowMs - 60_000,
    finishedAtMs: 0,
    exitCode: 0,
    reason: '',
    message: '',
    image: `${name}:1`,
    imageRef: `${name}@sha256:1`,
    annotations: { [hashAnnotation]: containerHash(container(name)) },
    logPath: `/logs/${name}/${attempt}.log`,
    ...changes,
  };
}

/** A run that ended a second ago. */
function exited(name: string, exitCode: number, changes: Partial<ContainerStatus> = {}): ContainerStatus {
  const reason = exitCode === 0 ? 'Completed' : 'Error';
  return run(name, { state: 'exited', exitCode, reason, finishedAtMs: nowMs - 1000, ...changes });
}

/** Of a plain pod on a node that has not looked at anything yet. */
function observation(changes: Partial<PodObservation> = {}): PodObservation {
  const plain = 'pod' in changes ? changes.pod : pod();
  return {
    identity,
    pod: plain,
    lastPod: plain,
    status: {},
    sandboxes: [],
    containers: [],
    images: new Map(),
    failures: new Map(),
    restarts: new Map(),
    restartWaitMsMax: 300_000,
    probes: new Map(),
    messages: new Map(),
    postStarts: new Map(),
    preStops: new Map(),
    stops: new Map(),
    renewals: new Set(),
    volumes: 'ready',
    endingSinceMs: nowMs,
    deleteSent: false,
    hostIps: ['192.0.2.1'],
    runtimeName: 'containerd',
    nowMs,
    monotonicMs: nowMs,
    ...changes,
  };
}

/** What `ensure-image` would have found. */
function images(...names: readonly string[]): PodObservation['images'] {
  return new Map(names.map((name) => [name, { kind: 'present' as const, imageId: `id-of-${name}` }]));
}

export const make = { pod, container, sandbox, run, exited, observation, images };

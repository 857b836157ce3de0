/** The translation between the agent's words and the CRI's, and the protocol files themselves. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { RealClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { RuntimeError } from '../runtime.ts';
import { plainContainer, plainSandbox } from '../runtime-contract.ts';
import { loadCri } from './connection.ts';
import { CriRuntime } from './cri-runtime.ts';
import { grpcCode, toRuntimeError } from './errors.ts';
import { containerStatus, imageStatus, runtimeInfo } from './from-wire.ts';
import type { Container, ContainerStatus, RuntimeCondition } from './messages.ts';
import { StatusCache } from './status-cache.ts';
import { containerConfig, labelKeys, podSandboxConfig } from './to-wire.ts';

const pod = { namespace: 'shop', name: 'web-1', uid: 'u-1' };
const sandbox = plainSandbox(pod, { logDirectory: () => '/logs', cgroupParent: () => '/c' });
const container = plainContainer('main', { name: 'web:1', id: 'sha256:1' }, ['/run']);

describe('to the runtime', () => {
  test('a sandbox carries the pod’s identity in its metadata and in kubelet’s labels, which no user label replaces', () => {
    const wire = podSandboxConfig({ ...sandbox, labels: { app: 'web', [labelKeys.podUid]: 'forged' } });
    assert.deepEqual(wire.metadata, { ...pod, attempt: 0 });
    assert.equal(wire.labels[labelKeys.podUid], 'u-1');
    assert.equal(wire.labels['app'], 'web');
    assert.deepEqual(wire.linux.security_context.namespace_options, { network: 'POD', ipc: 'POD', pid: 'CONTAINER' });
  });

  test('on the host’s network there is no host name', () => {
    assert.equal(podSandboxConfig({ ...sandbox, hostNetwork: true }).hostname, '');
    assert.equal(podSandboxConfig(sandbox).hostname, 'web-1');
  });

  test('process namespaces: the host’s before the pod’s before the target’s before an own one', () => {
    const pid = (changes: object, target?: string): string =>
      containerConfig(
        { ...container, ...(target === undefined ? {} : { targetContainerId: target }) },
        { ...sandbox, ...changes },
      ).linux.security_context.namespace_options.pid;
    assert.equal(pid({}), 'CONTAINER');
    assert.equal(pid({}, 'id'), 'TARGET');
    assert.equal(pid({ shareProcessNamespace: true }, 'id'), 'POD');
    assert.equal(pid({ hostPid: true, shareProcessNamespace: true }), 'NODE');
  });

  test('paths are masked unless the container is privileged or asked for it', () => {
    const masked = (changes: object): number =>
      containerConfig({ ...container, security: { ...container.security, ...changes } }, sandbox).linux.security_context
        .masked_paths.length;
    assert.ok(masked({}) > 5);
    assert.equal(masked({ privileged: true }), 0);
    assert.equal(masked({ procMount: 'unmasked' }), 0);
  });

  test('an absent user stays absent, and user 0 is user 0', () => {
    const user = (changes: object) =>
      containerConfig({ ...container, security: { ...container.security, ...changes } }, sandbox).linux.security_context
        .run_as_user;
    assert.equal(user({}), undefined);
    assert.deepEqual(user({ runAsUser: 0 }), { value: 0 });
  });
});

const listed: Container = {
  id: 'c',
  pod_sandbox_id: 's',
  metadata: { name: 'main', attempt: 2 },
  state: 'CONTAINER_EXITED',
  labels: {},
};
const status: ContainerStatus = {
  id: 'c',
  metadata: { name: 'main', attempt: 2 },
  state: 'CONTAINER_EXITED',
  created_at: Number(1_500_000_000_123_456_789n),
  started_at: 0,
  finished_at: 0,
  exit_code: 137,
  image: { image: 'sha256:1', user_specified_image: 'web:1' },
  image_ref: 'r',
  reason: 'OOMKilled',
  message: '',
  labels: { [labelKeys.podUid]: 'u-1', [labelKeys.podName]: 'web-1', [labelKeys.podNamespace]: 'shop' },
  annotations: {},
  log_path: '',
  resources: null,
  user: null,
};

describe('from the runtime', () => {
  test('a container keeps its identity, and nanoseconds become milliseconds', () => {
    const seen = containerStatus(listed, status);
    assert.deepEqual(seen.pod, pod);
    assert.equal(seen.sandboxId, 's');
    assert.equal(seen.createdAtMs, 1_500_000_000_123);
    assert.equal(seen.startedAtMs, 0);
    assert.equal(seen.image, 'web:1');
  });

  test('OOMKilled is believed only of a container that was killed', () => {
    const reason = (changes: Partial<ContainerStatus>): string =>
      containerStatus(listed, { ...status, ...changes }).reason;
    assert.equal(reason({}), 'OOMKilled');
    assert.equal(reason({ exit_code: 1 }), 'Error');
    assert.equal(reason({ exit_code: 0 }), 'Completed');
    assert.equal(reason({ state: 'CONTAINER_RUNNING', exit_code: 0 }), '');
    assert.equal(reason({ reason: 'StartError', exit_code: 128 }), 'StartError');
  });

  test('the image’s user is a number, a name, or neither', () => {
    const image = { id: 'i', repo_tags: [], repo_digests: [], size: 1, uid: null, username: '', pinned: false };
    assert.equal('userId' in imageStatus(image) || 'userName' in imageStatus(image), false);
    assert.equal(imageStatus({ ...image, uid: { value: 0 } }).userId, 0);
    assert.equal(imageStatus({ ...image, username: 'www' }).userName, 'www');
  });

  test('only what keeps pods from starting is a problem', () => {
    const version = { runtime_name: 'containerd', runtime_version: '1' };
    const condition = (type: string, good: boolean) => ({ type, status: good, reason: 'R', message: 'm' });
    const problem = (...conditions: RuntimeCondition[]): string =>
      runtimeInfo(version, { status: { conditions }, runtime_handlers: [], features: null }).problem;
    assert.equal(problem(condition('RuntimeReady', true), condition('Other', false)), '');
    assert.equal(
      problem(condition('NetworkReady', false)),
      'container runtime network not ready: NetworkReady=false reason:R message:m',
    );
    assert.equal(
      problem(condition('RuntimeReady', false)),
      'container runtime not ready: RuntimeReady=false reason:R message:m',
    );
  });

  test('errors lose gRPC’s prefix and get the kind that the agent decides on', () => {
    const error = (code: number, details: string): RuntimeError =>
      toRuntimeError(Object.assign(new Error(`${code} X: ${details}`), { code, details }));
    assert.equal(error(grpcCode.notFound, 'gone').kind, 'not-found');
    assert.equal(error(grpcCode.notFound, 'gone').message, 'gone');
    assert.equal(error(grpcCode.deadlineExceeded, '').kind, 'timeout');
    assert.equal(error(grpcCode.unavailable, '').kind, 'unavailable');
    assert.equal(error(grpcCode.unimplemented, 'unknown service').kind, 'unavailable');
    assert.equal(error(grpcCode.unknown, 'failed to parse: invalid reference format').kind, 'invalid-image-name');
    assert.equal(error(grpcCode.unknown, 'boom').kind, 'failed');
    assert.equal(toRuntimeError(new Error('other')).kind, 'failed');
    const late = 'Deadline exceeded after 10.001s,LB pick: 0.001s,remote_addr=/c.sock';
    assert.equal(error(grpcCode.deadlineExceeded, late).message, 'the container runtime did not answer in time');
    const away = 'No connection established. Last error: Error: connect ENOENT /h/c.sock. Resolution note: ';
    const words = 'the container runtime cannot be reached: connect ENOENT /h/c.sock';
    assert.equal(error(grpcCode.unavailable, away).message, words);
  });
});

describe('the connection', () => {
  test('the protocol files name every call with its path', async () => {
    const { RuntimeService, ImageService, Events } = (await loadCri()) as unknown as Record<
      string,
      { service: Record<string, { path: string }> }
    >;
    assert.equal(RuntimeService?.service['RunPodSandbox']?.path, '/runtime.v1.RuntimeService/RunPodSandbox');
    assert.equal(ImageService?.service['PullImage']?.path, '/runtime.v1.ImageService/PullImage');
    assert.equal(Events?.service['Subscribe']?.path, '/containerd.services.events.v1.Events/Subscribe');
  });

  test('where nobody listens, calls are unavailable at once, and so are they after the end', async () => {
    const clock = new RealClock();
    const runtime = new CriRuntime({ address: '/nonexistent/c.sock', clock, log: silentLogger });
    await assert.rejects(runtime.state(), { name: 'RuntimeError', kind: 'unavailable' });
    await runtime.close();
    await assert.rejects(runtime.state(), { name: 'RuntimeError', kind: 'unavailable' });
  });
});

describe('the cache of statuses', () => {
  test('a status holds while the list shows its state, and not beyond; unknown never holds', () => {
    const cache = new StatusCache();
    const exited = containerStatus(listed, status);
    cache.keepContainer(exited);
    assert.equal(cache.container('c', 'exited'), exited);
    assert.equal(cache.container('c', 'running'), undefined);
    cache.keepContainer({ ...exited, state: 'unknown' });
    assert.equal(cache.container('c', 'unknown'), undefined);
    cache.keepContainer(exited);
    cache.retain(new Set(), new Set());
    assert.equal(cache.container('c', 'exited'), undefined);
  });
});

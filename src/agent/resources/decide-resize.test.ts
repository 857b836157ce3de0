import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import { make } from '../testing.ts';
import {
  type ContainerChange,
  compareWaiting,
  type Figures,
  memoryInTheWay,
  needsRestart,
  type ResizeAction,
  refusalOfResize,
  resizeActions,
  resizeMessage,
  shrinkingMemory,
} from './decide-resize.ts';

const figures = (cpuShares: number, cpuQuotaUs: number, memoryLimitBytes: number): Figures => ({
  cpuShares,
  cpuQuotaUs,
  cpuPeriodUs: 100_000,
  memoryLimitBytes,
});
const change = (id: string, now: Figures | undefined, wanted: Figures): ContainerChange => ({
  id,
  name: id,
  now,
  wanted: { ...wanted, oomScoreAdj: 0 },
});

/** `pod memory 5`, `a 100/200/5`: shares, quota, memory. */
function brief(action: ResizeAction): string {
  if (action.kind === 'container') {
    const { cpuShares, cpuQuotaUs, memoryLimitBytes } = action.limits;
    return `${action.id} ${cpuShares}/${cpuQuotaUs}/${memoryLimitBytes}`;
  }
  const { cpuPeriodUs: _, ...limits } = action.limits;
  return `pod ${Object.entries(limits)
    .map(([name, value]) => `${name} ${JSON.stringify(value)}`)
    .join(' ')}`;
}

test('the pod grows before its containers, and shrinks after them; who gives back is first', () => {
  const containers = [
    change('grows', figures(100, 1000, 10), figures(300, 3000, 30)),
    change('shrinks', figures(300, 3000, 30), figures(200, 2000, 20)),
  ];
  const more = { now: figures(400, 4000, 40), wanted: figures(500, 5000, 50), isLast: true };
  assert.deepEqual(resizeActions(more, containers).map(brief), [
    'pod memoryLimitBytes 50',
    'shrinks 300/3000/20',
    'grows 100/1000/30',
    'pod cpuQuotaUs 5000',
    'pod cpuShares 500',
    'shrinks 200/2000/20',
    'grows 300/3000/30',
  ]);
  const less = { now: figures(600, 6000, 60), wanted: figures(500, 5000, 50), isLast: true };
  assert.deepEqual(resizeActions(less, []).map(brief), [
    'pod memoryLimitBytes 50',
    'pod cpuShares 500',
    'pod cpuQuotaUs 5000',
  ]);
});

test('while a container waits for its restart the pod does not shrink; without a cgroup only containers are told', () => {
  const less = { now: figures(600, 6000, 60), wanted: figures(500, 5000, 50), isLast: false };
  assert.deepEqual(resizeActions(less, []), []);
  const none = { now: undefined, wanted: figures(500, 5000, 50), isLast: true };
  const memory = change('app', figures(500, 5000, 60), figures(500, 5000, 50));
  assert.deepEqual(resizeActions(none, [memory]).map(brief), ['app 500/5000/50']);
});

test('no limit is more than any', () => {
  const pod = { now: figures(100, 1000, 10), wanted: figures(100, 0, 0), isLast: true };
  assert.deepEqual(resizeActions(pod, []).map(brief), ['pod memoryLimitBytes 0', 'pod cpuQuotaUs 0']);
  assert.deepEqual(shrinkingMemory(pod, []), []);
});

test('memory that is in use is in the way; what nobody can measure is tried', () => {
  const cut = { limitBytes: 10, usedBytes: 11 };
  assert.equal(
    memoryInTheWay([
      { limitBytes: 10, usedBytes: 9 },
      { limitBytes: 10, usedBytes: undefined },
    ]),
    undefined,
  );
  const pod = 'attempting to set pod memory limit (10) below current usage (11)';
  assert.equal(memoryInTheWay([cut]), `cannot decrease memory limits: ${pod}`);
  const app = 'attempting to set container "app" memory limit (10) below current usage (11)';
  assert.equal(memoryInTheWay([cut, { ...cut, container: 'app' }]), `cannot decrease memory limits: [${pod}, ${app}]`);
});

test('a container starts anew for what it says, and for nothing else', () => {
  const restarting = (resourceName: string) =>
    make.container('app', { resizePolicy: [{ resourceName, restartPolicy: 'RestartContainer' }] });
  assert.equal(needsRestart(restarting('memory'), { cpu: true, memory: false }), false);
  assert.equal(needsRestart(restarting('memory'), { cpu: false, memory: true }), true);
  assert.equal(needsRestart(restarting('cpu'), { cpu: true, memory: false }), true);
  assert.equal(needsRestart(make.container('app'), { cpu: true, memory: true }), false);
});

const sized = (cpu: string, changes: Parameters<typeof make.pod>[0] = {}, limits?: Record<string, string>): Pod =>
  make.pod({
    containers: [make.container('app', { resources: { requests: { cpu }, ...(limits && { limits }) } })],
    ...changes,
  });

test('static pods are never resized; a node that nobody knows is no obstacle', () => {
  const metadata = { annotations: { 'kubernetes.io/config.source': 'file' } };
  const message = 'In-place resize of static-pods is not supported';
  assert.deepEqual(refusalOfResize(make.pod({}, metadata), [], undefined), {
    reason: 'Infeasible',
    message,
    generation: 1,
  });
  assert.equal(refusalOfResize(sized('64'), [], undefined), undefined);
});

test('who asks for no more has its turn first, then who is more important, then who is guaranteed, then who waits longest', () => {
  const waiting = (name: string, desired: Pod, allocated: Pod, sinceMs: number) => ({
    name,
    desired,
    allocated,
    sinceMs,
  });
  const full = { cpu: '2', memory: '1Gi' };
  const guaranteed = make.pod({ containers: [make.container('app', { resources: { requests: full, limits: full } })] });
  const all = [
    waiting('new', sized('2'), sized('1'), Number.POSITIVE_INFINITY),
    waiting('late', sized('2'), sized('1'), 20),
    waiting('early', sized('2'), sized('1'), 10),
    waiting('guaranteed', guaranteed, sized('1'), 30),
    waiting('important', sized('2', { priority: 5 }), sized('1'), 40),
    waiting('smaller', sized('1'), sized('2'), 50),
  ];
  const names = all.toSorted(compareWaiting).map(({ name }) => name);
  assert.deepEqual(names, ['smaller', 'important', 'guaranteed', 'early', 'late', 'new']);
});

test('an event says what it is about as JSON, with names in order', () => {
  const pod = sized('1', {}, { memory: '1Gi', cpu: '2' });
  assert.equal(
    resizeMessage('error', pod, 3, 'no'),
    'Pod resize error: {"containers":[{"name":"app","resources":{"limits":{"cpu":"2","memory":"1Gi"},"requests":{"cpu":"1"}}}],"generation":3,"error":"no"}',
  );
});

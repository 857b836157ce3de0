import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KubeObject } from '../../../api/object.ts';
import type { Asker } from './common.ts';
import { describeObject } from './describe-object.ts';
import { descriptionText } from './layout.ts';

const nowMs = Date.parse('2026-01-01T01:00:00Z');

/** Answers from a table of paths. */
const asking = (answers: Readonly<Record<string, readonly KubeObject[]>> = {}): Asker => ({
  nowMs,
  list: async <T extends KubeObject>(path: string) => (answers[path] ?? []) as readonly T[],
});

const described = (
  object: object,
  answers?: Readonly<Record<string, readonly KubeObject[]>>,
  events: readonly object[] = [],
) => describeObject(object, events as never, asking(answers));

const metadata = { name: 'a', namespace: 'x', creationTimestamp: '2026-01-01T00:00:00Z' };

describe('a description as text', () => {
  test('has values in a column, lists below each other, groups further in, and leaves out what is undefined', () => {
    const text = descriptionText([
      ['Name', 'a'],
      ['Gone', undefined],
      ['Labels', ['x=1', 'y=2']],
      ['None', []],
      ['Group', { entries: [['Inner', 1]] }],
      ['Rows', { columns: ['A', 'B'], rows: [['long', '1']] }],
      ['No Rows', { columns: ['A'], rows: [] }],
    ]);
    assert.equal(
      text,
      [
        'Name:     a',
        'Labels:   x=1',
        '          y=2',
        'None:     <none>',
        'Group:',
        '  Inner:  1',
        'Rows:',
        '  A     B',
        '  -     -',
        '  long  1',
        'No Rows:  <none>',
        '',
      ].join('\n'),
    );
  });

  test('shows what a terminal would obey as what it is', () => {
    assert.equal(descriptionText([['Note', '\u001b[2Jx']]), 'Note:  ^[[2Jx\n');
  });
});

describe('a description', () => {
  test('of a Secret says sizes and never what is in it', async () => {
    const text = await described({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata,
      type: 'Opaque',
      data: { password: 'aHVudGVyMg==' },
    });
    assert.match(text, /password: {2}7 bytes/);
    assert.doesNotMatch(text, /hunter2|aHVudGVyMg/);
  });

  test('of a ConfigMap keeps the annotation of kubectl apply out of sight', async () => {
    const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': '{"secret":1}', note: 'n' };
    const text = await described({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { ...metadata, annotations },
      data: { k: 'one\ntwo\n' },
    });
    assert.match(text, /Annotations: {2}note: n\n/);
    assert.match(text, / {2}k:\n {4}one\n {4}two\n/);
    assert.doesNotMatch(text, /last-applied/);
  });

  test('of a Pod says why a container waits and how its last run ended, and shows its events in order', async () => {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata,
      spec: {
        containers: [
          { name: 'c', image: 'i', env: [{ name: 'P', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }] },
        ],
      },
      status: {
        phase: 'Running',
        containerStatuses: [
          {
            name: 'c',
            ready: false,
            restartCount: 4,
            state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off 40s' } },
            lastState: { terminated: { exitCode: 137, reason: 'OOMKilled', finishedAt: '2026-01-01T00:59:00Z' } },
          },
        ],
      },
    };
    const event = (reason: string, lastTimestamp: string, count: number): object => ({
      type: 'Warning',
      reason,
      message: 'm',
      lastTimestamp,
      firstTimestamp: '2026-01-01T00:00:00Z',
      count,
      source: { component: 'kubelet' },
    });
    const text = await described(pod, {}, [
      event('BackOff', '2026-01-01T00:59:00Z', 12),
      event('Pulled', '2026-01-01T00:01:00Z', 1),
    ]);
    assert.match(text, /State: +Waiting: CrashLoopBackOff: back-off 40s/);
    assert.match(text, /Last State: +Terminated: OOMKilled \(exit code 137\), 2026-01-01T00:59:00Z \(60s ago\)/);
    assert.match(text, /Environment: +P: key k of Secret s\n/);
    assert.match(text, /Pulled[^]*BackOff +60s \(x12 over 60m\) +kubelet +m\n/);
  });

  test('of a Node has its pods, and sums of what they ask for with the share of it', async () => {
    const node = {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'n' },
      status: { allocatable: { cpu: '2', memory: '1Gi' } },
    };
    const pod = (name: string): KubeObject =>
      ({
        metadata: { ...metadata, name },
        spec: { containers: [{ name: 'c', resources: { requests: { cpu: '500m', memory: '256Mi' } } }] },
      }) as never;
    const text = await described(node, { '/api/v1/pods': [pod('p1'), pod('p2')] });
    assert.match(text, /x +p1 +500m \(25%\) +0 \(0%\) +256Mi \(25%\) +0 \(0%\) +60m/);
    assert.match(text, /cpu +1 \(50%\) +0 \(0%\)\n/);
    assert.match(text, /memory +512Mi \(50%\)/);
  });

  test('of a Service says which ports have nobody behind them', async () => {
    const service = {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] },
    };
    const slices = '/apis/discovery.k8s.io/v1/namespaces/x/endpointslices';
    const slice = (ready: boolean): KubeObject =>
      ({ ports: [{ port: 8080 }], endpoints: [{ addresses: ['10.0.0.1'], conditions: { ready } }] }) as never;
    assert.match(await described(service, { [slices]: [slice(false)] }), /Endpoints: +<none>/);
    assert.match(await described(service, { [slices]: [slice(true)] }), /Endpoints: +10\.0\.0\.1:8080/);
  });

  test('of a Deployment tells its current ReplicaSet from old ones that still have pods', async () => {
    const deployment = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { ...metadata, uid: 'u' },
      spec: { selector: { matchLabels: { a: 'b' } }, template: { spec: { containers: [] } } },
    };
    const set = (name: string, revision: number, replicas: number): KubeObject =>
      ({
        metadata: {
          name,
          annotations: { 'deployment.kubernetes.io/revision': String(revision) },
          ownerReferences: [{ uid: 'u', controller: true, kind: 'Deployment', name: 'a', apiVersion: 'apps/v1' }],
        },
        spec: { replicas },
        status: { replicas },
      }) as never;
    const sets = '/apis/apps/v1/namespaces/x/replicasets';
    const text = await described(deployment, { [sets]: [set('old', 1, 1), set('gone', 2, 0), set('new', 10, 2)] });
    assert.match(text, /Old ReplicaSets: +old \(1\/1 replicas created\)\n/);
    assert.match(text, /New ReplicaSet: +new \(2\/2 replicas created\)/);
  });

  test('of a kind that nobody knows shows its fields, and who is being deleted says what it waits for', async () => {
    const text = await described({
      apiVersion: 'example.com/v1',
      kind: 'Note',
      metadata: { ...metadata, deletionTimestamp: '2026-01-01T00:30:00Z', finalizers: ['example.com/held'] },
      spec: { maxRetryCount: 3, list: [{ name: 'one', deep: { a: 1 } }], words: ['x', 'y'] },
    });
    assert.match(text, /Finalizers: +example\.com\/held\n/);
    assert.match(text, /Terminating, since 2026-01-01T00:30:00Z \(30m ago\)/);
    assert.match(text, /Spec:\n {2}Max Retry Count: +3\n {2}List:\n {4}one:\n/);
    assert.match(text, /Words: +x\n +y\n/);
  });
});

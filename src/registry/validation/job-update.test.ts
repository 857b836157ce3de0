/** When the template of a Job may change: while it sleeps, and its pods are gone; and then not all of it. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Job } from '../../api/schema/types/batch-v1.ts';
import { validateJobUpdate } from './job-update.ts';

type Spec = Record<string, unknown>;

const template = (spec: Spec = {}, metadata: Spec = {}): object => ({
  metadata: { labels: { a: 'b' }, ...metadata },
  spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }], ...spec },
});

const toNode = (value: string): object => ({
  nodeAffinity: {
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: [{ matchExpressions: [{ key: 'foo', operator: 'In', values: [value] }] }],
    },
  },
});
const toPods = { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: 'zone' }] } };
const container = (name: string, resources?: object): object => ({ name, image: 'i', ...(resources && { resources }) });
const cpu = (amount: string): object => ({ requests: { cpu: amount } });

interface Change {
  readonly name: string;
  readonly from?: object;
  readonly to: object;
  /** The field that may not change so, while the job sleeps. */
  readonly refused?: string;
}

const changes: readonly Change[] = [
  { name: 'a first affinity to nodes', to: template({ affinity: toNode('a') }) },
  {
    name: 'another affinity to nodes',
    from: template({ affinity: toNode('a') }),
    to: template({ affinity: toNode('b') }),
  },
  { name: 'no affinity to nodes any more', from: template({ affinity: toNode('a') }), to: template({ affinity: {} }) },
  { name: 'no affinity any more', from: template({ affinity: toNode('a') }), to: template() },
  {
    name: 'no affinity to pods any more',
    from: template({ affinity: { ...toPods, ...toNode('a') } }),
    to: template({ affinity: toNode('a') }),
    refused: 'spec.template.spec',
  },
  { name: 'a first affinity to pods', to: template({ affinity: toPods }), refused: 'spec.template.spec' },
  { name: 'tolerations', to: template({ tolerations: [{ key: 'foo', operator: 'Equal', value: 'bar' }] }) },
  { name: 'a selector of nodes', to: template({ nodeSelector: { foo: 'bar' } }) },
  { name: 'annotations', to: template({}, { annotations: { foo: 'baz' } }) },
  { name: 'labels', to: template({}, { labels: { a: 'b', bar: 'baz' } }) },
  { name: 'a gate', to: template({ schedulingGates: [{ name: 'gate' }] }) },
  { name: 'resources', to: template({ containers: [container('c', cpu('200m'))] }) },
  {
    name: 'resources of all containers',
    from: template({ initContainers: [container('first', cpu('1'))] }),
    to: template({ initContainers: [container('first', cpu('2'))], containers: [container('c', cpu('2'))] }),
  },
  {
    name: 'another image',
    to: template({ containers: [{ name: 'c', image: 'other' }] }),
    refused: 'spec.template.spec',
  },
  {
    name: 'another image beside resources',
    to: template({ containers: [{ name: 'c', image: 'other', resources: cpu('1') }] }),
    refused: 'spec.template.spec',
  },
  {
    name: 'one container more',
    to: template({ containers: [container('c'), container('sidecar')] }),
    refused: 'spec.template.spec',
  },
  {
    name: 'a first init container',
    to: template({ initContainers: [container('first')] }),
    refused: 'spec.template.spec',
  },
  {
    name: 'containers in another order',
    from: template({ containers: [container('a', cpu('1')), container('b', cpu('1'))] }),
    to: template({ containers: [container('b', cpu('1')), container('a', cpu('1'))] }),
    refused: 'spec.template.spec',
  },
  { name: 'another way to find names', to: template({ dnsPolicy: 'Default' }), refused: 'spec.template.spec' },
];

const startTime = '2026-01-01T00:00:00Z';
const suspended = { type: 'Suspended', status: 'True' };

/** How a job may stand, and whether it then sleeps. */
const states: readonly (readonly [name: string, spec: Spec, status: object, sleeps: boolean])[] = [
  ['never started', { suspend: true }, {}, true],
  ['put to sleep, its pods gone', { suspend: true }, { startTime, conditions: [suspended] }, true],
  ['put to sleep, its pods still there', { suspend: true }, { startTime, conditions: [suspended], active: 1 }, false],
  ['told to sleep', { suspend: true }, { startTime }, false],
  ['awake', { suspend: false }, {}, false],
];

function fields(spec: Spec, status: object, { from = template(), to }: Change): string[] {
  const [old, job] = [from, to].map((each) => ({ spec: { ...spec, template: each }, status }));
  return validateJobUpdate(job as Job, old as Job).map(({ field }) => field);
}

void describe('the template of a Job', () => {
  for (const [state, spec, status, sleeps] of states) {
    for (const change of changes) {
      const refused = sleeps ? change.refused : 'spec.template';
      void test(`${refused ? 'refuses' : 'takes'} ${change.name}: ${state}`, () =>
        assert.deepEqual(fields(spec, status, change), refused ? [refused] : []));
    }
  }
});

const indexed = { completionMode: 'Indexed', template: template() };

void describe('the size of a Job', () => {
  const cases: readonly (readonly [name: string, old: Spec, now: Spec, refused: string[]])[] = [
    ['a count of a job that has no indexes', {}, { completions: 1 }, ['spec.completions']],
    ['another number at once', { parallelism: 5 }, { parallelism: 2 }, []],
    [
      'both numbers, alike',
      { ...indexed, completions: 1, parallelism: 1 },
      { ...indexed, completions: 2, parallelism: 2 },
      [],
    ],
    [
      'both numbers, alike now',
      { ...indexed, completions: 1, parallelism: 2 },
      { ...indexed, completions: 3, parallelism: 3 },
      [],
    ],
    [
      'both numbers, each its own',
      { ...indexed, completions: 1, parallelism: 1 },
      { ...indexed, completions: 2, parallelism: 3 },
      ['spec.completions'],
    ],
    [
      'fewer at once',
      { ...indexed, completions: 2, parallelism: 2 },
      { ...indexed, completions: 2, parallelism: 1 },
      [],
    ],
    [
      'more at once than there are',
      { ...indexed, completions: 2, parallelism: 2 },
      { ...indexed, completions: 2, parallelism: 3 },
      [],
    ],
    [
      'more failures',
      { ...indexed, backoffLimitPerIndex: 1 },
      { ...indexed, backoffLimitPerIndex: 1, maxFailedIndexes: 1 },
      [],
    ],
    ['no retries of its own', { backoffLimitPerIndex: 1 }, {}, ['spec.backoffLimitPerIndex']],
    ['a first manager', {}, { managedBy: 'example.com/custom-controller' }, ['spec.managedBy']],
    [
      'a first policy for success',
      indexed,
      { ...indexed, successPolicy: { rules: [{ succeededCount: 2 }] } },
      ['spec.successPolicy'],
    ],
    [
      'no policy for success',
      { ...indexed, successPolicy: { rules: [{ succeededCount: 2 }] } },
      indexed,
      ['spec.successPolicy'],
    ],
    ['no policy for failure', { podFailurePolicy: { rules: [] } }, {}, ['spec.podFailurePolicy']],
  ];
  for (const [name, old, now, refused] of cases) {
    void test(`${refused.length > 0 ? 'refuses' : 'takes'} ${name}`, () => {
      const [before, job] = [old, now].map((spec) => ({ spec }) as unknown as Job);
      assert.deepEqual(
        validateJobUpdate(job as Job, before as Job).map(({ field }) => field),
        refused,
      );
    });
  }
});

/** What workloads may keep though nobody could write it anew: an update is not held to rules that its object broke before. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { DaemonSet, StatefulSet } from '../../api/schema/types/apps-v1.ts';
import type { Job } from '../../api/schema/types/batch-v1.ts';
import type { PodDisruptionBudget } from '../../api/schema/types/policy-v1.ts';
import { startRegistry } from '../testing.ts';
import { validateDisruptionBudget } from './disruption.ts';
import { validateJob } from './jobs.ts';
import { validateStatefulSet, validateStatefulSetUpdate } from './stateful-sets.ts';
import { validateDaemonSet } from './workloads.ts';

const pod = {
  restartPolicy: 'Always',
  dnsPolicy: 'ClusterFirst',
  terminationGracePeriodSeconds: 30,
  containers: [{ name: 'c', image: 'i', imagePullPolicy: 'IfNotPresent', terminationMessagePolicy: 'File' }],
};
const mounting = { ...pod, containers: [{ ...pod.containers[0], volumeMounts: [{ name: 'data', mountPath: '/d' }] }] };
const claim = { metadata: { name: 'data' }, spec: { resources: { requests: { storage: '1Gi' } } } };

function statefulSet(spec: object, template: object = pod): StatefulSet {
  return {
    metadata: { name: 'db' },
    spec: {
      podManagementPolicy: 'OrderedReady',
      updateStrategy: { type: 'RollingUpdate' },
      selector: { matchLabels: { a: 'b' } },
      template: { metadata: { labels: { a: 'b' } }, spec: template },
      ...spec,
    },
  } as unknown as StatefulSet;
}

const fieldsOf = (errors: readonly { readonly field: string }[]): string[] => errors.map(({ field }) => field);

void describe('an update of a StatefulSet', () => {
  const more = { replicas: 3 };
  const cases: readonly (readonly [name: string, old: StatefulSet, now: StatefulSet, fields: string[]])[] = [
    [
      'a service name that is none',
      statefulSet({ serviceName: 'No.Name' }),
      statefulSet({ serviceName: 'No.Name', ...more }),
      [],
    ],
    ['a mount of nothing', statefulSet({}, mounting), statefulSet(more, mounting), []],
    [
      'a claim without a way to use it',
      statefulSet({ volumeClaimTemplates: [claim] }),
      statefulSet({ volumeClaimTemplates: [claim], ...more }),
      [],
    ],
    [
      'a host name that is none',
      statefulSet({}),
      statefulSet({}, { ...pod, hostname: 'No=Name', subdomain: 'No=Name' }),
      [],
    ],
    [
      'a first mount of nothing',
      statefulSet({}),
      statefulSet({}, mounting),
      ['spec.template.spec.containers[0].volumeMounts[0].name'],
    ],
    [
      'fewer pods than none beside a mount of nothing',
      statefulSet({}, mounting),
      statefulSet({ replicas: -1 }, mounting),
      ['spec.replicas'],
    ],
  ];
  for (const [name, old, now, fields] of cases) {
    void test(`${fields.length > 0 ? 'refuses' : 'accepts'} ${name}`, () =>
      assert.deepEqual(fieldsOf([...validateStatefulSet(now, old), ...validateStatefulSetUpdate(now, old)]), fields));
  }
});

void describe('values in selectors that are no labels’ values', () => {
  const selector = {
    matchLabels: { a: 'b' },
    matchExpressions: [{ key: 'k', operator: 'NotIn', values: ['bad value'] }],
  };
  const good = { matchLabels: { a: 'b' } };
  const template = { metadata: { labels: { a: 'b' } }, spec: pod };
  const ending = { ...template, spec: { ...pod, restartPolicy: 'Never' } };
  const job = (found: object): Job =>
    ({ metadata: { name: 'j' }, spec: { selector: found, manualSelector: true, template: ending } }) as never;
  const set = (found: object): DaemonSet =>
    ({ metadata: { name: 'd' }, spec: { selector: found, template, updateStrategy: { type: 'OnDelete' } } }) as never;
  const budget = (found: object): PodDisruptionBudget => ({ metadata: { name: 'b' }, spec: { selector: found } });
  const value = ['spec.selector.matchExpressions[0].values[0]'];

  void test('stay in Jobs, DaemonSets and disruption budgets that have them', () => {
    assert.deepEqual(fieldsOf(validateJob(job(selector), job(selector))), []);
    assert.deepEqual(fieldsOf(validateDaemonSet(set(selector), set(selector))), []);
    assert.deepEqual(fieldsOf(validateDisruptionBudget(budget(selector), budget(selector))), []);
  });

  void test('are refused in new ones, and in those that had none', () => {
    assert.deepEqual(fieldsOf(validateJob(job(selector), job(good))), value);
    assert.deepEqual(fieldsOf(validateDaemonSet(set(selector))), value);
    assert.deepEqual(fieldsOf(validateDisruptionBudget(budget(selector), budget(good))), value);
  });
});

void describe('the number of a DaemonSet’s templates', () => {
  const annotation = 'deprecated.daemonset.template.generation';

  void test('starts at one, grows with each other template, and is nobody’s to set', async () => {
    const cluster = await startRegistry();
    const template = { metadata: { labels: { a: 'b' } }, spec: pod };
    const spec = { selector: { matchLabels: { a: 'b' } }, template };
    await cluster.create('daemonsets.apps', {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { name: 'd' },
      spec,
    });
    const patched = async (patch: object): Promise<unknown> => {
      const set = await cluster.patch('daemonsets.apps', 'd', patch, { type: 'merge' });
      const annotations: Readonly<Record<string, unknown>> | undefined = set.metadata.annotations;
      return annotations?.[annotation];
    };
    assert.equal(await patched({ metadata: { labels: { x: 'y' } } }), '1');
    assert.equal(await patched({ spec: { template: { spec: { nodeSelector: { disk: 'ssd' } } } } }), '2');
    assert.equal(await patched({ metadata: { annotations: { [annotation]: '7' } } }), '2');
    assert.equal(
      await patched({ metadata: { annotations: { [annotation]: null } }, spec: { minReadySeconds: 3 } }),
      '2',
    );
  });
});

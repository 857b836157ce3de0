import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { PodGroup, Workload } from '../../api/schema/types/scheduling-v1alpha2.ts';
import { rejection, startRegistry } from '../testing.ts';

const schedulingPolicy = { gang: { minCount: 2 } };
const groups = 'podgroups.scheduling.k8s.io';

function group(spec: object = {}, more: object = {}): object {
  const metadata = { name: 'team', namespace: 'default' };
  return {
    apiVersion: 'scheduling.k8s.io/v1alpha2',
    kind: 'PodGroup',
    metadata,
    spec: { schedulingPolicy, ...spec },
    ...more,
  };
}

function workload(template: object = {}): object {
  const podGroupTemplates = [{ name: 'workers', schedulingPolicy, ...template }];
  const metadata = { name: 'job', namespace: 'default' };
  return { apiVersion: 'scheduling.k8s.io/v1alpha2', kind: 'Workload', metadata, spec: { podGroupTemplates } };
}

const priorityClass = (name: string, value: number, globalDefault = false): object => ({
  apiVersion: 'scheduling.k8s.io/v1',
  kind: 'PriorityClass',
  metadata: { name },
  value,
  globalDefault,
});

describe('a new pod group', () => {
  test('gets its defaults, a finalizer, and no status nor claims of its own', async () => {
    const cluster = await startRegistry();
    const resourceClaims = [{ name: 'c', resourceClaimName: 'c' }];
    const status = { conditions: [] };
    const made = (await cluster.create(groups, group({ resourceClaims }, { status }))) as unknown as PodGroup;
    assert.deepEqual(made.metadata?.finalizers, ['scheduling.k8s.io/podgroup-protection']);
    assert.deepEqual(made.spec, { schedulingPolicy, disruptionMode: 'Pod', priority: 0 });
    assert.equal(made.status?.conditions, undefined);
  });

  test('has the priority of its class, or of the default class', async () => {
    const cluster = await startRegistry();
    const classes = 'priorityclasses.scheduling.k8s.io';
    await cluster.create(classes, priorityClass('usual', 5, true));
    await cluster.create(classes, priorityClass('high', 100));
    const usual = (await cluster.create(groups, group(), { dryRun: true })) as unknown as PodGroup;
    assert.deepEqual([usual.spec.priorityClassName, usual.spec.priority], ['usual', 5]);
    const high = (await cluster.create(groups, group({ priorityClassName: 'high' }))) as unknown as PodGroup;
    assert.equal(high.spec.priority, 100);
    const unsaid = { ...high, spec: { ...high.spec, priority: undefined } };
    const again = (await cluster.update(groups, unsaid, { name: 'team', namespace: 'default' })) as unknown as PodGroup;
    assert.equal(again.spec.priority, 100);
  });

  test('is refused with a class that there is not, or a number that is another', async () => {
    const cluster = await startRegistry();
    const none = await rejection(cluster.create(groups, group({ priorityClassName: 'none' })), 'Forbidden');
    assert.match(none.message, /no PriorityClass with name none was found$/);
    const other = await rejection(cluster.create(groups, group({ priority: 7 })), 'Forbidden');
    assert.match(other.message, /the integer value of priority \(7\) must not be provided/);
  });

  test('is refused where its template is not there', async () => {
    const cluster = await startRegistry();
    const of = (workloadName: string, podGroupTemplateName: string): object =>
      group({ podGroupTemplateRef: { workload: { workloadName, podGroupTemplateName } } });
    const made = (await cluster.create('workloads.scheduling.k8s.io', workload())) as unknown as Workload;
    assert.equal(made.spec.podGroupTemplates[0]?.priority, 0);
    const noWorkload = await rejection(cluster.create(groups, of('other', 'workers')), 'Forbidden');
    assert.match(noWorkload.message, /PodGroup rejected: Workload "other" not found$/);
    const noTemplate = await rejection(cluster.create(groups, of('job', 'bosses')), 'Forbidden');
    assert.match(noTemplate.message, /PodGroupTemplate "bosses" not found in Workload "job"$/);
    await cluster.create(groups, of('job', 'workers'));
  });
});

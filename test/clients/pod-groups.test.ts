/** A gang, from kubectl to its nodes: the scheduler places all its pods or none, and says which. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { PodList } from '../../src/api/schema/types/core-v1.ts';
import { eventually, TestCluster } from '../harness.ts';

const workload = `
apiVersion: scheduling.k8s.io/v1alpha2
kind: Workload
metadata: {name: training}
spec:
  podGroupTemplates:
  - name: workers
    schedulingPolicy: {gang: {minCount: 3}}
---
apiVersion: scheduling.k8s.io/v1alpha2
kind: PodGroup
metadata: {name: workers}
spec:
  podGroupTemplateRef: {workload: {workloadName: training, podGroupTemplateName: workers}}
  schedulingPolicy: {gang: {minCount: 3}}
`;

const worker = (index: number): string => `
apiVersion: v1
kind: Pod
metadata: {name: worker-${index}}
spec:
  terminationGracePeriodSeconds: 0
  schedulingGroup: {podGroupName: workers}
  containers: [{name: main, image: busybox}]
`;

describe('a gang', { timeout: 120_000 }, () => {
  let cluster: TestCluster;

  before(async () => {
    cluster = await TestCluster.up('--simulated-nodes', '2');
  });

  after(() => TestCluster.closeAll());

  const apply = async (manifest: string): Promise<void> => {
    const { code, stderr } = await cluster.kubectl(['apply', '-f', '-'], { input: manifest });
    assert.equal(code, 0, stderr);
  };
  const read = async (...args: string[]): Promise<string> => (await cluster.kubectl(args)).stdout.trim();
  const placed = async (): Promise<number> => {
    const { items } = JSON.parse(await read('get', 'pods', '-o', 'json')) as PodList;
    return items.filter(({ spec }) => spec?.nodeName).length;
  };

  test('is placed when the last pod that it needs is there', async () => {
    await apply(workload);
    await apply([worker(0), worker(1)].join('---'));
    const names = await read('get', 'podgroups,workloads', '-o', 'name');
    assert.equal(names, 'podgroup.scheduling.k8s.io/workers\nworkload.scheduling.k8s.io/training');
    assert.equal(await placed(), 0);
    await apply(worker(2));
    await eventually('all pods have nodes', async () => (await placed()) === 3 || undefined);
    const path = '{.status.conditions[?(@.type=="PodGroupScheduled")].reason}';
    const reason = () => read('get', 'podgroup', 'workers', '-o', `jsonpath=${path}`);
    await eventually('the group says so', async () => (await reason()) === 'Scheduled' || undefined);
  });

  test('keeps its group until its pods have gone', async () => {
    await cluster.kubectl(['delete', 'podgroup', 'workers', '--wait=false']);
    assert.match(await read('get', 'podgroups'), /^NAME\s+AGE\nworkers/);
    await cluster.kubectl(['delete', 'pods', '--all']);
    await eventually(
      'the group has gone',
      async () => (await read('get', 'podgroups', '-o', 'name')) === '' || undefined,
    );
  });
});

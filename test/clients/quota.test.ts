/** What a namespace may use, as kubectl 1.36 sees it: quotas made, described, held and given back; defaults and bounds of LimitRanges. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { eventually, TestCluster } from '../harness.ts';
import { checkRows, type Row } from './command-table.ts';

const making: readonly Row[] = [
  ['create namespace team', /created/],
  ['create quota counts --hard=pods=2,configmaps=3,count/deployments.apps=1 -n team', /resourcequota\/counts created/],
  ['create quota idle --hard=pods=1 --scopes=BestEffort -n team', /created/],
  ['create quota wrong --hard=nonsense=1 -n team', /must be a standard resource/, 'fails'],
  [
    'create quota wrong --hard=services=1 --scopes=BestEffort -n team',
    /unsupported scope applied to resource/,
    'fails',
  ],
];

const holding: readonly Row[] = [
  ['describe quota counts -n team', /^configmaps +1 +3$/m],
  ['describe quota counts -n team', /^pods +0 +2$/m],
  ['get quota -n team', /counts +.*count\/deployments\.apps: 0\/1.*pods: 0\/2/],
  ['run one --image=x -n team', /created/],
  [
    'run two --image=x -n team',
    /pods "two" is forbidden: exceeded quota: idle, requested: pods=1, used: pods=1, limited: pods=1/,
    'fails',
  ],
  ['describe quota idle -n team', /Scopes: +BestEffort[^]*pods +1 +1/],
  ['create configmap a -n team', /created/],
  ['create configmap a -n team', /already exists/, 'fails'],
  ['create configmap b --dry-run=server -n team', /created/],
  ['create configmap b -n team', /created/],
  [
    'create configmap c -n team',
    /configmaps "c" is forbidden: exceeded quota: counts, requested: configmaps=1, used: configmaps=3, limited: configmaps=3/,
    'fails',
  ],
  ['create deployment web --image=x -n team', /created/],
  [
    'create deployment other --image=x -n team',
    /deployments\.apps "other" is forbidden: exceeded quota: counts/,
    'fails',
  ],
  ['describe namespace team', /Resource Quotas[^]*configmaps +3 +3/],
];

const limiting: readonly Row[] = [
  ['create namespace sized', /created/],
  ['apply -f @/limits.yaml -n sized', /limitrange\/sizes created/],
  ['describe limitrange sizes -n sized', /^Container +cpu +- +1 +100m +500m +-$/m],
  ['run plain --image=x -n sized', /created/],
  ['get pod plain -n sized -o jsonpath={.spec.containers[0].resources.limits}', /^\{"cpu":"500m","memory":"128Mi"\}$/],
  ['get pod plain -n sized -o jsonpath={.spec.containers[0].resources.requests}', /^\{"cpu":"100m","memory":"64Mi"\}$/],
  [
    'get pod plain -n sized -o jsonpath={.metadata.annotations.kubernetes\\.io/limit-ranger}',
    /^LimitRanger plugin set: cpu, memory request for container plain; cpu, memory limit for container plain$/,
  ],
  [
    'run large --image=x -n sized --overrides={"spec":{"containers":[{"name":"large","image":"x","resources":{"limits":{"cpu":"2"}}}]}}',
    /pods "large" is forbidden: maximum cpu usage per Container is 1, but limit is 2/,
    'fails',
  ],
  [
    'apply -f @/large-claim.yaml -n sized',
    /persistentvolumeclaims "large" is forbidden: maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 2Gi/,
    'fails',
  ],
  ['create quota cpus --hard=requests.cpu=150m -n sized', /created/],
];

interface Quota {
  readonly status?: { readonly used?: Readonly<Record<string, string>> };
}

describe('quotas on a simulated cluster', () => {
  let cluster: TestCluster;

  before(async () => {
    cluster = await TestCluster.up('--simulated-nodes', '1');
  });
  after(() => TestCluster.closeAll());

  /** Until the control loop, or admission, has said so. */
  const used = (namespace: string, quota: string, amounts: Readonly<Record<string, string>>): Promise<true> =>
    eventually(`${quota} uses ${JSON.stringify(amounts)}`, async () => {
      const { status } = await cluster.json<Quota>('get', 'quota', quota, '-n', namespace);
      const isSo = Object.entries(amounts).every(([name, amount]) => status?.used?.[name] === amount);
      return isSo ? true : undefined;
    });

  test('a quota is described with what is used, and holds', async () => {
    await checkRows(cluster, making);
    // One is there already: the cluster's certificate.
    await used('team', 'counts', { pods: '0', configmaps: '1', 'count/deployments.apps': '0' });
    await used('team', 'idle', { pods: '0' });
    await checkRows(cluster, holding);
  });

  test('a controller is told as anybody, and goes on when there is room', async () => {
    const events = (): Promise<string> => cluster.mustKubectl('get', 'events', '-n', 'team');
    await eventually('the refusal', async () =>
      /FailedCreate +replicaset\/web-\w+ +Error creating: pods "web-\w+-\w{5}" is forbidden: exceeded quota: idle/.test(
        await events(),
      )
        ? true
        : undefined,
    );
    await cluster.mustKubectl('delete', 'pod', 'one', '-n', 'team', '--now');
    await eventually('the pod', async () => {
      const pods = await cluster.mustKubectl('get', 'pods', '-n', 'team', '-o', 'name');
      return pods.startsWith('pod/web-') ? true : undefined;
    });
    await used('team', 'idle', { pods: '1' });
    await cluster.mustKubectl('delete', 'deployment', 'web', '-n', 'team');
    await cluster.mustKubectl('delete', 'configmap', 'a', 'b', '-n', 'team');
    await used('team', 'counts', { pods: '0', configmaps: '1', 'count/deployments.apps': '0' });
  });

  test('containers get the defaults of a LimitRange, and keep within its bounds', async () => {
    await checkRows(cluster, limiting);
    await used('sized', 'cpus', { 'requests.cpu': '100m' });
    const refused = await cluster.kubectl(['run', 'more', '--image=x', '-n', 'sized']);
    assert.match(
      refused.stderr,
      /exceeded quota: cpus, requested: requests\.cpu=100m, used: requests\.cpu=100m, limited: requests\.cpu=150m/,
    );
  });
});

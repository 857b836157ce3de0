import assert from 'node:assert/strict';
import { test } from 'node:test';
import { make, startRegistry } from '../testing.ts';
import { pullPolicyOf } from './pod.ts';

const container = {
  name: 'main',
  image: 'registry.example/app:1',
  imagePullPolicy: 'IfNotPresent',
  resources: {},
  terminationMessagePath: '/dev/termination-log',
  terminationMessagePolicy: 'File',
};

const podSpec = {
  containers: [container],
  dnsPolicy: 'ClusterFirst',
  restartPolicy: 'Always',
  schedulerName: 'default-scheduler',
  securityContext: {},
  terminationGracePeriodSeconds: 30,
};

const template = { metadata: { labels: { app: 'web' } }, spec: podSpec };
const selector = { matchLabels: { app: 'web' } };

test('a deployment gets upstream’s defaults, its template those of a pod spec', async () => {
  const cluster = await startRegistry();
  const { spec } = await cluster.create('deployments.apps', make.deployment());
  assert.deepEqual(spec, {
    progressDeadlineSeconds: 600,
    replicas: 1,
    revisionHistoryLimit: 10,
    selector,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
    template,
  });
});

test('a StatefulSet, a DaemonSet and a ReplicaSet get theirs', async () => {
  const cluster = await startRegistry();
  assert.deepEqual((await cluster.create('statefulsets.apps', make.statefulSet())).spec, {
    persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
    podManagementPolicy: 'OrderedReady',
    replicas: 1,
    revisionHistoryLimit: 10,
    selector,
    serviceName: 'db',
    template,
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, partition: 0 } },
  });
  assert.deepEqual((await cluster.create('daemonsets.apps', make.daemonSet())).spec, {
    revisionHistoryLimit: 10,
    selector,
    template,
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
  });
  const { spec, status } = await cluster.create('replicasets.apps', make.replicaSet());
  assert.deepEqual(spec, { replicas: 1, selector, template });
  assert.deepEqual(status, { replicas: 0 });
});

test('a StatefulSet that names its strategy and says no more of it gets no more', async () => {
  const cluster = await startRegistry();
  const updateStrategy = { type: 'RollingUpdate' };
  const { spec } = await cluster.create('statefulsets.apps', make.statefulSet({ spec: { updateStrategy } }));
  assert.deepEqual(spec.updateStrategy, updateStrategy);
});

test('an autoscaler that says how to go one way gets rules for the other', async () => {
  const cluster = await startRegistry();
  const scaler = (behavior: object, name: string): object => ({
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name },
    spec: { scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web' }, maxReplicas: 3, behavior },
  });
  const resource = 'horizontalpodautoscalers.v2.autoscaling';
  const byPercent = { type: 'Percent', value: 100, periodSeconds: 15 };
  const up = {
    stabilizationWindowSeconds: 0,
    selectPolicy: 'Max',
    policies: [{ type: 'Pods', value: 4, periodSeconds: 15 }, byPercent],
  };
  const down = { selectPolicy: 'Max', policies: [byPercent] };
  const behaviorOf = async (behavior: object, name: string): Promise<unknown> => {
    const { spec } = await cluster.create(resource, scaler(behavior, name));
    return (spec as { readonly behavior?: unknown }).behavior;
  };
  assert.deepEqual(await behaviorOf({ scaleUp: { stabilizationWindowSeconds: 9 } }, 'up'), {
    scaleUp: { ...up, stabilizationWindowSeconds: 9 },
    scaleDown: down,
  });
  const slow = { stabilizationWindowSeconds: 60, selectPolicy: 'Disabled', policies: [byPercent] };
  assert.deepEqual(await behaviorOf({ scaleDown: slow }, 'down'), { scaleUp: up, scaleDown: slow });
  assert.deepEqual(await behaviorOf({}, 'none'), { scaleUp: up, scaleDown: down });
});

test('a job runs once unless it says more, and a work queue has no completions', async () => {
  const cluster = await startRegistry();
  const once = await cluster.create('jobs.batch', make.job());
  assert.equal(once.spec.completions, 1);
  assert.equal(once.spec.parallelism, 1);
  const queue = await cluster.create('jobs.batch', make.job({ spec: { parallelism: 3 } }, 'queue'));
  assert.equal(queue.spec.completions, undefined);
  const cron = await cluster.create('cronjobs.batch', make.cronJob());
  const { concurrencyPolicy, suspend, successfulJobsHistoryLimit, failedJobsHistoryLimit } =
    cron.spec as unknown as Record<string, unknown>;
  assert.deepEqual(
    [concurrencyPolicy, suspend, successfulJobsHistoryLimit, failedJobsHistoryLimit],
    ['Allow', false, 3, 1],
  );
});

test('images are pulled always when their tag may move', () => {
  const cases = {
    a: 'Always',
    'a:latest': 'Always',
    'a:1': 'IfNotPresent',
    'r:5000/a': 'Always',
    'r:5000/a:1': 'IfNotPresent',
    'a@sha256:00': 'IfNotPresent',
  };
  for (const [image, policy] of Object.entries(cases)) assert.equal(pullPolicyOf(image), policy, image);
});

test('probes, ports, volumes and references get their defaults', async () => {
  const cluster = await startRegistry();
  const full = {
    name: 'main',
    image: 'i',
    ports: [{ containerPort: 80 }],
    livenessProbe: { httpGet: { port: 80 } },
    env: [{ name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }],
    resources: { limits: { cpu: '1' } },
  };
  const volumes = [{ name: 'scratch' }, { name: 'config', configMap: { name: 'c' } }];
  const pod = await cluster.create('pods', make.pod({ spec: { containers: [full], volumes } }));
  const made = pod.spec.containers[0];
  assert.deepEqual(made.ports, [{ containerPort: 80, protocol: 'TCP' }]);
  assert.deepEqual(made.livenessProbe, {
    failureThreshold: 3,
    httpGet: { path: '/', port: 80, scheme: 'HTTP' },
    periodSeconds: 10,
    successThreshold: 1,
    timeoutSeconds: 1,
  });
  assert.deepEqual(made.resources, { limits: { cpu: '1' }, requests: { cpu: '1' } });
  assert.deepEqual(pod.spec.volumes, [
    { name: 'scratch', emptyDir: {} },
    { name: 'config', configMap: { name: 'c', defaultMode: 420 } },
  ]);
  assert.equal((pod.spec as unknown as { enableServiceLinks: boolean }).enableServiceLinks, true);
});

test('a service, a policy and a claim get theirs', async () => {
  const cluster = await startRegistry();
  const { spec } = await cluster.create('services', make.service());
  const { clusterIP: _ip, clusterIPs: _ips, ...rest } = spec;
  assert.deepEqual(rest, {
    internalTrafficPolicy: 'Cluster',
    ipFamilies: ['IPv4'],
    ipFamilyPolicy: 'SingleStack',
    ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
    selector: { app: 'web' },
    sessionAffinity: 'None',
    type: 'ClusterIP',
  });
  const policy = { metadata: { name: 'p' }, spec: { podSelector: {}, egress: [{}] } };
  const made = await cluster.create('networkpolicies.networking.k8s.io', policy);
  assert.deepEqual(made.spec.policyTypes, ['Ingress', 'Egress']);
  const claim = await cluster.create('persistentvolumeclaims', make.claim());
  assert.deepEqual(claim.status, { phase: 'Pending' });
});

test('limits of a container follow from maxima, its requests from limits', async () => {
  const cluster = await startRegistry();
  const limits = [{ type: 'Container', max: { cpu: '2' }, defaultRequest: { memory: '1Gi' } }];
  const range = await cluster.create('limitranges', { metadata: { name: 'l' }, spec: { limits } });
  const item = (range.spec as unknown as { limits: { default: object; defaultRequest: object }[] }).limits[0];
  assert.deepEqual(item?.default, { cpu: '2' });
  assert.deepEqual(item?.defaultRequest, { cpu: '2', memory: '1Gi' });
});

test('amounts are kept in thousandths, rounded up', async () => {
  const cluster = await startRegistry();
  const dryRun = { dryRun: true };
  const quota = { metadata: { name: 'q' }, spec: { hard: { cpu: '100.0001', memory: '1Gi' } } };
  assert.deepEqual((await cluster.create('resourcequotas', quota, dryRun)).spec, {
    hard: { cpu: '100001m', memory: '1Gi' },
  });
  const range = { metadata: { name: 'r' }, spec: { limits: [{ type: 'Container', max: { cpu: '0.0001' } }] } };
  const ranged = { type: 'Container', max: { cpu: '1m' }, default: { cpu: '1m' }, defaultRequest: { cpu: '1m' } };
  assert.deepEqual((await cluster.create('limitranges', range, dryRun)).spec, { limits: [ranged] });
  const node = { metadata: { name: 'n' }, status: { capacity: { cpu: '1.0001' } } };
  const { status } = (await cluster.create('nodes', node)) as unknown as { status: { allocatable: object } };
  assert.deepEqual(status.allocatable, { cpu: '1001m' });
  const report = await cluster.patch(
    'nodes',
    'n',
    { status: { capacity: { cpu: '2.0001' } } },
    { subresource: 'status' },
  );
  assert.deepEqual((report.status as unknown as { capacity: object }).capacity, { cpu: '2001m' });
  const volume = { capacity: { storage: '1.0001' }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/a' } };
  const made = await cluster.create('persistentvolumes', { metadata: { name: 'v' }, spec: volume }, dryRun);
  assert.deepEqual((made.spec as unknown as { capacity: object }).capacity, { storage: '1001m' });
});

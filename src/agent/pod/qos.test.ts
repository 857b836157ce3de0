import assert from 'node:assert/strict';
import { test } from 'node:test';
import { qualityOfService } from '../../api/pod-quality.ts';
import { make } from '../testing.ts';
import { containerResources, cpuQuotaUs, cpuShares, oomScoreAdj, podAmount, podCgroup, podResources } from './qos.ts';

const sized = (requests?: Record<string, string>, limits?: Record<string, string>) => ({
  resources: { ...(requests && { requests }), ...(limits && { limits }) },
});
const podOf = (...containers: readonly ReturnType<typeof sized>[]) =>
  make.pod({ containers: containers.map((container, index) => make.container(`c${index}`, container)) });

test('quality of service and the cgroup that follows from it', () => {
  const full = { cpu: '1', memory: '1Gi' };
  const cases = [
    [podOf({ resources: {} }), 'BestEffort', '/naru-x/kubepods/besteffort/podu-1'],
    [podOf(sized(undefined, full)), 'Guaranteed', '/naru-x/kubepods/podu-1'],
    [podOf(sized({ cpu: '1000m', memory: '1024Mi' }, full)), 'Guaranteed', '/naru-x/kubepods/podu-1'],
    [podOf(sized({ cpu: '500m', memory: '1Gi' }, full)), 'Burstable', '/naru-x/kubepods/burstable/podu-1'],
    [podOf(sized(full, full), { resources: {} }), 'Burstable', '/naru-x/kubepods/burstable/podu-1'],
    [podOf(sized({ cpu: '1' })), 'Burstable', '/naru-x/kubepods/burstable/podu-1'],
  ] as const;
  for (const [pod, qos, cgroup] of cases) {
    assert.equal(qualityOfService(pod.spec), qos);
    assert.equal(podCgroup('/naru-x', pod), cgroup);
  }
});

test('shares and quota keep to the bounds of the kernel', () => {
  assert.deepEqual([0, 1, 500, 1000, 1_000_000].map(cpuShares), [2, 2, 512, 1024, 262_144]);
  assert.deepEqual([0, 1, 250, 2000].map(cpuQuotaUs), [0, 1000, 25_000, 200_000]);
});

test('who asked for more of the memory dies later', () => {
  const capacity = 2 ** 30;
  const adj = (...args: Parameters<typeof sized>) => {
    const pod = podOf(sized(...args));
    return oomScoreAdj(pod, pod.spec?.containers[0] ?? make.container('x'), capacity);
  };
  assert.equal(adj(), 1000);
  assert.equal(adj(undefined, { cpu: '1', memory: '1Gi' }), -997);
  assert.equal(adj({ memory: '256Mi' }), 750);
  assert.equal(adj({ cpu: '1' }), 999);
  assert.equal(adj({ memory: '1Gi' }), 3);
});

test('a container without a request is weighed by its limit', () => {
  const pod = podOf(sized(undefined, { cpu: '250m', memory: '64Mi' }));
  const resources = containerResources(pod, pod.spec?.containers[0] ?? make.container('x'), {
    memoryCapacityBytes: 2 ** 30,
  });
  assert.deepEqual(resources, {
    cpuShares: 256,
    cpuQuotaUs: 25_000,
    cpuPeriodUs: 100_000,
    memoryLimitBytes: 64 * 2 ** 20,
    oomScoreAdj: -997,
  });
});

test('a pod asks for its containers and sidecars together, or for its largest init container', () => {
  const pod = make.pod({
    initContainers: [
      make.container('proxy', { restartPolicy: 'Always', ...sized({ cpu: '100m' }) }),
      make.container('setup', sized({ cpu: '900m' })),
    ],
    containers: [make.container('app', sized({ cpu: '300m' }))],
    overhead: { cpu: '10m' },
  });
  assert.equal(podAmount(pod, 'requests', 'cpu'), 1010);
});

test('a pod is limited as a whole only where each of its containers is', () => {
  const limited = sized(undefined, { cpu: '1', memory: '1Gi' });
  assert.equal(podResources(podOf(limited, limited)).cpuQuotaUs, 200_000);
  assert.equal(podResources(podOf(limited, limited)).memoryLimitBytes, 2 * 2 ** 30);
  assert.equal(podResources(podOf(limited, { resources: {} })).cpuQuotaUs, 0);
});

test('a sidecar dies no sooner than those that need it; what only the pod asks for is shared out; the node’s own go last', () => {
  const capacity = 2 ** 30;
  const pod = make.pod({
    initContainers: [make.container('proxy', { restartPolicy: 'Always', ...sized({ memory: '10Mi' }) })],
    containers: [make.container('app', sized({ memory: '512Mi' }))],
  });
  const [proxy] = pod.spec?.initContainers ?? [];
  const [app] = pod.spec?.containers ?? [];
  assert.ok(proxy && app);
  assert.equal(oomScoreAdj(pod, app, capacity), 500);
  assert.equal(oomScoreAdj(pod, proxy, capacity), 500);
  const whole = make.pod({
    resources: { requests: { memory: '512Mi' } },
    containers: [proxy, app].map(({ name }) => make.container(name)),
  });
  assert.equal(oomScoreAdj(whole, make.container('app'), capacity), 750);
  const plain = (priorityClassName: string) => make.pod({ priorityClassName, priority: 2_000_001_000 });
  assert.equal(oomScoreAdj(plain('system-node-critical'), app, capacity), -997);
  assert.equal(oomScoreAdj(plain('system-cluster-critical'), make.container('app'), capacity), 1000);
});

test('huge pages are limited by size, to none where none are asked for; quotas and bounds on processes follow the settings', () => {
  const pages = { 'hugepages-2Mi': '4Mi' };
  const pod = podOf(sized({ cpu: '1', memory: '1Gi', ...pages }, { cpu: '1', memory: '1Gi', ...pages }));
  const rules = { memoryCapacityBytes: 2 ** 30, hugepageSizes: ['1Gi', '2Mi'], cpuCFSQuota: false, podPidsLimit: 50 };
  const wanted = [
    { pageSize: '1GB', limitBytes: 0 },
    { pageSize: '2MB', limitBytes: 4 * 2 ** 20 },
  ];
  const container = containerResources(pod, pod.spec?.containers[0] ?? make.container('x'), rules);
  assert.deepEqual([container.hugepageLimits, container.cpuQuotaUs], [wanted, 0]);
  const whole = podResources(pod, rules);
  assert.deepEqual([whole.hugepageLimits, whole.cpuQuotaUs, whole.pidsMax], [wanted, 0, 50]);
  assert.equal(podResources(pod, { podPidsLimit: -1 }).pidsMax, undefined);
});

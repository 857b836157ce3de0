import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Container, Pod } from '../../api/schema/types/core-v1.ts';
import { make, rejection, startRegistry, type TestRegistry } from '../testing.ts';

async function withRanges(...ranges: (readonly object[])[]): Promise<TestRegistry> {
  const registry = await startRegistry();
  for (const [index, limits] of ranges.entries()) {
    const metadata = { name: `range-${index}` };
    await registry.create('limitranges', { apiVersion: 'v1', kind: 'LimitRange', metadata, spec: { limits } });
  }
  return registry;
}

const container = (resources: object = {}, name = 'c', more: object = {}) => ({ name, image: 'x', resources, ...more });
const podOf = (...containers: object[]) => make.pod({ spec: { containers } });

const createdPod = async (registry: TestRegistry, pod: object): Promise<Pod> =>
  (await registry.create('pods', pod)) as unknown as Pod;

const resourcesOf = (containers: readonly Container[] | undefined): unknown =>
  containers?.map(({ resources }) => resources);

describe('defaults', () => {
  const defaults = { type: 'Container', default: { cpu: '2', memory: '1Gi' }, defaultRequest: { cpu: '500m' } };

  test('go to containers and init containers that say nothing, and the pod says so', async () => {
    const registry = await withRanges([defaults]);
    const spec = {
      containers: [container(), container({ requests: { cpu: '1' } }, 'd')],
      initContainers: [container({ limits: { cpu: '1', memory: '1Mi' } }, 'i')],
    };
    const pod = await createdPod(registry, make.pod({ spec }));
    assert.deepEqual(resourcesOf(pod.spec?.containers), [
      { limits: { cpu: '2', memory: '1Gi' }, requests: { cpu: '500m', memory: '1Gi' } },
      { limits: { cpu: '2', memory: '1Gi' }, requests: { cpu: '1', memory: '1Gi' } },
    ]);
    assert.deepEqual(resourcesOf(pod.spec?.initContainers), [
      { limits: { cpu: '1', memory: '1Mi' }, requests: { cpu: '1', memory: '1Mi' } },
    ]);
    assert.deepEqual(pod.metadata?.annotations, {
      'kubernetes.io/limit-ranger':
        'LimitRanger plugin set: cpu, memory request for container c; cpu, memory limit for container c; ' +
        'memory request for container d; cpu, memory limit for container d',
    });
    assert.equal(pod.status?.qosClass, 'Burstable');
  });

  test('bring what the API defaults beside resources: the pod can be put back as it is', async () => {
    const registry = await withRanges([defaults]);
    const pod = await createdPod(registry, podOf(container()));
    const resourceNames = pod.spec?.containers[0]?.resizePolicy?.map(({ resourceName }) => resourceName);
    assert.deepEqual(resourceNames, ['cpu', 'memory']);
    const again = await registry.update('pods', pod);
    assert.equal(again['metadata']?.resourceVersion, pod.metadata?.resourceVersion);
  });

  test('of the first range by name come first', async () => {
    const second = { ...defaults, default: { cpu: '8' }, defaultRequest: { cpu: '4', 'ephemeral-storage': '1Gi' } };
    const registry = await withRanges([defaults], [second]);
    const pod = await createdPod(registry, podOf(container()));
    assert.deepEqual(resourcesOf(pod.spec?.containers), [
      {
        limits: { cpu: '2', memory: '1Gi' },
        requests: { cpu: '500m', memory: '1Gi', 'ephemeral-storage': '1Gi' },
      },
    ]);
  });

  test('leave a pod alone that says everything, and one in another namespace', async () => {
    const registry = await withRanges([defaults]);
    await registry.create('namespaces', make.namespace({}, 'other'));
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'default' } };
    await registry.create('serviceaccounts', account, { namespace: 'other' });
    const full = { limits: { cpu: '1', memory: '1Mi' }, requests: { cpu: '1', memory: '1Mi' } };
    const pod = await createdPod(registry, podOf(container(full)));
    assert.equal(pod.metadata?.annotations, undefined);
    const elsewhere = await registry.create('pods', podOf(container()), { namespace: 'other' });
    assert.equal((elsewhere as unknown as Pod).spec?.containers?.[0]?.resources?.limits, undefined);
  });
});

describe('bounds that are broken', () => {
  const cpu = (type: string, bounds: object) => ({ type, ...bounds });
  const rows: readonly (readonly [item: object, pod: object, why: string])[] = [
    [
      cpu('Container', { max: { cpu: '1' } }),
      podOf(container({ limits: { cpu: '2' }, requests: { cpu: '1' } })),
      'maximum cpu usage per Container is 1, but limit is 2',
    ],
    [
      cpu('Container', { max: { cpu: '1' }, min: { cpu: '100m' } }),
      podOf(container({ limits: { cpu: '1500m' }, requests: { cpu: '50m' } })),
      '[minimum cpu usage per Container is 100m, but request is 50m, maximum cpu usage per Container is 1, but limit is 1500m]',
    ],
    [
      cpu('Container', { max: { cpu: '1', memory: '1Gi' } }),
      podOf(container({ limits: { cpu: '3' } }), container({ limits: { cpu: '3' } }, 'd')),
      'maximum cpu usage per Container is 1, but limit is 3',
    ],
    [
      cpu('Container', { maxLimitRequestRatio: { cpu: '2' } }),
      podOf(container({ limits: { cpu: '1' }, requests: { cpu: '300m' } })),
      'cpu max limit to request ratio per Container is 2, but provided ratio is 3.333333',
    ],
    [
      cpu('Container', { maxLimitRequestRatio: { cpu: '2' } }),
      podOf(container({ requests: { cpu: '300m' } })),
      'cpu max limit to request ratio per Container is 2, but no limit is specified or limit is 0',
    ],
    [
      cpu('Container', { maxLimitRequestRatio: { memory: '2' } }),
      podOf(container()),
      'memory max limit to request ratio per Container is 2, but no request is specified or request is 0',
    ],
    [
      cpu('Pod', { max: { cpu: '2' } }),
      podOf(container({ limits: { cpu: '1500m' } }), container({ limits: { cpu: '1' } }, 'd')),
      'maximum cpu usage per Pod is 2, but limit is 2500m',
    ],
    [
      cpu('Pod', { max: { cpu: '2' } }),
      podOf(container({ requests: { cpu: '1' } })),
      'maximum cpu usage per Pod is 2.  No limit is specified',
    ],
    [
      cpu('Pod', { min: { memory: '1Gi' } }),
      podOf(container()),
      'minimum memory usage per Pod is 1Gi.  No request is specified',
    ],
    [
      cpu('Pod', { max: { memory: '1Gi' } }),
      make.pod({
        spec: {
          containers: [container({ limits: { memory: '256Mi' } })],
          initContainers: [
            container({ limits: { memory: '512Mi' } }, 'side', { restartPolicy: 'Always' }),
            container({ limits: { memory: '768Mi' } }, 'init'),
          ],
        },
      }),
      'maximum memory usage per Pod is 1Gi, but limit is 1280Mi',
    ],
    [
      cpu('Pod', { max: { cpu: '1' } }),
      make.pod({ spec: { resources: { limits: { cpu: '2' } }, containers: [container()] } }),
      'maximum cpu usage per Pod is 1, but limit is 2',
    ],
  ];
  for (const [item, pod, why] of rows) {
    test(why, async () => {
      const registry = await withRanges([item]);
      const error = await rejection(registry.create('pods', pod), 'Forbidden');
      assert.equal(error.message, `pods "pod" is forbidden: ${why}`);
      assert.equal(error.code, 403);
    });
  }

  test('of claims: too little, too much', async () => {
    const registry = await withRanges([
      { type: 'PersistentVolumeClaim', min: { storage: '1Gi' }, max: { storage: '2Gi' } },
    ]);
    const claim = (storage: string) => make.claim({ spec: { resources: { requests: { storage } } } });
    const small = await rejection(registry.create('persistentvolumeclaims', claim('1Mi')), 'Forbidden');
    const text = 'persistentvolumeclaims "data" is forbidden: ';
    assert.equal(small.message, `${text}minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 1Mi`);
    const large = await rejection(registry.create('persistentvolumeclaims', claim('3Gi')), 'Forbidden');
    assert.equal(large.message, `${text}maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi`);
    await registry.create('persistentvolumeclaims', claim('2Gi'));
  });

  test('by a pod whose name is made are told under the name that it would have had', async () => {
    const registry = await withRanges([{ type: 'Container', min: { cpu: '1' }, defaultRequest: { cpu: '1' } }]);
    const pod = { ...podOf(container({ requests: { cpu: '1m' } })), metadata: { generateName: 'web-' } };
    const error = await rejection(registry.create('pods', pod), 'Forbidden');
    assert.match(
      error.message,
      /^pods "web-\w{5}" is forbidden: minimum cpu usage per Container is 1, but request is 1m$/,
    );
  });

  test('are not looked at in a pod that is there, but by a resize', async () => {
    const registry = await startRegistry();
    const resources = { limits: { cpu: '2' }, requests: { cpu: '2' } };
    await registry.create('pods', podOf(container(resources)));
    const spec = { limits: [{ type: 'Container', max: { cpu: '3' }, min: { cpu: '1' } }] };
    await registry.create('limitranges', { apiVersion: 'v1', kind: 'LimitRange', metadata: { name: 'r' }, spec });
    await registry.patch('pods', 'pod', { metadata: { labels: { a: 'b' } } });
    const resize = (cpu: string): Promise<unknown> => {
      const wanted = { name: 'c', resources: { limits: { cpu }, requests: { cpu } } };
      return registry.patch('pods', 'pod', { spec: { containers: [wanted] } }, { subresource: 'resize' });
    };
    const error = await rejection(resize('4'), 'Forbidden');
    assert.match(error.message, /maximum cpu usage per Container is 3, but limit is 4/);
    await resize('3');
  });
});

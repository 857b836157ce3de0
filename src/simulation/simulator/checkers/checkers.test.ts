/** Canaries: each checker is shown a history in which its invariant is broken, on a real store, and must say so; and one in which it is not. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { KubeObject } from '../../../api/object.ts';
import type { Pod } from '../../../api/schema/types/core-v1.ts';
import type { ObjectMeta } from '../../../api/schema/types/meta-v1.ts';
import { deletion, identity, ownership, versions } from './objects.ts';
import { capacity, goneMeansStopped, placement, progress } from './pods.ts';
import { rollout } from './rollout.ts';
import { judged, last, put, remove, type Step } from './testing.ts';

function thing(metadata: Partial<ObjectMeta> = {}): KubeObject {
  return { kind: 'ConfigMap', metadata: { namespace: 'default', name: 'thing', uid: 'u1', ...metadata } };
}

function pod(
  changes: Partial<Pod> & { readonly nodeName?: string; readonly cpu?: string } = {},
  metadata: Partial<ObjectMeta> = {},
): Pod {
  const { nodeName, cpu = '0', ...rest } = changes;
  return {
    kind: 'Pod',
    metadata: { namespace: 'default', name: 'web', uid: 'p1', ...metadata },
    spec: {
      containers: [{ name: 'main', resources: { requests: { cpu } } }],
      ...(nodeName !== undefined && { nodeName }),
    },
    ...rest,
  };
}

const node = (cpu: string): KubeObject =>
  ({
    kind: 'Node',
    metadata: { name: 'n1', uid: 'n1' },
    status: { allocatable: { cpu, memory: '1Gi', pods: '10' } },
  }) as KubeObject;

describe('what holds for every object', () => {
  test('a revision that was not seen is told', async () => {
    assert.equal(await last(versions(1), [put('configmaps', thing())]), '');
    assert.match(await last(versions(0), [put('configmaps', thing())]), /revision 2 followed 0/);
  });

  test('another uid under the same name is told, and so is one that comes back', async () => {
    assert.equal(
      await last(identity(), [
        put('configmaps', thing()),
        remove('configmaps', 'thing'),
        put('configmaps', thing({ uid: 'u2' })),
      ]),
      '',
    );
    assert.match(
      await last(identity(), [put('configmaps', thing()), put('configmaps', thing({ uid: 'u2' }))]),
      /had the uid u1/,
    );
    assert.match(
      await last(identity(), [put('configmaps', thing()), remove('configmaps', 'thing'), put('configmaps', thing())]),
      /came back/,
    );
    assert.match(
      await last(identity(), [put('configmaps', thing()), put('configmaps', thing({ name: 'other' }))]),
      /another object/,
    );
  });

  test('a deletion that is taken back, put off, or does not wait for finalizers is told', async () => {
    const at = (second: number): Partial<ObjectMeta> => ({ deletionTimestamp: `2026-01-01T00:00:0${second}Z` });
    assert.equal(
      await last(deletion(), [put('pods', thing(at(5))), put('pods', thing(at(1))), remove('pods', 'thing')]),
      '',
    );
    assert.match(
      await last(deletion(), [put('pods', thing(at(5))), put('pods', thing())]),
      /lost its deletionTimestamp/,
    );
    assert.match(await last(deletion(), [put('pods', thing(at(5))), put('pods', thing(at(6)))]), /put off/);
    assert.match(
      await last(deletion(), [put('pods', thing({ finalizers: ['mine'] })), remove('pods', 'thing')]),
      /finalizers held it/,
    );
    assert.match(
      await last(deletion(), [put('pods', thing(at(5))), put('pods', thing({ ...at(5), finalizers: ['late'] }))]),
      /got the finalizer/,
    );
  });

  test('an owner that never was, or is called otherwise, is told', async () => {
    const owned = (uid: string, name: string): KubeObject =>
      thing({ name: 'owned', uid: 'o1', ownerReferences: [{ apiVersion: 'v1', kind: 'ConfigMap', name, uid }] });
    assert.equal(await last(ownership(), [put('configmaps', thing()), put('configmaps', owned('u1', 'thing'))]), '');
    assert.match(
      await last(ownership(), [put('configmaps', thing()), put('configmaps', owned('u2', 'thing'))]),
      /never was/,
    );
    assert.match(
      await last(ownership(), [put('configmaps', thing()), put('configmaps', owned('u1', 'other'))]),
      /never was/,
    );
  });
});

describe('what holds for pods', () => {
  test('a pod that moves, or is bound to nothing, or at its end, is told', async () => {
    const bound = put('pods', pod({ nodeName: 'n1' }));
    assert.equal(await last(placement(), [put('nodes', node('1')), put('pods', pod()), bound]), '');
    assert.match(await last(placement(), [put('pods', pod()), bound]), /not there/);
    assert.match(
      await last(placement(), [put('nodes', node('1')), bound, put('pods', pod({ nodeName: 'n2' }))]),
      /moved from n1 to n2/,
    );
    assert.match(
      await last(placement(), [put('nodes', node('1')), bound, put('pods', pod())]),
      /moved from n1 to no node/,
    );
    const ending = pod({ nodeName: 'n1' }, { deletionTimestamp: '2026-01-01T00:00:00Z' });
    assert.match(await last(placement(), [put('nodes', node('1')), put('pods', ending)]), /while it was being deleted/);
  });

  test('a restart count that falls and an end that is taken back are told', async () => {
    const restarted = (restartCount: number): Step =>
      put('pods', pod({ status: { phase: 'Running', containerStatuses: [{ name: 'main', restartCount } as never] } }));
    assert.equal(await last(progress(), [restarted(1), restarted(2)]), '');
    assert.match(await last(progress(), [restarted(2), restarted(1)]), /fell from 2 to 1/);
    assert.match(
      await last(progress(), [put('pods', pod({ status: { phase: 'Failed' } })), restarted(0)]),
      /from Failed to Running/,
    );
    assert.match(
      await last(progress(), [restarted(0), put('pods', pod({ status: { phase: 'Pending' } }))]),
      /from Running to Pending/,
    );
  });

  test('a node that is asked for more than it has is told, at the binding that does it', async () => {
    const second = (phase: 'Pending' | 'Succeeded'): Step =>
      put('pods', pod({ nodeName: 'n1', cpu: '600m', status: { phase } }, { name: 'b', uid: 'p2' }));
    const first = put('pods', pod({ nodeName: 'n1', cpu: '500m' }));
    assert.match(
      await last(capacity(), [put('nodes', node('1')), first, second('Pending')]),
      /ask for 1100 milliCpu, and it has 1000/,
    );
    assert.equal(await last(capacity(), [put('nodes', node('2')), first, second('Pending')]), '');
    assert.equal(
      await last(capacity(), [put('nodes', node('1')), first, remove('pods', 'web'), second('Pending')]),
      '',
    );
    assert.equal(await last(capacity(), [put('nodes', node('1')), first, second('Succeeded')]), '');
  });

  test('a pod that is removed while it runs is told', async () => {
    const steps = [put('pods', pod({ nodeName: 'n1' })), remove('pods', 'web')];
    assert.match(await last(goneMeansStopped({ runs: () => true }), steps), /while its containers ran on n1/);
    assert.equal(await last(goneMeansStopped({ runs: () => false }), steps), '');
  });

  describe('a rolling update', () => {
    const owner = (uid: string): ObjectMeta['ownerReferences'] => [
      { apiVersion: 'apps/v1', kind: 'any', name: 'any', uid, controller: true },
    ];
    const deployment = (maxUnavailable: number): Step =>
      put('deployments.apps', {
        metadata: { namespace: 'default', name: 'web', uid: 'd1' },
        spec: { replicas: 2, strategy: { rollingUpdate: { maxSurge: 1, maxUnavailable } } },
      } as KubeObject);
    const set = (replicas: number, availableReplicas: number, generation = 1, observedGeneration = generation): Step =>
      put('replicasets.apps', {
        metadata: { namespace: 'default', name: 'web-1', uid: 's1', generation, ownerReferences: owner('d1') },
        spec: { replicas },
        status: { availableReplicas, observedGeneration },
      } as KubeObject);
    const ready = (index: number, status = 'True'): Step =>
      put(
        'pods',
        pod(
          { status: { conditions: [{ type: 'Ready', status }] } },
          { name: `p${index}`, uid: `p${index}`, ownerReferences: owner('s1') ?? [] },
        ),
      );
    const complete = [set(2, 0), ready(1, 'False'), ready(1), ready(2), set(2, 2)];

    test('that takes one pod too many is told', async () => {
      const steps = [deployment(1), ...complete, remove('pods', 'p1')];
      assert.equal(await last(rollout(), steps), '');
      assert.match(await last(rollout(), [...steps, ready(2, 'False')]), /has 0 pods available, and must have 1/);
    });

    test('that takes a ready pod for a broken one is told', async () => {
      const greedy = [deployment(0), ...complete, set(1, 1, 2, 1), remove('pods', 'p1')];
      assert.match(await last(rollout(), greedy), /has 1 pods available, and must have 2/);
    });

    test('is held to nothing while nobody hears of a node, nor until it has all again', async () => {
      const node = (status: string): Step =>
        put('nodes', { metadata: { name: 'n1' }, status: { conditions: [{ type: 'Ready', status }] } } as KubeObject);
      const silent = [deployment(0), ...complete, node('Unknown'), ready(1, 'False')];
      const back = [...silent, node('True'), set(2, 1), ready(2, 'False'), ready(2)];
      assert.deepEqual(new Set(await judged(rollout(), back)), new Set(['']));
      const again = [...back, ready(1), set(2, 2)];
      assert.match(await last(rollout(), [...again, remove('pods', 'p1')]), /has 1 pods available, and must have 2/);
    });

    test('is held to nothing until what was taken for lost of a node is taken back', async () => {
      const node = (status: string, key?: string): Step =>
        put('nodes', {
          metadata: { name: 'n1' },
          spec: { ...(key !== undefined && { taints: [{ key, effect: 'NoSchedule' }] }) },
          status: { conditions: [{ type: 'Ready', status }] },
        } as KubeObject);
      const unreachable = 'node.kubernetes.io/unreachable';
      const back = [deployment(0), ...complete, node('Unknown', unreachable), node('True', unreachable), set(2, 2)];
      const markedLate = [...back, ready(1, 'False')];
      assert.deepEqual(new Set(await judged(rollout(), markedLate)), new Set(['']));
      const clean = [...back, node('True'), set(2, 2)];
      assert.match(await last(rollout(), [...clean, ready(1, 'False')]), /has 1 pods available, and must have 2/);
      const drained = [deployment(0), ...complete, node('True', 'node.kubernetes.io/unschedulable')];
      assert.match(await last(rollout(), [...drained, ready(1, 'False')]), /has 1 pods available, and must have 2/);
    });

    test('that has never had all it wants is not held to it', async () => {
      const [begun, first, firstReady, secondReady, told] = complete as [Step, Step, Step, Step, Step];
      const starting = [deployment(0), begun, first, firstReady];
      assert.equal(await last(rollout(), starting), '');
      const unreadyGivenUp = [...starting, set(1, 1, 2, 1), secondReady, remove('pods', 'p2')];
      assert.deepEqual(new Set(await judged(rollout(), unreadyGivenUp)), new Set(['']));
      const unobserved = [...starting, secondReady, set(2, 2, 2, 1), remove('pods', 'p2')];
      assert.deepEqual(new Set(await judged(rollout(), unobserved)), new Set(['']));
      assert.match(await last(rollout(), [...starting, secondReady, told, remove('pods', 'p2')]), /must have 2/);
    });
  });
});

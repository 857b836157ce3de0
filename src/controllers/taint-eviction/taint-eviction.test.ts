import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import type { Pod, Taint, Toleration } from '../../api/schema/types/core-v1.ts';
import { timedOut } from '../../client/errors.ts';
import { intercept } from '../../client/intercept.ts';
import { events, nodes, pods } from '../../client/resources.ts';
import { MetricRegistry } from '../../lib/metrics.ts';
import { counted } from '../shared/testing.ts';
import { inDefault, startWorld, type World } from '../testing.ts';
import { toleratedMs } from './decide.ts';

const taint: Taint = { key: 'kubernetes.io/e2e-evict-taint-key', value: 'evictTaintVal', effect: 'NoExecute' };
const { key, value = '', effect } = taint;
const tolerating = (tolerationSeconds?: number): Toleration => ({
  key,
  value,
  effect,
  ...(tolerationSeconds !== undefined && { tolerationSeconds }),
});

describe('how long a pod stays under taints', () => {
  const other: Taint = { key: 'other', effect: 'NoExecute' };
  const any = (tolerationSeconds?: number): Toleration => ({
    operator: 'Exists',
    ...(tolerationSeconds !== undefined && { tolerationSeconds }),
  });
  const cases: readonly (readonly [string, readonly Toleration[], readonly Taint[], number | undefined])[] = [
    ['without a toleration not at all', [], [taint], 0],
    ['for ever', [tolerating()], [taint], undefined],
    ['as long as it says', [tolerating(5)], [taint], 5000],
    ['not at all for less than nothing', [tolerating(-3)], [taint], 0],
    ['the shortest counts', [tolerating(5), any(3)], [taint], 3000],
    ['one of two is not tolerated', [tolerating(5)], [taint, other], 0],
    ['what is unlimited does not count against a limit', [tolerating(), any(7)], [taint, other], 7000],
  ];
  for (const [name, tolerations, taints, expected] of cases) {
    test(name, () => assert.equal(toleratedMs({ spec: { containers: [], tolerations } }, taints), expected));
  }
});

describe('a NoExecute taint', () => {
  let world: World;
  afterEach(() => world.close());

  const addPod = (name: string, ...tolerations: Toleration[]): Promise<Pod> =>
    world.client.create(pods, {
      metadata: inDefault(name),
      spec: { containers: [{ name: 'main', image: 'image' }], tolerations },
    });
  const setTaints = (...taints: Taint[]) =>
    world.client.patch(nodes, { namespace: '', name: 'node' }, { type: 'merge', body: { spec: { taints } } });
  const left = async () => (await world.list(pods)).map(({ metadata }) => metadata?.name).toSorted();
  const said = async () =>
    (await world.list(events)).filter(({ reason }) => reason === 'TaintManagerEviction').map(({ message }) => message);

  test('evicts pods that do not tolerate it, and leaves the others', async () => {
    world = await startWorld();
    await addPod('goes');
    await addPod('stays', tolerating());
    await world.clock.advance(5_000);
    world.kubelet.endMs = 3_600_000;
    await setTaints(taint);
    await world.clock.advance(1_000);
    const pod = await world.get(pods, 'goes');
    assert.ok(pod?.metadata?.deletionTimestamp);
    const condition = pod.status?.conditions?.find(({ type }) => type === 'DisruptionTarget');
    assert.deepEqual(
      [condition?.status, condition?.reason, condition?.message],
      ['True', 'DeletionByTaintManager', 'Taint manager: deleting due to NoExecute taint'],
    );
    assert.equal((await world.get(pods, 'stays'))?.metadata?.deletionTimestamp, undefined);
    assert.deepEqual(await said(), ['Marking for deletion Pod default/goes']);
  });

  test('eventually evicts pods with finite tolerations', async () => {
    world = await startWorld();
    await addPod('long', tolerating(60));
    await addPod('short', tolerating(10));
    await world.clock.advance(5_000);
    await setTaints(taint);
    await world.clock.advance(9_000);
    assert.deepEqual(await left(), ['long', 'short']);
    await world.clock.advance(3_000);
    assert.deepEqual(await left(), ['long']);
    await world.clock.advance(60_000);
    assert.deepEqual(await left(), []);
  });

  test('removing the taint cancels the eviction', async () => {
    world = await startWorld();
    await addPod('lucky', tolerating(60));
    await world.clock.advance(5_000);
    await setTaints(taint);
    await world.clock.advance(30_000);
    await setTaints();
    await world.clock.advance(120_000);
    assert.deepEqual(await left(), ['lucky']);
    assert.deepEqual(await said(), ['Cancelling deletion of Pod default/lucky']);
  });

  test('the time runs from the first taint on, also when others come', async () => {
    world = await startWorld();
    await addPod('one', tolerating(60), { key: 'other', operator: 'Exists', effect, tolerationSeconds: 50 });
    await world.clock.advance(5_000);
    await setTaints(taint);
    await world.clock.advance(30_000);
    await setTaints(taint, { key: 'other', effect });
    await world.clock.advance(15_000);
    assert.deepEqual(await left(), ['one']);
    await world.clock.advance(8_000);
    assert.deepEqual(await left(), []);
  });

  const seconds = (tolerationSeconds: number) =>
    ({ type: 'merge', body: { spec: { tolerations: [tolerating(tolerationSeconds)] } } }) as const;

  test('a time that runs cannot be prolonged, but made shorter', async () => {
    world = await startWorld();
    await addPod('longer', tolerating(20));
    await addPod('shorter', tolerating(60));
    await world.clock.advance(5_000);
    await setTaints(taint);
    await world.clock.advance(1_000);
    await world.client.patch(pods, inDefault('longer'), seconds(200));
    await world.client.patch(pods, inDefault('shorter'), seconds(10));
    await world.clock.advance(8_000);
    assert.deepEqual(await left(), ['longer', 'shorter']);
    await world.clock.advance(3_000);
    assert.deepEqual(await left(), ['longer']);
    await world.clock.advance(10_000);
    assert.deepEqual(await left(), []);
  });

  test('that is tolerated for ever from now on ends the time that ran', async () => {
    world = await startWorld();
    await addPod('forgiven', tolerating(20));
    await world.clock.advance(5_000);
    await setTaints(taint);
    await world.clock.advance(5_000);
    const body = { spec: { tolerations: [tolerating()] } };
    await world.client.patch(pods, inDefault('forgiven'), { type: 'merge', body });
    await world.clock.advance(60_000);
    assert.deepEqual(await left(), ['forgiven']);
    assert.deepEqual(await said(), ['Cancelling deletion of Pod default/forgiven']);
  });

  test('of two that stays is tolerated for ever: the time of the other ends with it', async () => {
    world = await startWorld();
    await addPod('calm', tolerating(), { key: 'other', operator: 'Exists', effect, tolerationSeconds: 60 });
    await world.clock.advance(5_000);
    await setTaints(taint);
    await setTaints(taint, { key: 'other', effect });
    await world.clock.advance(30_000);
    await setTaints(taint);
    await world.clock.advance(120_000);
    assert.deepEqual(await left(), ['calm']);
  });

  test('is minded by pods that come to the node after it, and by those that it stood on before we began', async () => {
    world = await startWorld();
    await setTaints(taint);
    await world.clock.advance(1_000);
    await addPod('late');
    await addPod('patient', tolerating(30));
    await world.clock.advance(5_000);
    assert.deepEqual(await left(), ['patient']);
    await world.restart();
    await world.clock.advance(28_000);
    assert.deepEqual(await left(), ['patient'], 'after a start it has its whole time again');
    await world.clock.advance(5_000);
    assert.deepEqual(await left(), []);
  });

  test('whose evictions are turned away at first evicts when it can, and counts how late', async () => {
    const metrics = new MetricRegistry();
    let refused = true;
    world = await startWorld({
      metrics,
      wrap: (client) =>
        intercept(client, {
          delete: (real) => async (resource, reference, options) => {
            if (refused && reference.name === 'goes') throw timedOut('nobody home');
            return real.delete(resource, reference, options);
          },
        }),
    });
    await addPod('goes');
    await addPod('stays', tolerating());
    await world.clock.advance(5_000);
    await setTaints(taint);
    await world.clock.advance(10_000);
    const of = (rest: string) => counted(metrics, `taint_eviction_controller_${rest}`)[''] ?? 0;
    assert.deepEqual([await left(), of('pod_deletions_total')], [['goes', 'stays'], 0]);
    refused = false;
    await world.clock.advance(60_000);
    assert.deepEqual([await left(), of('pod_deletions_total')], [['stays'], 1]);
    assert.ok(of('pod_deletion_duration_seconds_sum') >= 10);
  });
});

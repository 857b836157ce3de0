import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import type { Pod, PodResourceClaim } from '../../api/schema/types/core-v1.ts';
import type {
  DeviceRequestAllocationResult,
  DeviceTaint,
  DeviceToleration,
  ResourceClaim,
  ResourceSlice,
} from '../../api/schema/types/resource-v1.ts';
import type { DeviceTaintRule } from '../../api/schema/types/resource-v1beta2.ts';
import {
  deviceTaintRules,
  events,
  pods,
  resourceClaims,
  resourceClaimTemplates,
  resourceSlices,
} from '../../client/resources.ts';
import { formatTime } from '../../lib/clock.ts';
import { allocate, makeClaimTemplate, makePodWithClaims, makeResourceClaim } from '../resource-claim/testing.ts';
import { inDefault, startWorld, type World } from '../testing.ts';
import { evictionOf, selects } from './decide.ts';
import { ruleCondition } from './rule-status.ts';

const driver = 'gpu.example.com';
const shared: PodResourceClaim = { name: 'gpu', resourceClaimName: 'claim' };
const broken: DeviceTaint = { key: 'example.com/broken', effect: 'NoExecute' };
const stays = (tolerationSeconds?: number): DeviceToleration => ({
  key: 'example.com/broken',
  operator: 'Exists',
  effect: 'NoExecute',
  ...(tolerationSeconds !== undefined && { tolerationSeconds }),
});

const makeSlice = (name: string, generation: number, ...taints: readonly DeviceTaint[]): ResourceSlice => ({
  metadata: { name },
  spec: {
    driver,
    nodeName: 'node',
    pool: { name: 'node', generation, resourceSliceCount: 1 },
    devices: [{ name: 'gpu-0', taints }, { name: 'gpu-1' }],
  },
});

const makeRule = (taint: DeviceTaint, selector: DeviceTaintRule['spec']['deviceSelector'] = {}): DeviceTaintRule => ({
  metadata: { name: 'rule' },
  spec: { deviceSelector: selector, taint },
});

describe('when a pod must go', () => {
  const atMs = (seconds: number): string => formatTime(seconds * 1000);
  const at = (seconds: number, taint: DeviceTaint = broken): DeviceTaint => ({ ...taint, timeAdded: atMs(seconds) });
  const other: DeviceTaint = { key: 'example.com/other', value: 'x', effect: 'NoExecute' };
  const pod: Pod = { ...makePodWithClaims('pod', shared), metadata: { ...inDefault('pod'), uid: 'uid' } };
  const bound: Pod = { ...pod, spec: { containers: [], ...pod.spec, nodeName: 'node' } };
  const claim = (tolerations: readonly DeviceToleration[], uid = 'uid'): ResourceClaim => ({
    ...makeResourceClaim('claim'),
    status: {
      allocation: { devices: { results: [{ request: 'gpu', driver, pool: 'node', device: 'gpu-0', tolerations }] } },
      reservedFor: [{ resource: 'pods', name: 'pod', uid }],
    },
  });
  const secondsOf = (
    { tolerations = [], uid, who = bound }: { tolerations?: DeviceToleration[]; uid?: string; who?: Pod },
    slices: readonly ResourceSlice[],
    rules: readonly DeviceTaintRule[] = [],
  ): number | undefined => {
    const view = { claim: () => claim(tolerations, uid), slices: () => slices, rules };
    const eviction = evictionOf(who, view);
    return eviction && eviction.atMs / 1000;
  };
  const tainted = [makeSlice('slice', 1, at(100))];

  const rows: readonly (readonly [string, number | undefined, number | undefined])[] = [
    ['not without taints', secondsOf({}, [makeSlice('slice', 1)]), undefined],
    ['when the taint came', secondsOf({}, tainted), 100],
    ['not before it has a node', secondsOf({ who: pod }, tainted), undefined],
    ['not for a claim that is reserved for another', secondsOf({ uid: 'another' }, tainted), undefined],
    [
      'not for another effect',
      secondsOf({}, [makeSlice('slice', 1, at(100, { ...broken, effect: 'NoSchedule' }))]),
      undefined,
    ],
    ['not where it is tolerated', secondsOf({ tolerations: [stays()] }, tainted), undefined],
    ['not where all is tolerated', secondsOf({ tolerations: [{ operator: 'Exists' }] }, tainted), undefined],
    ['when the time is over', secondsOf({ tolerations: [stays(60)] }, tainted), 160],
    ['when the shorter time is over', secondsOf({ tolerations: [stays(60), stays(30)] }, tainted), 130],
    ['at once where the time is less than none', secondsOf({ tolerations: [stays(-1)] }, tainted), 100],
    [
      'with the first of two taints',
      secondsOf({ tolerations: [stays(60)] }, [makeSlice('slice', 1, at(100), at(120, other))]),
      120,
    ],
    ['not for what an older slice says', secondsOf({}, [...tainted, makeSlice('newer', 2)]), undefined],
    ['for what the newer slice says', secondsOf({}, [makeSlice('older', 0), ...tainted]), 100],
    ['for a rule', secondsOf({}, [], [makeRule(at(50))]), 50],
    ['for a rule without a slice of the device', secondsOf({}, [], [makeRule(at(50), { device: 'gpu-0' })]), 50],
    ['not for a rule for another device', secondsOf({}, [], [makeRule(at(50), { device: 'gpu-1' })]), undefined],
    ['for what comes first of a rule and a slice', secondsOf({}, tainted, [makeRule(at(150))]), 100],
  ];
  for (const [name, found, expected] of rows) test(name, () => assert.equal(found, expected));

  test('a rule without a selector selects nothing', () => {
    const device = { driver, pool: 'node', device: 'gpu-0' };
    assert.equal(selects({ spec: { taint: broken } }, device), false);
    assert.equal(selects({ spec: { taint: broken, deviceSelector: {} } }, device), true);
  });
});

describe('what a rule says of itself', () => {
  const nothing = { pods: 0, namespaces: 0, published: 0, allocated: 0 };
  const said = (effect: DeviceTaint['effect'], counts: Partial<typeof nothing>, evicted = 0): string => {
    const { status, reason, message } = ruleCondition(
      makeRule({ ...broken, effect }),
      { ...nothing, ...counts },
      evicted,
    );
    return `${status} ${reason}: ${message}`;
  };
  const trial =
    'if the effect was NoExecute. This information will not be updated again. Recreate the DeviceTaintRule to trigger an update.';
  const rows: readonly (readonly [string, string])[] = [
    [said('NoExecute', {}), 'False NotStarted: '],
    [
      said('NoExecute', { pods: 1, namespaces: 1 }),
      'True PodsPendingEviction: 1 pod needs to be evicted in 1 namespace.',
    ],
    [
      said('NoExecute', { pods: 3, namespaces: 2 }, 1),
      'True PodsPendingEviction: 3 pods need to be evicted in 2 different namespaces. 1 pod evicted since starting the controller.',
    ],
    [said('NoExecute', {}, 2), 'False Completed: 2 pods evicted since starting the controller.'],
    [said('NoSchedule', {}), 'False OtherEffect: Eviction only happens for the NoExecute effect.'],
    [
      said('None', { pods: 1, namespaces: 1, published: 2, allocated: 1 }),
      `False NoEffect: 2 published devices selected. 1 allocated device selected. 1 pod would be evicted in 1 namespace ${trial}`,
    ],
    [
      said('None', {}),
      `False NoEffect: 0 published devices selected. 0 allocated devices selected. 0 pods would be evicted in 0 different namespaces ${trial}`,
    ],
  ];
  for (const [found, expected] of rows) test(expected, () => assert.equal(found, expected));
});

describe('a tainted device', () => {
  let world: World;
  afterEach(() => world.close());

  /** A pod that runs with the device gpu-0. */
  const start = async (result: Partial<DeviceRequestAllocationResult> = {}): Promise<void> => {
    world = await startWorld();
    await world.client.create(resourceSlices, makeSlice('slice', 1));
    await world.client.create(resourceClaims, makeResourceClaim('claim'));
    const pod = await world.client.create(pods, makePodWithClaims('pod', shared));
    await allocate(world.client, 'claim', [pod], result);
    await world.clock.advance(5_000);
  };
  const setTaints = async (...taints: DeviceTaint[]): Promise<void> => {
    const { spec } = makeSlice('slice', 1, ...taints);
    await world.client.patch(resourceSlices, { namespace: '', name: 'slice' }, { type: 'merge', body: { spec } });
  };
  const addRule = (effect: DeviceTaint['effect']) =>
    world.client.create(deviceTaintRules, makeRule({ ...broken, effect }, { driver }));
  const setEffect = (effect: DeviceTaint['effect']) =>
    world.client.patch(
      deviceTaintRules,
      { namespace: '', name: 'rule' },
      { type: 'merge', body: { spec: { taint: { effect } } } },
    );
  const pod = () => world.get(pods, 'pod');
  const said = async () =>
    (await world.list(events))
      .filter(({ reason }) => reason === 'DeviceTaintManagerEviction')
      .map(({ message }) => message);
  const condition = async () => {
    const { status, reason } = (await world.get(deviceTaintRules, 'rule'))?.status?.conditions?.[0] ?? {};
    return `${status} ${reason}`;
  };

  test('ends the pod that has it, and says why', async () => {
    await start();
    world.kubelet.endMs = 3_600_000;
    await setTaints(broken);
    await world.clock.advance(1_000);
    const ended = await pod();
    assert.ok(ended?.metadata?.deletionTimestamp);
    const { status, reason, message } = ended.status?.conditions?.find(({ type }) => type === 'DisruptionTarget') ?? {};
    assert.deepEqual(
      [status, reason, message],
      ['True', 'DeletionByDeviceTaintManager', 'Device Taint manager: deleting due to NoExecute taint'],
    );
    assert.deepEqual(await said(), ['Marking for deletion']);
  });

  test('ends a pod whose claim was made from a template', async () => {
    world = await startWorld();
    world.kubelet.binds = false;
    await world.client.create(resourceSlices, makeSlice('slice', 1));
    await world.client.create(resourceClaimTemplates, makeClaimTemplate('template'));
    const entry = { name: 'gpu', resourceClaimTemplateName: 'template' };
    const made = await world.client.create(pods, makePodWithClaims('pod', entry));
    await world.clock.advance(1_000);
    const [claim] = await world.list(resourceClaims);
    await allocate(world.client, claim?.metadata?.name ?? '', [made]);
    const target = { kind: 'Node', name: 'node' };
    const binding = { apiVersion: 'v1', kind: 'Binding', metadata: { name: 'pod' }, target };
    await world.client.createSubresource(pods, inDefault('pod'), 'binding', binding);
    await world.clock.advance(5_000);
    assert.equal((await pod())?.status?.phase, 'Running');
    await setTaints(broken);
    await world.clock.advance(10_000);
    assert.equal(await pod(), undefined);
  });

  test('ends the pod later where it is tolerated for a while', async () => {
    await start({ tolerations: [stays(60)] });
    await setTaints(broken);
    await world.clock.advance(55_000);
    assert.equal((await pod())?.metadata?.deletionTimestamp, undefined);
    await world.clock.advance(10_000);
    assert.equal(await pod(), undefined);
  });

  test('leaves the pod where the taint goes in time, and says so', async () => {
    await start({ tolerations: [stays(60)] });
    await setTaints(broken);
    await world.clock.advance(30_000);
    await setTaints();
    await world.clock.advance(120_000);
    assert.equal((await pod())?.metadata?.deletionTimestamp, undefined);
    assert.deepEqual(await said(), ['Cancelling deletion']);
  });

  test('leaves pods alone that have another device of the pool', async () => {
    await start({ device: 'gpu-1' });
    await setTaints(broken);
    await world.clock.advance(10_000);
    assert.equal((await pod())?.metadata?.deletionTimestamp, undefined);
  });

  test('by a rule ends the pod, and the rule tells', async () => {
    await start({ tolerations: [stays(60)] });
    await addRule('NoExecute');
    await world.clock.advance(1_000);
    assert.equal(await condition(), 'True PodsPendingEviction');
    await world.clock.advance(55_000);
    assert.equal(await condition(), 'True PodsPendingEviction');
    await world.clock.advance(20_000);
    assert.equal(await pod(), undefined);
    assert.equal(await condition(), 'False Completed');
  });

  test('by a rule that is taken back leaves the pod', async () => {
    await start({ tolerations: [stays(60)] });
    await addRule('NoExecute');
    await world.clock.advance(30_000);
    await world.client.delete(deviceTaintRules, { namespace: '', name: 'rule' });
    await world.clock.advance(120_000);
    assert.equal((await pod())?.metadata?.deletionTimestamp, undefined);
    assert.deepEqual(await said(), ['Cancelling deletion']);
  });

  test('by a rule without effect is told of first; the time counts from the effect', async () => {
    await start({ tolerations: [stays(60)] });
    await addRule('None');
    await world.clock.advance(90_000);
    const { message } = (await world.get(deviceTaintRules, 'rule'))?.status?.conditions?.[0] ?? {};
    const counted = '2 published devices selected. 1 allocated device selected. 1 pod would be evicted in 1 namespace';
    assert.ok(message?.startsWith(counted), String(message));
    await setEffect('NoExecute');
    await world.clock.advance(55_000);
    assert.equal((await pod())?.metadata?.deletionTimestamp, undefined);
    await world.clock.advance(20_000);
    assert.equal(await pod(), undefined);
  });
});

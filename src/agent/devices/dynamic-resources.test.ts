import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { claimFinalizer } from '../../api/pod-resource-claims.ts';
import type { Pod, PodResourceClaim } from '../../api/schema/types/core-v1.ts';
import { events, pods, resourceClaims } from '../../client/resources.ts';
import { VirtualClock } from '../../lib/clock.ts';
import { SeededPrng } from '../../lib/prng.ts';
import { simulatedPlatform } from '../../simulation/simulated-platform.ts';
import { SimulatedRuntime } from '../../simulation/simulated-runtime.ts';
import { startNode, type TestNode } from '../cluster-testing.ts';
import { noDrivers } from './dynamic-resources.ts';

const shared: PodResourceClaim = { name: 'gpu', resourceClaimName: 'claim' };
const reference = { namespace: 'default', name: 'claim' };

describe('a pod with devices', () => {
  let node: TestNode;
  afterEach(() => node.close());

  const run = (entry: PodResourceClaim): Promise<Pod> =>
    node.run({
      resourceClaims: [entry],
      containers: [{ name: 'app', image: 'app:1', resources: { claims: [{ name: entry.name }] } }],
    });
  const addClaim = async (user?: Pod): Promise<void> => {
    const devices = { requests: [{ name: 'gpu', exactly: { deviceClassName: 'gpu' } }] };
    const metadata = { ...reference, finalizers: [claimFinalizer] };
    const claim = await node.client.create(resourceClaims, { metadata, spec: { devices } });
    if (user === undefined) return;
    const results = [{ request: 'gpu', driver: 'gpu.example.com', pool: 'node-1', device: 'gpu-0' }];
    const reservedFor = [{ resource: 'pods', name: user.metadata?.name ?? '', uid: user.metadata?.uid ?? '' }];
    const status = { allocation: { devices: { results } }, reservedFor };
    await node.client.update(resourceClaims, { ...claim, status }, { subresource: 'status' });
  };
  const said = async (): Promise<readonly string[]> => {
    await node.clock.advance(10_000);
    const { items } = await node.client.list(events, { namespace: 'default' });
    const failed = items.filter(({ reason }) => reason === 'FailedPrepareDynamicResources');
    return failed.map(({ type, message }) => `${type}: ${message}`);
  };
  const prefix = 'Warning: Failed to prepare dynamic resources: prepare dynamic resources';
  const isUid = /[0-9a-f-]{36}/g;

  test('starts with a claim that is reserved for it', async () => {
    node = await startNode();
    await addClaim(await run(shared));
    await node.running();
  });

  test('waits for a claim that is not there, and starts when it is', async () => {
    node = await startNode();
    const pod = await run(shared);
    assert.deepEqual(await said(), [
      `${prefix}: fetch ResourceClaim claim: resourceclaims.resource.k8s.io "claim" not found`,
    ]);
    const waiting = (await node.pod()).status?.containerStatuses?.[0]?.state?.waiting;
    assert.equal(waiting?.reason, 'ContainerCreating');
    await addClaim(pod);
    await node.running();
  });

  test('waits for a claim that is not reserved for it', async () => {
    node = await startNode();
    await addClaim();
    await run(shared);
    const [first, ...others] = await said();
    assert.equal(
      first?.replaceAll(isUid, 'UID'),
      `${prefix}: pod web(UID) is not allowed to use ResourceClaim claim(UID)`,
    );
    assert.deepEqual(others, []);
    assert.equal((await node.pod()).status?.phase, 'Pending');
  });

  test('waits for the claim that a template stands for, and takes no other', async () => {
    node = await startNode();
    const pod = await run({ name: 'gpu', resourceClaimTemplateName: 'template' });
    assert.deepEqual(await said(), [
      `${prefix}: prepare ResourceClaim: pod "default/web": ResourceClaim not created yet`,
    ]);
    await addClaim(pod);
    const status = { resourceClaimStatuses: [{ name: 'gpu', resourceClaimName: 'claim' }] };
    const patch = { type: 'strategic', body: { status } } as const;
    await node.client.patch(pods, { namespace: 'default', name: 'web' }, patch, { subresource: 'status' });
    const owner = 'ResourceClaim default/claim was not created for pod default/web (pod is not owner)';
    assert.ok((await said()).includes(`${prefix}: ${owner}`));
  });

  test('waits where no driver can prepare them', async () => {
    const clock = new VirtualClock();
    const bare = new SimulatedRuntime({ clock, prng: new SeededPrng(1), podCidr: '10.42.0.0/24' });
    const platform = { ...simulatedPlatform(bare), devices: noDrivers };
    node = await startNode({ agent: { platform } });
    await addClaim(await run(shared));
    assert.ok((await said()).includes(`${prefix}: DRA driver gpu.example.com is not registered`));
    assert.equal((await node.pod()).status?.phase, 'Pending');
  });
});

import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import { claimFinalizer } from '../../api/pod-resource-claims.ts';
import type { Pod, PodResourceClaim } from '../../api/schema/types/core-v1.ts';
import type { ResourceClaim } from '../../api/schema/types/resource-v1.ts';
import type { Client } from '../../client/client.ts';
import { intercept } from '../../client/intercept.ts';
import { events, pods, resourceClaims, resourceClaimTemplates } from '../../client/resources.ts';
import { MetricRegistry } from '../../lib/metrics.ts';
import { inDefault, startWorld, type World } from '../testing.ts';
import { decideEntry, decideUpkeep } from './decide.ts';
import { ClaimMetrics } from './metrics.ts';
import { allocate, makeClaimTemplate, makePodWithClaims, makeResourceClaim } from './testing.ts';

const generated: PodResourceClaim = { name: 'gpu', resourceClaimTemplateName: 'template' };
const shared: PodResourceClaim = { name: 'gpu', resourceClaimName: 'claim' };

describe("the name of a pod's claim", () => {
  const baseOf = (pod: string, entry: string): string | undefined => {
    const template = makeClaimTemplate('template');
    const view = { claim: () => undefined, owned: [], template: () => template };
    const plan = decideEntry(makePodWithClaims(pod, generated), { ...generated, name: entry }, view);
    return plan.kind === 'create' ? plan.claim.metadata?.generateName : undefined;
  };

  test('begins with those of both', () => assert.equal(baseOf('pod', 'gpu'), 'pod-gpu-'));

  test('keeps something of both where they are long', () => {
    const base = baseOf('p'.repeat(60), 'c'.repeat(20)) ?? '';
    assert.match(base, /^p{41}-c{13}$/);
    assert.ok(base.length <= 57);
  });
});

test('claims are counted by what they have, how, and what made them', () => {
  const registry = new MetricRegistry();
  const plain = makeResourceClaim('claim');
  const annotated = (name: string, value: string): ResourceClaim => ({
    ...plain,
    metadata: { ...plain.metadata, annotations: { [`resource.kubernetes.io/${name}`]: value } },
  });
  const requests = [{ name: 'all', exactly: { deviceClassName: 'gpu', adminAccess: true } }];
  const claims: readonly ResourceClaim[] = [
    plain,
    plain,
    { ...plain, status: { allocation: {} } },
    { ...annotated('pod-claim-name', 'gpu'), spec: { devices: { requests } } },
    annotated('extended-resource-claim', 'true'),
  ];
  const metrics = new ClaimMetrics(registry, () => claims);
  metrics.created(plain, 'success');
  metrics.created(plain, 'failure');
  const counted = (): readonly string[] =>
    registry
      .text()
      .split('\n')
      .filter((line) => /^[a-z]/.test(line));
  const expected = [
    'resourceclaim_controller_creates_total{status="success",admin_access="false"} 1',
    'resourceclaim_controller_creates_total{status="failure",admin_access="false"} 1',
    'resourceclaim_controller_resource_claims{allocated="false",admin_access="false",source=""} 2',
    'resourceclaim_controller_resource_claims{allocated="true",admin_access="false",source=""} 1',
    'resourceclaim_controller_resource_claims{allocated="false",admin_access="true",source="resource_claim_template"} 1',
    'resourceclaim_controller_resource_claims{allocated="false",admin_access="false",source="extended_resource"} 1',
  ];
  assert.deepEqual(counted(), expected);
  assert.deepEqual(counted(), expected, 'and the same when they are looked at again');
});

describe('what becomes of a claim without users', () => {
  const devices = { results: [] };
  const users = [{ resource: 'pods', name: 'pod', uid: 'uid' }];
  const plan = (finalizers: readonly string[], status: ResourceClaim['status'] = {}, more: object = {}): object => {
    const { metadata, spec } = makeResourceClaim('claim');
    const claim = { metadata: { ...metadata, ...more, finalizers }, spec, status };
    return decideUpkeep(claim, () => false, undefined);
  };
  const nothing = { status: undefined, releases: false, deletes: false };
  const deletionTimestamp = '2026-01-01T00:00:00Z';

  test('gives its devices back with the last of them', () =>
    assert.deepEqual(plan([claimFinalizer], { allocation: { devices }, reservedFor: users }), {
      status: {},
      releases: true,
      deletes: false,
    }));

  test('keeps devices that somebody else handed out', () =>
    assert.deepEqual(plan([], { allocation: { devices }, reservedFor: users }), {
      status: { allocation: { devices } },
      releases: false,
      deletes: false,
    }));

  test('keeps devices that nobody used yet', () =>
    assert.deepEqual(plan([claimFinalizer], { allocation: { devices } }), nothing));

  test('is let go where it is deleted, with devices and without', () => {
    assert.deepEqual(plan([claimFinalizer], { allocation: { devices } }, { deletionTimestamp }), {
      status: {},
      releases: true,
      deletes: false,
    });
    assert.deepEqual(plan([claimFinalizer], {}, { deletionTimestamp }), { ...nothing, releases: true });
    assert.deepEqual(plan(['example.com/other'], {}, { deletionTimestamp }), nothing);
  });
});

describe('a pod with a claim', () => {
  let world: World;
  afterEach(() => world.close());

  const start = async (wrap?: (client: Client) => Client): Promise<void> => {
    world = await startWorld(wrap && { wrap });
    world.kubelet.binds = false;
  };
  const addPod = (name: string, ...entries: PodResourceClaim[]): Promise<Pod> =>
    world.client.create(pods, makePodWithClaims(name, ...entries));
  const addTemplate = () => world.client.create(resourceClaimTemplates, makeClaimTemplate('template'));
  const addClaim = (name = 'claim') => world.client.create(resourceClaims, makeResourceClaim(name));
  const claims = () => world.list(resourceClaims);
  const claim = (name = 'claim') => world.get(resourceClaims, name);
  const claimOf = async (name: string): Promise<ResourceClaim | undefined> =>
    (await claims()).find(({ metadata }) => metadata?.ownerReferences?.[0]?.name === name);
  const madeFor = async (name: string): Promise<string> => (await claimOf(name))?.metadata?.name ?? '';
  const statuses = async (name: string) => (await world.get(pods, name))?.status?.resourceClaimStatuses;
  const users = async (name = 'claim') => (await claim(name))?.status?.reservedFor?.map((user) => user.name) ?? [];
  const said = async () =>
    (await world.list(events))
      .filter(({ reason }) => reason === 'FailedResourceClaimCreation')
      .map(({ type, message }) => `${type}: ${message}`);
  const setPhase = (name: string, phase: string) =>
    world.client.patch(
      pods,
      inDefault(name),
      { type: 'strategic', body: { status: { phase } } },
      { subresource: 'status' },
    );
  const settle = () => world.clock.advance(2_000);

  describe('from a template', () => {
    test("gets one that is the pod's, is told its name, and keeps it", async () => {
      await start();
      await addTemplate();
      const { metadata } = await addPod('pod', generated);
      await settle();
      const [made, ...others] = await claims();
      assert.equal(others.length, 0);
      assert.match(made?.metadata?.name ?? '', /^pod-gpu-.{5}$/);
      assert.deepEqual(made?.metadata?.labels, { a: 'b' });
      assert.deepEqual(made?.metadata?.annotations, { c: 'd', 'resource.kubernetes.io/pod-claim-name': 'gpu' });
      const owner = { apiVersion: 'v1', kind: 'Pod', name: 'pod', uid: metadata?.uid ?? '' };
      assert.deepEqual(made?.metadata?.ownerReferences, [{ ...owner, controller: true, blockOwnerDeletion: true }]);
      assert.equal(made?.spec.devices?.requests?.[0]?.exactly?.deviceClassName, 'gpu');
      assert.deepEqual(await statuses('pod'), [{ name: 'gpu', resourceClaimName: made?.metadata?.name }]);
      await world.clock.advance(120_000);
      assert.equal((await claims()).length, 1);
    });

    test('waits for the template, and says so', async () => {
      await start();
      await addPod('pod', generated);
      await settle();
      const [first] = await said();
      const missing = 'resource claim template "template": resourceclaimtemplate.resource.k8s.io "template" not found';
      assert.equal(first, `Warning: PodResourceClaim gpu: ${missing}`);
      await addTemplate();
      await settle();
      assert.equal((await statuses('pod'))?.[0]?.resourceClaimName, await madeFor('pod'));
    });

    test('gets a new one where its own was deleted', async () => {
      await start();
      await addTemplate();
      await addPod('pod', generated);
      await settle();
      const first = await madeFor('pod');
      await world.client.delete(resourceClaims, inDefault(first));
      await settle();
      const second = await madeFor('pod');
      assert.notEqual(second, first);
      assert.deepEqual(await statuses('pod'), [{ name: 'gpu', resourceClaimName: second }]);
    });

    test('finds what was made before its name could be written down', async () => {
      let refused = 0;
      await start((client) =>
        intercept(client, {
          patch: (real) => (resource, reference, patch, options) => {
            if (resource.resource === 'pods' && refused++ === 0) return Promise.reject(new Error('nobody there'));
            return real.patch(resource, reference, patch, options);
          },
        }),
      );
      await addTemplate();
      await addPod('pod', generated);
      await settle();
      assert.ok(refused > 1, 'the first attempt failed');
      assert.equal((await claims()).length, 1);
      assert.equal((await statuses('pod'))?.[0]?.resourceClaimName, await madeFor('pod'));
    });

    test('gets no second one while the cache does not show the first', async () => {
      let refused = 0;
      let held: (() => void)[] | undefined = [];
      await start((client) =>
        intercept(client, {
          patch: (real) => (resource, reference, patch, options) => {
            if (resource.resource === 'pods' && refused++ === 0) return Promise.reject(new Error('nobody there'));
            return real.patch(resource, reference, patch, options);
          },
          watch: (real) => (resource, query, handler) => {
            if (resource.resource !== 'resourceclaims') return real.watch(resource, query, handler);
            const event: typeof handler.event = (seen) => {
              if (held === undefined) handler.event(seen);
              else held.push(() => handler.event(seen));
            };
            return real.watch(resource, query, { event, end: (error) => handler.end(error) });
          },
        }),
      );
      await addTemplate();
      await addPod('pod', generated);
      await settle();
      assert.ok(refused > 1, 'the first attempt failed');
      assert.equal((await claims()).length, 1);
      for (const show of held) show();
      held = undefined;
      await world.clock.advance(120_000);
      assert.equal((await claims()).length, 1);
      assert.equal((await statuses('pod'))?.[0]?.resourceClaimName, await madeFor('pod'));
    });

    test('gets one for each of its entries', async () => {
      await start();
      await addTemplate();
      await addPod('pod', generated, { ...generated, name: 'nic' });
      await settle();
      assert.equal((await claims()).length, 2);
      assert.deepEqual(
        (await statuses('pod'))?.map(({ name }) => name),
        ['gpu', 'nic'],
      );
    });

    test('loses it, and the devices, when it has come to its end', async () => {
      await start();
      await addTemplate();
      const pod = await addPod('pod', generated);
      await settle();
      await allocate(world.client, await madeFor('pod'), [pod]);
      await settle();
      assert.equal((await claims()).length, 1);
      await setPhase('pod', 'Succeeded');
      await settle();
      assert.deepEqual(await claims(), []);
      assert.equal((await world.get(pods, 'pod'))?.status?.phase, 'Succeeded');
    });
  });

  test('made for its extended resources by the scheduler loses it at its end', async () => {
    await start();
    const resources = { requests: { 'example.com/gpu': '1' }, limits: { 'example.com/gpu': '1' } };
    const containers = [{ name: 'main', image: 'image', resources }];
    const pod = await world.client.create(pods, { metadata: inDefault('pod'), spec: { containers } });
    const { name = '', uid = '' } = pod.metadata ?? {};
    const ownerReferences = [{ apiVersion: 'v1', kind: 'Pod', name, uid, controller: true, blockOwnerDeletion: true }];
    const special = makeResourceClaim('pod-extended-resources');
    const annotations = { 'resource.kubernetes.io/extended-resource-claim': 'true' };
    await world.client.create(resourceClaims, {
      ...special,
      metadata: { ...special.metadata, annotations, ownerReferences },
    });
    await allocate(world.client, 'pod-extended-resources', [pod]);
    const requestMappings = [{ containerName: 'main', resourceName: 'example.com/gpu', requestName: 'gpu' }];
    const status = { extendedResourceClaimStatus: { resourceClaimName: 'pod-extended-resources', requestMappings } };
    const patch = { type: 'merge', body: { status } } as const;
    await world.client.patch(pods, inDefault('pod'), patch, { subresource: 'status' });
    await settle();
    assert.deepEqual(await users('pod-extended-resources'), ['pod']);
    await setPhase('pod', 'Failed');
    await settle();
    assert.deepEqual(await claims(), []);
  });

  test('that has a node past the scheduler becomes its user once there are devices', async () => {
    await start();
    await addClaim();
    world.kubelet.binds = true;
    await addPod('pod', shared);
    await settle();
    assert.deepEqual(await users(), []);
    await allocate(world.client, 'claim', []);
    await settle();
    assert.deepEqual(await users(), ['pod']);
  });

  test('that waits for the scheduler does not become its user here', async () => {
    await start();
    await addClaim();
    await addPod('pod', shared);
    await allocate(world.client, 'claim', []);
    await settle();
    assert.deepEqual(await users(), []);
    assert.ok((await claim())?.status?.allocation, 'what nobody used yet is not taken back');
  });

  describe('that others use, too', () => {
    const share = async (): Promise<void> => {
      await start();
      await addClaim();
      await allocate(world.client, 'claim', [await addPod('one', shared), await addPod('two', shared)]);
      await settle();
      assert.deepEqual(await users(), ['one', 'two']);
    };

    test('is a user until it has come to its end, and the devices go back with the last', async () => {
      await share();
      await setPhase('one', 'Succeeded');
      await settle();
      assert.deepEqual(await users(), ['two']);
      assert.ok((await claim())?.status?.allocation);
      await world.client.delete(pods, inDefault('two'), { gracePeriodSeconds: 0 });
      await settle();
      const left = await claim();
      assert.deepEqual([left?.status, left?.metadata?.finalizers], [{}, undefined]);
    });

    test('is no user any more where another has its name', async () => {
      await share();
      await world.client.delete(pods, inDefault('one'), { gracePeriodSeconds: 0 });
      await addPod('one', shared);
      await settle();
      assert.deepEqual(await users(), ['two']);
    });

    test('holds a deleted claim until its end', async () => {
      await share();
      await world.client.delete(resourceClaims, inDefault('claim'));
      await settle();
      assert.deepEqual(await users(), ['one', 'two']);
      await setPhase('one', 'Failed');
      await setPhase('two', 'Failed');
      await settle();
      assert.equal(await claim(), undefined);
    });
  });

  test('that nobody uses goes although it has devices', async () => {
    await start();
    await addClaim();
    await allocate(world.client, 'claim', []);
    await world.client.delete(resourceClaims, inDefault('claim'));
    await settle();
    assert.equal(await claim(), undefined);
  });

  test('that a user of another kind has is left to it', async () => {
    await start();
    await addClaim();
    const held = await allocate(world.client, 'claim', []);
    const group = { apiGroup: 'scheduling.k8s.io', resource: 'podgroups', name: 'group', uid: 'uid' };
    const status = { ...held.status, reservedFor: [group] };
    await world.client.update(resourceClaims, { ...held, status }, { subresource: 'status' });
    await settle();
    assert.deepEqual(await users(), ['group']);
    assert.deepEqual((await claim())?.metadata?.finalizers, [claimFinalizer]);
  });

  test('that the cache does not show yet is asked for before it counts as gone', async () => {
    await start();
    await addClaim();
    const pod = await addPod('pod', shared);
    const ghost = { ...pod, metadata: { ...pod.metadata, name: 'ghost', uid: 'ghost' } };
    await allocate(world.client, 'claim', [pod, ghost]);
    await settle();
    assert.deepEqual(await users(), ['pod']);
  });

  test('whose name another had, which the cache still shows, stays a user', async () => {
    let held: (() => void)[] | undefined;
    await start((client) =>
      intercept(client, {
        watch: (real) => (resource, query, handler) => {
          const event: typeof handler.event = (seen) => {
            if (held === undefined || resource.resource !== 'pods') handler.event(seen);
            else held.push(() => handler.event(seen));
          };
          return real.watch(resource, query, { event, end: (error) => handler.end(error) });
        },
      }),
    );
    await addClaim();
    await addPod('pod', shared);
    await settle();
    held = [];
    await world.client.delete(pods, inDefault('pod'), { gracePeriodSeconds: 0 });
    await allocate(world.client, 'claim', [await addPod('pod', shared)]);
    await settle();
    assert.deepEqual(await users(), ['pod']);
    for (const show of held) show();
    held = undefined;
    await settle();
    assert.deepEqual(await users(), ['pod']);
  });
});

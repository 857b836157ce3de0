import assert from 'node:assert/strict';
import { afterEach, describe, test } from 'node:test';
import type { Client } from '../../client/client.ts';
import { timedOut } from '../../client/errors.ts';
import { inProcessClient } from '../../client/in-process-client.ts';
import { intercept } from '../../client/intercept.ts';
import { events, nodes } from '../../client/resources.ts';
import { startTestApi, type TestApi } from '../../client/testing.ts';
import { MetricRegistry } from '../../lib/metrics.ts';
import { storeAuthorization } from '../../server/authorization/store-authorization.ts';
import { serviceAccount } from '../../server/rbac/testing.ts';
import { counted } from '../shared/testing.ts';
import { nodeIpamController } from './controller.ts';
import { NodeRanges } from './ranges.ts';

function freeOf(ranges: NodeRanges): string | undefined {
  const cidr = ranges.free();
  if (cidr !== undefined) ranges.occupy(cidr);
  return cidr;
}

describe('the parts of a range', () => {
  test('are given one after the other, those taken left out, and again when they are free', () => {
    const ranges = new NodeRanges('10.42.0.0/22');
    ranges.occupy('10.42.1.0/24');
    assert.deepEqual(
      [freeOf(ranges), freeOf(ranges), freeOf(ranges), freeOf(ranges)],
      ['10.42.0.0/24', '10.42.2.0/24', '10.42.3.0/24', undefined],
    );
    ranges.release('10.42.2.0/24');
    assert.equal(freeOf(ranges), '10.42.2.0/24');
  });

  test('are taken by larger and smaller ranges that touch them, and not by others', () => {
    const ranges = new NodeRanges('10.42.0.0/22');
    ranges.occupy('10.42.0.0/23');
    ranges.occupy('10.42.2.128/25');
    for (const elsewhere of ['10.43.0.0/24', '10.41.255.0/24', 'fd00::/64']) ranges.occupy(elsewhere);
    assert.deepEqual([freeOf(ranges), freeOf(ranges)], ['10.42.3.0/24', undefined]);
  });

  test('are free only when all who hold them are gone', () => {
    const ranges = new NodeRanges('10.42.0.0/24');
    ranges.occupy('10.42.0.0/24');
    ranges.occupy('10.42.0.0/24');
    ranges.release('10.42.0.0/24');
    assert.equal(ranges.free(), undefined);
    ranges.release('10.42.0.0/24');
    assert.equal(ranges.free(), '10.42.0.0/24');
  });

  test('exist in IPv6, too, and not for too large a range', () => {
    const ranges = new NodeRanges('fd00:0:0:10::/60');
    assert.deepEqual([freeOf(ranges), freeOf(ranges)], ['fd00:0:0:10::/64', 'fd00:0:0:11::/64']);
    assert.throws(() => new NodeRanges('fd00::/40'), /too large/);
  });
});

describe('nodes', () => {
  let close: () => Promise<void>;
  afterEach(() => close());

  interface Options {
    readonly metrics?: MetricRegistry;
    readonly wrap?: (client: Client) => Client;
  }

  async function start(
    clusterCidrs: readonly string[],
    { metrics, wrap = (client) => client }: Options = {},
  ): Promise<TestApi> {
    const api = await startTestApi();
    const { authorizer, services: indexes } = storeAuthorization(api.store);
    const clientFor = (account: string): Client => {
      const user = serviceAccount('kube-system', account);
      return wrap(inProcessClient({ handler: api.registry, authorizer, user, resources: api.resources }));
    };
    const loops = nodeIpamController({ ...api, clientFor, rootCa: 'CA', clusterCidrs, ...(metrics && { metrics }) });
    const started = [...indexes, api.informers, ...loops];
    for (const service of started) await service.start();
    close = async () => {
      for (const service of started.toReversed()) await service.close();
      await api.store.close();
    };
    return api;
  }

  const rangesOf = async ({ client, clock }: TestApi, name: string) => {
    await clock.advance(1_000);
    return (await client.get(nodes, { namespace: '', name })).spec?.podCIDRs;
  };

  test('get a range of each family where they bring none', async () => {
    const api = await start(['10.42.0.0/16', 'fd00:42::/56']);
    await api.client.create(nodes, { metadata: { name: 'own' }, spec: { podCIDR: '10.42.0.0/24' } });
    await api.client.create(nodes, { metadata: { name: 'a' } });
    await api.client.create(nodes, { metadata: { name: 'b' } });
    assert.deepEqual(await rangesOf(api, 'own'), ['10.42.0.0/24']);
    assert.deepEqual(await rangesOf(api, 'a'), ['10.42.1.0/24', 'fd00:42::/64']);
    assert.deepEqual(await rangesOf(api, 'b'), ['10.42.2.0/24', 'fd00:42:0:1::/64']);
  });

  test('wait where none is left, and get that of one that goes', async () => {
    const api = await start(['10.42.0.0/24']);
    await api.client.create(nodes, { metadata: { name: 'a' } });
    assert.deepEqual(await rangesOf(api, 'a'), ['10.42.0.0/24']);
    await api.client.create(nodes, { metadata: { name: 'b' } });
    assert.equal(await rangesOf(api, 'b'), undefined);
    const [event] = (await api.client.list(events)).items;
    assert.deepEqual([event?.reason, event?.message], ['CIDRNotAvailable', 'Node b status is now: CIDRNotAvailable']);
    await api.client.delete(nodes, { namespace: '', name: 'a' });
    await api.clock.advance(60_000);
    assert.deepEqual(await rangesOf(api, 'b'), ['10.42.0.0/24']);
  });

  test("keep what they bring, of one family or of ranges that are not the cluster's", async () => {
    const api = await start(['10.42.0.0/23', 'fd00:42::/63']);
    const bring = (name: string, ...podCIDRs: string[]) =>
      api.client.create(nodes, { metadata: { name }, spec: { podCIDR: podCIDRs[0] ?? '', podCIDRs } });
    await bring('far', '192.168.0.0/24');
    await bring('single', '10.42.1.0/24');
    await bring('wide', 'fd00:42::/64', '172.16.0.0/12');
    await api.client.create(nodes, { metadata: { name: 'a' } });
    assert.deepEqual(await rangesOf(api, 'far'), ['192.168.0.0/24']);
    assert.deepEqual(await rangesOf(api, 'a'), ['10.42.0.0/24', 'fd00:42:0:1::/64']);
  });

  test('that cannot be written say so, and get the range that was chosen when they can', async () => {
    let refused = true;
    const metrics = new MetricRegistry();
    const api = await start(['10.42.0.0/23'], {
      metrics,
      wrap: (client) =>
        intercept(client, {
          patch: (real) => async (resource, where, patch, options) => {
            if (refused && where.name === 'a') throw timedOut('nobody home');
            return real.patch(resource, where, patch, options);
          },
        }),
    });
    await api.client.create(nodes, { metadata: { name: 'a' } });
    await api.clock.advance(1_000);
    await api.client.create(nodes, { metadata: { name: 'b' } });
    assert.deepEqual(await rangesOf(api, 'b'), ['10.42.1.0/24'], 'the other may have been written');
    const [event] = (await api.client.list(events)).items;
    assert.equal(event?.message, 'Node a status is now: CIDRAssignmentFailed');
    refused = false;
    await api.clock.advance(60_000);
    assert.deepEqual(await rangesOf(api, 'a'), ['10.42.0.0/24']);

    const of = (rest: string) => counted(metrics, `node_ipam_controller_${rest}`)['clusterCIDR="10.42.0.0/23"'];
    assert.deepEqual([of('cidrset_cidrs_allocations_total'), of('cidrset_cidrs_releases_total')], [2, undefined]);
    assert.deepEqual([of('cirdset_max_cidrs'), of('cidrset_usage_cidrs')], [2, 1]);
    assert.deepEqual([of('cidrset_allocation_tries_per_request_count')], [2]);
    await api.client.delete(nodes, { namespace: '', name: 'b' });
    await api.clock.advance(1_000);
    assert.deepEqual([of('cidrset_cidrs_releases_total'), of('cidrset_usage_cidrs')], [1, 0.5]);
  });
});

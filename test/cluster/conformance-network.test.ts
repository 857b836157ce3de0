/**
 * The steps of upstream's tests of [sig-network] (`test/e2e/network`, `test/e2e/common/network`), on real containers, under upstream's own names as far as
 * they are one test there: pods ask pods, Services and names, and so does a pod in the machine's own network.
 *
 * Elsewhere stand: what is seen at the API alone (`test/clients/conformance`, with Ingress and IngressClass); what needs several nodes
 * (`network-nodes.test.ts`); the kernel's rules in all their cases, dual stack, gateways and policies (`test/network`).
 */
import assert from 'node:assert/strict';
import process from 'node:process';
import { after, before, describe, test } from 'node:test';
import type { Pod } from '../../src/api/schema/types/core-v1.ts';
import { eventually, freePort, leftSince, machineState, TestCluster } from '../harness.ts';
import { accessTests } from './conformance-network/access.ts';
import { affinityTests } from './conformance-network/affinity.ts';
import { clusterIp, NetworkLab, nodePort } from './conformance-network/lab.ts';
import { nameTests } from './conformance-network/names.ts';
import { networkingTests } from './conformance-network/networking.ts';
import { serviceTests } from './conformance-network/services.ts';
import { typeTests } from './conformance-network/types.ts';
import { needsContainers } from './containerd-lab.ts';

describe('conformance: the network', { timeout: 900_000, ...needsContainers }, () => {
  let lab: NetworkLab | undefined;
  let pods: Readonly<Record<'client' | 'onHost', Pod>> | undefined;
  let before_: readonly string[];

  before(async () => {
    before_ = await machineState();
    lab = await NetworkLab.up();
    const client = lab.ready('client');
    const onHost = lab.ready('on-host', { hostNetwork: true, http: [await freePort()] });
    pods = { client: await client, onHost: await onHost };
  });

  after(async () => {
    lab?.close();
    await TestCluster.closeAll();
    assert.deepEqual(await leftSince(before_), [], 'naru down leaves nothing behind on the machine');
  });

  const getLab = (): NetworkLab => {
    assert.ok(lab !== undefined, 'the cluster is up');
    return lab;
  };
  const podOf = (name: 'client' | 'onHost') => (): Pod => {
    assert.ok(pods !== undefined, 'the pods that ask run');
    return pods[name];
  };
  const [client, onHost] = [podOf('client'), podOf('onHost')];

  describe('side by side', { concurrency: 8 }, () => {
    // What waits longest begins first.
    affinityTests(getLab, client);
    accessTests(getLab, client);
    typeTests(getLab, client, onHost);
    serviceTests(getLab, client, onHost);
    networkingTests(getLab, client, onHost);
    nameTests(getLab, client);
  });

  test('Services: should work while naru is killed and started again, and change after that', async () => {
    const service = await getLab().service('survivor', { type: 'NodePort' });
    await getLab().ready('survivor');
    const places = [{ host: clusterIp(service) }, { host: await getLab().nodeAddress(), port: nodePort(service) }];
    for (const place of places) await getLab().reaches(client(), place, ['survivor']);
    const { cluster } = getLab();
    const over = new AbortController();
    const asking = places.map(async (place) => {
      let asked = 0;
      while (!over.signal.aborted) {
        const { errors, answers } = await getLab().dial(client(), { ...place, tries: 10 });
        assert.deepEqual(errors, [], `${place.host}, after ${asked} answers`);
        asked += answers.length;
      }
      return asked;
    });
    process.kill(cluster.pid, 'SIGKILL');
    await cluster.mustNaru('up', '--wait');
    await eventually('the node is Ready', async () => (await cluster.mustKubectl('get', 'nodes')).includes(' Ready'));
    over.abort();
    for (const asked of await Promise.all(asking)) assert.ok(asked > 0);
    await cluster.mustKubectl('delete', 'pod', 'survivor', '--now');
    for (const place of places) await getLab().fails(client(), place);
    await eventually('names are answered again', async () => {
      const { errors, answers } = await getLab().dial(client(), { host: 'kubernetes', port: 443 });
      // The API speaks TLS only: what counts is that it was found.
      return answers.length === 1 || errors[0] === 'ECONNRESET' || errors[0]?.startsWith('HPE_');
    });
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Pod } from '../../api/schema/types/core-v1.ts';
import type { NetworkPolicy } from '../../api/schema/types/networking-v1.ts';
import type { Client } from '../../client/client.ts';
import { namespaces, networkPolicies, nodes, pods, serviceAccounts, services } from '../../client/resources.ts';
import type { PodGate } from '../context.ts';
import { type NetworkWorld, startNetworkWorld } from '../testing.ts';
import { PolicyPart } from './policy-part.ts';
import { TableModel } from './testing.ts';

class ClosableModel extends TableModel {
  close(): Promise<void> {
    return Promise.resolve();
  }
}

interface PartWorld extends NetworkWorld {
  readonly table: ClosableModel;
  readonly part: PolicyPart;
  readonly gates: Set<PodGate>;
  /** Resources that informers asked for. */
  readonly listed: ReadonlySet<string>;
  /** Does the node forward it? */
  passes(from: string, to: string, port?: number): boolean;
}

async function startPart(act: (world: PartWorld) => Promise<void>): Promise<void> {
  const listed = new Set<string>();
  const world = await startNetworkWorld({
    wrap: (client) =>
      Object.assign(Object.create(client) as Client, {
        list: ((resource, query) => {
          listed.add(resource.resource);
          return client.list(resource, query);
        }) satisfies Client['list'],
      }),
  });
  const gates = new Set<PodGate>();
  const addPodGate = (gate: PodGate) => {
    gates.add(gate);
    return () => void gates.delete(gate);
  };
  const table = new ClosableModel();
  const part = new PolicyPart({ ...world.context, machine: { ...world.context.machine, addPodGate } }, table);
  const passes = (from: string, to: string, port = 80): boolean =>
    table.load().forwards({ from, to, protocol: 'tcp', port });
  try {
    await world.client.create(nodes, {
      metadata: { name: 'node-1' },
      spec: { podCIDR: '10.42.0.0/24', podCIDRs: ['10.42.0.0/24'] },
    });
    for (const name of ['x', 'y']) {
      await world.client.create(namespaces, { metadata: { name, labels: { 'kubernetes.io/metadata.name': name } } });
      const metadata = { namespace: name, name: 'default' };
      await world.client.create(serviceAccounts, { metadata, automountServiceAccountToken: false });
    }
    await part.start();
    await world.settle();
    await act({ ...world, table, part, gates, listed, passes });
  } finally {
    await part.close();
    await world.close();
  }
}

async function addPod({ client, settle }: PartWorld, namespace: string, name: string, ip?: string): Promise<Pod> {
  const containers = [{ name: 'app', image: 'app:1' }];
  const made = await client.create(pods, {
    metadata: { namespace, name, labels: { app: name } },
    spec: { nodeName: 'node-1', containers },
  });
  if (ip !== undefined) {
    const status = { phase: 'Running', podIP: ip, podIPs: [{ ip }] } as const;
    await client.update(pods, { ...made, status }, { subresource: 'status' });
  }
  await settle();
  return made;
}

const denyAll: NetworkPolicy = {
  metadata: { namespace: 'x', name: 'deny' },
  spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'] },
};
const [a, b] = ['10.42.0.11', '10.42.0.12'];

describe('network policies of a node', () => {
  it('without policies there is an empty table, and pods are not even read', () =>
    startPart(async (world) => {
      assert.deepEqual(world.table.transactions, [[]]);
      assert.deepEqual(world.table.base?.chains, {});
      await addPod(world, 'x', 'a', a);
      assert.equal(world.table.transactions.length, 1);
      assert.deepEqual([...world.listed], ['networkpolicies']);
      await world.client.create(networkPolicies, denyAll);
      await world.settle();
      assert.ok(world.listed.has('pods'));
    }));

  it('a policy isolates its pods, and they are open again when it is gone', () =>
    startPart(async (world) => {
      await addPod(world, 'x', 'a', a);
      await addPod(world, 'y', 'b', b);
      await world.client.create(networkPolicies, denyAll);
      await world.settle();
      assert.ok(!world.passes(b, a));
      assert.ok(!world.passes(a, b));
      assert.ok(world.passes(b, '192.0.2.1'));
      assert.ok(!world.passes('10.42.0.77', '192.0.2.1'), 'an address of nobody');
      await world.client.delete(networkPolicies, { namespace: 'x', name: 'deny' });
      await world.settle();
      assert.ok(world.passes(b, a));
      assert.equal(world.table.owners.size, 0);
    }));

  it('a changed pod is one transaction with one owner', () =>
    startPart(async (world) => {
      await world.client.create(networkPolicies, denyAll);
      await addPod(world, 'x', 'a', a);
      const before = world.table.transactions.length;
      await addPod(world, 'x', 'b', b);
      assert.deepEqual(world.table.transactions.slice(before), [[`address/${b}`]]);
    }));

  it('DNS of the cluster is a peer by the labels and ports that its pods have elsewhere', () =>
    startPart(async (world) => {
      await world.client.create(services, {
        metadata: { namespace: 'kube-system', name: 'kube-dns' },
        spec: { clusterIP: '10.43.0.10', clusterIPs: ['10.43.0.10'], ports: [{ port: 53, protocol: 'UDP' }] },
      });
      const kubeSystem = await world.client.get(namespaces, { namespace: '', name: 'kube-system' });
      const labels = { 'kubernetes.io/metadata.name': 'kube-system' };
      await world.client.update(namespaces, { ...kubeSystem, metadata: { ...kubeSystem.metadata, labels } });
      await addPod(world, 'x', 'a', a);
      const peer = {
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
        podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
      };
      const ports = [
        { port: 53, protocol: 'UDP' as const },
        { port: 'dns-tcp', protocol: 'TCP' as const },
      ];
      await world.client.create(networkPolicies, {
        metadata: { namespace: 'x', name: 'dns' },
        spec: { podSelector: {}, policyTypes: ['Egress'], egress: [{ to: [peer], ports }] },
      });
      await world.settle();
      const hears = (port: number, protocol: 'udp' | 'tcp'): boolean =>
        world.table.load().hears({ from: a, to: '10.43.0.10', protocol, port });
      assert.deepEqual([hears(53, 'udp'), hears(53, 'tcp'), hears(54, 'udp')], [true, true, false]);
    }));

  it('a pod’s containers wait until its addresses are judged, and the agent’s word on them counts', () =>
    startPart(async (world) => {
      await world.client.create(networkPolicies, denyAll);
      await world.settle();
      const pod = await addPod(world, 'x', 'a');
      assert.equal(world.table.owners.get(`address/${a}`), undefined);
      const [gate] = world.gates;
      const through = gate?.(pod, [a]);
      await world.settle();
      await through;
      assert.ok(!world.passes(b, a));
      assert.match(JSON.stringify(world.table.owners.get(`address/${a}`)), /goto profile/);
      // The status comes later, and may be of the sandbox before.
      const status = { phase: 'Running', podIP: b, podIPs: [{ ip: b }] } as const;
      await world.client.update(pods, { ...pod, status }, { subresource: 'status' });
      await world.settle();
      assert.equal(world.table.owners.get(`address/${b}`), undefined);
      await world.part.close();
      assert.equal(world.gates.size, 0);
    }));

  it('without policies a pod’s containers wait for nothing', () =>
    startPart(async (world) => {
      const pod = await addPod(world, 'x', 'a');
      const [gate] = world.gates;
      await gate?.(pod, [a]);
      assert.equal(world.table.transactions.length, 1);
    }));

  it('a policy that nft refuses is told so and closed, and what the others say holds', () =>
    startPart(async (world) => {
      await addPod(world, 'x', 'a', a);
      await addPod(world, 'y', 'b', b);
      world.table.refuses.add('policy/x/bad');
      world.table.refuses.add(`address/${a}`);
      const spec = { podSelector: {}, ingress: [{}] };
      await world.client.create(networkPolicies, { metadata: { namespace: 'x', name: 'bad' }, spec });
      await world.client.create(networkPolicies, { metadata: { namespace: 'y', name: 'good' }, spec });
      await world.settle();
      assert.ok(!world.passes(b, a));
      assert.ok(world.passes('192.0.2.1', b));
      const told = world.events.map(({ about, type, reason }) => `${about} ${type} ${reason}`);
      assert.deepEqual(told, ['NetworkPolicy x/bad Warning Refused']);
      assert.match(world.events[0]?.message ?? '', /isolates its pods and allows nothing: Error/);
    }));
});

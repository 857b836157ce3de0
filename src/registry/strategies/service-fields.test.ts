/** What an update of a Service keeps of the node ports, and what it drops. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { make, startRegistry } from '../testing.ts';

type Port = { readonly name?: string; readonly nodePort?: number };

const nodePorts = (service: object): (number | undefined)[] =>
  (service as { spec: { ports: readonly Port[] } }).spec.ports.map(({ nodePort }) => nodePort);

const ports = [
  { name: 'a', port: 80 },
  { name: 'b', port: 81 },
];

test('a balancer keeps its node ports when it asks for none, until they are taken away', async () => {
  const cluster = await startRegistry();
  const spec = { type: 'LoadBalancer', ports };
  const before = nodePorts(await cluster.create('services', make.service({ spec })));
  assert.equal(before.filter(Number).length, 2);
  const without = { spec: { allocateLoadBalancerNodePorts: false } };
  const kept = await cluster.patch('services', 'web', without, { type: 'merge' });
  assert.deepEqual(nodePorts(kept), before);
  const [first, second] = (kept as unknown as { spec: { ports: readonly [Port, Port] } }).spec.ports;
  const fewer = { spec: { ports: [{ ...first, nodePort: null }, second] } };
  const taken = await cluster.patch('services', 'web', fewer, { type: 'merge' });
  assert.deepEqual(nodePorts(taken), [undefined, before[1]]);
  const again = { ...make.service({ spec: { ...spec, allocateLoadBalancerNodePorts: true } }) };
  const allocated = nodePorts(await cluster.update('services', again));
  assert.equal(allocated[1], before[1], 'what it had it has, whatever it asked for before');
  assert.ok(allocated[0], 'and a port for the rest');
});

test('a balancer that asks for none keeps the number that it names as another type', async () => {
  const cluster = await startRegistry();
  const spec = { type: 'LoadBalancer', allocateLoadBalancerNodePorts: false, ports: [{ port: 80, nodePort: 30111 }] };
  await cluster.create('services', make.service({ spec }));
  const nodePort = make.service({ spec: { type: 'NodePort', ports: [{ port: 80 }] } });
  const changed = await cluster.update('services', nodePort);
  assert.deepEqual(nodePorts(changed), [30111]);
  const inside = await cluster.patch('services', 'web', { spec: { type: 'ClusterIP' } }, { type: 'merge' });
  assert.deepEqual(nodePorts(inside), [undefined]);
});

test('node ports change places between ports, and one that is named is not given twice', async () => {
  const cluster = await startRegistry();
  const named = (...numbers: (number | undefined)[]): object =>
    make.service({
      spec: {
        type: 'NodePort',
        ports: ports.map((port, index) => ({ ...port, ...(numbers[index] && { nodePort: numbers[index] }) })),
      },
    });
  await cluster.create('services', named(30201, 30202));
  assert.deepEqual(nodePorts(await cluster.update('services', named(30202, 30201))), [30202, 30201]);
  const [first, second] = nodePorts(await cluster.update('services', named(30201)));
  assert.equal(first, 30201);
  assert.ok(second !== undefined && second !== 30201);
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import type { PodWorker } from '../../agent/pod/pod-worker.ts';
import { NodeProxy } from '../../agent/proxy.ts';
import { NodeTunnel } from '../../agent/tunnel.ts';
import type { KubeObject } from '../../api/object.ts';
import { resourceTable } from '../../api/resource-table.ts';
import { RealClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { SeededPrng } from '../../lib/prng.ts';
import { startTestServer } from '../testing.ts';
import { OutsideWay } from './outside.ts';
import { servingCertificate } from './testing.ts';

test('a webhook in a pod is reached over the connection that its node opened, and bodies of any length pass', async (t) => {
  const all = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const ip = all.find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
  if (ip === undefined) return t.skip('this machine has no address but its loopback');
  const clock = new RealClock();
  const prng = new SeededPrng(1);
  const serving = await servingCertificate(['hook.default.svc']);
  let connections = 0;
  const program = createServer({ cert: serving.certificate, key: serving.key }, (request, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    request.pipe(response);
  });
  program.on('connection', () => void connections++);
  await once(program.listen(0, ip), 'listening');
  const { port } = program.address() as AddressInfo;
  const world = await startTestServer();
  const { certificate, key } = await world.authority.issueClient({ user: 'system:node:n1', groups: ['system:nodes'] });
  const worker = { status: { podIP: ip } } as PodWorker;
  const tunnel = new NodeTunnel({
    server: { host: '127.0.0.1', port: world.server.port },
    node: 'n1',
    credentials: () => ({ authority: world.authority.certificate, certificate, key }),
    handler: new NodeProxy({ pods: { find: () => worker }, addresses: ['192.0.2.1'], clock }),
    clock,
    prng,
    log: silentLogger,
  });
  const { registry: handler, nodes } = world;
  const way = new OutsideWay({ handler: () => handler, resources: resourceTable(), nodes, clock, prng });
  t.after(async () => {
    await way.close();
    await tunnel.close();
    await world.stop();
    program.closeAllConnections();
    program.close();
  });
  await tunnel.start();
  const named = { namespace: 'default', name: 'hook' };
  handler.add('services', { metadata: named, spec: { ports: [{ port: 443, name: 'x' }] } } as KubeObject);
  handler.add('pods', { metadata: named, spec: { nodeName: 'n1' }, status: { podIPs: [{ ip }] } } as KubeObject);
  const endpoints = [{ addresses: [ip], targetRef: { kind: 'Pod', name: 'hook' } }];
  handler.add('endpointslices.discovery.k8s.io', {
    metadata: named,
    endpoints,
    ports: [{ name: 'x', port }],
  } as KubeObject);
  const target = { service: named, caBundle: Buffer.from(serving.authority).toString('base64') };
  const asked = { text: 'x'.repeat(3_000_000) };
  for (let turn = 0; ; turn++) {
    try {
      await way.post(target, { turn }, { timeoutMs: 10_000 });
      break;
    } catch (error) {
      if (turn > 500 || !/is not connected/.test(String(error))) throw error;
      await clock.sleep(10);
    }
  }
  const answers = await Promise.all([1, 2, 3].map(() => way.post(target, asked, { timeoutMs: 20_000 })));
  for (const answer of answers) assert.deepEqual(answer, asked);
  assert.deepEqual(await way.post(target, { last: true }, { timeoutMs: 10_000 }), { last: true });
  assert.equal(connections, 3, 'one for each that was under way at once, and kept');
});

/**
 * The steps of upstream's tests of [sig-network] that need several nodes: two machines with containers (`node-lab.ts`), pods on each that ask and are asked,
 * and somebody beside the machines, who comes in by their ports.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import process from 'node:process';
import { after, before, describe, test } from 'node:test';
import type { Pod, Service, ServiceSpec } from '../../src/api/schema/types/core-v1.ts';
import { packImage } from '../../src/images/pack-image.ts';
import { eventually, leftSince, machineState, run } from '../harness.ts';
import {
  type Answers,
  type Ask,
  clusterIp,
  ipOf,
  nodePort,
  type ServerWishes,
  serverImage,
  serverManifest,
} from './conformance-network/lab.ts';
import { needsContainers } from './containerd-lab.ts';
import { Foreground } from './foreground.ts';
import { fabricAddress } from './node-lab/fabric.ts';
import type { LabNode } from './node-lab/lab-node.ts';
import { NodeLab } from './node-lab.ts';
import { isReady } from './workload.ts';

const waitMs = 120_000;
const ports = [
  { name: 'http', port: 80, targetPort: 8080, protocol: 'TCP' },
  { name: 'udp', port: 90, targetPort: 8080, protocol: 'UDP' },
] as const;
const post =
  'fetch(process.argv[1],{method:"POST",signal:AbortSignal.timeout(30000)}).then(async(r)=>console.log(await r.text()))';

const get =
  'fetch(process.argv[1],{signal:AbortSignal.timeout(3000)}).then(async(r)=>console.log(await r.text())).catch(()=>{})';

describe('the network of two nodes', { timeout: 900_000, ...needsContainers }, () => {
  let lab: NodeLab;
  let nodes: readonly [LabNode, LabNode];
  let clients: readonly [Pod, Pod];
  let servers: readonly [Pod, Pod];
  let before_: readonly string[];

  before(async () => {
    before_ = await machineState();
    lab = await NodeLab.open(2);
    nodes = [lab.node('n1'), lab.node('n2')];
    await lab.join();
    const output = path.join(lab.folder, 'server.tar');
    const source = path.join(import.meta.dirname, 'conformance-network', 'server.ts');
    const files = [{ source, target: '/app/server.ts' }];
    const entrypoint = [process.execPath, '/app/server.ts'];
    await packImage({ name: serverImage, programs: [process.execPath, 'busybox'], files, entrypoint, output });
    await lab.importImage(output);
    clients = await Promise.all([server('client-1', nodes[0]), server('client-2', nodes[1])]);
    servers = await Promise.all([
      server('web-1', nodes[0], { labels: { app: 'web' }, udp: [8080] }),
      server('web-2', nodes[1], { labels: { app: 'web' }, udp: [8080] }),
    ]);
  });

  after(async () => {
    await lab?.close();
    await Foreground.killAll();
    assert.deepEqual(await leftSince(before_), [], 'the lab leaves nothing behind on the machine');
  });

  /** Ready, on that node. */
  const server = async (name: string, node: LabNode, wishes: ServerWishes = {}): Promise<Pod> => {
    await lab.create(serverManifest(name, { nodeName: node.name, ...wishes }));
    return eventually(
      `pod ${name} is Ready`,
      async () => {
        const pod = await lab.json<Pod>('get', 'pod', name);
        return isReady(pod) ? pod : undefined;
      },
      waitMs,
    );
  };

  const service = async (name: string, spec: Partial<ServiceSpec>): Promise<Service> => {
    await lab.create({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name },
      spec: { selector: { app: 'web' }, ports, ...spec },
    });
    return lab.json<Service>('get', 'service', name);
  };

  /** A pod is told from its own node what to ask. */
  const dial = async (from: Pod, ask: Ask): Promise<Answers> => {
    const search = new URLSearchParams(Object.entries(ask).map(([name, value]) => [name, String(value)]));
    const url = `http://${ipOf(from)}:8080/dial?${search.toString()}`;
    return JSON.parse(await lab.node(from.spec?.nodeName).mustRun(process.execPath, '-e', post, url)) as Answers;
  };

  /** Who answers somebody beside the machines, over HTTP; nothing where nobody does. */
  const fromOutside = async (host: string, port: number, what = 'hostname'): Promise<string> => {
    const url = `http://${host}:${port}/${what}`;
    const [program = '', ...args] = lab.outside([process.execPath, '-e', get, url]);
    return (await run(program, args)).stdout.trim();
  };

  const reaches = async (from: Pod, ask: Ask, expected: readonly string[]): Promise<void> => {
    let last: Answers | undefined;
    const looks = eventually(
      'answers',
      async () => {
        last = await dial(from, { tries: 10, ...ask });
        return last.errors.length === 0 && [...new Set(last.answers)].toSorted().join() === expected.join();
      },
      waitMs,
    );
    await looks.catch(() => assert.fail(`${ask.host}: ${expected.join()} expected; last ${JSON.stringify(last)}`));
  };

  const nobodyAnswers = (from: Pod, ask: Ask): Promise<unknown> =>
    eventually(
      `${ask.host}:${ask.port ?? 80} is answered by nobody`,
      async () => (await dial(from, { tries: 2, timeoutMs: 1000, ...ask })).answers.length === 0,
      waitMs,
    );

  test('a cluster address leads from pods of each node to the pods of both, over TCP and UDP, and keeps their address', async () => {
    const web = await service('web', {});
    for (const client of clients) {
      await reaches(client, { host: clusterIp(web) }, ['web-1', 'web-2']);
      await reaches(client, { host: 'web', port: 90, protocol: 'udp' }, ['web-1', 'web-2']);
      const { answers } = await dial(client, { host: clusterIp(web), request: 'clientip', tries: 8 });
      assert.deepEqual([...new Set(answers.map((answer) => answer.split(':')[0]))], [ipOf(client)]);
    }
  });

  test('pods of both nodes reach the API by its name, and find it genuine', async () => {
    for (const client of clients) {
      const url = encodeURIComponent('https://kubernetes.default.svc/version');
      const ask = `http://${ipOf(client)}:8080/https?url=${url}&token=`;
      const answer = await lab.node(client.spec?.nodeName).mustRun(process.execPath, '-e', post, ask);
      assert.match(answer, /"code":(?:200|401|403)/);
    }
  });

  test('a node port serves on each node, from outside and from pods, whichever node its pods are on', async () => {
    const web = await service('web-port', { type: 'NodePort' });
    for (const node of nodes) {
      const who = new Set<string>();
      await eventually('both answer', async () => {
        who.add(await fromOutside(node.address, nodePort(web)));
        return who.has('web-1') && who.has('web-2');
      });
      for (const client of clients)
        await reaches(client, { host: node.address, port: nodePort(web) }, ['web-1', 'web-2']);
    }
  });

  test('externalTrafficPolicy Local: only the pod’s node answers from outside, keeps the client’s address, and says that it is healthy', async () => {
    const selector = { app: 'only-2' };
    const web = await service('external-local', { type: 'LoadBalancer', externalTrafficPolicy: 'Local', selector });
    const only = await server('only-2', nodes[1]);
    const [without, with_] = nodes;
    const port = nodePort(web);
    await eventually('it answers', async () => (await fromOutside(with_.address, port)) === 'only-2');
    assert.match(await fromOutside(with_.address, port, 'clientip'), new RegExp(`^${fabricAddress}:`));
    assert.equal(await fromOutside(without.address, port), '');
    const health = web.spec?.healthCheckNodePort ?? 0;
    const localEndpoints = (node: LabNode) => fromOutside(node.address, health, 'healthz');
    assert.match(await localEndpoints(with_), /"localEndpoints": ?1/);
    assert.match(await localEndpoints(without), /"localEndpoints": ?0/);
    // Those within may use any node: nobody forwards what is theirs a second time.
    for (const client of clients) await reaches(client, { host: with_.address, port }, ['only-2']);
    await reaches(clients[0], { host: without.address, port }, ['only-2']);
    await lab.mustKubectl('delete', 'pod', only.metadata?.name ?? '', '--now');
    await lab.mustKubectl('delete', 'service', 'external-local');
  });

  test('internalTrafficPolicy Local: pods are served on their own node only', async () => {
    const web = await service('internal-local', { internalTrafficPolicy: 'Local' });
    await reaches(clients[0], { host: clusterIp(web) }, ['web-1']);
    await reaches(clients[1], { host: clusterIp(web) }, ['web-2']);
    const selector = { app: 'web-1-only' };
    const one = await service('internal-one', { internalTrafficPolicy: 'Local', selector });
    await lab.mustKubectl('label', 'pod', 'web-1', 'app=web-1-only', '--overwrite');
    await reaches(clients[0], { host: clusterIp(one) }, ['web-1']);
    await nobodyAnswers(clients[1], { host: clusterIp(one) });
    await lab.mustKubectl('label', 'pod', 'web-1', 'app=web', '--overwrite');
    await reaches(clients[0], { host: clusterIp(web) }, ['web-1']);
  });

  test('pods in the machines’ own network and those with addresses of their own reach each other across nodes', async () => {
    const onHost = await server('on-host-2', nodes[1], { hostNetwork: true, udp: [8080] });
    assert.equal(ipOf(onHost), nodes[1].address);
    for (const protocol of ['http', 'udp'] as const) {
      await reaches(clients[0], { host: nodes[1].address, port: 8080, protocol }, ['on-host-2']);
      await reaches(onHost, { host: ipOf(servers[0]), port: 8080, protocol }, ['web-1']);
    }
    await lab.mustKubectl('delete', 'pod', 'on-host-2', '--now');
  });

  test('UDP of a client with one port follows when the server cycles on the other node', async () => {
    const web = await service('udp-cycle', { type: 'NodePort', selector: { app: 'udp-cycle' } });
    for (const [index, host] of [nodes[1].address, clusterIp(web)].entries()) {
      const port = index === 0 ? nodePort(web, 1) : 90;
      const ask: Ask = { host, port, protocol: 'udp', from: 12_345 + index, timeoutMs: 500 };
      await nobodyAnswers(clients[0], ask);
      const names = [`cycle-${index}-1`, `cycle-${index}-2`] as const;
      await server(names[0], nodes[1], { labels: { app: 'udp-cycle' }, udp: [8080] });
      await reaches(clients[0], ask, [names[0]]);
      await server(names[1], nodes[1], { labels: { app: 'udp-cycle' }, udp: [8080] });
      await lab.mustKubectl('delete', 'pod', names[0], '--now');
      await reaches(clients[0], ask, [names[1]]);
      await lab.mustKubectl('delete', 'pod', names[1], '--now');
    }
  });
});

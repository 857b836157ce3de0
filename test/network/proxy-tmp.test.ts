/** The service proxy in the real kernel: a node with pods, another node's pod, and clients outside. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Service, ServiceSpec } from '../../src/api/schema/types/core-v1.ts';
import type { Endpoint } from '../../src/api/schema/types/discovery-v1.ts';
import { endpointSlices, serviceCidrs, services } from '../../src/client/resources.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { NftKeeper } from '../../src/network/kernel/nft-keeper.ts';
import { StaleFlows } from '../../src/network/proxy/conntrack.ts';
import { serviceProgram } from '../../src/network/proxy/fragment.ts';
import type { ProxiedPort } from '../../src/network/proxy/service-ports.ts';
import { ServiceProxy } from '../../src/network/proxy/service-proxy.ts';
import { pickChain, pickName, proxyBase } from '../../src/network/proxy/table.ts';
import { eventually } from '../harness.ts';
import { LabCluster, type LabNode } from './lab-context.ts';
import { NetLab, type NetSpace, needsNetwork } from './net-lab.ts';

const nodeIp = '10.90.0.11';
const balancedIp = '203.0.113.7';

describe('the service proxy', needsNetwork, () => {
  let lab: NetLab;
  let cluster: LabCluster;
  let node: LabNode;
  let proxy: ServiceProxy;
  let staleFlows: StaleFlows;
  let outside: NetSpace;
  let far: NetSpace;
  const pods: NetSpace[] = [];

  /** ```  pod-a, pod-b ─ node ─ 10.90.0.0/24 ─ outside ─ far (a pod of another node)  ``` */
  before(async () => {
    lab = await NetLab.open();
    const [space, out] = await lab.spaces('n1', 'outside');
    outside = out;
    await lab.cable(
      [space, 'eth0', `${nodeIp}/24`, 'fd00:90::11/64'],
      [outside, 'eth0', '10.90.0.1/24', '10.90.0.2/24', 'fd00:90::1/64'],
    );
    await space.ip('route add default via 10.90.0.1');
    await space.ip('-6 route add default via fd00:90::1');
    await outside.ip(`route add ${balancedIp}/32 via ${nodeIp}`);
    await outside.ip(`route add 10.43.0.0/16 via ${nodeIp}`);
    await outside.ip(`route add 10.42.1.0/24 via ${nodeIp}`);
    // Else the node tells who sends to a balanced address without endpoints to go another way.
    for (const device of ['all', 'eth0']) await space.sysctl(`net.ipv4.conf.${device}.send_redirects`, 0);
    for (const one of [space, outside]) {
      await one.sysctl('net.ipv4.ip_forward', 1);
      await one.sysctl('net.ipv6.conf.all.forwarding', 1);
    }
    pods.push(
      await lab.pod(space, 'pod-a', '10.42.1.5', '10.42.1.1'),
      await lab.pod(space, 'pod-b', '10.42.1.6', '10.42.1.1'),
    );
    far = await lab.pod(outside, 'far', '10.42.2.5', '10.42.2.1');
    await Promise.all([...pods, far].map((pod) => pod.echo('tcp:7', 'udp:7')));
    cluster = await LabCluster.start(lab);
    await cluster.addNode('n1', [nodeIp], ['10.42.1.0/24', 'fd00:42:1::/64']);
    await cluster.api.client.create(serviceCidrs, {
      metadata: { name: 'kubernetes' },
      spec: { cidrs: ['10.43.0.0/16'] },
    });
    node = cluster.node(space);
    staleFlows = new StaleFlows(silentLogger, (program, args) => space.run([program, ...args]));
    proxy = new ServiceProxy(node.context, { staleFlows });
    await proxy.start();
  });

  after(async () => {
    await proxy?.close();
    await node?.close();
    await cluster?.close();
    await lab?.close();
  });

  const a: Endpoint = { addresses: ['10.42.1.5'], nodeName: 'n1' };
  const b: Endpoint = { addresses: ['10.42.1.6'], nodeName: 'n1' };
  const c: Endpoint = { addresses: ['10.42.2.5'], nodeName: 'n2' };
  const ends = (endpoint: Endpoint): Endpoint => ({
    ...endpoint,
    conditions: { ready: false, serving: true, terminating: true },
  });

  let count = 0;
  async function service(endpoints: readonly Endpoint[], spec: ServiceSpec = {}, status?: Service['status']) {
    const { client } = cluster.api;
    const clusterIP = `10.43.1.${++count}`;
    const name = `s${count}`;
    const ports = [
      {
        name: 't',
        port: 80,
        targetPort: 7,
        protocol: 'TCP' as const,
        ...(spec.type === undefined ? {} : { nodePort: 30_000 + count }),
      },
      { name: 'u', port: 81, targetPort: 7, protocol: 'UDP' as const },
    ];
    await client.create(services, {
      metadata: { namespace: 'default', name },
      spec: {
        clusterIP,
        clusterIPs: [clusterIP],
        ipFamilies: ['IPv4'],
        ports: spec.type === undefined ? ports : ports.slice(0, 1),
        ...spec,
      },
    });
    if (status !== undefined)
      await client.patch(
        services,
        { namespace: 'default', name },
        { type: 'merge', body: { status } },
        { subresource: 'status' },
      );
    const slice = {
      metadata: { namespace: 'default', name, labels: { 'kubernetes.io/service-name': name } },
      addressType: 'IPv4' as const,
      ports: [
        { name: 't', port: 7, protocol: 'TCP' as const },
        { name: 'u', port: 7, protocol: 'UDP' as const },
      ],
      endpoints,
    };
    await client.create(endpointSlices, slice);
    await programmed();
    return {
      clusterIP,
      nodePort: 30_000 + count,
      async endpoints(next: readonly Endpoint[]) {
        await client.patch(
          endpointSlices,
          { namespace: 'default', name },
          { type: 'merge', body: { endpoints: next } },
        );
        await programmed();
      },
    };
  }

  /** What was written before is in the kernel: a last Service of our own is. */
  let markers = 0;
  async function programmed(): Promise<void> {
    const clusterIP = `10.43.255.${++markers}`;
    await cluster.api.client.create(services, {
      metadata: { namespace: 'default', name: `marker-${markers}` },
      spec: { clusterIP, clusterIPs: [clusterIP], ipFamilies: ['IPv4'], ports: [{ port: 1, protocol: 'TCP' }] },
    });
    await eventually(`the table knows ${clusterIP}; ${cluster.logged}`, async () => {
      const { code } = await node.space.run([
        'nft',
        'get',
        'element',
        'inet',
        'naru-proxy-0123abcd',
        'no-endpoints4',
        `{ ${clusterIP} . tcp . 1 }`,
      ]);
      return code === 0 || undefined;
    });
  }

  const names = (answers: readonly string[]): string[] =>
    [...new Set(answers.map((answer) => answer.split(' ')[0] ?? ''))].toSorted();
  const many = async (ask: () => Promise<string>, times = 12): Promise<string[]> => {
    const answers: string[] = [];
    for (let asked = 0; asked < times; asked += 4) answers.push(...(await Promise.all([ask(), ask(), ask(), ask()])));
    return answers;
  };
  const client = (answer: string): string => answer.split(' ')[1] ?? '';

  test('a cluster address leads from pods, the node and an endpoint itself to all endpoints, over TCP and UDP', async () => {
    const { clusterIP } = await service([a, b, c]);
    const [podA] = pods as [NetSpace, NetSpace];
    const answers = await many(() => podA.tcp(clusterIP, 80), 24);
    assert.deepEqual(names(answers), ['far', 'pod-a', 'pod-b']);
    // Its own connections come from the node, or the answer would go past the translation.
    for (const answer of answers)
      assert.equal(client(answer), answer.startsWith('pod-a') ? '10.42.1.1' : '10.42.1.5', answer);
    assert.deepEqual(names(await many(() => node.space.tcp(clusterIP, 80))).length, 3);
    assert.deepEqual(names(await many(() => podA.udp(clusterIP, 81), 24)).length, 3);
  });

  test('one changed endpoint is followed, a port without endpoints and a free address are rejected at once', async () => {
    const web = await service([a]);
    const [, podB] = pods as [NetSpace, NetSpace];
    assert.match(await podB.tcp(web.clusterIP, 80), /^pod-a /);
    await web.endpoints([c]);
    assert.match(await podB.tcp(web.clusterIP, 80), /^far /);
    await web.endpoints([]);
    for (const from of [podB, node.space]) {
      await assert.rejects(from.tcp(web.clusterIP, 80), /ECONNREFUSED/);
      await assert.rejects(from.tcp(web.clusterIP, 99), /ECONNREFUSED/);
      await assert.rejects(from.tcp('10.43.200.200', 80), /ECONNREFUSED/);
    }
    // More than the kernel would send ICMP errors for: who asks again and again is not left to wait.
    const attempts = `for i in $(seq 60); do (: </dev/tcp/${web.clusterIP}/80) 2>&1 | grep -q refused || exit 1; done`;
    const { code } = await podB.run(['timeout', '20', 'bash', '-c', attempts]);
    assert.equal(code, 0, 'all attempts are refused');
    await web.endpoints([ends(a), ends(c)]);
    assert.deepEqual(names(await many(() => podB.tcp(web.clusterIP, 80))), ['far', 'pod-a']);
    await web.endpoints([ends(a), c]);
    assert.deepEqual(names(await many(() => podB.tcp(web.clusterIP, 80))), ['far']);
  });

  test('a packet of an endpoint that fits no connection reaches no client, and its connection lives on', async () => {
    const web = await service([a]);
    const [podA, podB] = pods as [NetSpace, NetSpace];
    const end = await podB.stream(web.clusterIP, 80);
    // Half of all numbers are far behind what was sent, and taken for late; the other half is far ahead, and fits nothing.
    const odd = [1, 2 ** 31 + 1].map(
      (number) =>
        `tcp sport 7 tcp flags psh limit rate 1/minute burst 1 packets counter tcp sequence set ${number} accept;`,
    );
    await node.space.must('sh','-c',"for h in $(nft -a list chain inet naru-proxy-0123abcd filter-forward | grep invalid | sed 's/.*handle //'); do nft delete rule inet naru-proxy-0123abcd filter-forward handle $h; done");
    await podA.nft(`table ip odd { chain out { type filter hook output priority mangle; ${odd.join(' ')} }; }`);
    await eventually('both were sent', async () => {
      const text = await podA.must('nft', 'list', 'table', 'ip', 'odd');
      return text.match(/packets 1 /g)?.length === odd.length;
    });
    await podA.nft('delete table ip odd');
    assert.ok((await end()) < 5000, 'answers went on');
  });

  test('a node port serves on every address of the node, from outside, from pods and from the node', async () => {
    const { nodePort } = await service([a, c], { type: 'NodePort' });
    const answers = await many(() => outside.tcp(nodeIp, nodePort));
    assert.deepEqual(names(answers), ['far', 'pod-a']);
    for (const answer of answers) assert.doesNotMatch(client(answer), /^10\.90\.0\.[12]$/);
    assert.deepEqual(names(await many(() => node.space.tcp(nodeIp, nodePort))), ['far', 'pod-a']);
    assert.deepEqual(names(await many(() => (pods[0] as NetSpace).tcp('10.42.1.1', nodePort))), ['far', 'pod-a']);
    await assert.rejects(node.space.tcp('127.0.0.1', nodePort), /ECONNREFUSED/);
  });

  test('with external policy Local the client’s address stays, only endpoints of this node answer, and those within may go anywhere', async () => {
    const status = { loadBalancer: { ingress: [{ ip: balancedIp }] } };
    const web = await service([a, c], { type: 'LoadBalancer', externalTrafficPolicy: 'Local' }, status);
    for (const answer of await many(() => outside.tcp(nodeIp, web.nodePort), 6))
      assert.match(answer, /^pod-a 10\.90\.0\.1 /);
    for (const answer of await many(() => outside.tcp(balancedIp, 80), 6)) assert.match(answer, /^pod-a 10\.90\.0\.1 /);
    assert.deepEqual(names(await many(() => (pods[0] as NetSpace).tcp(balancedIp, 80))), ['far', 'pod-a']);
    assert.deepEqual(names(await many(() => node.space.tcp(balancedIp, 80))), ['far', 'pod-a']);
    await web.endpoints([c]);
    await assert.rejects(outside.tcp(nodeIp, web.nodePort, 700), /no answer/);
    await assert.rejects(outside.tcp(balancedIp, 80, 700), /no answer/);
    assert.match(await (pods[0] as NetSpace).tcp(balancedIp, 80), /^far /);
    await web.endpoints([]);
    await assert.rejects(outside.tcp(nodeIp, web.nodePort), /ECONNREFUSED/);
    await assert.rejects(outside.tcp(balancedIp, 80), /ECONNREFUSED/);
  });

  test('source ranges keep others from the load balancer’s address', async () => {
    const address = '203.0.113.8';
    await outside.ip(`route add ${address}/32 via ${nodeIp}`);
    const spec: ServiceSpec = { type: 'LoadBalancer', loadBalancerSourceRanges: ['10.90.0.1/32'] };
    await service([a], spec, { loadBalancer: { ingress: [{ ip: address }] } });
    assert.match(await outside.tcp(address, 80), /^pod-a /);
    await assert.rejects((pods[1] as NetSpace).tcp(address, 80, 700), /no answer/);
  });

  test('a client stays with its endpoint, and gets another when that one goes', async () => {
    const web = await service([a, b, c], {
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } },
    });
    const [first = ''] = names(await many(() => node.space.tcp(web.clusterIP, 80), 1));
    assert.deepEqual(names(await many(() => node.space.tcp(web.clusterIP, 80), 12)), [first]);
    const left = [a, b, c].filter(
      ({ addresses }) => addresses[0] !== { 'pod-a': '10.42.1.5', 'pod-b': '10.42.1.6', far: '10.42.2.5' }[first],
    );
    await web.endpoints(left);
    const next = names(await many(() => node.space.tcp(web.clusterIP, 80), 12));
    assert.equal(next.length, 1);
    assert.notEqual(next[0], first);
  });

  test('a client stays with its endpoint also where the agent starts again and replaces the table', async () => {
    const web = await service([a, b, c], {
      sessionAffinity: 'ClientIP',
      sessionAffinityConfig: { clientIP: { timeoutSeconds: 600 } },
    });
    const clients = [node.space, ...pods, outside];
    const ask = (): Promise<string[][]> =>
      Promise.all(clients.map(async (client) => names(await many(() => client.tcp(web.clusterIP, 80), 4))));
    const before = await ask();
    const table = proxyBase(node.context.id, true).name;
    await node.space.must('nft', 'add', 'chain', 'inet', table, 'of-the-old-table');
    await proxy.close();
    proxy = new ServiceProxy(node.context, { staleFlows });
    await proxy.start();
    const isReplaced = async (): Promise<true | undefined> =>
      (await node.space.must('nft', 'list', 'table', 'inet', table)).includes('of-the-old-table') ? undefined : true;
    await eventually('the table is another', isReplaced);
    assert.deepEqual(await ask(), before);
  });

  test('a UDP client with a fixed port follows its Service, also from no endpoints to some', async () => {
    const web = await service([a]);
    const [, podB] = pods as [NetSpace, NetSpace];
    assert.match(await podB.udp(web.clusterIP, 81, 3000, 5555), /^pod-a /);
    await web.endpoints([c]);
    await eventually(
      'the flow is forgotten',
      async () => (await podB.udp(web.clusterIP, 81, 3000, 5555)).startsWith('far ') || undefined,
    );
    await web.endpoints([]);
    await assert.rejects(podB.udp(web.clusterIP, 81, 500, 5556));
    await web.endpoints([a]);
    await eventually(
      'it is answered',
      async () => (await podB.udp(web.clusterIP, 81, 500, 5556).catch(() => '')).startsWith('pod-a ') || undefined,
    );
  });

  test('who routes the Services’ range to a node is served, and its answers come back by the node', async () => {
    const { clusterIP } = await service([a]);
    assert.match(await outside.tcp(clusterIP, 80), /^pod-a 10\.42\.1\.1 /);
  });

  test('IPv6 is served as IPv4: from pods, from an endpoint itself, and by a node port', async () => {
    const six = await lab.pod(node.space, 'pod-six', 'fd00:42:1::7', 'fd00:42:1::1');
    await six.echo('tcp:7');
    // A table of its own, since the API of these tests has one family.
    const keeper = new NftKeeper({ ...node.context, base: proxyBase('66666666', true) });
    const clusterIP = 'fd00:43::1';
    const endpoint = { ip: 'fd00:42:1::7', port: 7, nodeName: 'n1', ready: true, serving: true, terminating: false };
    const port: ProxiedPort = {
      family: 'IPv6',
      protocol: 'tcp',
      port: 80,
      clusterIp: clusterIP,
      externalIps: [],
      guardedIps: [],
      sourceRanges: [],
      nodePort: 30_666,
      internalLocal: false,
      externalLocal: false,
      cluster: [{ ...endpoint, hintedZones: [], hintedNodes: [] }],
      local: [],
      hasAny: true,
    };
    const { fragment, picks } = serviceProgram('default/six', [port], new Map(), 'n1');
    keeper.set('default/six', fragment);
    for (const pick of picks) keeper.set(pickName(pick), { chains: { [pickName(pick)]: pickChain(pick) } });
    keeper.set('ranges', { elements: [{ set: 'pods6', key: 'fd00:42:1::/64' }] });
    assert.deepEqual(await keeper.apply(), []);
    await keeper.close();
    assert.match(await node.space.tcp(clusterIP, 80), /^pod-six /);
    assert.match(await six.tcp(clusterIP, 80), /^pod-six fd00:42:1::1 /);
    assert.match(await outside.tcp('fd00:90::11', 30_666), /^pod-six /);
  });

  test('a proxy that starts anew leaves no gap, and open connections go on', async () => {
    const { clusterIP } = await service([a]);
    const stream = (pods[1] as NetSpace).script('test/network/echo-client.ts', 'stream', `${clusterIP} 80`);
    await proxy.close();
    assert.match(await (pods[1] as NetSpace).tcp(clusterIP, 80), /^pod-a /);
    const space = node.space;
    await node.close();
    node = cluster.node(space);
    proxy = new ServiceProxy(node.context, {
      staleFlows: new StaleFlows(silentLogger, (program, args) => space.run([program, ...args])),
    });
    await proxy.start();
    for (const answer of await many(() => (pods[1] as NetSpace).tcp(clusterIP, 80), 10))
      assert.match(answer, /^pod-a /);
    await programmed();
    assert.ok(stream.isRunning, stream.text);
    await stream.stop();
  });
});

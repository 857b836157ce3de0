/** The pod network in the real kernel: pods of several nodes reach each other on one segment and across a router, and leave as their node. */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { nodes, pods } from '../../src/client/resources.ts';
import { PodNetwork } from '../../src/network/pod-network/pod-network.ts';
import { tearDownNetwork } from '../../src/network/teardown.ts';
import { elapsedMs, eventually } from '../harness.ts';
import { LabCluster, type LabNode } from './lab-context.ts';
import { NetLab, type NetSpace, needsNetwork } from './net-lab.ts';

interface Site {
  readonly lab: NetLab;
  readonly cluster: LabCluster;
  /** On segment A, A and B. */
  readonly nodes: readonly [LabNode, LabNode, LabNode];
  readonly pods: readonly [NetSpace, NetSpace, NetSpace];
  readonly outside: NetSpace;
  readonly networks: PodNetwork[];
}

const range = (index: number): string => `10.42.${index}.0/24`;
const range6 = (index: number): string => `fd00:42:${index}::/64`;
const podOf = (index: number): string => `10.42.${index}.5`;
const pod6Of = (index: number): string => `fd00:42:${index}::5`;

describe('the pod network', needsNetwork, () => {
  const sites: Site[] = [];
  const labs: NetLab[] = [];
  after(async () => {
    for (const { networks, nodes: all, cluster } of sites) {
      for (const network of networks) await network.close();
      for (const node of all) await node.close();
      await cluster.close();
    }
    for (const lab of labs) await lab.close();
  });

  /** ```  n1, n2 ─ segment A (10.90.0.0/24) ─ router, which is the outside ─ segment B (10.91.0.0/24) ─ n3  ``` */
  async function open(): Promise<Site> {
    const lab = await NetLab.open();
    labs.push(lab);
    const [outside, n1, n2, n3] = await lab.spaces('outside', 'n1', 'n2', 'n3');
    await outside.ip('link add bra type bridge');
    await outside.addresses('bra', '10.90.0.1/24', 'fd00:90::1/64');
    await lab.cable([outside, 'va1'], [n1, 'eth0', '10.90.0.11/24', 'fd00:90::11/64']);
    await lab.cable([outside, 'va2'], [n2, 'eth0', '10.90.0.12/24', 'fd00:90::12/64']);
    await lab.cable([outside, 'vb3', '10.91.0.1/24', 'fd00:91::1/64'], [n3, 'eth0', '10.91.0.13/24', 'fd00:91::13/64']);
    await outside.ip('link set va1 master bra');
    await outside.ip('link set va2 master bra');
    await outside.sysctl('net.ipv4.ip_forward', 1);
    for (const node of [n1, n2]) await node.ip('route add default via 10.90.0.1');
    await n3.ip('route add default via 10.91.0.1');
    const cluster = await LabCluster.start(lab);
    const all = [n1, n2, n3] as const;
    const addresses = [
      ['10.90.0.11', 'fd00:90::11'],
      ['10.90.0.12', 'fd00:90::12'],
      ['10.91.0.13', 'fd00:91::13'],
    ] as const;
    const podSpaces: NetSpace[] = [];
    for (const [place, node] of all.entries()) {
      const index = place + 1;
      await cluster.addNode(node.name, addresses[place] ?? [], [range(index), range6(index)]);
      const pod = await lab.pod(node, `p${index}`, podOf(index), `10.42.${index}.1`);
      await node.ip(`-6 address add fd00:42:${index}::1/128 dev v-p${index} nodad`);
      await node.ip(`-6 route add ${pod6Of(index)}/128 dev v-p${index}`);
      await pod.ip(`-6 address add ${pod6Of(index)}/128 dev eth0 nodad`);
      await pod.ip(`-6 route add fd00:42:${index}::1/128 dev eth0`);
      await pod.ip(`-6 route add default via fd00:42:${index}::1 dev eth0`);
      podSpaces.push(pod);
    }
    const labNodes = all.map((space) => cluster.node(space)) as unknown as Site['nodes'];
    const site = { lab, cluster, nodes: labNodes, pods: podSpaces as unknown as Site['pods'], outside, networks: [] };
    sites.push(site);
    return site;
  }

  async function run(site: Site, node: LabNode): Promise<PodNetwork> {
    const network = new PodNetwork(node.context, node.commands);
    site.networks.push(network);
    await network.start();
    return network;
  }

  const routesOf = async ({ space }: LabNode): Promise<string> =>
    (await space.ip('route show proto 110')) + (await space.ip('-6 route show proto 110'));

  const reaches = (site: Site, from: NetSpace, address: string, port = 80): Promise<string> =>
    eventually(`${from.name} reaches ${address}`, async () => {
      const host = address.includes(':') ? `[${address}]` : address;
      return (await from.http(`http://${host}:${port}/`)).client;
    }).catch((error: unknown) => {
      throw new Error(`${(error as Error).message}\n${site.cluster.logged}`, { cause: error });
    });

  test('pods reach each other everywhere with their own addresses, and the outside sees the node', {
    timeout: 120_000,
  }, async () => {
    const site = await open();
    const [n1, n2, n3] = site.nodes;
    const [p1, p2, p3] = site.pods;
    for (const pod of site.pods) await pod.echo('http:80', 'tcp:7');
    await site.outside.echo('http:80');
    for (const node of site.nodes) await run(site, node);
    assert.equal(await reaches(site, p1, podOf(2)), podOf(1));
    assert.equal(await reaches(site, p1, podOf(3)), podOf(1));
    assert.equal(await reaches(site, p3, podOf(2)), podOf(3));
    assert.equal(await reaches(site, p1, pod6Of(2)), pod6Of(1));
    assert.equal(await reaches(site, p3, pod6Of(1)), pod6Of(3));
    assert.equal(await reaches(site, p1, '10.90.0.1'), '10.90.0.11');
    // The node itself, by the tunnel: from the address that stands for it there.
    assert.equal(await reaches(site, n1.space, podOf(3)), '10.42.1.0');
    const table = await routesOf(n1);
    assert.match(table, /^10\.42\.2\.0\/24 via 10\.90\.0\.12 dev eth0 metric \d+ *$/m);
    assert.match(table, /^10\.42\.3\.0\/24 via 10\.42\.3\.0 dev naru-vx-0123ab metric \d+ onlink *$/m);
    assert.match(table, /^unreachable 10\.42\.1\.0\/24 metric \d+ *$/m);
    assert.match(table, /^fd00:42:2::\/64 via fd00:90::12 dev eth0 /m);
    assert.deepEqual([n1.mtus, n2.mtus, n3.mtus], [[1450], [1450], [1450]]);

    // A pod that is gone is refused at once, here and from afar.
    await assert.rejects(p2.tcp('10.42.1.77', 80, 5000), /EHOSTUNREACH/);
    // Packets as large as pods send them pass.
    for (const pod of [p1, p3]) await pod.ip('link set eth0 mtu 1450');
    await p1.bulk(podOf(3), 7, 1_000_000);
    await p1.bulk(pod6Of(3), 7, 1_000_000);

    // The outside cannot be told apart from a node by its address: what it asked, it gets an answer to.
    await site.outside.ip('route add 10.42.1.0/24 via 10.90.0.11');
    assert.equal(await reaches(site, site.outside, podOf(1)), '10.90.0.1');
  });

  test('an interface that went down and came back, and a node that is gone', { timeout: 120_000 }, async () => {
    const [site] = sites;
    assert.ok(site !== undefined);
    const [n1, n2] = site.nodes;
    const [p1] = site.pods;
    await n2.space.ip('link set eth0 down');
    await n2.space.ip('link set eth0 up');
    await n2.space.ip('route replace default via 10.90.0.1');
    assert.equal(await reaches(site, p1, podOf(2)), podOf(1));
    await n2.space.ip('link delete naru-vx-0123ab');
    await site.pods[1].http(`http://${podOf(3)}/`).catch(() => {});
    assert.equal(await reaches(site, site.pods[1], podOf(3)), podOf(2));
    await site.cluster.api.client.delete(nodes, { namespace: '', name: 'n3' });
    await eventually(
      'the tunnel goes with the last who is behind it',
      async () => !(await n1.space.ip('-o link')).includes('naru-vx'),
    );
    assert.doesNotMatch(await routesOf(n1), /10\.42\.3\.0/);
    await site.cluster.addNode('n3', ['10.91.0.13'], [range(3), range6(3)]);
    assert.equal(await reaches(site, p1, podOf(3)), podOf(1));
  });

  test('a restart of the agent interrupts nothing and changes nothing', { timeout: 120_000 }, async () => {
    const [site] = sites;
    assert.ok(site !== undefined);
    const [n1, , n3] = site.nodes;
    const before = await routesOf(n1);
    const longestMs = await site.pods[0].stream(podOf(3), 7);
    for (const network of site.networks.splice(0)) await network.close();
    assert.equal(await routesOf(n1), before);
    assert.equal((await site.pods[0].http('http://10.90.0.1/')).client, '10.90.0.11');
    const messages = n1.space.spawn(['ip', 'monitor', 'route']);
    for (const node of site.nodes) await run(site, node);
    await eventually('the parts have looked', async () =>
      (await n3.space.must('nft', 'list', 'tables')).includes('pods'),
    );
    assert.equal(await reaches(site, site.pods[0], '10.90.0.1'), '10.90.0.11');
    assert.equal(await routesOf(n1), before);
    assert.doesNotMatch(messages.text, /proto 110/);
    // TCP would send again what was lost, after 200 ms and more.
    assert.ok((await longestMs()) < 2000);
  });

  test('a port of the node is a pod’s: from outside, from the node, from pods and from the pod itself', {
    timeout: 120_000,
  }, async () => {
    const [site] = sites;
    assert.ok(site !== undefined);
    const { client } = site.cluster.api;
    const [n1] = site.nodes;
    const [p1, p2] = site.pods;
    const own = await site.lab.pod(n1.space, 'q1', '10.42.1.9', '10.42.1.1');
    // As the plugin calls cables.
    await n1.space.ip('link set v-q1 down');
    await n1.space.ip('link set v-q1 name veth01234567');
    await n1.space.ip('link set veth01234567 up');
    await n1.space.ip('route add 10.42.1.9/32 dev veth01234567');
    await own.echo('http:8080', 'udp:53', 'tcp:8081');
    const reference = { namespace: 'default', name: 'q1' };
    const ports = [
      { containerPort: 8080, hostPort: 9080 },
      { containerPort: 53, hostPort: 5353, protocol: 'UDP' as const },
      { containerPort: 8081, hostPort: 9081, hostIP: '127.0.0.1' },
    ];
    await client.create(pods, {
      metadata: reference,
      spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'i', ports }] },
    });
    // Who asked before there was somebody is not left alone with that.
    const early = site.outside.udp('10.90.0.11', 5353, 500, 4444);
    await assert.rejects(early);
    const running = { status: { phase: 'Running', podIP: '10.42.1.9', podIPs: [{ ip: '10.42.1.9' }] } };
    await client.patch(pods, reference, { type: 'merge', body: running }, { subresource: 'status' });
    assert.equal(await reaches(site, site.outside, '10.90.0.11', 9080), '10.90.0.1');
    assert.equal(await reaches(site, p2, '10.90.0.11', 9080), podOf(2));
    assert.equal(await reaches(site, p1, '10.90.0.11', 9080), podOf(1));
    assert.equal(await reaches(site, own, '10.90.0.11', 9080), '10.42.1.1');
    assert.ok(await reaches(site, n1.space, '10.90.0.11', 9080));
    assert.equal(await reaches(site, n1.space, '127.0.0.1', 9080), '10.42.1.1');
    assert.match(await n1.space.tcp('127.0.0.1', 9081), /^q1 /);
    await assert.rejects(site.outside.tcp('10.90.0.11', 9081), /ECONNREFUSED/);
    assert.equal(await site.outside.udp('10.90.0.11', 5353, 3000, 4444), 'q1 10.90.0.1 4444');

    // 16 Mbit/s to the pod, and from it: a megabyte takes half a second each way.
    const annotations = { 'kubernetes.io/ingress-bandwidth': '16M', 'kubernetes.io/egress-bandwidth': '16M' };
    await client.patch(pods, reference, { type: 'merge', body: { metadata: { annotations } } });
    await eventually('its cable has a queue', async () =>
      (await n1.space.must('tc', 'qdisc', 'show', 'dev', 'veth01234567')).includes('tbf'),
    );
    const slowMs = elapsedMs();
    await p1.bulk('10.42.1.9', 8081, 2_000_000, 30_000);
    assert.ok(slowMs() > 900, `2 MB went there and back in ${slowMs()} ms`);
    await client.delete(pods, reference, { gracePeriodSeconds: 0 });
    await eventually('the port is nobody’s', () =>
      site.outside.tcp('10.90.0.11', 9080, 500).then(
        () => undefined,
        (error: Error) => error.message.includes('ECONNREFUSED') || undefined,
      ),
    );
  });

  test('naru down leaves nothing, and finds nothing the second time', { timeout: 120_000 }, async () => {
    const [site] = sites;
    assert.ok(site !== undefined);
    for (const network of site.networks.splice(0)) await network.close();
    const { space, context, commands } = site.nodes[0];
    await space.ip('route add 10.99.0.0/24 via 10.90.0.12');
    await space.nft('table inet somebodys { }');
    const { removed, left } = await tearDownNetwork(context, commands);
    assert.deepEqual(left, []);
    assert.ok(removed.includes('interface naru-vx-0123ab'));
    assert.equal(await routesOf(site.nodes[0]), '');
    assert.equal((await space.must('nft', 'list', 'tables')).trim(), 'table inet somebodys');
    assert.match(await space.ip('route'), /10\.99\.0\.0\/24/);
    assert.deepEqual(await tearDownNetwork(context, commands), { removed: [], left: [] });
  });
});

/**
 * The example as a newcomer meets it: `naru up examples/shop` on a machine without a registry, an order that goes its way and is seen live, the same command again, pods
 * that die, code that changes. Each step tells how long it took.
 */
import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { WebSocket } from 'ws';
import type { Pod, PodList } from '../../src/api/schema/types/core-v1.ts';
import { needsContainers } from '../cluster/containerd-lab.ts';
import { elapsedMs, eventually, freePort, leftSince, machineState, root, TestCluster } from '../harness.ts';

interface Order {
  readonly id: number;
  readonly product: string;
  readonly customer: string;
  readonly state: string;
}

const waitMsMax = 120_000;
/** Downloaded packages, for the next run. */
const packages = path.join(root, '.cache', 'shop-packages');

describe('the shop', { timeout: 1_200_000, ...needsContainers }, () => {
  let cluster: TestCluster;
  let machineBefore: readonly string[];
  /** A copy, whose code may change. */
  let folder = '';
  let address = '';

  before(async () => {
    machineBefore = await machineState();
    folder = path.join(mkdtempSync(path.join(os.tmpdir(), 'naru-shop-')), 'shop');
    cpSync(path.join(root, 'examples/shop'), folder, { recursive: true });
    cluster = await TestCluster.up();
    if (existsSync(packages)) cpSync(packages, path.join(cluster.home, 'build/debian'), { recursive: true });
    address = await gatewayOn(await freePort(), await freePort());
  });

  after(async () => {
    await TestCluster.closeAll();
    rmSync(path.dirname(folder), { recursive: true, force: true });
    assert.deepEqual(await leftSince(machineBefore), [], 'the shop leaves nothing behind on the machine');
  });

  /** Other tests have clusters on this machine, too: this one's gateway gets ports of its own. */
  const gatewayOn = async (httpPort: number, httpsPort: number): Promise<string> => {
    const text = `ingress: {httpPort: ${httpPort}, httpsPort: ${httpsPort}}`;
    const metadata = { name: 'naru-network', namespace: 'kube-system' };
    const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { 'network.yaml': text } };
    const { code, stderr } = await cluster.kubectl(['apply', '-f', '-'], { input: JSON.stringify(map) });
    assert.equal(code, 0, stderr);
    const node = await cluster.mustKubectl('get', 'nodes', '-o', 'jsonpath={.items[0].status.addresses[0].address}');
    return `${node}:${httpPort}`;
  };

  const up = async (): Promise<{ readonly output: string; readonly seconds: string }> => {
    const took = elapsedMs();
    const output = await cluster.mustNaru('up', folder);
    return { output, seconds: (took() / 1000).toFixed(1) };
  };

  const fetchJson = async <T>(where: string, init?: RequestInit): Promise<T> => {
    const answer = await fetch(`http://${address}${where}`, { ...init, signal: AbortSignal.timeout(10_000) });
    const value: unknown = await answer.json();
    assert.ok(answer.ok, `${where}: ${answer.status} ${JSON.stringify(value)}`);
    return value as T;
  };
  const place = (customer: string): Promise<Order> =>
    fetchJson('/api/orders', { method: 'POST', body: JSON.stringify({ product: 'tea', customer }) });
  const orderOf = (id: number): Promise<Order> => fetchJson(`/api/orders/${id}`);
  const shipped = (id: number): Promise<Order> =>
    eventually(
      `order ${id} is shipped`,
      async () => {
        const order = await orderOf(id);
        return order.state === 'shipped' ? order : undefined;
      },
      waitMsMax,
    );
  const podsOf = async (app: string): Promise<readonly Pod[]> =>
    (await cluster.json<PodList>('get', 'pods', '-n', 'shop', '-l', `app=${app}`)).items;

  test('one command makes its images and brings it up, healthy', async () => {
    const { output, seconds } = await up();
    console.log(`from nothing but a cluster to a healthy shop: ${seconds} s`);
    assert.match(output, /building the image shop\/app:1/);
    assert.match(output, /deployment\.apps\/web created/);
    cpSync(path.join(cluster.home, 'build/debian'), packages, { recursive: true });
    const answer = await fetch(`http://${address}/`, { headers: { host: 'shop.localhost' } });
    assert.equal(answer.status, 200);
    assert.match(await answer.text(), /<h1>The corner shop<\/h1>/);
  });

  test('an order placed over HTTP is seen going its way through the WebSocket', async () => {
    const socket = new WebSocket(`ws://${address}/live`);
    const seen: Order[] = [];
    socket.on('message', (data) => seen.push(JSON.parse((data as Buffer).toString()) as Order));
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    const { id } = await place('Ada');
    await eventually(
      'it is shipped',
      () => seen.some((order) => order.id === id && order.state === 'shipped'),
      waitMsMax,
    );
    const states = seen.filter((order) => order.id === id).map(({ state }) => state);
    assert.deepEqual(states, ['received', 'packed', 'shipped']);
    socket.close();
  });

  test('the same command again changes nothing, and restarts nobody', async () => {
    const uids = async () =>
      (await Promise.all(['web', 'api', 'worker', 'postgres'].map(podsOf))).flat().map((pod) => pod.metadata?.uid);
    const before_ = await uids();
    const { output, seconds } = await up();
    console.log(`the second naru up: ${seconds} s`);
    assert.doesNotMatch(output, /building|created|configured/);
    assert.match(output, /objects unchanged/);
    assert.deepEqual((await uids()).toSorted(), before_.toSorted());
  });

  test('pods die, and what was ordered stays', async () => {
    const { id } = await place('Grace');
    await shipped(id);
    const [old] = await podsOf('postgres');
    await cluster.mustKubectl('delete', 'pod', '-n', 'shop', '-l', 'app in (postgres,redis)', '--wait=false');
    await eventually(
      'PostgreSQL runs again',
      async () => {
        const [now] = await podsOf('postgres');
        const isReady = now?.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');
        return isReady && now?.metadata?.uid !== old?.metadata?.uid ? now : undefined;
      },
      waitMsMax,
    );
    await eventually('the API answers again', () => orderOf(id), waitMsMax);
    const later = await eventually('it takes orders again', () => place('Edsger'), waitMsMax);
    assert.ok(later.id > id);
    assert.equal((await orderOf(id)).customer, 'Grace');
    await shipped(later.id);
  });

  test('changed code is brought in by the same command, into those pods alone that run it', async () => {
    const [database] = await podsOf('postgres');
    const file = path.join(folder, 'app/orders.js');
    writeFileSync(file, readFileSync(file, 'utf8').replace("name: 'Tea'", "name: 'Green tea'"));
    const { output, seconds } = await up();
    console.log(`changed code, to the last pod that runs it: ${seconds} s`);
    assert.match(output, /deployment\.apps\/web configured/);
    assert.doesNotMatch(output, /installing packages|building the image shop\/(redis|postgres)/);
    assert.match(await (await fetch(`http://${address}/`)).text(), /Green tea/);
    assert.equal((await podsOf('postgres'))[0]?.metadata?.uid, database?.metadata?.uid);
  });
});

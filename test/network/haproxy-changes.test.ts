/** What happens while plans change: nothing, as far as clients can see. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { connect, createServer } from 'node:net';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { make } from '../../src/network/gateway/haproxy/testing.ts';
import type { Plan, Route, Server } from '../../src/network/gateway/plan.ts';
import { eventually } from '../harness.ts';
import { type Answer, ask, freePort, HaproxyLab, KeptConnectionEnded, type LabServer } from './haproxy-lab.ts';
import { needsNetwork } from './net-lab.ts';

describe('While a plan changes', needsNetwork, () => {
  const lab = new HaproxyLab();
  let port = 0;
  before(async () => {
    port = await freePort();
  });
  after(() => lab.close());

  const plan = (servers: readonly Server[], ...more: Route[]): Plan =>
    make.plan([make.entry(port, [make.host('*', ...more, make.route('/', 'a'))])], [make.backend('a', servers)]);
  const serverOf = ({ port }: LabServer, isDraining = false): Server => make.server(port, { isDraining });

  test('endpoints come and go without a reload, and those that drain get nothing new', async () => {
    const [one, two] = [await lab.server('one'), await lab.server('two')];
    const who = async (): Promise<Set<string>> => {
      const answers = await Promise.all(Array.from({ length: 12 }, () => ask(port)));
      return new Set(answers.map(({ asked, status }) => asked?.server ?? String(status)));
    };
    await lab.apply(plan([]));
    const { generation, pid } = lab.haproxy;
    assert.deepEqual(await who(), new Set(['503']));
    await lab.apply(plan([serverOf(one)]));
    assert.deepEqual(await who(), new Set(['one']));
    await lab.apply(plan([serverOf(one), serverOf(two)]));
    assert.deepEqual(await who(), new Set(['one', 'two']));
    await lab.apply(plan([serverOf(one, true), serverOf(two)]));
    assert.deepEqual(await who(), new Set(['two']));
    await lab.apply(plan([serverOf(two)]));
    assert.deepEqual(await who(), new Set(['two']));
    await lab.apply(plan([serverOf(one), serverOf(two)]));
    assert.deepEqual(await who(), new Set(['one', 'two']));
    assert.deepEqual([lab.haproxy.generation, lab.haproxy.pid], [generation, pid]);
    const next = lab.newHaproxy();
    const settings = { threads: 2, connectionsMax: 2000, accessLog: 'off' } as const;
    await next.apply(plan([serverOf(one), serverOf(two)]), settings);
    assert.deepEqual([next.generation, next.pid], [generation, pid], 'an agent that starts anew takes it as it is');
    await next.apply(plan([serverOf(two)]), settings);
    assert.deepEqual(await who(), new Set(['two']));
    assert.equal(next.pid, pid);
    await lab.haproxy.close();
    lab.haproxy = next;
  });

  test('no request fails and no WebSocket ends while endpoints change and HAProxy is reloaded', async (t) => {
    const held = await webSocketServer();
    t.after(() => held.close());
    const [stable, first] = [await lab.server('stable'), await lab.server('s0')];
    let live = [serverOf(stable), serverOf(first)];
    const socketServer = make.server(held.port);
    const current = (round: number): Plan => {
      const routes = [
        make.route('/ws', 'ws'),
        ...Array.from({ length: 1 + (round % 3) }, (_, index) => make.route(`/r${index}`, 'a')),
      ];
      const weights = {
        kind: 'forward' as const,
        targets: [make.target('a', { weight: 1 + round }), make.target('b')],
      };
      const hosts = [make.host('*', ...routes, make.route('/', 'a', { action: weights }))];
      const backends = [make.backend('a', live), make.backend('b', live), make.backend('ws', [socketServer])];
      return make.plan([make.entry(port, hosts)], backends);
    };
    await lab.apply(current(0));
    const load = new Load(port);
    t.after(() => load.end());
    const sockets = await Promise.all(Array.from({ length: 10 }, () => openSocket(port)));
    const generation = lab.haproxy.generation;
    const servers = [first];
    for (let round = 1; round <= 6; round++) {
      const fresh = await lab.server(`s${round}`);
      servers.push(fresh);
      const leaving = servers.at(-2) as LabServer;
      const staying = [serverOf(stable), serverOf(fresh)];
      live = [serverOf(leaving), ...staying];
      await lab.apply(current(round));
      live = [serverOf(leaving, true), ...staying];
      await lab.apply(current(round));
      live = staying;
      await lab.apply(current(round));
      leaving.http.close();
    }
    const { done, ended, failed } = await load.end();
    t.after(() => sockets.forEach((socket) => socket.terminate()));
    assert.deepEqual(failed, []);
    assert.ok(done > 300, `only ${done} requests`);
    assert.ok(ended < done / 100, `${ended} kept connections ended`);
    assert.ok(lab.haproxy.generation >= generation + 6);
    for (const socket of sockets) {
      assert.equal(socket.readyState, WebSocket.OPEN);
      socket.send('still there?');
      assert.equal(String((await once(socket, 'message'))[0]), 'still there?');
    }
  });

  test('a connection from before a reload sees all that comes after: other servers and other routes', async (t) => {
    const old = await lab.server('old');
    await lab.apply(plan([serverOf(old)], make.route('/one', 'a')));
    const agents = Array.from({ length: 8 }, () => new http.Agent({ keepAlive: true, maxSockets: 1 }));
    t.after(() => agents.forEach((agent) => agent.destroy()));
    const askAll = (path: string) => Promise.all(agents.map((agent) => ask(port, { path, agent }).catch(endedOf)));
    assert.deepEqual(new Set((await askAll('/')).map(whoOf)), new Set(['old']));
    const { generation } = lab.haproxy;
    const closed = make.route('/closed', 'a', { action: { kind: 'respond', status: 451 } });
    await lab.apply(plan([serverOf(old)], closed));
    const next = await lab.server('next');
    await lab.apply(plan([serverOf(next)], closed));
    old.http.closeAllConnections();
    old.http.close();
    assert.equal(lab.haproxy.generation, generation + 1);
    const handedOver = (await askAll('/')).map(whoOf).filter((who) => who !== 'ended');
    assert.ok(handedOver.length > 4, 'few connections have ended yet');
    assert.deepEqual(new Set(handedOver), new Set(['next']));
    const addresses = next.asked.map(({ headers }) => [headers['x-forwarded-for'], headers['x-naru-next']]);
    assert.deepEqual(new Set(addresses.map(String)), new Set(['127.0.0.1,']));
    const refused = (await askAll('/closed')).map(whoOf).filter((who) => who !== 'ended');
    assert.deepEqual(new Set(refused), new Set(['451']));
  });

  test('nobody but a worker is heard on the socket between workers', async () => {
    const one = await lab.server('one');
    await lab.apply(plan([serverOf(one)]));
    // HAProxy's abstract names fill all of an address.
    const name = `\0naru-${path.basename(lab.folder)}-http-127.0.0.1-${port}-next`.padEnd(108, '\0');
    const socket = connect({ path: name });
    await once(socket, 'connect');
    socket.write('PROXY TCP4 10.1.2.3 10.1.2.4 1000 80\r\nGET / HTTP/1.1\r\nhost: a\r\nx-naru-next: 0\r\n\r\n');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    assert.match(answer.toString(), /^HTTP\/1\.1 403 /);
    assert.deepEqual(one.asked, []);
  });

  test('a HAProxy that dies is started again with what it had', async () => {
    const one = await lab.server('one');
    await lab.apply(plan([serverOf(one)]));
    const before = lab.haproxy.pid as number;
    process.kill(before, 'SIGKILL');
    await eventually('a new process', () => lab.haproxy.isRunning && lab.haproxy.pid !== before);
    await eventually('an answer', async () => (await ask(port)).asked?.server === 'one');
    await lab.apply(plan([]));
    assert.equal((await ask(port)).status, 503);
  });

  test('a port that another program has is refused by itself, and the rest serves', async (t) => {
    const one = await lab.server('one');
    const other = createServer().listen(0, '127.0.0.1');
    t.after(() => other.close());
    await once(other, 'listening');
    const { port: taken } = other.address() as { port: number };
    const good = plan([serverOf(one)]);
    const bad = make.entry(taken, [make.host('*', make.route('/', 'a', { source: make.source('bad') }))]);
    const refusals = await lab.apply({ ...good, entries: [...good.entries, bad] });
    assert.deepEqual(
      refusals.map(({ source, message }) => `${source.name}: ${message}`),
      [`bad: port ${taken} of 127.0.0.1 cannot be opened: another program listens there`],
    );
    assert.equal((await ask(port)).asked?.server, 'one');
  });

  test('a route that HAProxy would refuse closes its own path alone', async () => {
    const one = await lab.server('one');
    const regex = (value: string) => make.match('', { path: { kind: 'regex', value } });
    const routes = [
      make.route('/', 'a', { match: regex('/bad/(?=x)'), source: make.source('look') }),
      make.route('/head', 'a', {
        source: make.source('head'),
        filters: [{ kind: 'responseHeaders', change: { set: [{ name: 'x', value: 'a\nb' }], add: [], remove: [] } }],
      }),
      make.route('/lost', 'gone', { source: make.source('lost') }),
    ];
    const refusals = await lab.apply(plan([serverOf(one)], ...routes));
    assert.deepEqual(
      refusals.map(({ source }) => source.name),
      ['look', 'head', 'lost'],
    );
    assert.match(refusals[0]?.message ?? '', /the regular expression "\/bad\/\(\?=x\)" is not taken/);
    const statuses = await Promise.all(
      ['/', '/bad/x', '/head', '/lost/x'].map(async (path) => (await ask(port, { path })).status),
    );
    assert.deepEqual(statuses, [200, 200, 500, 500]);
  });
});

const whoOf = (answer: Answer | 'ended'): string =>
  answer === 'ended' ? answer : (answer.asked?.server ?? String(answer.status));

/** A client asks again then, over a new connection. */
function endedOf(error: unknown): 'ended' {
  if (error instanceof KeptConnectionEnded) return 'ended';
  throw error;
}

/** Four clients that ask without a pause, over connections that they keep, and one that opens a new one each time. */
class Load {
  done = 0;
  /** Kept connections that ended between two requests: as clients do, they ask again. */
  ended = 0;
  readonly failed: string[] = [];
  #stopped = false;
  readonly #agents = Array.from({ length: 4 }, () => new http.Agent({ keepAlive: true, maxSockets: 1 }));
  readonly #clients: Promise<void>[];

  constructor(port: number) {
    this.#clients = [...this.#agents, undefined].map((agent) => this.#client(port, agent));
  }

  async #client(port: number, agent: http.Agent | undefined): Promise<void> {
    while (!this.#stopped) {
      try {
        const { status } = await ask(port, { ...(agent && { agent }) });
        if (status === 200) this.done++;
        else this.failed.push(`status ${status}`);
      } catch (error) {
        if (error instanceof KeptConnectionEnded) this.ended++;
        else this.failed.push((error as Error).message);
      }
    }
  }

  async end(): Promise<this> {
    this.#stopped = true;
    await Promise.all(this.#clients);
    for (const agent of this.#agents) agent.destroy();
    return this;
  }
}

async function webSocketServer(): Promise<{ port: number; close(): void }> {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  server.on('connection', (socket) => socket.on('message', (data: Buffer) => socket.send(data.toString())));
  return { port: (server.address() as { port: number }).port, close: () => server.close() };
}

async function openSocket(port: number): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/ws`);
  await once(socket, 'open');
  return socket;
}

import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { describe, test } from 'node:test';
import type { NodeRequest } from '../../client/node-api.ts';
import { settle, VirtualClock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import { silentLogger } from '../../lib/log.ts';
import type { PodWorkers } from '../pod/pod-workers.ts';
import type { Runtime } from '../runtime.ts';
import { make } from '../testing.ts';
import { StreamingServer } from './streaming-server.ts';
import { FakeSession, handshake, TestWebSocket } from './testing.ts';

const identity = { namespace: 'default', name: 'web', uid: 'u-1' };

/** A node with the pod `web`, whose container `app` runs and whose container `done` has ended. */
function node(changes: Partial<Runtime> = {}) {
  const clock = new VirtualClock();
  const sessions: FakeSession[] = [];
  const opened: unknown[] = [];
  const openSession = async (...args: unknown[]): Promise<FakeSession> => {
    opened.push(args);
    const session = new FakeSession();
    sessions.push(session);
    return session;
  };
  const runtime = {
    state: async () => ({ sandboxes: [make.sandbox()], containers: [make.run('app'), make.exited('done', 0)] }),
    openExec: openSession,
    attach: openSession,
    ...changes,
  } as unknown as Runtime;
  const pods = {
    find: ({ name }: { name: string }) => (name === 'web' ? { identity } : undefined),
  } as unknown as PodWorkers;
  const server = new StreamingServer({ pods, runtime, clock, log: silentLogger });
  const ask = (path: string, request: Partial<NodeRequest> = {}) =>
    server.handle({
      method: 'GET',
      path,
      headers: { ...handshake, 'sec-websocket-protocol': 'v5.channel.k8s.io' },
      upgrade: 'websocket',
      signal: new AbortController().signal,
      ...request,
    });
  const refused = async (path: string, request: Partial<NodeRequest> = {}) => {
    const { status, headers, body, connection } = await ask(path, request);
    assert.equal(connection, undefined);
    return { status, headers, message: await text(body) };
  };
  return { clock, server, sessions, opened, ask, refused };
}

const exec = '/exec/default/web/app?command=ls&command=-l&output=1&input=1';

describe('the streaming server', () => {
  test('opens a session, and forgets it when it has ended', async () => {
    const { ask, server, sessions, opened, clock } = node();
    const { status, headers, connection } = await ask(exec);
    assert.deepEqual([status, headers['sec-websocket-protocol']], [101, 'v5.channel.k8s.io']);
    assert.ok(connection);
    const client = new TestWebSocket(connection);
    await settle();
    assert.deepEqual(opened, [['app-0', ['ls', '-l'], { stdin: true, stdout: true, stderr: false, tty: false }]]);
    assert.equal(server.count, 1);
    sessions[0]?.exit({ kind: 'exited', exitCode: 0 });
    await client.closed();
    await settle();
    assert.equal(server.count, 0);
    assert.equal(clock.pending, 0);
  });

  test('refuses in the words of a kubelet, before the connection is anything else', async () => {
    const { refused } = node();
    const cases: readonly [string, Partial<NodeRequest>, number, string][] = [
      ['/exec/default/other/app?command=ls&output=1', {}, 404, 'pod does not exist'],
      ['/exec/default/web/done?command=ls&output=1', {}, 500, 'container not found ("done")'],
      ['/exec/default/web/app?command=ls', {}, 400, 'you must specify at least 1 of stdin, stdout, stderr'],
      ['/exec/default/web/app?output=1', {}, 400, 'you must specify at least one command for the container'],
      [exec, { upgrade: 'h2c' }, 400, 'Upgrade request required'],
      ['/exec/default/web', {}, 404, '404 page not found'],
      ['/portForward/default/web/app', {}, 404, '404 page not found'],
    ];
    for (const [path, request, status, message] of cases) {
      const answer = await refused(path, request);
      assert.deepEqual([answer.status, answer.message], [status, message], path);
    }
  });

  test('sends as a Status what an old client would take for YAML', async () => {
    const { refused } = node({ state: () => Promise.reject(new Error('the runtime cannot be reached: no such file')) });
    const { status, headers, message } = await refused(exec);
    assert.deepEqual([status, headers['content-type']], [500, 'application/json']);
    assert.equal(
      (JSON.parse(message) as { message: string }).message,
      'Internal error occurred: the runtime cannot be reached: no such file',
    );
  });

  test('names the protocols of SPDY that it accepts', async () => {
    const { refused } = node();
    const { status, headers, message } = await refused(exec, {
      upgrade: 'spdy/3.1',
      headers: { 'x-stream-protocol-version': 'v9' },
    });
    assert.equal(status, 403);
    assert.match(message, /unable to negotiate protocol: client supports \[v9\], server accepts \[v5/);
    assert.match(headers['x-accepted-stream-protocol-versions'] ?? '', /^v5\.channel\.k8s\.io, v4/);
  });

  test('says what a node without containers cannot do', async () => {
    const { refused } = node({ noStreams: 'this node is simulated, and no program runs in its containers' });
    for (const path of [exec, '/attach/default/web/app?output=1', '/portForward/default/web']) {
      const { status, message } = await refused(path);
      assert.deepEqual([status, message], [400, 'this node is simulated, and no program runs in its containers']);
    }
  });

  test('holds so many sessions and no more', async () => {
    const { ask, refused, server } = node();
    for (let session = 0; session < limits.streamingSessionsMax; session++) await ask(exec);
    assert.equal((await refused(exec)).status, 503);
    server.destroy();
  });

  test('starts only some commands in a container at a time', async () => {
    let starting = 0;
    let most = 0;
    const gates: (() => void)[] = [];
    const { ask, server } = node({
      openExec: async () => {
        most = Math.max(most, ++starting);
        await new Promise<void>((resolve) => gates.push(resolve));
        starting--;
        return new FakeSession();
      },
    });
    for (let session = 0; session < 10; session++) await ask(exec);
    await settle();
    while (gates.length > 0) {
      gates.shift()?.();
      await settle();
    }
    assert.equal(most, limits.execStartsPerPodMax);
    server.destroy();
  });

  test('tells its clients when it stops, and ends what they ran', async () => {
    const { ask, server, sessions, refused, clock } = node();
    const { connection } = await ask(exec);
    assert.ok(connection);
    const client = new TestWebSocket(connection);
    await settle();
    await server.close();
    assert.match(client.received(3), /"message":"Internal error occurred: the node is shutting down"/);
    assert.ok(sessions[0]?.calls.includes('kill'));
    assert.equal(server.count, 0);
    assert.equal((await refused(exec)).status, 503);
    assert.equal(clock.pending, 0);
  });

  test('does not wait for a client that reads nothing when it stops', async () => {
    const { ask, server, clock } = node();
    await ask(exec);
    await settle();
    const closed = server.close();
    await clock.advance(1_000);
    await closed;
    assert.equal(server.count, 0);
  });

  test('ends a session when the call is over', async () => {
    const over = new AbortController();
    const { ask, sessions } = node();
    await ask(exec, { signal: over.signal });
    await settle();
    over.abort();
    await settle();
    assert.deepEqual(sessions[0]?.calls, ['hangUp']);
  });
});

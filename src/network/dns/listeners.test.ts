/** Where the name server listens: taken, given back, tried again. On addresses of the loopback, which are there anyhow. */
import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { VirtualClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { Listeners } from './listeners.ts';

function world(t: TestContext, port: number, held: readonly string[] = []) {
  const clock = new VirtualClock();
  const done: string[] = [];
  const problems: string[] = [];
  const listeners = new Listeners({
    addresses: {
      hold: async (address) => void done.push(`+${address}`),
      drop: async (address) => void done.push(`-${address}`),
      held: async () => held,
      note: async (addresses) => void done.push(addresses.join(' ')),
    },
    port,
    answer: () => undefined,
    report: () => {},
    clock,
    log: { ...silentLogger, error: (message) => void problems.push(message) },
  });
  t.after(() => listeners.close());
  return { clock, done, problems, listeners };
}

async function takenPort(t: TestContext, address: string) {
  const socket = dgram.createSocket('udp4');
  socket.bind(0, address);
  await once(socket, 'listening');
  let isOpen = true;
  const close = (): Promise<void> => new Promise((resolve) => (isOpen ? socket.close(() => resolve()) : resolve()));
  t.after(async () => {
    await close();
    isOpen = false;
  });
  return {
    port: socket.address().port,
    async close() {
      await close();
      isOpen = false;
    },
  };
}

test('it listens where it is told, notes it, moves when told otherwise, and keeps the address when it ends', async (t) => {
  const { done, listeners } = world(t, 0);
  await listeners.listenOn(['127.0.53.1']);
  assert.deepEqual([...listeners.servers.keys()], ['127.0.53.1']);
  await listeners.listenOn(['127.0.53.1']);
  assert.deepEqual(done, ['+127.0.53.1', '127.0.53.1']);
  done.length = 0;
  await listeners.listenOn(['127.0.53.2']);
  assert.deepEqual([...listeners.servers.keys()], ['127.0.53.2']);
  assert.deepEqual(done, ['+127.0.53.2', '127.0.53.1 127.0.53.2', '-127.0.53.1', '127.0.53.2']);
  done.length = 0;
  await listeners.close();
  assert.deepEqual(done, []);
});

test('an address of an earlier life that is not wanted any more goes', async (t) => {
  const { done, listeners } = world(t, 0, ['127.0.53.9']);
  await listeners.listenOn(['127.0.53.1']);
  assert.ok(done.includes('-127.0.53.9') && done.at(-1) === '127.0.53.1');
});

test('a port that another program has is tried again until it is free, and said clearly', async (t) => {
  const taken = await takenPort(t, '127.0.53.1');
  const { clock, problems, listeners, done } = world(t, taken.port);
  await listeners.listenOn(['127.0.53.1']);
  assert.deepEqual(problems, ["the cluster's name server cannot listen: another program has the port; it tries again"]);
  assert.ok(!done.includes('127.0.53.1'), 'what it did not get it does not give back');
  await taken.close();
  await clock.advance(2000);
  await listeners.listenOn(['127.0.53.1']);
  assert.deepEqual([...listeners.servers.keys()], ['127.0.53.1']);
});

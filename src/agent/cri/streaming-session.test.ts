import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { VirtualClock } from '../../lib/clock.ts';
import { limits } from '../../lib/limits.ts';
import { SpdyConnection } from '../streaming/spdy/connection.ts';
import { everyStream } from '../streaming/testing.ts';
import { openStreamingSession } from './streaming-session.ts';

const tooLate = { name: 'RuntimeError', kind: 'timeout' };
const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n';

/** A server's connections are half open: they end, and do not close by themselves. */
async function closedBySession(socket: Duplex): Promise<void> {
  socket.on('error', () => {}).on('end', () => socket.destroy());
  socket.resume();
  await new Promise((resolve) => socket.once('close', resolve));
}

describe("a session by the runtime's streaming server", () => {
  const clock = new VirtualClock();
  let server: Server;
  let url: string;
  const upgraded = (): Promise<[unknown, Duplex]> => once(server, 'upgrade') as Promise<[unknown, Duplex]>;

  beforeEach(async () => {
    server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/attach`;
  });
  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    assert.equal(clock.pending, 0);
  });

  test('fails where the upgrade is not answered in time', async () => {
    const asked = upgraded();
    const failed = assert.rejects(openStreamingSession(url, everyStream, clock), tooLate);
    const [, socket] = await asked;
    const closed = closedBySession(socket);
    await clock.advance(limits.runtimeStreamMsMax);
    await failed;
    await closed;
  });

  test('fails where the streams are not taken in time, and its connection is closed', async () => {
    const asked = upgraded();
    const failed = assert.rejects(openStreamingSession(url, everyStream, clock), tooLate);
    const [, socket] = await asked;
    const closed = closedBySession(socket);
    socket.write(switching);
    await once(socket, 'data');
    await clock.advance(limits.runtimeStreamMsMax);
    await failed;
    await closed;
  });

  test('begins when the runtime has taken all its streams, and waits no more', async () => {
    const asked = upgraded();
    const opened = openStreamingSession(url, everyStream, clock);
    const [, socket] = await asked;
    socket.write(switching);
    const runtime = new SpdyConnection(socket, { role: 'server', opened: (stream) => stream.reply() });
    const session = await opened;
    assert.equal(clock.pending, 0);
    session.hangUp();
    await session.ended;
    runtime.destroy();
  });
});

import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import type { WebSocket } from 'ws';
import { limits } from './limits.ts';
import { answerPings } from './websocket-pings.ts';

test('pings are answered with what they said, until their sender has too much to read', () => {
  const pongs: string[] = [];
  const webSocket = Object.assign(new EventEmitter(), {
    bufferedAmount: 0,
    pong: (data: Buffer) => void pongs.push(data.toString()),
  });
  answerPings(webSocket as unknown as WebSocket);
  webSocket.emit('ping', Buffer.from('a'));
  webSocket.bufferedAmount = limits.webSocketUnreadBytesMax + 1;
  webSocket.emit('ping', Buffer.from('b'));
  webSocket.bufferedAmount = 0;
  webSocket.emit('ping', Buffer.from('c'));
  assert.deepEqual(pongs, ['a', 'c']);
});

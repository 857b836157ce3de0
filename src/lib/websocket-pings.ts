/**
 * Answers a WebSocket's pings (RFC 6455, 5.5.2), for a server that told `ws` not to (`autoPong: false`): `ws` answers each at once, also
 * those of a client that never reads, whose answers would pile up for as long as it sends.
 */
import type { WebSocket } from 'ws';
import { limits } from './limits.ts';

export function answerPings(webSocket: WebSocket): void {
  webSocket.on('ping', (data) => {
    if (webSocket.bufferedAmount <= limits.webSocketUnreadBytesMax) webSocket.pong(data, false, ignore);
  });
}

function ignore(): void {}

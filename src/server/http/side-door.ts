/**
 * A further address of a listener, which lets only some in: what listens on the loopback device is reached there by the machine's own pods. Whoever is not
 * let in is cut off before a byte is read.
 */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';

export interface SideDoor {
  /** The listener's port is opened at this address, too. */
  readonly host: string;
  /** @param address of who connects */
  admits(address: string): boolean;
}

export interface OpenDoor {
  /** No new connections. */
  close(): void;
}

/** @throws Error of Node.js where the port cannot be had there */
export async function openSideDoor(door: SideDoor, port: number, enter: (socket: Socket) => void): Promise<OpenDoor> {
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 30_000 }, (socket) => {
    if (door.admits(socket.remoteAddress ?? '')) enter(socket);
    else socket.destroy();
  });
  server.listen({ host: door.host, port });
  await once(server, 'listening');
  return { close: () => void server.close() };
}

/**
 * A process inside a pod's network: it makes connections to the pod's own `localhost` and hands them, open, to the agent that started
 * it (`pod-network.ts`). It reads nothing from them, and ends when the agent does.
 */
import { Socket } from 'node:net';
import process from 'node:process';

interface DialRequest {
  readonly id: number;
  readonly port: number;
}

const loopback = ['127.0.0.1', '::1'];

function dial(id: number, port: number, hosts: readonly string[], firstError?: string): void {
  const [host, ...others] = hosts;
  if (host === undefined) return void process.send?.({ id, error: firstError });
  const socket = new Socket({ allowHalfOpen: true });
  // What is read here would be lost.
  socket.pause();
  const failed = (error: NodeJS.ErrnoException): void =>
    dial(id, port, others, firstError ?? `dial tcp ${host}:${port}: connect: ${wordsFor(error)}`);
  socket.once('error', failed);
  socket.connect({ host, port }, () => {
    socket.off('error', failed);
    socket.on('error', () => {});
    process.send?.({ id }, socket, { keepOpen: false });
  });
}

function wordsFor({ code, message }: NodeJS.ErrnoException): string {
  return code === 'ECONNREFUSED' ? 'connection refused' : message;
}

process.on('message', ({ id, port }: DialRequest) => dial(id, port, loopback));
process.on('disconnect', () => process.exit(0));

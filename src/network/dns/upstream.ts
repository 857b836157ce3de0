/**
 * One question to one name server: by UDP from a port of its own with an id that nobody can guess (RFC 5452), and again by TCP where the answer was cut.
 * Whatever is no answer to it is not heard. It ends with its signal at the latest.
 */
import { randomInt } from 'node:crypto';
import dgram from 'node:dgram';
import net, { isIPv6 } from 'node:net';
import { type ForwardedMessage, readForwarded } from './forwarded-message.ts';
import { type Forwarded, requestBytes } from './questions.ts';
import type { Upstream } from './settings.ts';

/** Rejects with what is wrong with the server, or the signal's reason. */
export type Exchange = (upstream: Upstream, asked: Forwarded, signal: AbortSignal) => Promise<ForwardedMessage>;

export const exchange: Exchange = async (upstream, asked, signal) => {
  const message = await byUdp(upstream, asked, signal);
  if (!message.isTruncated) return message;
  // A part is better than nothing, where TCP does not get through.
  return await byTcp(upstream, asked, signal).catch(() => message);
};

/** Calls `begin` with what ends it, and `stop` when it is over, however that came. */
function untilOver(
  signal: AbortSignal,
  begin: (done: (message: ForwardedMessage) => void, failed: (error: Error) => void) => () => void,
): Promise<ForwardedMessage> {
  if (signal.aborted) return Promise.reject(signal.reason as Error);
  let stop = (): void => {};
  let abort = (): void => {};
  const over = new Promise<ForwardedMessage>((resolve, reject) => {
    abort = () => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    stop = begin(resolve, reject);
  });
  return over.finally(() => {
    signal.removeEventListener('abort', abort);
    stop();
  });
}

/** Addresses need no looking up; the usual way costs a turn of the event loop. */
export const addressAsItIs = (
  address: string,
  _options: unknown,
  callback: (error: null, address: string, family: number) => void,
): void => callback(null, address, isIPv6(address) ? 6 : 4);

function byUdp({ address, port }: Upstream, asked: Forwarded, signal: AbortSignal): Promise<ForwardedMessage> {
  return untilOver(signal, (done, failed) => {
    const request = requestBytes(asked, randomInt(65_536));
    const socket = dgram.createSocket({ type: isIPv6(address) ? 'udp6' : 'udp4', lookup: addressAsItIs });
    socket.on('error', failed);
    socket.on('message', (bytes) => {
      const message = readForwarded(bytes, request);
      if (message !== undefined) done(message);
    });
    // Connected: nobody else is heard, and a closed port is told at once.
    socket.connect(port, address, () => socket.send(request));
    return () => socket.close();
  });
}

function byTcp({ address, port }: Upstream, asked: Forwarded, signal: AbortSignal): Promise<ForwardedMessage> {
  return untilOver(signal, (done, failed) => {
    const request = requestBytes(asked, randomInt(65_536));
    const socket = net.connect({ host: address, port });
    let received = Buffer.alloc(0);
    socket.on('error', failed);
    socket.on('end', () => failed(new Error(`${address} ended the connection before it had answered`)));
    socket.on('connect', () => socket.write(framed(request)));
    socket.on('data', (bytes: Buffer) => {
      received = Buffer.concat([received, bytes]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      const message = readForwarded(received.subarray(2, 2 + received.readUInt16BE(0)), request);
      if (message === undefined) failed(new Error(`${address} answered something else than it was asked`));
      else done(message);
    });
    return () => socket.destroy();
  });
}

/** As messages stand in a TCP connection: behind their length. */
export function framed(message: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(message.length + 2);
  frame.writeUInt16BE(message.length, 0);
  message.copy(frame, 2);
  return frame;
}

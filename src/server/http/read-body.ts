/** Collects a request's body up to a bound. */
import type { Readable } from 'node:stream';
import { bodyTooLarge } from './exchange.ts';

/** @throws StatusError RequestEntityTooLarge above `bytesMax`; what `brokenOff` makes where the stream ends early */
export function readBody(stream: Readable, bytesMax: number, brokenOff: () => Error): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    // Its client went while nobody listened: no event would come any more.
    if (stream.destroyed) return reject(brokenOff());
    const chunks: Buffer[] = [];
    let bytes = 0;
    const take = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes <= bytesMax) return void chunks.push(chunk);
      stream.off('data', take);
      stream.pause();
      reject(bodyTooLarge(bytesMax));
    };
    stream.on('data', take);
    let ended = false;
    stream.once('end', () => {
      ended = true;
      // HTTP/2 ends a stream that the client reset as it ends a complete one.
      if (stream.readableAborted || (stream as { aborted?: boolean }).aborted === true) reject(brokenOff());
      else resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks));
    });
    // Every stream closes in the end: only the one that did so too early is worth an error.
    stream.once('close', () => {
      if (!ended) reject(brokenOff());
    });
  });
}

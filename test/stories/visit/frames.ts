/** WebSocket frames (RFC 6455) of short texts, as far as both ends of the story need them; imports nothing, since it runs in a container, too. */

const maskKey = Buffer.from([0x5a, 0xa5, 0x3c, 0xc3]);
const headerOf = (bytes: number): readonly number[] => (bytes < 126 ? [bytes] : [126, bytes >> 8, bytes & 255]);

/** @param isMasked what a client sends must be */
export function textFrame(text: string, isMasked: boolean): Buffer {
  const payload = Buffer.from(text);
  const [first = 0, ...rest] = headerOf(payload.length);
  if (!isMasked) return Buffer.concat([Buffer.from([0x81, first, ...rest]), payload]);
  const masked = payload.map((byte, at) => byte ^ (maskKey[at & 3] ?? 0));
  return Buffer.concat([Buffer.from([0x81, first | 0x80, ...rest]), maskKey, masked]);
}

/** Texts of the frames in a stream of bytes, however they are cut. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): string[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const texts: string[] = [];
    for (let text = this.#next(); text !== undefined; text = this.#next()) texts.push(text);
    return texts;
  }

  #next(): string | undefined {
    const bytes = this.#rest;
    if (bytes.length < 2) return undefined;
    const isMasked = ((bytes[1] ?? 0) & 0x80) !== 0;
    const isLong = ((bytes[1] ?? 0) & 0x7f) === 126;
    const keyAt = isLong ? 4 : 2;
    const startAt = keyAt + (isMasked ? 4 : 0);
    if (bytes.length < startAt) return undefined;
    const endAt = startAt + (isLong ? bytes.readUInt16BE(2) : (bytes[1] ?? 0) & 0x7f);
    if (bytes.length < endAt) return undefined;
    const payload = bytes.subarray(startAt, endAt);
    this.#rest = bytes.subarray(endAt);
    return isMasked ? payload.map((byte, at) => byte ^ (bytes[keyAt + (at & 3)] ?? 0)).toString() : payload.toString();
  }
}

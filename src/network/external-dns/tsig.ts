/**
 * Signatures of messages by a shared key: TSIG, RFC 8945.
 *
 * ```
 *   question  ── signed over: message, variables ──────────────────▶
 *   answer    ◀─ signed over: the question's MAC, message, variables
 *   answer 2  ◀─ signed over: the MAC before, messages since then, times    (of a transfer; up to 99 between may be unsigned)
 * ```
 * What an answer says is believed only when its signature holds. One that says that the signature was not taken has none, and is only ever an error.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { readName, readRecords } from '../dns/wire.ts';
import type { TsigAlgorithm } from './settings.ts';
import { afterQuestions, classes, nameBytes, numberBytes, recordBytes } from './zone-messages.ts';

export interface TsigKey {
  readonly name: string;
  readonly algorithm: TsigAlgorithm;
  readonly secret: Buffer;
}

const tsigType = 250;
const fudgeSeconds = 300;
const unsignedMax = 99;

const hashes: Readonly<Record<TsigAlgorithm, string>> = {
  'hmac-sha256': 'sha256',
  'hmac-sha384': 'sha384',
  'hmac-sha512': 'sha512',
};

interface Tsig {
  /** Where its record begins. */
  readonly start: number;
  readonly keyName: string;
  readonly algorithm: string;
  readonly time: number;
  readonly fudge: number;
  readonly mac: Buffer;
  readonly originalId: number;
  readonly error: number;
  readonly other: Buffer;
}

/** One exchange with a server: a question, and the messages of its answer. */
export class TsigExchange {
  readonly #key: TsigKey;
  #mac: Buffer = Buffer.alloc(0);
  /** Messages since the last signature. */
  #unsigned: Buffer[] = [];
  #isFirst = true;

  constructor(key: TsigKey) {
    this.#key = key;
  }

  /** The message with its signature. @param nowSeconds of the wall clock */
  sign(message: Buffer, nowSeconds: number): Buffer {
    const { name, algorithm } = this.#key;
    const time = timeBytes(nowSeconds, fudgeSeconds);
    const id = message.subarray(0, 2);
    this.#mac = this.#digest([message, variables(name, algorithm, time, 0, Buffer.alloc(0))]);
    const sizes = numberBytes(this.#mac.length, 2);
    const data = Buffer.concat([
      nameBytes(algorithm),
      time,
      sizes,
      this.#mac,
      id,
      numberBytes(0, 2),
      numberBytes(0, 2),
    ]);
    const result = Buffer.concat([message, recordBytes(name, tsigType, classes.ANY, 0, data)]);
    result.writeUInt16BE(message.readUInt16BE(10) + 1, 10);
    return result;
  }

  /** @throws Error that says why the message is not to be believed */
  verify(message: Buffer, nowSeconds: number): void {
    const tsig = readTsig(message);
    if (tsig === undefined) return this.#withoutSignature(message);
    const { name, algorithm } = this.#key;
    if (tsig.error !== 0) throw new Error(`the answer is about a bad signature (${tsig.error})`);
    if (tsig.keyName !== name || tsig.algorithm !== algorithm) throw new Error('the answer is signed with another key');
    const plain = Buffer.from(message.subarray(0, tsig.start));
    plain.writeUInt16BE(tsig.originalId, 0);
    plain.writeUInt16BE(plain.readUInt16BE(10) - 1, 10);
    const time = timeBytes(tsig.time, tsig.fudge);
    const end = this.#isFirst ? variables(name, algorithm, time, tsig.error, tsig.other) : time;
    const mac = this.#digest([numberBytes(this.#mac.length, 2), this.#mac, ...this.#unsigned, plain, end]);
    if (mac.length !== tsig.mac.length || !timingSafeEqual(mac, tsig.mac))
      throw new Error("the signature of the answer is wrong: is the key's secret the same on both sides?");
    if (Math.abs(nowSeconds - tsig.time) > tsig.fudge)
      throw new Error("the answer's signature is too old or too new: do the clocks of both machines agree?");
    this.#mac = mac;
    this.#unsigned = [];
    this.#isFirst = false;
  }

  /** All that came is signed: the last message of an answer must be. */
  get isComplete(): boolean {
    return !this.#isFirst && this.#unsigned.length === 0;
  }

  #withoutSignature(message: Buffer): void {
    if (this.#isFirst || this.#unsigned.length >= unsignedMax) throw new Error('the answer is not signed');
    this.#unsigned.push(message);
  }

  #digest(parts: readonly Buffer[]): Buffer {
    const hmac = createHmac(hashes[this.#key.algorithm], this.#key.secret);
    for (const part of parts) hmac.update(part);
    return hmac.digest();
  }
}

/** What an answer says is wrong with the signature of the question: 16 and more; 0 where it says nothing of that. */
export const signatureError = (message: Buffer): number => readTsig(message)?.error ?? 0;

const timeBytes = (seconds: number, fudge: number): Buffer =>
  Buffer.concat([numberBytes(seconds, 6), numberBytes(fudge, 2)]);

function variables(name: string, algorithm: string, time: Buffer, error: number, other: Buffer): Buffer {
  const head = [nameBytes(name), numberBytes(classes.ANY, 2), numberBytes(0, 4), nameBytes(algorithm)];
  return Buffer.concat([...head, time, numberBytes(error, 2), numberBytes(other.length, 2), other]);
}

/** The last of the additional records, where it is a signature that can be read. */
function readTsig(message: Buffer): Tsig | undefined {
  const start = afterQuestions(message);
  if (start === undefined) return undefined;
  const [answers, authority, additional] = [6, 8, 10].map((offset) => message.readUInt16BE(offset)) as [
    number,
    number,
    number,
  ];
  if (additional === 0) return undefined;
  const last = readRecords(message, start, answers + authority + additional)?.at(-1);
  if (last?.type !== tsigType) return undefined;
  if (message.readUInt16BE(last.ttlOffset - 2) !== classes.ANY || message.readUInt32BE(last.ttlOffset) !== 0)
    return undefined;
  const key = readName(message, last.start);
  const algorithm = readName(message, last.dataStart);
  if (key === undefined || algorithm === undefined || algorithm.end + 16 > last.end) return undefined;
  const at = algorithm.end;
  const macEnd = at + 10 + message.readUInt16BE(at + 8);
  if (macEnd + 6 > last.end) return undefined;
  const otherEnd = macEnd + 6 + message.readUInt16BE(macEnd + 4);
  if (otherEnd !== last.end) return undefined;
  return {
    start: last.start,
    keyName: key.name,
    algorithm: algorithm.name,
    time: message.readUIntBE(at, 6),
    fudge: message.readUInt16BE(at + 6),
    mac: message.subarray(at + 10, macEnd),
    originalId: message.readUInt16BE(macEnd),
    error: message.readUInt16BE(macEnd + 2),
    other: message.subarray(macEnd + 6, otherEnd),
  };
}

/** Questions that are asked of other name servers: their bytes, and the key under which equal ones are the same. Pure. */

import { writeOpt } from './message.ts';
import { headerBytes, labelsOf, optBytes, flags as wireFlags } from './wire.ts';

export interface Forwarded {
  /** The question as it stands in a message, without the header: the name in lower case, type, class. */
  readonly question: Buffer;
  readonly dnssecOk: boolean;
  readonly checkingDisabled: boolean;
}

/** Equal for questions that have the same answer. */
export function keyOf({ question, dnssecOk, checkingDisabled }: Forwarded): string {
  return `${dnssecOk ? 'd' : ''}${checkingDisabled ? 'c' : ''}:${question.toString('latin1')}`;
}

export function questionBytes(name: string, type: number): Buffer {
  const labels = labelsOf(name).map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`, 'latin1'));
  return Buffer.concat([...labels, Buffer.from([0, type >> 8, type & 0xff, 0, 1])]);
}

/** A message that asks. It always says how much it takes: without, answers of more than 512 bytes would need TCP. */
export function requestBytes({ question, dnssecOk, checkingDisabled }: Forwarded, id: number): Buffer {
  const bytes = Buffer.alloc(headerBytes + question.length + optBytes);
  bytes.writeUInt16BE(id, 0);
  bytes.writeUInt16BE(wireFlags.recursionDesired | (checkingDisabled ? wireFlags.checkingDisabled : 0), 2);
  bytes.writeUInt16BE(1, 4);
  bytes.writeUInt16BE(1, 10);
  question.copy(bytes, headerBytes);
  writeOpt(bytes, headerBytes + question.length, dnssecOk);
  return bytes;
}

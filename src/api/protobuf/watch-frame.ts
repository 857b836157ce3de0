/**
 * One event of a watch in protobuf: four bytes of length (big-endian), then a `metav1.WatchEvent` without an envelope, whose
 * object has one.
 *
 * ```
 *  length │ 1: type │ 2: { 1: 'k8s\0' kind … │ the object's own message │ … } │
 *  └──────────────── head, made for each event ──────────────┘ └ shared ┘ └ tail, always the same ┘
 * ```
 */
import { type Envelope, envelop, type ObjectKind } from './envelope.ts';
import { lengthWire } from './wire.ts';
import { WireWriter } from './writer.ts';

/** What stands before and after an object's message, which is `messageBytes` long and an object of `kind`. */
export function protobufWatchFrame(eventType: string, kind: ObjectKind, messageBytes: number): Envelope {
  const { head, tail } = envelop(kind, messageBytes);
  const writer = new WireWriter(messageBytes + tail.length);
  writer.raw(head);
  writer.close(1, 0);
  writer.close(2, 0);
  writer.string(eventType);
  writer.tag(1, lengthWire);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(writer.written);
  writer.raw(length);
  return { head: writer.finish(), tail };
}

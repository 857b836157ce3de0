/**
 * One event of a watch → its bytes, in three pieces: what stands before the object, the object, what stands after it. The
 * object's piece is the stored bytes wherever it is shown as it is, shared by all watchers; in JSON the others are constants.
 *
 * A thousand watchers of one object want the same bytes, one after the other. Made anew for each, the frames, and even more the copies
 * that join them for a write, would be most of the work; `SharedFrames` remembers the last of either, which the next one nearly always
 * wants, too.
 */
import type { JsonObject } from '../api/object.ts';
import { encodeProtobuf } from '../api/protobuf/encode.ts';
import { type ObjectKind, protobufMediaType, protobufType } from '../api/protobuf/envelope.ts';
import { protobufWatchFrame } from '../api/protobuf/watch-frame.ts';
import { StatusError } from '../api/status-error.ts';
import { assert } from '../lib/assert.ts';
import type { WatchEvent } from '../registry/request.ts';
import { kindOf, storedMessage } from './stored-protobuf.ts';

/** How an event's object is shown; undefined: as it is. */
export type ShowObject = ((event: WatchEvent) => object) | undefined;

export type Frame = readonly [before: Uint8Array, object: Uint8Array, after: Uint8Array];

/** The forms that can be sent one by one. */
export type StreamEncoding = 'json' | 'protobuf';

/** As upstream: only what is no JSON says that it is a stream. */
export const streamContentTypes: Readonly<Record<StreamEncoding, string>> = {
  json: 'application/json',
  protobuf: `${protobufMediaType};stream=watch`,
};

/** For all watches of a server. What it gives is shared: nobody changes it. */
export class SharedFrames {
  readonly #last: Record<StreamEncoding, { readonly event: WatchEvent; readonly frame: Frame } | undefined> = {
    json: undefined,
    protobuf: undefined,
  };
  #joined: { readonly frames: readonly Frame[]; readonly bytes: Buffer } | undefined;

  of(event: WatchEvent, encoding: StreamEncoding): Frame {
    const last = this.#last[encoding];
    if (event.entry !== undefined && last?.event.entry === event.entry && last.event.type === event.type)
      return last.frame;
    const frame = frameOf(event, encoding, undefined);
    this.#last[encoding] = { event, frame };
    return frame;
  }

  /** The frames' bytes in one piece. */
  join(frames: readonly Frame[]): Buffer {
    if (this.#joined !== undefined && sameFrames(this.#joined.frames, frames)) return this.#joined.bytes;
    const bytes = Buffer.concat(frames.flat());
    this.#joined = { frames, bytes };
    return bytes;
  }
}

function sameFrames(left: readonly Frame[], right: readonly Frame[]): boolean {
  return left.length === right.length && left.every((frame, index) => frame === right[index]);
}

export function frameLength([before, object, after]: Frame): number {
  return before.length + object.length + after.length;
}

export function frameOf(event: WatchEvent, encoding: StreamEncoding, show: ShowObject): Frame {
  const shown = show === undefined || event.type === 'ERROR' ? undefined : shownBy(show, event);
  return encoding === 'protobuf' ? protobufFrame(event, shown) : jsonFrame(event, shown);
}

/** What cannot be shown as asked for goes out as it is, as upstream: the stream's head has promised an answer. */
function shownBy(show: NonNullable<ShowObject>, event: WatchEvent): object | undefined {
  try {
    return show(event);
  } catch (error) {
    if (error instanceof StatusError) return undefined;
    throw error;
  }
}

const prefixes = {
  ADDED: Buffer.from('{"type":"ADDED","object":'),
  MODIFIED: Buffer.from('{"type":"MODIFIED","object":'),
  DELETED: Buffer.from('{"type":"DELETED","object":'),
  BOOKMARK: Buffer.from('{"type":"BOOKMARK","object":'),
  ERROR: Buffer.from('{"type":"ERROR","object":'),
} as const;
const jsonEnd = Buffer.from('}\n');

/** One JSON object a line. */
function jsonFrame({ type, object, entry }: WatchEvent, shown: object | undefined): Frame {
  const bytes =
    entry !== undefined && shown === undefined ? entry.json() : Buffer.from(JSON.stringify(shown ?? object));
  return [prefixes[type], bytes, jsonEnd];
}

function protobufFrame({ type, object, entry }: WatchEvent, shown: object | undefined): Frame {
  const value = shown ?? object;
  const kind = kindOf(value);
  const message = entry !== undefined && shown === undefined ? storedMessage(entry).message : encode(kind, value);
  const { head, tail } = protobufWatchFrame(type, kind, message.length);
  return [head, message, tail];
}

function encode(kind: ObjectKind, value: object): Uint8Array {
  const type = protobufType(kind);
  assert(type !== undefined, 'what is watched in protobuf has a protobuf form');
  return encodeProtobuf(type, value as JsonObject);
}

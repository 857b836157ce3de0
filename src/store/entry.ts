/**
 * One version of one object: its JSON, and its decoded form where somebody has asked for it.
 *
 * Each form is made at most once from the other. JSON is always there, because the journal needs it; the object is decoded
 * lazily, because a start would else spend 17 µs a Pod on parsing (2 s for 100,000) where most are only ever sent as bytes.
 * A version that has been replaced lets go of its object: the watch history then costs bytes, not object trees.
 *
 * Five hundred CustomResourceDefinitions of 350 KB would take a gigabyte so. What is that large is packed when those who waited for it have
 * had it: schemas say the same few things thousands of times, and shrink to a hundredth. From then on each reader gets a form of its own.
 */
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import type { KubeObject } from '../api/object.ts';
import type { ObjectMeta } from '../api/schema/types/meta-v1.ts';
import { limits } from '../lib/limits.ts';
import { compact } from './compact.ts';
import { type Entry, type StoreKey, UnreadableObject } from './store.ts';

export class StoredEntry implements Entry {
  readonly key: StoreKey;
  readonly revision: number;
  #json: Uint8Array;
  #object: KubeObject | undefined;
  /** Present where the JSON is not. */
  #packed: Uint8Array | undefined;
  /** Of a packed one, while somebody holds it. */
  #shared: WeakRef<KubeObject> | undefined;
  readonly bytes: number;
  /** Why there is neither JSON nor object. */
  readonly #unreadable: string | undefined;

  /** `object` must be frozen and the same as `json`; without it, it is decoded on demand. */
  constructor(key: StoreKey, revision: number, json: Uint8Array, object?: KubeObject, unreadable?: string) {
    this.key = key;
    this.revision = revision;
    this.#json = json;
    this.bytes = json.length;
    this.#object = object;
    this.#unreadable = unreadable;
  }

  get isReadable(): boolean {
    return this.#unreadable === undefined;
  }

  get object(): KubeObject {
    const known = this.#object ?? this.#shared?.deref();
    if (known !== undefined) return known;
    const object = compact(JSON.parse(this.json().toString()) as KubeObject);
    if (this.#packed === undefined) this.#object = object;
    else this.#shared = new WeakRef(object);
    return object;
  }

  json(): Buffer {
    if (this.#unreadable !== undefined) throw new UnreadableObject(this.key, this.#unreadable);
    if (this.#packed !== undefined) return zstdDecompressSync(this.#packed);
    const json = this.#json;
    if (Buffer.isBuffer(json)) return json;
    const view = Buffer.from(json.buffer, json.byteOffset, json.length);
    this.#json = view;
    return view;
  }

  /** Lets the decoded form go; it is made again when asked for. */
  forgetObject(): void {
    this.#object = undefined;
  }

  get isLarge(): boolean {
    return this.bytes >= limits.packedObjectBytesMin;
  }

  /** From now on it takes little room, and some time to be read. */
  pack(): void {
    if (this.#packed !== undefined) return;
    // A copy of the right size: what comes is a small part of a larger buffer, which would stay whole.
    this.#packed = new Uint8Array(zstdCompressSync(this.#json));
    this.#json = nothing;
    if (this.#object !== undefined) this.#shared = new WeakRef(this.#object);
    this.#object = undefined;
  }
}

const nothing = new Uint8Array(0);

/** A new version of `object` at `revision`: shares what it can with it, and carries the revision in its metadata. */
export function makeEntry(key: StoreKey, revision: number, object: KubeObject): StoredEntry {
  const versioned = { ...object, metadata: atVersion(object.metadata ?? {}, String(revision)) };
  const json = encode(JSON.stringify(versioned));
  return new StoredEntry(keyOf(key), revision, json, compact(versioned));
}

/** The last word on what was deleted unread: where it stood. */
export function makeStub({ namespace, name }: StoreKey): KubeObject {
  return { metadata: { name, ...(namespace !== '' && { namespace }) } };
}

/** A new object's version stands where Go prints it: behind the fields that say which object it is. */
const identity = ['name', 'generateName', 'namespace', 'selfLink', 'uid'] as const satisfies (keyof ObjectMeta)[];

function atVersion(metadata: ObjectMeta, resourceVersion: string): ObjectMeta {
  if (metadata.resourceVersion !== undefined) return { ...metadata, resourceVersion };
  const placed: Record<string, unknown> = {};
  for (const name of identity) if (metadata[name] !== undefined) placed[name] = metadata[name];
  placed['resourceVersion'] = resourceVersion;
  return { ...placed, ...metadata, resourceVersion };
}

/** Not from Node's buffer pool: a small buffer that lives long would keep the whole slab of its neighbours. */
function encode(text: string): Buffer {
  const buffer = Buffer.allocUnsafeSlow(Buffer.byteLength(text));
  buffer.write(text);
  return buffer;
}

/** The three fields alone, and frozen: callers may hand in richer objects. */
function keyOf({ collection, namespace, name }: StoreKey): StoreKey {
  return Object.freeze({ collection, namespace, name });
}

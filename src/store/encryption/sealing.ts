/**
 * Values as they lie on disk: sealed with AES-GCM in upstream's form, or as they are.
 *
 * ```
 *  k8s:enc:aesgcm:v1:NAME: │ nonce (12 bytes) │ ciphertext │ tag (16 bytes)        authenticated along: /registry/secrets/NAMESPACE/NAME
 * ```
 * The object's place is authenticated with it: a sealed value that is moved to another object does not open there.
 *
 * Nonces are random, which is safe for 2^32 values a key (NIST SP 800-38D, 8.3). A data key derived for each value would lift that bound, but
 * the bytes would no longer be what the prefix says, and upstream's tools could not read them. So writes are counted in the state file, and
 * the key is replaced long before (`encryption-keys.ts`).
 *
 * Runs on the main thread and in the state file's worker: it imports nothing of naru but types. No error carries a value or a key.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import type { StoreKey } from '../store.ts';

export interface SealingKey {
  /** `aescbc` only opens what was sealed elsewhere. */
  readonly kind: 'aesgcm' | 'aescbc';
  readonly name: string;
  /** 16, 24 or 32 bytes. */
  readonly secret: Uint8Array;
}

/** `identity`: the value as it is. */
export type SealingProvider = SealingKey | { readonly kind: 'identity' };

export interface SealingRule {
  /** `secrets`, `deployments.apps`; `*.apps`, `*.` (all of the core group), `*.*`. */
  readonly resources: readonly string[];
  /** The first one seals, each opens what is its own. */
  readonly providers: readonly SealingProvider[];
}

/** Plain data, so that it reaches the worker. The most exact rule holds: a resource before its group before all. */
export type Sealing = readonly SealingRule[];

/** Why a value cannot be opened. */
export class CannotOpen extends Error {
  override name = 'CannotOpen';
  /** `key`: no key or provider is given for it. `value`: the value is not what was sealed with that key. */
  readonly reason: 'key' | 'value';

  constructor(reason: CannotOpen['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}

/** What every sealed value begins with, whatever sealed it. */
const sealedPrefix = Buffer.from('k8s:enc:');
const nonceBytes = 12;
const tagBytes = 16;
const blockBytes = 16;

/** How a value lies there: `aesgcm:NAME`, as in its prefix; `identity` for a plain one. */
export type SealedForm = string;

export const plainForm: SealedForm = 'identity';

export function isSealed(stored: Uint8Array): boolean {
  return Buffer.from(stored.buffer, stored.byteOffset, Math.min(stored.length, sealedPrefix.length)).equals(
    sealedPrefix,
  );
}

export function formOf(provider: SealingProvider): SealedForm {
  return provider.kind === 'identity' ? plainForm : `${provider.kind}:${provider.name}`;
}

/** What a value says of itself. Only its beginning is looked at. */
export function formIn(stored: Uint8Array): SealedForm {
  if (!isSealed(stored)) return plainForm;
  const head = Buffer.from(stored.buffer, stored.byteOffset, Math.min(stored.length, 512)).toString('latin1');
  const [, , kind = '', , name = ''] = head.split(':', 5);
  return `${kind}:${Buffer.from(name, 'latin1').toString()}`;
}

export class Sealer {
  readonly #sealing: Sealing;
  readonly #known = new Map<string, readonly SealingProvider[] | undefined>();

  constructor(sealing: Sealing) {
    this.#sealing = sealing;
  }

  /** The providers of a collection; undefined where none is set, and its values stay as they are. */
  providersOf(collection: string): readonly SealingProvider[] | undefined {
    const known = this.#known.get(collection);
    if (known !== undefined || this.#known.has(collection)) return known;
    const providers = providersFor(this.#sealing, collection);
    this.#known.set(collection, providers);
    return providers;
  }

  /** How new values of a collection are stored. */
  formFor(collection: string): SealedForm {
    const first = this.providersOf(collection)?.[0];
    return first === undefined ? plainForm : formOf(first);
  }

  /** Every key, once for each form. */
  keys(): SealingKey[] {
    const all = this.#sealing.flatMap(({ providers }) => providers).filter((provider) => provider.kind !== 'identity');
    return [...new Map(all.map((key) => [formOf(key), key])).values()];
  }

  /** `value` itself where the collection's values are not sealed. */
  seal(key: StoreKey, value: Uint8Array): Uint8Array {
    const first = this.providersOf(key.collection)?.[0];
    if (first === undefined || first.kind === 'identity') return value;
    return sealWith(first, placeOf(key), value);
  }

  /** The value that was sealed. @throws CannotOpen */
  open(key: StoreKey, stored: Uint8Array): Uint8Array {
    const providers = this.providersOf(key.collection);
    const sealed = isSealed(stored);
    if (providers === undefined && !sealed) return stored;
    let failure = new CannotOpen('key', sealed ? noMatchFor(providers, stored) : 'no matching prefix found');
    for (const provider of providers ?? []) {
      if (provider.kind === 'identity') {
        if (!sealed) return stored;
      } else if (startsWith(stored, prefixOf(provider))) {
        try {
          return openWith(provider, placeOf(key), stored);
        } catch (error) {
          failure = error as CannotOpen;
        }
      }
    }
    throw failure;
  }
}

/** How upstream names the place of an object. */
export function placeOf({ collection, namespace, name }: StoreKey): string {
  return `/registry/${collection}/${namespace === '' ? '' : `${namespace}/`}${name}`;
}

export function sealWith(key: SealingKey, place: string, value: Uint8Array): Uint8Array {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(gcmOf(key), key.secret, nonce, { authTagLength: tagBytes });
  cipher.setAAD(Buffer.from(place));
  return Buffer.concat([prefixOf(key), nonce, cipher.update(value), cipher.final(), cipher.getAuthTag()]);
}

/** @throws CannotOpen. The messages are upstream's. */
export function openWith(key: SealingKey, place: string, stored: Uint8Array): Uint8Array {
  const body = stored.subarray(prefixOf(key).length);
  return key.kind === 'aesgcm' ? openGcm(key, place, body) : openCbc(key, body);
}

function openGcm(key: SealingKey, place: string, body: Uint8Array): Uint8Array {
  if (body.length < nonceBytes) throw new CannotOpen('value', 'the stored data was shorter than the required size');
  if (body.length < nonceBytes + tagBytes) throw new CannotOpen('value', 'cipher: message authentication failed');
  const end = body.length - tagBytes;
  const decipher = createDecipheriv(gcmOf(key), key.secret, body.subarray(0, nonceBytes), { authTagLength: tagBytes });
  decipher.setAAD(Buffer.from(place));
  decipher.setAuthTag(body.subarray(end));
  try {
    return Buffer.concat([decipher.update(body.subarray(nonceBytes, end)), decipher.final()]);
  } catch {
    throw new CannotOpen('value', 'cipher: message authentication failed');
  }
}

function openCbc(key: SealingKey, body: Uint8Array): Uint8Array {
  if (body.length < blockBytes) throw new CannotOpen('value', 'the stored data was shorter than the required size');
  if (body.length % blockBytes !== 0) {
    throw new CannotOpen('value', 'the stored data is not a multiple of the block size');
  }
  const decipher = createDecipheriv(`aes-${key.secret.length * 8}-cbc`, key.secret, body.subarray(0, blockBytes));
  try {
    return Buffer.concat([decipher.update(body.subarray(blockBytes)), decipher.final()]);
  } catch {
    throw new CannotOpen('value', 'invalid padding on input');
  }
}

function gcmOf({ secret }: SealingKey): 'aes-128-gcm' | 'aes-192-gcm' | 'aes-256-gcm' {
  return `aes-${secret.length * 8}-gcm` as 'aes-256-gcm';
}

function prefixOf({ kind, name }: SealingKey): Buffer {
  return Buffer.from(`k8s:enc:${kind}:v1:${name}:`);
}

function startsWith(stored: Uint8Array, prefix: Buffer): boolean {
  return prefix.equals(stored.subarray(0, prefix.length));
}

/** Upstream tells a provider that is not there from one without the key. */
function noMatchFor(providers: readonly SealingProvider[] | undefined, stored: Uint8Array): string {
  const kind = formIn(stored).split(':', 1)[0];
  return providers?.some((provider) => provider.kind === kind)
    ? 'no matching key was found for the provided AES transformer'
    : 'no matching prefix found';
}

/** Rules for the same resource add up, in order. */
function providersFor(sealing: Sealing, collection: string): readonly SealingProvider[] | undefined {
  const dot = collection.indexOf('.');
  const group = dot < 0 ? '' : collection.slice(dot + 1);
  for (const pattern of [collection, `*.${group}`, '*.*']) {
    const rules = sealing.filter(({ resources }) => resources.some((resource) => plainName(resource) === pattern));
    if (rules.length > 0) return rules.flatMap(({ providers }) => providers);
  }
  return undefined;
}

/** `secrets.` is the core group's `secrets`, too. */
function plainName(resource: string): string {
  return resource.endsWith('.') && resource !== '*.' ? resource.slice(0, -1) : resource;
}

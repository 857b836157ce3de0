/**
 * The keys of service accounts' tokens: one file (PEM), made at the first start, readable by its owner only. Whoever holds a private
 * one is every service account of the cluster.
 *
 * ```
 *  Added: 2026-11-21T18:00:00Z      notes before a block: since when it is here, since when it signs no more
 *  -----BEGIN PRIVATE KEY-----      the first private key signs; every key of the file verifies and is published,
 *  …                                also one of which only the public half is there
 * ```
 * Kept true: a file that cannot be used is named and never replaced in silence, because a new key would end every token there is. An
 * operator's own RSA or elliptic key in its place is taken as it is. How keys follow one another says `key-rotation.ts`.
 */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { chmod, mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { limits } from '../../lib/limits.ts';
import { writePrivateFile } from '../../lib/private-file.ts';

export type SigningAlgorithm = 'ES256' | 'ES384' | 'ES512' | 'RS256';

export interface VerificationKey {
  readonly publicKey: KeyObject;
  /** Names the key in tokens and in the published key set; as upstream, a hash of the public key. */
  readonly id: string;
  readonly algorithm: SigningAlgorithm;
}

export interface SigningKey extends VerificationKey {
  readonly privateKey: KeyObject;
}

/** The keys that hold at the moment; the file's reader puts others in their place while the server runs. */
export class SigningKeys {
  #all: readonly VerificationKey[];
  #signing: SigningKey;
  #version = 0;

  /** @param all at least one with its private half */
  constructor(all: readonly (VerificationKey | SigningKey)[]) {
    this.#all = all;
    this.#signing = signingOf(all);
  }

  get signing(): SigningKey {
    return this.#signing;
  }

  /** In the file's order. */
  get all(): readonly VerificationKey[] {
    return this.#all;
  }

  /** Grows with each change: what was verified before may hold no more. */
  get version(): number {
    return this.#version;
  }

  replace(all: readonly (VerificationKey | SigningKey)[]): void {
    this.#signing = signingOf(all);
    this.#all = all;
    this.#version++;
  }

  /** Those that may have signed what names `id`; all, where it names none. */
  candidates(id: string | undefined): readonly VerificationKey[] {
    return id === undefined || id === '' ? this.#all : this.#all.filter((key) => key.id === id);
  }
}

function signingOf(all: readonly (VerificationKey | SigningKey)[]): SigningKey {
  const found = all.find((key): key is SigningKey => 'privateKey' in key);
  if (found === undefined) throw new Error('none of the keys for service accounts’ tokens is a private one');
  return found;
}

/** One key of a file, as text, with what the file notes about it. */
export interface KeyBlock {
  readonly key: VerificationKey | SigningKey;
  readonly pem: string;
  /** When it was put into the file, and when another began to sign in its place; as RFC 3339. */
  readonly added?: string;
  readonly retired?: string;
}

/** @throws Error, one sentence with the way out, where the file cannot be used */
export async function openSigningKeys(file: string): Promise<SigningKeys> {
  return new SigningKeys((await openKeyBlocks(file)).map(({ key }) => key));
}

/** Makes the file where there is none. @throws Error, one sentence with the way out */
export async function openKeyBlocks(file: string): Promise<readonly KeyBlock[]> {
  const standing = await readKeyBlocks(file);
  if (standing !== undefined) return standing;
  const made = newKeyBlock();
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  await writeKeyBlocks(file, [made]);
  return [made];
}

/** Undefined where there is no file. @throws Error, one sentence with the way out */
export async function readKeyBlocks(file: string): Promise<readonly KeyBlock[] | undefined> {
  const text = await readIfThere(file);
  return text === undefined ? undefined : keyBlocksOf(file, text);
}

export function writeKeyBlocks(file: string, blocks: readonly KeyBlock[]): Promise<void> {
  const note = (name: string, value: string | undefined): string => (value === undefined ? '' : `${name}: ${value}\n`);
  return writePrivateFile(
    file,
    blocks.map(({ pem, added, retired }) => `${note('Added', added)}${note('Retired', retired)}${pem}\n`).join(''),
  );
}

/** Its id never begins with a hyphen: a command line would take it for an option. One key in 64 is made again for that. */
export function newKeyBlock(added?: string): KeyBlock {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const key = describe(privateKey, 'ES256');
  if (key.id.startsWith('-')) return newKeyBlock(added);
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).trimEnd();
  return { key, pem, ...(added !== undefined && { added }) };
}

/** A key that nobody keeps: for clusters in memory, and tests. */
export function passingSigningKeys(): SigningKeys {
  return new SigningKeys([newKeyBlock().key]);
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    const text = await readFile(file, 'utf8');
    await chmod(file, 0o600);
    return text;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    const why = `cannot read ${file} (${(error as Error).message}); run naru as the user that owns it`;
    throw new Error(why, { cause: error });
  }
}

const wayOut = 'put the file back from a copy, or remove it, which ends every token of a service account';
const blocks = /-----BEGIN ([A-Z ]+)-----[^-]*-----END \1-----/g;
/** What OpenSSL writes before elliptic keys; the key's own block says it again. */
const parameters = 'EC PARAMETERS';

export function keyBlocksOf(file: string, text: string): readonly KeyBlock[] {
  const found: KeyBlock[] = [];
  let end = 0;
  for (const match of text.matchAll(blocks)) {
    const [pem, label] = match;
    const notes = text.slice(end, match.index);
    end = match.index + pem.length;
    if (label === parameters) continue;
    const added = noted(notes, 'Added');
    const retired = noted(notes, 'Retired');
    found.push({ key: keyOf(file, pem), pem, ...(added && { added }), ...(retired && { retired }) });
  }
  if (!found.some(({ key }) => 'privateKey' in key)) throw new Error(`${file} does not hold a private key; ${wayOut}`);
  if (found.length > limits.tokenKeysMax) {
    throw new Error(`${file} holds ${found.length} keys, and at most ${limits.tokenKeysMax} are used; remove old ones`);
  }
  return found;
}

function noted(notes: string, name: string): string | undefined {
  return new RegExp(`^${name}: (\\S+)$`, 'm').exec(notes)?.[1];
}

function keyOf(file: string, pem: string): VerificationKey | SigningKey {
  const isPublic = pem.startsWith('-----BEGIN PUBLIC KEY') || pem.startsWith('-----BEGIN RSA PUBLIC KEY');
  let key: KeyObject;
  try {
    key = isPublic ? createPublicKey(pem) : createPrivateKey(pem);
  } catch (error) {
    throw new Error(`${file} holds a block that is no key; ${wayOut}`, { cause: error });
  }
  const algorithm = algorithmOf(key);
  if (algorithm === undefined) throw new Error(`${file} holds a key that is neither elliptic nor RSA; ${wayOut}`);
  return describe(key, algorithm);
}

const curves: Readonly<Record<string, SigningAlgorithm>> = {
  prime256v1: 'ES256',
  secp384r1: 'ES384',
  secp521r1: 'ES512',
};

function algorithmOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): SigningAlgorithm | undefined {
  if (asymmetricKeyType === 'rsa') return 'RS256';
  return asymmetricKeyType === 'ec' ? curves[asymmetricKeyDetails?.namedCurve ?? ''] : undefined;
}

function describe(key: KeyObject, algorithm: SigningAlgorithm): VerificationKey | SigningKey {
  const publicKey = key.type === 'private' ? createPublicKey(key) : key;
  const der = publicKey.export({ type: 'spki', format: 'der' });
  const known = { publicKey, algorithm, id: createHash('sha256').update(der).digest('base64url') };
  return key.type === 'private' ? { ...known, privateKey: key } : known;
}

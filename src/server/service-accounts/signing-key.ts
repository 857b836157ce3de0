/**
 * The key that signs service accounts' tokens: one file (PEM, PKCS #8), made at the first start, readable by its owner only. Whoever
 * holds it is every service account of the cluster.
 *
 * Kept true: a file that cannot be used is named and never replaced in silence, because a new key would end every token there is. An
 * operator's own RSA or P-256 key in its place is taken as it is.
 */
import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { chmod, mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { writePrivateFile } from '../../lib/private-file.ts';

export interface SigningKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  /** Names the key in tokens and in the published key set; as upstream, a hash of the public key. */
  readonly id: string;
  readonly algorithm: 'ES256' | 'RS256';
}

/** @throws Error, one sentence with the way out, where the file cannot be used */
export async function openSigningKey(file: string): Promise<SigningKey> {
  const text = await readIfThere(file);
  if (text !== undefined) return keyFrom(file, text);
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const made = privateKey.export({ type: 'pkcs8', format: 'pem' });
  await mkdir(path.dirname(file), { recursive: true, mode: 0o700 });
  await writePrivateFile(file, made);
  return keyFrom(file, made);
}

/** A key that nobody keeps: for clusters in memory, and tests. */
export function passingSigningKey(): SigningKey {
  return describe(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, 'ES256');
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

function keyFrom(file: string, text: string): SigningKey {
  const wayOut = 'put the file back from a copy, or remove it, which ends every token of a service account';
  let key: KeyObject;
  try {
    key = createPrivateKey(text);
  } catch (error) {
    throw new Error(`${file} does not hold a private key; ${wayOut}`, { cause: error });
  }
  const algorithm = algorithmOf(key);
  if (algorithm === undefined) throw new Error(`${file} holds a key that is neither P-256 nor RSA; ${wayOut}`);
  return describe(key, algorithm);
}

function algorithmOf({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): SigningKey['algorithm'] | undefined {
  if (asymmetricKeyType === 'rsa') return 'RS256';
  return asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === 'prime256v1' ? 'ES256' : undefined;
}

function describe(privateKey: KeyObject, algorithm: SigningKey['algorithm']): SigningKey {
  const publicKey = createPublicKey(privateKey);
  const der = publicKey.export({ type: 'spki', format: 'der' });
  return { privateKey, publicKey, algorithm, id: createHash('sha256').update(der).digest('base64url') };
}

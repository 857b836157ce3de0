/**
 * The key of an ACME account, and what it signs (RFC 8555, 6.2; RFC 7515): every request carries its URL and a nonce under the signature. ES256, which
 * every authority takes.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { calculateJwkThumbprint, FlattenedSign, type JWK } from 'jose';

const algorithm = 'ES256';

export interface SignedFor {
  readonly url: string;
  /** Absent in what stands inside another request. */
  readonly nonce?: string;
  /** The account's URL. Absent: the key itself is sent along. */
  readonly account?: string;
}

export class AccountKey {
  readonly #key: KeyObject;
  readonly #public: JWK;

  constructor(key: KeyObject) {
    this.#key = key;
    this.#public = createPublicKey(key).export({ format: 'jwk' });
  }

  static make(): AccountKey {
    return new AccountKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
  }

  /** @throws Error where the text is no key on P-256 */
  static read(pem: string): AccountKey {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyDetails?.namedCurve !== 'prime256v1') throw new Error('the key is none on the curve P-256');
    return new AccountKey(key);
  }

  /** PKCS #8 (PEM). */
  get pem(): string {
    return this.#key.export({ type: 'pkcs8', format: 'pem' });
  }

  /** A JWS as a request's body; without a payload it is a POST-as-GET. */
  async sign(payload: object | undefined, { url, nonce, account }: SignedFor): Promise<string> {
    const bytes = payload === undefined ? new Uint8Array() : Buffer.from(JSON.stringify(payload));
    const who = account === undefined ? { jwk: this.#public } : { kid: account };
    const header = { alg: algorithm, url, ...(nonce !== undefined && { nonce }), ...who };
    return JSON.stringify(await new FlattenedSign(bytes).setProtectedHeader(header).sign(this.#key));
  }

  /** What a challenge is answered with (8.1). */
  async keyAuthorization(token: string): Promise<string> {
    return `${token}.${await calculateJwkThumbprint(this.#public)}`;
  }

  /** Binds the account to one that its owner has elsewhere (7.3.4). @param hmacKey base64url */
  async externalBinding(keyId: string, hmacKey: string, url: string): Promise<object> {
    const key = Buffer.from(hmacKey, 'base64url');
    const header = { alg: 'HS256', kid: keyId, url };
    return new FlattenedSign(Buffer.from(JSON.stringify(this.#public))).setProtectedHeader(header).sign(key);
  }
}

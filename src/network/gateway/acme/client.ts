/**
 * An ACME client (RFC 8555): an account with an authority, and orders of certificates. Our own, since the known libraries bring a second TLS and HTTP
 * stack along; signatures are jose's.
 *
 * ```
 *  directory ─▶ nonce ─▶ newAccount ─▶ newOrder ─▶ authorizations ─▶ challenge answered ─▶ finalize (CSR) ─▶ certificate
 * ```
 * Kept true: each request has a fresh nonce; one that the authority calls stale is sent once more with the nonce that came along. What goes wrong is an
 * `AcmeError`, with the authority's own type and its wish when to come back.
 */
import type { Clock } from '../../../lib/clock.ts';
import type { AccountKey } from './account-key.ts';
import type { HttpAnswer, HttpRequest } from './http.ts';

export class AcmeError extends Error {
  /** `rateLimited`, without the URN's prefix; empty where the answer was no problem document. */
  readonly type: string;
  /** When the authority wants to be asked again; undefined: it did not say. */
  readonly retryAfterMs: number | undefined;

  constructor(type: string, message: string, retryAfterMs?: number) {
    super(message);
    this.name = 'AcmeError';
    this.type = type;
    this.retryAfterMs = retryAfterMs;
  }
}

export interface Directory {
  readonly newNonce: string;
  readonly newAccount: string;
  readonly newOrder: string;
  readonly meta?: { readonly externalAccountRequired?: boolean };
}

export interface Order {
  readonly status: 'pending' | 'ready' | 'processing' | 'valid' | 'invalid';
  readonly authorizations: readonly string[];
  readonly finalize: string;
  readonly certificate?: string;
  readonly error?: ProblemDocument;
}

export interface Authorization {
  readonly status: 'pending' | 'valid' | 'invalid' | 'deactivated' | 'expired' | 'revoked';
  readonly identifier: { readonly type: string; readonly value: string };
  readonly challenges: readonly Challenge[];
}

export interface Challenge {
  readonly type: string;
  readonly url: string;
  readonly token: string;
  readonly status: string;
  readonly error?: ProblemDocument;
}

export interface ProblemDocument {
  readonly type?: string;
  readonly detail?: string;
  readonly subproblems?: readonly { readonly detail?: string; readonly identifier?: { readonly value?: string } }[];
}

export interface Placed<T> {
  readonly url: string;
  readonly value: T;
}

export interface AcmeClientOptions {
  readonly directory: string;
  readonly key: AccountKey;
  readonly request: HttpRequest;
  readonly clock: Clock;
}

const noncesMax = 10;
const staleTriesMax = 3;
const urn = 'urn:ietf:params:acme:error:';
const retryAfterMsMax = 24 * 60 * 60_000;
const detailLengthMax = 500;

export class AcmeClient {
  readonly key: AccountKey;
  readonly #options: AcmeClientOptions;
  #directory: Promise<Directory> | undefined;
  #nonces: string[] = [];
  /** The account's URL. */
  #account: string | undefined;

  constructor(options: AcmeClientOptions) {
    this.#options = options;
    this.key = options.key;
  }

  directory(): Promise<Directory> {
    this.#directory ??= this.#readDirectory().catch((error: unknown) => {
      this.#directory = undefined;
      throw error;
    });
    return this.#directory;
  }

  /** Makes the account, or finds it where the key has one already. */
  async register(
    contact: readonly string[],
    external?: { readonly keyId: string; readonly hmacKey: string },
  ): Promise<string> {
    const { newAccount, meta } = await this.directory();
    if (meta?.externalAccountRequired && external === undefined) {
      throw new AcmeError(
        'externalAccountRequired',
        'the authority wants an external account: set acme.externalAccount',
      );
    }
    const binding = external && {
      externalAccountBinding: await this.key.externalBinding(external.keyId, external.hmacKey, newAccount),
    };
    const answer = await this.#post(newAccount, { termsOfServiceAgreed: true, contact, ...binding }, { isNew: true });
    this.#account = locationOf(answer);
    return this.#account;
  }

  async newOrder(names: readonly string[]): Promise<Placed<Order>> {
    const { newOrder } = await this.directory();
    const answer = await this.#post(newOrder, { identifiers: names.map((value) => ({ type: 'dns', value })) });
    return { url: locationOf(answer), value: jsonOf<Order>(answer) };
  }

  async order(url: string): Promise<Order> {
    return jsonOf<Order>(await this.#post(url, undefined));
  }

  async authorization(url: string): Promise<Authorization> {
    return jsonOf<Authorization>(await this.#post(url, undefined));
  }

  /** Tells the authority to look. */
  async answerChallenge(url: string): Promise<void> {
    await this.#post(url, {});
  }

  /** @param request the CSR (DER) */
  async finalize(url: string, request: Uint8Array): Promise<Order> {
    return jsonOf<Order>(await this.#post(url, { csr: Buffer.from(request).toString('base64url') }));
  }

  /** The chain (PEM), the certificate first. */
  async certificate(url: string): Promise<string> {
    return (await this.#post(url, undefined, { accept: 'application/pem-certificate-chain' })).body;
  }

  async #readDirectory(): Promise<Directory> {
    const answer = await this.#options.request(this.#options.directory, { method: 'GET' });
    this.#expectSuccess(answer);
    const directory = jsonOf<Directory>(answer);
    for (const field of ['newNonce', 'newAccount', 'newOrder'] as const) {
      if (typeof directory[field] !== 'string') throw new AcmeError('', `the authority's directory has no ${field}`);
    }
    return directory;
  }

  async #post(
    url: string,
    payload: object | undefined,
    { isNew = false, accept }: { readonly isNew?: boolean; readonly accept?: string } = {},
  ): Promise<HttpAnswer> {
    if (!isNew && this.#account === undefined) throw new AcmeError('accountDoesNotExist', 'there is no account yet');
    for (let attempt = 1; ; attempt++) {
      const nonce = await this.#nonce();
      const account = isNew ? {} : { account: this.#account ?? '' };
      const body = await this.key.sign(payload, { url, nonce, ...account });
      const headers = { 'Content-Type': 'application/jose+json', ...(accept !== undefined && { Accept: accept }) };
      const answer = await this.#options.request(url, { method: 'POST', headers, body });
      this.#keepNonce(answer);
      if (attempt < staleTriesMax && problemType(answer) === 'badNonce') continue;
      this.#expectSuccess(answer);
      return answer;
    }
  }

  async #nonce(): Promise<string> {
    const known = this.#nonces.pop();
    if (known !== undefined) return known;
    const { newNonce } = await this.directory();
    const answer = await this.#options.request(newNonce, { method: 'HEAD' });
    this.#expectSuccess(answer);
    const nonce = answer.headers.get('replay-nonce');
    if (nonce === undefined) throw new AcmeError('', 'the authority gave no nonce');
    return nonce;
  }

  #keepNonce({ headers }: HttpAnswer): void {
    const nonce = headers.get('replay-nonce');
    if (nonce !== undefined) this.#nonces = [...this.#nonces, nonce].slice(-noncesMax);
  }

  #expectSuccess(answer: HttpAnswer): void {
    if (answer.status >= 200 && answer.status < 300) return;
    const type = problemType(answer);
    const detail =
      type === undefined ? `it answered ${answer.status}` : problemText(JSON.parse(answer.body) as ProblemDocument);
    throw new AcmeError(type ?? '', detail, this.#retryAfterMs(answer));
  }

  /** Seconds, or a date. */
  #retryAfterMs({ headers }: HttpAnswer): number | undefined {
    const text = headers.get('retry-after');
    if (text === undefined) return undefined;
    const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - this.#options.clock.now();
    return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), retryAfterMsMax) : undefined;
  }
}

/** In the authority's words, each of its parts among them. */
export function problemText({ type = '', detail = '', subproblems = [] }: ProblemDocument): string {
  const parts = subproblems.map((one) => `${one.identifier?.value ?? ''}: ${one.detail ?? ''}`);
  const text = [`${type.replace(urn, '')}: ${detail}`, ...parts].join('; ');
  // It goes into an event, and comes from outside.
  return text.replace(/[\p{Cc}\s]+/gu, ' ').slice(0, detailLengthMax);
}

/** Undefined where the answer is no problem document. */
function problemType({ status, headers, body }: HttpAnswer): string | undefined {
  if (status < 400 || !headers.get('content-type')?.startsWith('application/problem+json')) return undefined;
  try {
    const { type } = JSON.parse(body) as ProblemDocument;
    return typeof type === 'string' ? type.replace(urn, '') : '';
  } catch {
    return undefined;
  }
}

function jsonOf<T>({ body }: HttpAnswer): T {
  try {
    return JSON.parse(body) as T;
  } catch {
    throw new AcmeError('', 'the authority answered no JSON');
  }
}

function locationOf({ headers }: HttpAnswer): string {
  const location = headers.get('location');
  if (location === undefined) throw new AcmeError('', 'the authority told no location of what it made');
  return location;
}

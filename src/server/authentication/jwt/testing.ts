/** For tests: an issuer of tokens with a real HTTPS server on 127.0.0.1, whose certificate is signed by an authority of its own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose';
import { RealClock } from '../../../lib/clock.ts';
import { CertificateAuthority } from '../../certificates/certificate-authority.ts';

interface Key {
  readonly id: string;
  readonly algorithm: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

interface Reply {
  readonly status: number;
  readonly body: string;
  readonly location?: string;
}

export class TestIssuer {
  /** PEM, of the authority of its certificate. */
  readonly ca: string;
  /** Paths that were asked for. */
  readonly requests: string[] = [];
  /** Answers instead, where there is one. */
  override: ((requestPath: string) => Reply | undefined) | undefined;
  keys: readonly Key[] = [];
  /** What the discovery document says; its own URL where absent. */
  issuer: string | undefined;
  readonly #server: Server;
  readonly #folder: string;

  private constructor(ca: string, server: Server, folder: string) {
    this.ca = ca;
    this.#server = server;
    this.#folder = folder;
    server.on('request', (request, response) => {
      const requestPath = request.url ?? '';
      this.requests.push(requestPath);
      const { status, body, location }: Reply = this.override?.(requestPath) ?? this.#answer(requestPath);
      response.writeHead(status, { 'content-type': 'application/json', ...(location !== undefined && { location }) });
      response.end(body);
    });
  }

  static async start(): Promise<TestIssuer> {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'naru-issuer-'));
    const authority = await CertificateAuthority.open({ folder, clock: new RealClock() });
    const { certificate: cert, key } = await authority.servingCertificate(['127.0.0.1']);
    const server = createServer({ cert, key });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new TestIssuer(authority.certificate, server, folder);
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async addKey(id: string, algorithm = 'ES256', alone = false): Promise<void> {
    const { privateKey, publicKey } = await generateKeyPair(algorithm);
    const publicJwk = { ...(await exportJWK(publicKey)), use: 'sig', ...(id !== '' && { kid: id }) };
    const key = { id, algorithm, privateKey, publicJwk };
    this.keys = alone ? [key] : [...this.keys, key];
  }

  /** By its last key, good for a minute from `nowMs` on. */
  async token(claims: JWTPayload, nowMs: number, key = this.keys.at(-1)): Promise<string> {
    if (key === undefined) throw new Error('the issuer has no key yet');
    const standard = { iss: this.url, aud: 'naru', exp: Math.floor(nowMs / 1000) + 60 };
    const header = { alg: key.algorithm, ...(key.id !== '' && { kid: key.id }) };
    return new SignJWT({ ...standard, ...claims }).setProtectedHeader(header).sign(key.privateKey);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await rm(this.#folder, { recursive: true });
  }

  #answer(requestPath: string): Reply {
    const documents: Readonly<Record<string, object>> = {
      '/.well-known/openid-configuration': { issuer: this.issuer ?? this.url, jwks_uri: `${this.url}/keys` },
      '/keys': { keys: this.keys.map(({ publicJwk }) => publicJwk) },
    };
    const found = documents[requestPath];
    return found === undefined ? { status: 404, body: 'nothing' } : { status: 200, body: JSON.stringify(found) };
  }
}

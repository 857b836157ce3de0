/**
 * For tests: an ACME authority on loopback (RFC 8555), as strict as those outside: nonces are good once, signatures, URLs and keys are checked, names are
 * proved by really asking for the token, requests for certificates must be for the names of the order.
 */
import 'reflect-metadata';
import { createPrivateKey, randomBytes } from 'node:crypto';
import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import * as x509 from '@peculiar/x509';
import { calculateJwkThumbprint, flattenedVerify, importJWK, type JWK } from 'jose';
import { parseCertificateRequest } from '../../../api/certificates/certificate-request.ts';
import { pemText } from '../../../api/certificates/pem.ts';
import { checkRequestSignature } from '../../../api/certificates/request-signature.ts';
import { algorithm, issueAuthority, issueLeaf, serialNumber } from '../../../server/certificates/issue.ts';

const dayMs = 24 * 60 * 60_000;

interface TestOrder {
  status: string;
  readonly names: readonly string[];
  readonly authorizations: readonly TestAuthorization[];
  readonly account: string;
  certificate?: string;
}

interface TestAuthorization {
  status: string;
  readonly name: string;
  readonly token: string;
  readonly account: string;
  error?: object;
}

export interface TestAuthorityOptions {
  /** Where names lead to: as DNS would say. */
  readonly gatewayPort: () => number;
  readonly lifetimeMs?: number;
  readonly externalAccount?: { readonly keyId: string; readonly hmacKey: string };
  /** When certificates begin; now where absent. */
  readonly nowMs?: () => number;
}

interface Fault {
  /** Part of a path: `/new-order`. */
  readonly at: string;
  readonly status: number;
  readonly type: string;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Call {
  readonly url: string;
  readonly payload: Readonly<Record<string, unknown>> | undefined;
  readonly account: string;
  readonly jwk: JWK;
}

class Problem extends Error {
  readonly status: number;
  readonly type: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, type: string, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.type = type;
    this.headers = headers;
  }
}

export class TestAuthority {
  /** The next requests that fail, each once. */
  readonly faults: Fault[] = [];
  /** Paths that were asked for, in order. */
  readonly asked: string[] = [];
  /** Names that were asked for at the gateway. */
  readonly validated: string[] = [];
  readonly #options: TestAuthorityOptions;
  readonly #nonces = new Set<string>();
  readonly #accounts = new Map<string, JWK>();
  readonly #orders: TestOrder[] = [];
  readonly #authorizations: TestAuthorization[] = [];
  readonly #server: Server;
  readonly #authority: { readonly certificate: string; readonly key: string };

  private constructor(options: TestAuthorityOptions, authority: TestAuthority['caPair'], server: Server) {
    this.#options = options;
    this.#authority = authority;
    this.#server = server;
    server.on('request', (request, response) => void this.#serve(request, response));
  }

  static async start(options: TestAuthorityOptions): Promise<TestAuthority> {
    const lifetime = { nowMs: Date.now(), lifetimeMs: 3650 * dayMs };
    const authority = await issueAuthority('Test ACME', lifetime);
    const issuer = { certificate: authority.certificate, privateKey: createPrivateKey(authority.key) };
    const subject = { commonName: 'acme', organizations: [] };
    const own = await issueLeaf(issuer, { ...lifetime, subject, usage: 'server', names: ['127.0.0.1', 'localhost'] });
    const server = createServer({ cert: own.certificate, key: own.key });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    return new TestAuthority(options, authority, server);
  }

  get caPair(): { readonly certificate: string; readonly key: string } {
    return this.#authority;
  }

  get directory(): string {
    return `${this.#base}/directory`;
  }

  get caBundle(): string {
    return this.#authority.certificate;
  }

  get accountCount(): number {
    return this.#accounts.size;
  }

  forgetAccounts(): void {
    this.#accounts.clear();
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  get #base(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '';
    this.asked.push(path);
    const nonce = randomBytes(12).toString('base64url');
    this.#nonces.add(nonce);
    response.setHeader('Replay-Nonce', nonce);
    try {
      const at = this.faults.findIndex((fault) => path.includes(fault.at));
      const [fault] = at < 0 ? [] : this.faults.splice(at, 1);
      if (fault !== undefined) throw new Problem(fault.status, fault.type, `a fault at ${fault.at}`, fault.headers);
      if (path === '/directory') return this.#reply(response, 200, this.#directory());
      if (path === '/new-nonce') return this.#reply(response, request.method === 'HEAD' ? 200 : 204, undefined);
      await this.#call(path, await this.#verified(path, request), response);
    } catch (error) {
      const problem = error instanceof Problem ? error : new Problem(500, 'serverInternal', String(error));
      const body = { type: `urn:ietf:params:acme:error:${problem.type}`, detail: problem.message };
      const headers = { 'Content-Type': 'application/problem+json', ...problem.headers };
      response.writeHead(problem.status, headers).end(JSON.stringify(body));
    }
  }

  #directory(): object {
    const meta = { externalAccountRequired: this.#options.externalAccount !== undefined };
    const at = (name: string): string => `${this.#base}/${name}`;
    return { newNonce: at('new-nonce'), newAccount: at('new-account'), newOrder: at('new-order'), meta };
  }

  async #verified(path: string, request: IncomingMessage): Promise<Call> {
    if (request.method !== 'POST') throw new Problem(405, 'malformed', 'POST only');
    if (request.headers['content-type'] !== 'application/jose+json')
      throw new Problem(415, 'malformed', 'content type');
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const jws = JSON.parse(Buffer.concat(parts).toString()) as {
      protected: string;
      payload: string;
      signature: string;
    };
    const header = JSON.parse(Buffer.from(jws.protected, 'base64url').toString()) as Record<string, string> & {
      jwk?: JWK;
    };
    const isNew = path === '/new-account';
    if (isNew !== (header.jwk !== undefined) || isNew === (header['kid'] !== undefined))
      throw new Problem(400, 'malformed', 'jwk or kid');
    if (header['url'] !== `${this.#base}${path}`) throw new Problem(401, 'unauthorized', 'url');
    if (!this.#nonces.delete(header['nonce'] ?? '')) throw new Problem(400, 'badNonce', 'the nonce is stale');
    const jwk = header.jwk ?? this.#accounts.get(header['kid'] ?? '');
    if (jwk === undefined) throw new Problem(400, 'accountDoesNotExist', 'no such account');
    if (header['alg'] !== 'ES256') throw new Problem(400, 'badSignatureAlgorithm', 'ES256 only');
    await flattenedVerify(jws, await importJWK(jwk, 'ES256')).catch(() => {
      throw new Problem(403, 'unauthorized', 'the signature is wrong');
    });
    const text = Buffer.from(jws.payload, 'base64url').toString();
    return {
      url: path,
      payload: text === '' ? undefined : (JSON.parse(text) as Call['payload']),
      account: header['kid'] ?? '',
      jwk,
    };
  }

  async #call(path: string, call: Call, response: ServerResponse): Promise<void> {
    const [, what = '', number = ''] = path.split('/');
    const order = this.#orders[Number(number)];
    const authorization = this.#authorizations[Number(number)];
    if (what === 'new-account') return this.#newAccount(call, response);
    if (what === 'new-order') return this.#newOrder(call, response);
    const owner = what === 'authz' || what === 'challenge' ? authorization?.account : order?.account;
    if (owner === undefined || owner !== call.account) throw new Problem(404, 'malformed', 'not yours');
    if (what === 'finalize' && order !== undefined) return this.#finalize(order, call, response);
    if (what === 'challenge' && authorization !== undefined) {
      if (JSON.stringify(call.payload) !== '{}') throw new Problem(400, 'malformed', 'the answer to a challenge is {}');
      await this.#validate(authorization, call.jwk);
      return this.#reply(response, 200, this.#challenge(authorization));
    }
    if (call.payload !== undefined) throw new Problem(400, 'malformed', 'POST-as-GET has no payload');
    if (what === 'authz' && authorization !== undefined)
      return this.#reply(response, 200, this.#authorizationBody(authorization));
    if (what === 'order' && order !== undefined) return this.#reply(response, 200, this.#orderBody(order));
    if (what === 'certificate' && order?.certificate !== undefined) {
      response.writeHead(200, { 'Content-Type': 'application/pem-certificate-chain' });
      response.end(order.certificate + this.#authority.certificate);
      return;
    }
    throw new Problem(404, 'malformed', 'no such thing');
  }

  async #newAccount({ payload, jwk }: Call, response: ServerResponse): Promise<void> {
    if (payload?.['termsOfServiceAgreed'] !== true) throw new Problem(403, 'userActionRequired', 'agree to the terms');
    await this.#checkBinding(payload['externalAccountBinding'], jwk);
    const url = `${this.#base}/account/${await calculateJwkThumbprint(jwk)}`;
    const status = this.#accounts.has(url) ? 200 : 201;
    this.#accounts.set(url, jwk);
    response.setHeader('Location', url);
    this.#reply(response, status, { status: 'valid' });
  }

  async #checkBinding(binding: unknown, jwk: JWK): Promise<void> {
    const wanted = this.#options.externalAccount;
    if (wanted === undefined) return;
    if (binding === undefined) throw new Problem(403, 'externalAccountRequired', 'an external account is required');
    const key = Buffer.from(wanted.hmacKey, 'base64url');
    const { payload, protectedHeader } = await flattenedVerify(binding as Parameters<typeof flattenedVerify>[0], key);
    const isRight = protectedHeader?.kid === wanted.keyId && protectedHeader['url'] === `${this.#base}/new-account`;
    const bound = await calculateJwkThumbprint(JSON.parse(Buffer.from(payload).toString()) as JWK);
    if (!isRight || bound !== (await calculateJwkThumbprint(jwk)))
      throw new Problem(403, 'unauthorized', 'the binding is wrong');
  }

  #newOrder({ payload, account }: Call, response: ServerResponse): void {
    const identifiers = (payload?.['identifiers'] ?? []) as readonly {
      readonly type: string;
      readonly value: string;
    }[];
    const names = identifiers.map(({ type, value }) => {
      if (type !== 'dns' || value.includes('*')) throw new Problem(400, 'rejectedIdentifier', value);
      return value;
    });
    const authorizations = names.map((name) => {
      const authorization = { status: 'pending', name, token: randomBytes(24).toString('base64url'), account };
      this.#authorizations.push(authorization);
      return authorization;
    });
    const order: TestOrder = { status: 'pending', names, authorizations, account };
    this.#orders.push(order);
    response.setHeader('Location', `${this.#base}/order/${this.#orders.length - 1}`);
    this.#reply(response, 201, this.#orderBody(order));
  }

  /** As from outside: the name is asked for on port 80. */
  async #validate(authorization: TestAuthorization, jwk: JWK): Promise<void> {
    if (authorization.status !== 'pending') return;
    this.validated.push(authorization.name);
    const wanted = `${authorization.token}.${await calculateJwkThumbprint(jwk)}`;
    const body = await this.#fetch(authorization.name, `/.well-known/acme-challenge/${authorization.token}`);
    authorization.status = body?.trim() === wanted ? 'valid' : 'invalid';
    if (authorization.status === 'valid') return;
    authorization.error = {
      type: 'urn:ietf:params:acme:error:unauthorized',
      detail: `${authorization.name} answers ${body ?? 'nothing'}`,
    };
    for (const order of this.#orders) if (order.authorizations.includes(authorization)) order.status = 'invalid';
  }

  #fetch(name: string, path: string): Promise<string | undefined> {
    return new Promise((resolve) => {
      const asked = httpRequest({
        host: '127.0.0.1',
        port: this.#options.gatewayPort(),
        path,
        headers: { Host: name },
        agent: false,
      });
      asked.on('error', () => resolve(undefined));
      asked.on('response', (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (text: string) => {
          body += text;
        });
        response.on('end', () => resolve(response.statusCode === 200 ? body : undefined));
      });
      asked.end();
    });
  }

  async #finalize(order: TestOrder, { payload }: Call, response: ServerResponse): Promise<void> {
    if (this.#statusOf(order) !== 'ready') throw new Problem(403, 'orderNotReady', order.status);
    const pem = pemText('CERTIFICATE REQUEST', Buffer.from(String(payload?.['csr']), 'base64url'));
    const request = parseCertificateRequest(Buffer.from(pem));
    checkRequestSignature(request);
    const names = new Set([...request.dnsNames, ...(request.commonName === '' ? [] : [request.commonName])]);
    if ([...names].sort().join() !== [...order.names].sort().join())
      throw new Problem(400, 'badCSR', [...names].join());
    order.certificate = await this.#sign(request.publicKey, order.names);
    order.status = 'valid';
    this.#reply(response, 200, this.#orderBody(order));
  }

  async #sign(publicKey: Buffer, names: readonly string[]): Promise<string> {
    const nowMs = this.#options.nowMs?.() ?? Date.now();
    const issuer = new x509.X509Certificate(this.#authority.certificate);
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serialNumber(),
      notBefore: new Date(nowMs),
      notAfter: new Date(nowMs + (this.#options.lifetimeMs ?? 90 * dayMs)),
      signingAlgorithm: algorithm,
      subject: `CN=${names[0] ?? ''}`,
      issuer: issuer.subjectName,
      publicKey: new x509.PublicKey(publicKey),
      signingKey: createPrivateKey(this.#authority.key).toCryptoKey(algorithm, false, ['sign']),
      extensions: [new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns', value })))],
    });
    return `${certificate.toString('pem')}\n`;
  }

  #statusOf(order: TestOrder): string {
    if (order.status === 'pending' && order.authorizations.every(({ status }) => status === 'valid'))
      order.status = 'ready';
    return order.status;
  }

  #orderBody(order: TestOrder): object {
    const number = this.#orders.indexOf(order);
    const authorizations = order.authorizations.map(
      (one) => `${this.#base}/authz/${this.#authorizations.indexOf(one)}`,
    );
    const certificate = order.certificate && { certificate: `${this.#base}/certificate/${number}` };
    return {
      status: this.#statusOf(order),
      authorizations,
      finalize: `${this.#base}/finalize/${number}`,
      ...certificate,
    };
  }

  #authorizationBody(one: TestAuthorization): object {
    const dns = { type: 'dns-01', url: `${this.#base}/none`, token: one.token, status: 'pending' };
    return {
      status: one.status,
      identifier: { type: 'dns', value: one.name },
      challenges: [dns, this.#challenge(one)],
    };
  }

  #challenge(one: TestAuthorization): object {
    const url = `${this.#base}/challenge/${this.#authorizations.indexOf(one)}`;
    return { type: 'http-01', url, token: one.token, status: one.status, ...(one.error && { error: one.error }) };
  }

  #reply(response: ServerResponse, status: number, body: object | undefined): void {
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(body && JSON.stringify(body));
  }
}

/**
 * One certificate, from its order to its chain: each name is proved by a token that the gateway answers with on port 80 (HTTP-01, RFC 8555, 8.3).
 *
 * ```
 *  order ─▶ names that are not proved yet ─▶ all tokens published ─▶ do our own nodes answer? ─▶ the authority is told ─▶ it looks
 *        ─▶ key and request made ─▶ finalize ─▶ chain; the tokens are withdrawn, whatever happened
 * ```
 * Kept true: the authority is not told to look before the nodes answer: authorities count what fails, and shut out those who fail often.
 */
import { makeCertificateRequest } from '../../../api/certificates/make-request.ts';
import { pemBlocks } from '../../../api/certificates/pem.ts';
import type { Clock } from '../../../lib/clock.ts';
import {
  type AcmeClient,
  AcmeError,
  type Authorization,
  type Challenge,
  type Order,
  type Placed,
  problemText,
} from './client.ts';

export interface Proof {
  readonly name: string;
  readonly token: string;
  readonly keyAuthorization: string;
}

/** How names are proved: tests have their own. */
export interface Solver {
  publish(proofs: readonly Proof[]): Promise<void>;
  withdraw(proofs: readonly Proof[]): Promise<void>;
  /** Resolves when the gateway answers. @throws Error that says which node does not */
  check(proofs: readonly Proof[], signal: AbortSignal): Promise<void>;
}

export interface IssueOptions {
  readonly client: AcmeClient;
  readonly names: readonly string[];
  readonly keyType: 'ecdsa' | 'rsa';
  readonly solver: Solver;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Both PEM. */
export interface IssuedCertificate {
  readonly chain: string;
  readonly key: string;
}

const pollMsMin = 1000;
const pollMsMax = 10_000;
const pollsMax = 60;
/** A common name has at most 64 characters (RFC 5280). */
const commonNameMax = 64;

export async function issueCertificate(options: IssueOptions): Promise<IssuedCertificate> {
  const { client, names } = options;
  const order = await client.newOrder(names);
  if (order.value.status === 'pending') await prove(options, order.value);
  const ready = await orderIn(options, order, ['ready', 'valid']);
  return finish(options, { url: order.url, value: ready });
}

async function prove(options: IssueOptions, order: Order): Promise<void> {
  const { client, solver, signal } = options;
  const open: { readonly url: string; readonly challenge: Challenge; readonly proof: Proof }[] = [];
  for (const url of order.authorizations) {
    const authorization = await client.authorization(url);
    if (authorization.status === 'valid') continue;
    const challenge = challengeOf(authorization);
    const keyAuthorization = await client.key.keyAuthorization(challenge.token);
    const proof = { name: authorization.identifier.value, token: challenge.token, keyAuthorization };
    open.push({ url, challenge, proof });
  }
  const proofs = open.map(({ proof }) => proof);
  try {
    await solver.publish(proofs);
    await solver.check(proofs, signal);
    for (const { challenge } of open) if (challenge.status === 'pending') await client.answerChallenge(challenge.url);
    for (const { url } of open) await proved(options, url);
  } finally {
    await solver.withdraw(proofs);
  }
}

function challengeOf({ status, identifier, challenges }: Authorization): Challenge {
  const found = challenges.find(({ type }) => type === 'http-01');
  if (status !== 'pending') throw new AcmeError('', `${identifier.value}: its authorization is ${status}`);
  if (found === undefined) throw new AcmeError('', `${identifier.value}: the authority offers no http-01 challenge`);
  // What goes into paths and ConfigMaps is what the RFC allows, and no more.
  if (!/^[A-Za-z0-9_-]{22,253}$/.test(found.token))
    throw new AcmeError('', 'the authority gave a token that is not base64url');
  return found;
}

async function proved(options: IssueOptions, url: string): Promise<void> {
  await poll(options, async () => {
    const { status, identifier, challenges } = await options.client.authorization(url);
    if (status === 'valid') return true;
    if (status === 'pending') return undefined;
    const error = challenges.find((challenge) => challenge.error !== undefined)?.error;
    const why = error === undefined ? `its authorization is ${status}` : problemText(error);
    throw new AcmeError('unauthorized', `${identifier.value}: ${why}`);
  });
}

function orderIn(
  options: IssueOptions,
  { url, value }: Placed<Order>,
  wanted: readonly Order['status'][],
): Promise<Order> {
  if (wanted.includes(value.status)) return Promise.resolve(value);
  return poll(options, async () => {
    const order = await options.client.order(url);
    if (order.status === 'invalid') {
      throw new AcmeError('', order.error === undefined ? 'the order became invalid' : problemText(order.error));
    }
    return wanted.includes(order.status) ? order : undefined;
  });
}

async function finish(options: IssueOptions, { url, value }: Placed<Order>): Promise<IssuedCertificate> {
  const { client, names, keyType } = options;
  // One that is valid already was made for a key that is lost.
  if (value.status !== 'ready') throw new AcmeError('', `the order is ${value.status}, not ready`);
  const commonName = names.find((name) => name.length <= commonNameMax) ?? '';
  const { request, key } = await makeCertificateRequest({ commonName, dnsNames: names, key: keyType });
  const [block] = pemBlocks(request);
  const finalized = await client.finalize(value.finalize, block?.bytes ?? new Uint8Array());
  const { certificate } = await orderIn(options, { url, value: finalized }, ['valid']);
  if (certificate === undefined) throw new AcmeError('', 'the order is valid, and has no certificate');
  return { chain: await client.certificate(certificate), key };
}

async function poll<T>({ clock, signal }: IssueOptions, look: () => Promise<T | undefined>): Promise<T> {
  let delayMs = pollMsMin;
  for (let turn = 0; turn < pollsMax; turn++) {
    const found = await look();
    if (found !== undefined) return found;
    await clock.sleep(delayMs, signal);
    delayMs = Math.min(delayMs * 2, pollMsMax);
  }
  throw new AcmeError('', 'the authority came to no decision');
}

/**
 * Sends a SubjectAccessReview to the service that a kubeconfig names, over HTTPS, and reads its answer. One try: whether it is worth
 * another stands in the error.
 *
 * Kept true: every call ends within its time; no answer longer than the bound is read; what is sent and what is answered stands in no error.
 */
import { readFile } from 'node:fs/promises';
import type { SubjectAccessReviewStatus } from '../../api/schema/types/authorization-v1.ts';
import { type ClientConfig, readKubeconfig } from '../../client/kubeconfig.ts';
import type { Clock } from '../../lib/clock.ts';
import {
  callOutside,
  type OutsideAnswer,
  type OutsideCall,
  type OutsideTls,
  outsideAgent,
} from '../authentication/outside-call.ts';
import type { WebhookConfiguration } from './configuration.ts';
import type { ReviewSpec } from './review-spec.ts';

/** Asks the service. @throws ReviewFailure */
export type ReviewClient = (spec: ReviewSpec) => Promise<SubjectAccessReviewStatus>;

export class ReviewFailure extends Error {
  /** The same question may be answered in a moment. */
  readonly isPassing: boolean;
  readonly isTimeout: boolean;

  constructor(message: string, { isPassing = false, isTimeout = false } = {}) {
    super(message);
    this.isPassing = isPassing;
    this.isTimeout = isTimeout;
  }
}

export interface OpenReviewClient {
  readonly ask: ReviewClient;
  /** Ends the connections that wait for more. */
  close(): void;
}

type Connection = Pick<WebhookConfiguration, 'kubeConfigFile' | 'timeoutMs' | 'reviewVersion'>;

/** @throws Error that names the file and what is wrong with it */
export async function openReviewClient(connection: Connection, clock: Clock): Promise<OpenReviewClient> {
  const config = await readKubeconfig(connection.kubeConfigFile);
  if (URL.parse(config.server)?.protocol !== 'https:') {
    throw new Error(`kubeconfig ${connection.kubeConfigFile}: the server's URL must begin with https://`);
  }
  const agent = outsideAgent(credentialsOf(config));
  return {
    close: () => agent.destroy(),
    ask: async (spec) => {
      const headers = {
        accept: 'application/json',
        'content-type': 'application/json',
        ...(await authorizationOf(config)),
      };
      const body = JSON.stringify(reviewOf(spec, connection.reviewVersion));
      const call = { url: config.server, method: 'POST', headers, body, clock, agent } as const;
      return statusIn(await post(call, connection.timeoutMs), connection.reviewVersion);
    },
  };
}

function credentialsOf(config: ClientConfig): OutsideTls {
  return {
    ...(config.ca !== undefined && { ca: config.ca }),
    ...(config.clientCertificate !== undefined && { cert: config.clientCertificate }),
    ...(config.clientKey !== undefined && { key: config.clientKey }),
    ...(config.tlsServerName !== undefined && { servername: config.tlsServerName }),
    ...(config.insecureSkipTlsVerify === true && { rejectUnauthorized: false }),
  };
}

/** A file's token is read each time: such tokens rotate, and what is asked is cached. */
async function authorizationOf({ token, tokenFile }: ClientConfig): Promise<{ authorization?: string }> {
  const current = tokenFile === undefined ? token : (await readFile(tokenFile, 'utf8')).trim();
  return current === undefined ? {} : { authorization: `Bearer ${current}` };
}

/** In v1beta1 the groups have another name. */
function reviewOf({ groups, ...rest }: ReviewSpec, version: Connection['reviewVersion']): object {
  const name = version === 'v1' ? 'groups' : 'group';
  const spec = { ...rest, ...(groups && { [name]: groups }) };
  return { apiVersion: `authorization.k8s.io/${version}`, kind: 'SubjectAccessReview', metadata: {}, spec, status };
}

/** Upstream's client sends the field that has no default, too. */
const status = { allowed: false };

/** @throws ReviewFailure */
async function post(call: OutsideCall, timeoutMs: number): Promise<OutsideAnswer> {
  const deadline = new AbortController();
  const timer = call.clock.after(timeoutMs, () => deadline.abort());
  try {
    return await callOutside({ ...call, signal: deadline.signal });
  } catch (error) {
    const isTimeout = deadline.signal.aborted;
    const { message, cause } = error as Error & { readonly cause?: NodeJS.ErrnoException };
    if (isTimeout) throw new ReviewFailure(`no answer from ${new URL(call.url).host} in time`, { isTimeout });
    throw new ReviewFailure(message, { isPassing: cause?.code === 'ECONNRESET' });
  } finally {
    timer.cancel();
  }
}

const passingCodes: ReadonlySet<number> = new Set([429, 500, 504]);

/** @throws ReviewFailure where it is no answer to what was asked */
function statusIn({ status: code, headers, text }: OutsideAnswer, version: string): SubjectAccessReviewStatus {
  if (code < 200 || code > 299) {
    const isPassing = passingCodes.has(code) || headers['retry-after'] !== undefined;
    throw new ReviewFailure(`the webhook answered with status ${code}`, { isPassing, isTimeout: code === 504 });
  }
  const review = parsed(text);
  if (review?.['kind'] !== 'SubjectAccessReview' || review['apiVersion'] !== `authorization.k8s.io/${version}`) {
    throw new ReviewFailure(`the webhook did not answer with a SubjectAccessReview of authorization.k8s.io/${version}`);
  }
  const { allowed, denied, reason, evaluationError } = fieldsOf(review['status']);
  return {
    allowed: allowed === true,
    ...(denied === true && { denied }),
    ...(typeof reason === 'string' && { reason }),
    ...(typeof evaluationError === 'string' && { evaluationError }),
  };
}

type Fields = Readonly<Record<string, unknown>>;

function parsed(text: string): Fields | undefined {
  try {
    return fieldsOf(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

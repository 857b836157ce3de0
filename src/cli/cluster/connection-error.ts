/**
 * Why a cluster could not be asked, as sentences that say what to do. Loaded only when something went wrong.
 *
 * ```
 *  the kubeconfig ──▶ the way (name, address, port) ──▶ TLS ──▶ who asks (401) ──▶ may they (403) ──▶ is it a Kubernetes API at all
 * ```
 * What the server itself answered about the request stays as it is: its words are for the user.
 */
import { existsSync } from 'node:fs';
import { StatusError } from '../../api/status-error.ts';
import { NotAnApiError } from '../../client/errors.ts';
import type { ClientConfig } from '../../client/kubeconfig-reader.ts';
import type { Home } from '../../home.ts';
import { UserError } from '../user-error.ts';
import { certificateState, forbiddenHint } from './credentials-error.ts';
import { tlsReason } from './tls-error.ts';

export interface Circumstances {
  readonly home: Home;
  readonly config: ClientConfig;
  /** Wall time of this machine. */
  readonly nowMs: number;
}

/** A kubeconfig that cannot be read. */
export function explainKubeconfig(error: unknown, file: string, home: Home): UserError {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' && file === home.kubeconfig) {
    return new UserError(
      `no cluster found: none was started from ${home.root}, and neither $KUBECONFIG nor ~/.kube/config names one; start one with: naru up`,
    );
  }
  if (code === 'ENOENT') return new UserError(`there is no kubeconfig ${file}`);
  if (code === 'EACCES') {
    return new UserError(`the kubeconfig ${file} is not yours to read; run the command with sudo, or have a copy made`);
  }
  if (code === 'EISDIR') return new UserError(`the kubeconfig ${file} is a folder; name a file`);
  const { code: inner, path } = (rootCause(error) ?? {}) as NodeJS.ErrnoException;
  if (inner === 'ENOENT') return new UserError(`kubeconfig ${file}: it names ${path}, which does not exist`);
  if (inner === 'EACCES') return new UserError(`kubeconfig ${file}: it names ${path}, which is not yours to read`);
  return new UserError(error instanceof Error ? error.message : String(error));
}

/** A failure of the way becomes a `UserError`; everything else is given back as it is. */
export function explainConnection(error: unknown, circumstances: Circumstances): unknown {
  const { config } = circumstances;
  const cause = rootCause(error) as NodeJS.ErrnoException | undefined;
  const way = wayReason(cause, circumstances);
  if (way !== undefined) return told(way, error);
  const tls = tlsReason(cause, circumstances);
  if (tls !== undefined) return told(tls, error);
  if (error instanceof NotAnApiError) return told(notKubernetes(config), error);
  if (!(error instanceof StatusError)) return withHint(error);
  return explainAnswer(error, circumstances);
}

/** A command's own words around what the server refused (which object of which file) stay, and say what to do. */
function withHint(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  let cause: unknown = error.cause;
  while (cause instanceof Error && !(cause instanceof StatusError)) cause = cause.cause;
  if (!(cause instanceof StatusError) || cause.code !== 403) return error;
  const hint = forbiddenHint(cause.message);
  return hint === undefined
    ? error
    : told(
        error.message.replace(cause.message, () => hint),
        error,
      );
}

const told = (sentence: string, cause: unknown): UserError => new UserError(sentence, { cause });

const notKubernetes = ({ server }: ClientConfig): string =>
  `what answers at ${server} is no Kubernetes API; is the address in the kubeconfig right?`;

function wayReason(cause: NodeJS.ErrnoException | undefined, { config, home }: Circumstances): string | undefined {
  const { server } = config;
  const host = hostOf(server);
  const code = cause?.code ?? '';
  switch (code) {
    case 'ECONNREFUSED': {
      const ours = existsSync(home.kubeconfig) ? '; if it is this machine’s: naru up' : '';
      return `nobody answers at ${server}: the cluster does not run, or listens elsewhere${ours}`;
    }
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
      return `there is no way to ${host} from here (${code}): is this machine in the right network, or a VPN off?`;
    case 'ENOTFOUND':
      return `there is no machine named ${host}: is the name in the kubeconfig right, and does this machine's DNS know it?`;
    case 'EAI_AGAIN':
      return `the name ${host} cannot be looked up: this machine's DNS does not answer`;
    case 'ETIMEDOUT':
      return silent(server);
    case 'ECONNRESET':
    case 'EPIPE':
      return brokenOff(config);
    case 'ERR_INVALID_URL':
    case 'ERR_HTTP2_UNSUPPORTED_PROTOCOL':
      return `the kubeconfig's server "${server}" is no address; it must be of the form https://HOST:PORT`;
    default:
      return undefined;
  }
}

function brokenOff({ server, clientCertificate }: ClientConfig): string {
  if (server.startsWith('http:')) return `${server} breaks off the connection: a Kubernetes API speaks https, not http`;
  const doubt =
    clientCertificate === undefined
      ? ''
      : ', or does not take the client certificate of the kubeconfig (naru kubeconfig gives the right one)';
  return `${server} breaks off the connection before it answers: it is ending, or something in between cuts connections${doubt}`;
}

const silent = (server: string): string =>
  `nothing comes back from ${server}: the machine is off, or a firewall drops what is sent there`;

function hostOf(server: string): string {
  return URL.canParse(server) ? new URL(server).hostname : server;
}

function explainAnswer(error: StatusError, circumstances: Circumstances): unknown {
  const { config } = circumstances;
  switch (error.code) {
    case 401:
      return told(`${config.server} does not know who you are: ${certificateState(circumstances)}`, error);
    case 403: {
      const hint = forbiddenHint(error.message);
      return hint === undefined ? error : told(hint, error);
    }
    case 404:
    case 405:
      // The API's own say which object or resource it was.
      return error.details === undefined ? told(notKubernetes(config), error) : error;
    case 429: {
      const seconds = error.details?.retryAfterSeconds;
      const when = seconds === undefined ? 'in a moment' : `in ${seconds} s`;
      return told(`the server has too much to do just now: try again ${when}`, error);
    }
    case 504:
      return error.message.includes('no connection within') ? told(silent(config.server), error) : error;
    default:
      return error;
  }
}

/** The innermost error: what the system said. */
export function rootCause(error: unknown): unknown {
  let cause = error;
  while (cause instanceof Error && cause.cause instanceof Error) cause = cause.cause;
  // Where a name has several addresses, each has failed.
  if (cause instanceof AggregateError && cause.errors.length > 0) return rootCause(cause.errors[0]);
  return cause;
}

/**
 * What a machine that joins says to the server, in this order:
 *
 * ```
 * 1  who are you?          cluster-info, over TLS that proves nothing yet; nothing secret is sent
 * 2  are you the one?      the authority in it must have the fingerprint that the token names, and the server a certificate of that authority
 * 3  may I?                with the token, over TLS that proves it: a certificate for a new key, which never leaves this machine
 * 4  is my name free?      with that certificate
 * ```
 * Nothing is written before all four are answered.
 */
import type { ConfigMap, Node } from '../../api/schema/types/core-v1.ts';
import { hasReason } from '../../api/status-error.ts';
import { type HttpsClient, httpsClient } from '../../client/https-client.ts';
import type { ClientConfig } from '../../client/kubeconfig.ts';
import { nodes } from '../../client/resources.ts';
import type { Clock } from '../../lib/clock.ts';
import { UserError } from '../user-error.ts';
import { authorityOf, clusterInfoPath } from './cluster-info.ts';
import { clockWarning, type ServedVersion } from './join-checks.ts';
import { authorityFingerprint, type JoinToken, pinnedAuthorities } from './join-token.ts';

export interface FoundServer {
  /** `https://192.168.1.5:6443`. */
  readonly server: string;
  /** PEM; it is the token's. */
  readonly ca: string;
  readonly version: ServedVersion;
  /** What the person at the terminal should know. */
  readonly warning: string | undefined;
}

/** Bounds every wait for a server that takes connections and says nothing. */
const answerMsMax = 15_000;
/** The cluster's own loops approve and sign in a moment. */
const approvalMsMax = 60_000;

/** Steps 1 and 2. @throws UserError */
export async function findServer(server: string, token: JoinToken, clock: Clock): Promise<FoundServer> {
  const { ca, date } = await asked(server, { insecureSkipTlsVerify: true }, clock, async (client) => {
    const { body, headers } = await client.request({ path: clusterInfoPath });
    const found = JSON.parse(body.toString()) as ConfigMap;
    return { ca: authorityOf(found.data?.['kubeconfig'] ?? ''), date: headers.date };
  });
  if (ca === undefined) throw noClusterInfo(server);
  const pinned = pinnedAuthorities(ca, token.fingerprint);
  if (pinned === undefined) throw otherCluster(server, token.fingerprint, fingerprintOf(ca, server));
  const warning = clockWarning(date, clock.now());
  const version = await asked(server, { ca: pinned }, clock, async (client) => {
    const { body } = await client.request({ path: '/version' });
    return JSON.parse(body.toString()) as ServedVersion;
  });
  return { server, ca: pinned, version, warning };
}

function fingerprintOf(ca: string, server: string): string {
  try {
    return authorityFingerprint(ca);
  } catch {
    throw noClusterInfo(server);
  }
}

export interface NodeCredentials {
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
}

/** Step 3. @throws UserError */
export async function askForCertificate(
  { server, ca }: FoundServer,
  token: JoinToken,
  node: string,
  clock: Clock,
): Promise<NodeCredentials> {
  const { requestIdentity } = await import('../../agent/certificates/request-certificate.ts');
  const waiting = new AbortController();
  const late = clock.after(approvalMsMax, () => waiting.abort(notApproved(server)));
  try {
    return await asked(server, { ca, token: token.bearer }, clock, (client) =>
      requestIdentity({ client, node, clock, signal: waiting.signal }),
    );
  } finally {
    late.cancel();
  }
}

/** Step 4: the Node of that name; undefined where there is none. @throws UserError */
export function findNode(
  { server, ca }: FoundServer,
  { certificate, key }: NodeCredentials,
  name: string,
  clock: Clock,
): Promise<Node | undefined> {
  const credentials = { ca, clientCertificate: certificate, clientKey: key };
  return asked(server, credentials, clock, async (client) => {
    try {
      return await client.get(nodes, { namespace: '', name });
    } catch (error) {
      if (hasReason(error, 'NotFound')) return undefined;
      throw error;
    }
  });
}

async function asked<T>(
  server: string,
  how: Partial<ClientConfig>,
  clock: Clock,
  ask: (client: HttpsClient) => Promise<T>,
): Promise<T> {
  const config = { server, namespace: 'default', ...how };
  const client = httpsClient({ config, clock, requestMs: answerMsMax, userAgent: 'naru' });
  try {
    return await ask(client);
  } catch (error) {
    throw explained(error, server, how);
  } finally {
    client.close();
  }
}

const newToken = 'make a new one on the machine of the server, with: naru token create';

function explained(error: unknown, server: string, how: Partial<ClientConfig>): unknown {
  if (error instanceof UserError) return error;
  if (hasReason(error, 'Unauthorized')) {
    if (how.token === undefined && how.clientCertificate === undefined) return noClusterInfo(server);
    return new UserError(`${server} does not take this token: it is unknown there, or its time is over; ${newToken}`);
  }
  if (hasReason(error, 'Forbidden')) {
    if (how.insecureSkipTlsVerify) return noClusterInfo(server);
    return new UserError(`${server} takes this token, but not for joining (${(error as Error).message}); ${newToken}`);
  }
  if (hasReason(error, 'NotFound')) return noClusterInfo(server);
  if (error instanceof SyntaxError) return new UserError(`what answers at ${server} is no cluster`);
  return new UserError(unreachableText(error, server), { cause: error });
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED:
    'nobody listens there: the cluster does not run, listens elsewhere, or only on 127.0.0.1 (on its machine: naru up --host ADDRESS)',
  EHOSTUNREACH: 'no way leads there: look at the address and at this machine’s routes',
  ENETUNREACH: 'no way leads there: look at the address and at this machine’s routes',
  ENOTFOUND: 'nobody knows that name: write the address, or mend the name server',
  EAI_AGAIN: 'no name server answers: write the address instead',
  ETIMEDOUT: 'nothing comes back: look at the address, and at firewalls between the machines',
  ERR_SSL_WRONG_VERSION_NUMBER: 'what answers there speaks no TLS: look at the port',
};

/** The first of the error and its causes that says something known. */
function unreachableText(error: unknown, server: string): string {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    const text =
      reasons[code] ?? (/^(CERT|UNABLE|SELF|DEPTH|ERR_TLS_CERT)/.test(code) ? wrongCertificate(cause) : undefined);
    if (text !== undefined) return `cannot join ${server}: ${text}`;
  }
  if (hasReason(error, 'Timeout')) return `cannot join ${server}: ${reasons['ETIMEDOUT']}`;
  return `cannot join ${server}: ${error instanceof Error ? error.message : String(error)}`;
}

const wrongCertificate = (error: Error): string =>
  `its certificate is not good for that address (${error.message}); on its machine, naru up --tls-san NAME adds a name or an address to it`;

const noClusterInfo = (server: string): UserError =>
  new UserError(
    `${server} does not say which cluster it is (there is no cluster-info in kube-public that may be read); make a token there first, with: naru token create`,
  );

const notApproved = (server: string): UserError =>
  new UserError(
    `${server} has taken the request for a certificate, and nobody approved it within a minute; there: kubectl get csr, kubectl certificate approve NAME, then join again`,
  );

const otherCluster = (server: string, wanted: string, got: string): UserError =>
  new UserError(
    `${server} is another cluster than the one that the token is for, or somebody stands between: its authority has the fingerprint ${got.slice(0, 16)}…, and the token says ${wanted.slice(0, 16)}…. Nothing was sent to it`,
  );

/**
 * How a machine gets its first certificate (TLS bootstrap, as upstream's kubelet): with a kubeconfig whose token may do nothing but ask
 * for one. What it gets becomes the kubeconfig that the agent uses from then on.
 */
import { X509Certificate } from 'node:crypto';
import { hasReason } from '../../api/status-error.ts';
import { httpsClient } from '../../client/https-client.ts';
import { type ClientConfig, makeKubeconfig, readKubeconfig } from '../../client/kubeconfig.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import { replacePrivateFile } from '../../lib/private-file.ts';
import { type ClientIdentity, type IdentityRequest, requestIdentity } from './request-certificate.ts';

const retryMs = 5_000;

export interface BootstrapOptions {
  /** The kubeconfig that is to be there afterwards. */
  readonly kubeconfig: string;
  /** The one with the token. */
  readonly bootstrapKubeconfig: string;
  readonly node: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Does nothing where the kubeconfig's certificate is still good. @throws Error naming the file or the request at fault */
export async function bootstrapIdentity(options: BootstrapOptions): Promise<void> {
  const { kubeconfig, node, clock, log, signal } = options;
  if (await isGood(kubeconfig, clock)) return;
  const config = await readKubeconfig(options.bootstrapKubeconfig);
  if (config.ca === undefined) {
    throw new Error(`the kubeconfig ${options.bootstrapKubeconfig} must hold the certificate authority of the server`);
  }
  const client = httpsClient({ config, clock, userAgent: 'kubelet/v1.36' });
  try {
    log.info('asking for the first client certificate', { node, server: config.server });
    const { certificate, key } = await answeredRequest({ client, node, clock, signal }, log);
    replacePrivateFile(kubeconfig, kubeconfigOf(config, config.ca, node, certificate, key));
  } catch (error) {
    throw explained(error, config.server, options.bootstrapKubeconfig);
  } finally {
    client.close();
  }
}

/** What the server says of a token that it does not take is one word: here is what to do. */
function explained(error: unknown, server: string, file: string): unknown {
  const wayOut = `make a new token (a Secret of type bootstrap.kubernetes.io/token in kube-system) and put it into ${file}`;
  if (hasReason(error, 'Unauthorized')) {
    const why = `the server ${server} does not take the bootstrap token in ${file}: it is unknown there, or has expired`;
    return new Error(`${why}; ${wayOut}`, { cause: error });
  }
  if (!hasReason(error, 'Forbidden')) return error;
  const why = `the bootstrap token in ${file} may not ask ${server} for a certificate (${(error as Error).message})`;
  const group = 'its Secret must have usage-bootstrap-authentication: "true"';
  return new Error(`${why}; ${group} and a group that is bound to system:node-bootstrapper, or ${wayOut}`, {
    cause: error,
  });
}

/** Tries for as long as the server is away: machines start in any order. */
async function answeredRequest(request: IdentityRequest, log: Logger): Promise<ClientIdentity> {
  for (;;) {
    try {
      return await requestIdentity(request);
    } catch (error) {
      if (!hasReason(error, 'ServiceUnavailable') && !hasReason(error, 'Timeout')) throw error;
      log.warn('the server does not answer yet', { node: request.node, error });
      await request.clock.sleep(retryMs, request.signal);
    }
  }
}

function kubeconfigOf(
  { server }: ClientConfig,
  ca: string,
  node: string,
  clientCert: string,
  clientKey: string,
): string {
  return makeKubeconfig({ server, ca, clientCert, clientKey, user: `system:node:${node}`, cluster: 'naru' });
}

async function isGood(file: string, clock: Clock): Promise<boolean> {
  try {
    const { clientCertificate } = await readKubeconfig(file);
    return (
      clientCertificate !== undefined && new X509Certificate(clientCertificate).validToDate.getTime() > clock.now()
    );
  } catch {
    // Absent, or of no use: it is made anew.
    return false;
  }
}
